//! Starting a lab: the command's end of the start stream.

mod bond;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command};

use anyhow::Context as _;
use rustix::fs::MemfdFlags;

use crate::control::client::Client;
use crate::control::descriptors;
use crate::control::protocol::{LabConfig, StartCommand, StartEvent};
use crate::control::socket;
use crate::process::host::LOG_VARIABLE;
use bond::Bond;

/// A lab that was started by this process and ends with it, unless it is detached: before it, where a signal such as that of
/// Ctrl-C tells the process to end.
#[derive(Debug)]
pub struct StartedLab {
    name: String,
    stream: UnixStream,
    process: Child,
    bond: Bond,
    /// Milliseconds from the start until everything ran and was enforced.
    pub ready_after_ms: u64,
    /// The content of the file that makes kubectl speak to it, if the configuration asked for that.
    pub kubeconfig: Option<String>,
    /// That file, in memory; the lab's first process holds it as well.
    file: File,
}

/// Builds a lab and waits until everything asked for runs and is enforced.
///
/// # Errors
/// If the name is taken, the machine does not allow it, or something asked for does not come up. Nothing is left then.
pub fn start(config: LabConfig, mut progress: impl FnMut(&str, u64)) -> anyhow::Result<StartedLab> {
    let name = config.name.clone();
    let listener = socket::listen(&name)?;
    let api = config.api.then(listen_for_api).transpose()?;
    let file = rustix::fs::memfd_create("ringfence-kubeconfig", MemfdFlags::CLOEXEC);
    let file = File::from(file.context("cannot keep a file in memory")?);
    let (stream, theirs) = UnixStream::pair().context("cannot make a socket pair")?;
    let process = Command::new("/proc/self/exe")
        .args(["internal", "lab-host"])
        .stdin(OwnedFd::from(listener))
        .stdout(OwnedFd::from(theirs))
        .stderr(file.try_clone().context("cannot keep a file in memory")?)
        .spawn()
        .context("cannot start the lab's process")?;
    let mut lab = StartedLab {
        name,
        bond: Bond::new(&stream, &process)?,
        stream,
        process,
        ready_after_ms: 0,
        kubeconfig: None,
        file,
    };
    // A lab that could not begin says why; that it does not listen is only the consequence.
    let told = lab.tell(&StartCommand::Build(Box::new(config)), api.as_ref());
    let ready = lab.wait_until_ready(&mut progress).and(told);
    if ready.is_err() {
        lab.bond.release();
    }
    ready.map(|()| lab)
}

impl StartedLab {
    /// The lab's commands.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(self.name.clone())
    }

    /// Where the file that makes kubectl speak to the lab stands. It is in memory and gone with the lab.
    #[must_use]
    pub fn kubeconfig_path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/fd/2", self.process.id()))
    }

    /// Lets the lab live on without this process.
    ///
    /// # Errors
    /// If the lab has ended meanwhile.
    pub fn detach(self) -> anyhow::Result<()> {
        self.bond.release();
        self.tell(&StartCommand::Detach, None)
    }

    /// Ends the lab and waits until nothing is left of it.
    ///
    /// # Errors
    /// If its process cannot be waited for.
    pub fn stop(mut self) -> anyhow::Result<()> {
        self.bond.release();
        self.stream.shutdown(std::net::Shutdown::Both).ok();
        self.process
            .wait()
            .context("cannot wait for the lab's end")?;
        Ok(())
    }

    fn tell(&self, command: &StartCommand, api: Option<&TcpListener>) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(command)?;
        line.push(b'\n');
        let descriptors: Vec<_> = api.iter().map(|listener| listener.as_fd()).collect();
        descriptors::send(&self.stream, &line, &descriptors).context("the lab ended unexpectedly")
    }

    fn wait_until_ready(&mut self, progress: &mut dyn FnMut(&str, u64)) -> anyhow::Result<()> {
        let reader = BufReader::new(self.stream.try_clone()?);
        for line in reader.lines() {
            match serde_json::from_str(&line.context("the lab ended unexpectedly")?)? {
                StartEvent::Progress { message, at_ms } => progress(&message, at_ms),
                StartEvent::Ready { at_ms, kubeconfig } => {
                    self.ready_after_ms = at_ms;
                    let text = kubeconfig.as_deref().unwrap_or_default();
                    self.file.set_len(0)?;
                    self.file.write_all_at(text.as_bytes(), 0)?;
                    self.kubeconfig = kubeconfig;
                    return Ok(());
                }
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

/// The API's socket: in the network of the user's shell, where kubectl runs, at a port that is free.
fn listen_for_api() -> anyhow::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot listen for kubectl")
}
