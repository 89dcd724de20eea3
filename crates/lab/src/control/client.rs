//! The commands' end of the control socket.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use anyhow::Context as _;
use ringfence_model::{Cluster, ObjectName};
use ringfence_standin::probe::{ProbeReport, ProbeRequest};

use super::descriptors;
use super::protocol::{Change, LabStatus, NodeRules, Place, Reply, Request};
use super::socket::connect;

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
    pub fn rules(&self, node: Option<&str>) -> anyhow::Result<BTreeMap<String, NodeRules>> {
        let request = Request::Rules {
            node: node.map(str::to_owned),
        };
        let Reply::Rules(rules) = self.request(&request, |_| {})? else {
            return misfit();
        };
        Ok(rules)
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

    /// Like [`Client::request`] for requests that run a command on this process's standard streams.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub fn request_with_streams(&self, request: &Request) -> anyhow::Result<Reply> {
        let stream = connect(&self.name)?;
        let (input, output, error) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
        let streams = [input.as_fd(), output.as_fd(), error.as_fd()];
        descriptors::send(&stream, &line(request)?, streams)
            .context("the lab closed the connection")?;
        answer(&stream, &mut |_| {})
    }

    /// Runs a command on pipes; it ends when the returned value is dropped.
    ///
    /// # Errors
    /// If the lab is not there.
    pub fn start(&self, request: &Request) -> anyhow::Result<RunningCommand> {
        let connection = connect(&self.name)?;
        let (their_input, input) = std::io::pipe()?;
        let (output, their_output) = std::io::pipe()?;
        let error = File::options().write(true).open("/dev/null")?;
        let streams = [their_input.as_fd(), their_output.as_fd(), error.as_fd()];
        descriptors::send(&connection, &line(request)?, streams)
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
        command.give(&input)?;
        let mut reports = Vec::new();
        while let Some(line) = command.next_line()? {
            reports.push(serde_json::from_str(&line).context("a report that cannot be read")?);
        }
        command.finish()?;
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
    input: Option<PipeWriter>,
    output: BufReader<PipeReader>,
}

impl RunningCommand {
    /// Writes all of the command's standard input and closes it.
    ///
    /// # Errors
    /// If the command does not read it.
    pub fn give(&mut self, input: &[u8]) -> anyhow::Result<()> {
        let mut pipe = self.take_input()?;
        pipe.write_all(input)
            .context("the command does not read its input")
    }

    /// The command's standard input, to write to from elsewhere; the command sees its end when it is dropped.
    ///
    /// # Errors
    /// If the input was given or taken already.
    pub fn take_input(&mut self) -> anyhow::Result<PipeWriter> {
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
