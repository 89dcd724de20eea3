//! The commands' end of the control socket.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, PipeReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use anyhow::Context as _;
use ringfence_agent::flows::Flows;
use ringfence_agent::status::Rules;
use ringfence_model::{Cluster, ObjectName};
use ringfence_standin::probe::{ProbeReport, ProbeRequest};

use super::descriptors;
use super::protocol::{Change, LabStatus, Place, Reply, Request};
use super::socket::connect;
use ringfence_agent::verification::Verification;

/// A running lab, by name.
#[derive(Clone, Debug)]
pub struct Client {
    name: String,
}

impl Client {
    /// The lab `name` of this user; connected to at each request.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }

    /// Sends a request and waits for the answer; `progress` is called for what happens on the way.
    ///
    /// # Errors
    /// If the lab is not there, ends meanwhile, or refuses the request.
    pub fn request(
        &self,
        request: &Request,
        mut progress: impl FnMut(&str),
    ) -> anyhow::Result<Reply> {
        let mut stream = connect(&self.name)?;
        stream
            .write_all(&line(request)?)
            .context("the lab closed the connection")?;
        answer(&stream, &mut progress)
    }

    /// Everything there is in the lab and how it is.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub fn status(&self) -> anyhow::Result<LabStatus> {
        let Reply::Status(status) = self.request(&Request::Status, |_| {})? else {
            return misfit();
        };
        Ok(*status)
    }

    /// The cluster as policy sees it, with live addresses.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub fn cluster(&self) -> anyhow::Result<Cluster> {
        let Reply::Cluster(cluster) = self.request(&Request::Cluster, |_| {})? else {
            return misfit();
        };
        Ok(*cluster)
    }

    /// The live tables of one node, or of all, by node.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub fn rules(&self, node: Option<&str>) -> anyhow::Result<BTreeMap<String, Rules>> {
        let request = Request::Rules {
            node: node.map(str::to_owned),
        };
        let Reply::Rules(rules) = self.request(&request, |_| {})? else {
            return misfit();
        };
        Ok(rules)
    }

    /// Whether the tables of one node, or of all, do what the policies ask, by node.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub fn verify(&self, node: Option<&str>) -> anyhow::Result<BTreeMap<String, Verification>> {
        let request = Request::Verify {
            node: node.map(str::to_owned),
        };
        let Reply::Verified(found) = self.request(&request, |_| {})? else {
            return misfit();
        };
        Ok(found)
    }

    /// What the agent of one node, or of each, recorded of packets, from the number on that `from` says for each.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub fn flows(
        &self,
        node: Option<&str>,
        from: &BTreeMap<String, u64>,
    ) -> anyhow::Result<BTreeMap<String, Flows>> {
        let request = Request::Flows {
            node: node.map(str::to_owned),
            from: from.clone(),
        };
        let Reply::Flows(flows) = self.request(&request, |_| {})? else {
            return misfit();
        };
        Ok(flows)
    }

    /// Sends a request that changes objects; gives each object and what became of it.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub fn change(
        &self,
        request: &Request,
        progress: impl FnMut(&str),
    ) -> anyhow::Result<Vec<(String, Change)>> {
        let Reply::Changed(changes) = self.request(request, progress)? else {
            return misfit();
        };
        Ok(changes)
    }

    /// What a pod's containers have printed.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub fn logs(&self, pod: &ObjectName) -> anyhow::Result<String> {
        let request = Request::Logs { pod: pod.clone() };
        let Reply::Logs(text) = self.request(&request, |_| {})? else {
            return misfit();
        };
        Ok(text)
    }

    /// Ends a node's agent with SIGKILL; the lab starts it again.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub fn kill_agent(&self, node: &str) -> anyhow::Result<()> {
        let node = node.to_owned();
        let Reply::Done = self.request(&Request::KillAgent { node }, |_| {})? else {
            return misfit();
        };
        Ok(())
    }

    /// Runs a command on this process's standard streams and gives its exit code.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub fn run_attached(&self, request: &Request) -> anyhow::Result<u8> {
        let stream = connect(&self.name)?;
        let (input, output, error) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
        let streams = [input.as_fd(), output.as_fd(), error.as_fd()];
        descriptors::send(&stream, &line(request)?, &streams)
            .context("the lab closed the connection")?;
        let Reply::Exited(code) = answer(&stream, &mut |_| {})? else {
            return misfit();
        };
        Ok(code)
    }

    /// Runs a command on pipes; it ends when the returned value is dropped.
    ///
    /// # Errors
    /// If the lab is not there.
    pub fn start(&self, request: &Request) -> anyhow::Result<RunningCommand> {
        let connection = connect(&self.name)?;
        // No pipe: a command that ends early shall fail the write, and a broken pipe may end this process.
        let (their_input, input) = UnixStream::pair().context("cannot make a socket pair")?;
        let (output, their_output) = std::io::pipe()?;
        let error = File::options().write(true).open("/dev/null")?;
        let streams = [their_input.as_fd(), their_output.as_fd(), error.as_fd()];
        descriptors::send(&connection, &line(request)?, &streams)
            .context("the lab closed the connection")?;
        Ok(RunningCommand {
            connection,
            input: Some(input),
            output: BufReader::new(output),
        })
    }

    /// Tries connections from a pod, all at once, and reports on each in order.
    ///
    /// # Errors
    /// If there is no such pod.
    pub fn probe(
        &self,
        origin: &Origin,
        requests: &[ProbeRequest],
    ) -> anyhow::Result<Vec<ProbeReport>> {
        let mut command = self.start(&origin.builtin(&["probe"]))?;
        let mut input = Vec::new();
        for request in requests {
            serde_json::to_writer(&mut input, request)?;
            input.push(b'\n');
        }
        let output = command.converse(&input);
        // A probe that could not be started has no reports; this says why.
        command.finish()?;
        let reports = output?
            .lines()
            .map(|line| serde_json::from_str(line).context("a report that cannot be read"))
            .collect::<anyhow::Result<Vec<_>>>()?;
        anyhow::ensure!(reports.len() == requests.len(), "the probe ended early");
        Ok(reports)
    }

    /// Ends the lab and waits until it is gone.
    ///
    /// # Errors
    /// If no such lab runs.
    pub fn stop(&self) -> anyhow::Result<()> {
        let mut stream = connect(&self.name)?;
        stream
            .write_all(&line(&Request::Stop)?)
            .context("the lab closed the connection")?;
        // The lab answers with its end: the socket closes when its last process is gone.
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
        for _ in 0..500 {
            if !super::socket::running()?.contains(&self.name) {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        anyhow::bail!("lab `{}` did not end within 5 s", self.name)
    }
}

/// Where a probe starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A pod.
    Pod(ObjectName),
    /// A node or the outside host.
    Place(Place),
}

