//! Starting a lab: the command's end of the start stream.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;

use crate::control::client::Client;
use crate::control::protocol::{LabConfig, StartCommand, StartEvent};
use crate::control::socket;
use crate::process::host::LOG_VARIABLE;

/// A lab that was started by this process and ends with it, unless it is detached.
#[derive(Debug)]
pub struct StartedLab {
    name: String,
    stream: UnixStream,
    process: Child,
    /// Milliseconds from the start until everything ran and was enforced.
    pub ready_after_ms: u64,
}

/// Builds a lab and waits until everything asked for runs and is enforced.
///
/// # Errors
/// If the name is taken, the machine does not allow it, or something asked for does not come up. Nothing is left then.
pub fn start(config: LabConfig, mut progress: impl FnMut(&str, u64)) -> anyhow::Result<StartedLab> {
    let name = config.name.clone();
    let listener = socket::listen(&name)?;
    let (stream, theirs) = UnixStream::pair().context("cannot make a socket pair")?;
    let process = Command::new("/proc/self/exe")
        .args(["internal", "lab-host"])
        .stdin(OwnedFd::from(listener))
        .stdout(OwnedFd::from(theirs))
        .stderr(log()?)
        .spawn()
        .context("cannot start the lab's process")?;
    let mut lab = StartedLab {
        name,
        stream,
        process,
        ready_after_ms: 0,
    };
    // A lab that could not begin says why; that it does not listen is only the consequence.
    let told = lab.tell(&StartCommand::Build(Box::new(config)));
    lab.ready_after_ms = lab.wait_until_ready(&mut progress)?;
    told?;
    Ok(lab)
}

impl StartedLab {
    /// The lab's commands.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(self.name.clone())
    }

    /// Lets the lab live on without this process.
    ///
    /// # Errors
    /// If the lab has ended meanwhile.
    pub fn detach(mut self) -> anyhow::Result<()> {
        self.tell(&StartCommand::Detach)
    }

    /// Ends the lab and waits until nothing is left of it.
    ///
    /// # Errors
    /// If its process cannot be waited for.
    pub fn stop(mut self) -> anyhow::Result<()> {
        self.stream.shutdown(std::net::Shutdown::Both).ok();
        self.process
            .wait()
            .context("cannot wait for the lab's end")?;
        Ok(())
    }

    fn tell(&mut self, command: &StartCommand) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(command)?;
        line.push(b'\n');
        self.stream
            .write_all(&line)
            .context("the lab ended unexpectedly")
    }

    fn wait_until_ready(&mut self, progress: &mut dyn FnMut(&str, u64)) -> anyhow::Result<u64> {
        let reader = BufReader::new(self.stream.try_clone()?);
        for line in reader.lines() {
            match serde_json::from_str(&line.context("the lab ended unexpectedly")?)? {
                StartEvent::Progress { message, at_ms } => progress(&message, at_ms),
                StartEvent::Ready { at_ms } => return Ok(at_ms),
                StartEvent::Failed(message) => {
                    let _ = self.process.wait();
                    anyhow::bail!(message);
                }
            }
        }
        let status = self.process.wait().context("cannot wait for the lab")?;
        anyhow::bail!(
            "the lab ended before it was ready ({status}); set {LOG_VARIABLE}=FILE to see its log"
        )
    }
}

fn log() -> anyhow::Result<Stdio> {
    let Some(path) = std::env::var_os(LOG_VARIABLE) else {
        return Ok(Stdio::null());
    };
    let file = File::options()
        .create(true)
        .append(true)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    Ok(file.into())
}