impl Origin {
    /// The request that runs a part of ringfence there.
    #[must_use]
    pub fn builtin(&self, arguments: &[&str]) -> Request {
        let arguments = std::iter::once("internal").chain(arguments.iter().copied());
        let arguments = arguments.map(str::to_owned).collect();
        match self {
            Self::Pod(pod) => Request::Exec {
                pod: pod.clone(),
                command: arguments,
                builtin: true,
            },
            Self::Place(place) => Request::ExecAt {
                place: place.clone(),
                arguments,
            },
        }
    }
}

/// A command that runs in the lab on pipes.
#[derive(Debug)]
pub struct RunningCommand {
    connection: UnixStream,
    input: Option<UnixStream>,
    output: BufReader<PipeReader>,
}

impl RunningCommand {
    /// Writes all of the command's standard input and closes it.
    ///
    /// # Errors
    /// If the command does not read it.
    pub fn give(&mut self, input: &[u8]) -> anyhow::Result<()> {
        let mut stream = self.take_input()?;
        stream
            .write_all(input)
            .context("the command does not read its input")
    }

    /// Gives the command its input while reading all of its output: a long list would fill the way in and the way out,
    /// and both ends would wait for each other.
    fn converse(&mut self, input: &[u8]) -> anyhow::Result<String> {
        let mut stream = self.take_input()?;
        let mut output = String::new();
        std::thread::scope(|scope| {
            // What is not read is missed in the output.
            scope.spawn(move || stream.write_all(input));
            self.output.read_to_string(&mut output)
        })
        .context("the command's output cannot be read")?;
        Ok(output)
    }

    /// The command's standard input, to write to from elsewhere; the command sees its end when it is dropped.
    ///
    /// # Errors
    /// If the input was given or taken already.
    pub fn take_input(&mut self) -> anyhow::Result<UnixStream> {
        self.input.take().context("the input was given already")
    }

    /// The next line of the command's output; `None` at its end.
    ///
    /// # Errors
    /// If it is not UTF-8.
    pub fn next_line(&mut self) -> anyhow::Result<Option<String>> {
        let mut line = String::new();
        Ok((self.output.read_line(&mut line)? > 0).then_some(line))
    }

    /// Waits for the command's end and gives its exit code.
    ///
    /// # Errors
    /// If it could not be run.
    pub fn finish(self) -> anyhow::Result<u8> {
        let Reply::Exited(code) = answer(&self.connection, &mut |_| {})? else {
            return misfit();
        };
        Ok(code)
    }
}

fn line(request: &Request) -> anyhow::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    Ok(line)
}

fn answer(stream: &UnixStream, progress: &mut dyn FnMut(&str)) -> anyhow::Result<Reply> {
    for line in BufReader::new(stream).lines() {
        let line = line.context("the lab closed the connection")?;
        let reply =
            serde_json::from_str(&line).context("an answer this version does not understand")?;
        if let Reply::Progress(message) = reply {
            progress(&message);
        } else if let Reply::Failed(message) = reply {
            anyhow::bail!(message);
        } else {
            return Ok(reply);
        }
    }
    anyhow::bail!("the lab ended before it answered")
}

/// An answer to another question.
fn misfit<T>() -> anyhow::Result<T> {
    anyhow::bail!(
        "the lab gave an answer that does not fit the question; is it of another version?"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_go_in_and_out_at_once() {
        let (connection, _lab) = UnixStream::pair().unwrap();
        let (input, theirs) = UnixStream::pair().unwrap();
        let (output, mut their_output) = std::io::pipe().unwrap();
        let mut command = RunningCommand {
            connection,
            input: Some(input),
            output: BufReader::new(output),
        };
        let list = "a line\n".repeat(1 << 17);
        let echoing = std::thread::spawn(move || {
            for line in BufReader::new(theirs).lines() {
                writeln!(their_output, "{}", line.unwrap()).unwrap();
            }
        });
        let echo = command.converse(list.as_bytes()).unwrap();
        echoing.join().unwrap();
        assert!(echo == list, "{} of {} bytes", echo.len(), list.len());
    }
}
