//! The lab's handle on a pod's sandbox: process 1 of the pod, and what it reports.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::Context as _;
use nix::sys::signal::Signal;

use crate::process::printed;
use crate::process::sandbox::{ContainerCommand, InitEvent, InitRequest, SandboxConfig};

/// How long a sandbox may take to come up.
const START_LIMIT: Duration = Duration::from_secs(10);

/// A running sandbox. Dropped, it ends with all its containers.
#[derive(Debug)]
pub(crate) struct Sandbox {
    process: Child,
    requests: ChildStdin,
    /// What process 1 reports; taken by whoever watches the pod.
    pub(crate) events: Option<Receiver<InitEvent>>,
}

impl Sandbox {
    /// Starts a sandbox from the calling thread, whose network namespace it keeps if the pod has no own.
    ///
    /// # Errors
    /// If its namespaces or files cannot be made.
    pub(crate) fn start(config: &SandboxConfig) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&config.directory)
            .with_context(|| format!("cannot create {}", config.directory.display()))?;
        let log = config.directory.join("sandbox.log");
        let log = std::fs::File::create(&log)
            .with_context(|| format!("cannot create {}", log.display()))?;
        let mut process = Command::new("/proc/self/exe")
            .args(["internal", "pod-sandbox"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("cannot start the pod's sandbox")?;
        let requests = process.stdin.take().context("no pipe to the sandbox")?;
        let reports = process.stdout.take().context("no pipe from the sandbox")?;
        // From here on it ends with this value, whatever fails.
        let mut sandbox = Self {
            process,
            requests,
            events: Some(follow(reports)),
        };
        // One that could not begin says why in its log; that it takes no line is only the consequence.
        let told = writeln!(sandbox.requests, "{}", serde_json::to_string(config)?);
        sandbox.wait_until_ready(config)?;
        told.context("the sandbox does not read its config")?;
        Ok(sandbox)
    }

    fn wait_until_ready(&self, config: &SandboxConfig) -> anyhow::Result<()> {
        let events = self.events.as_ref().context("events already taken")?;
        match events.recv_timeout(START_LIMIT) {
            Ok(_) => Ok(()),
            Err(RecvTimeoutError::Timeout) => {
                anyhow::bail!("the sandbox is not ready after {START_LIMIT:?}")
            }
            Err(RecvTimeoutError::Disconnected) => {
                let log = std::fs::read_to_string(config.directory.join("sandbox.log"));
                anyhow::bail!("the sandbox ended: {}", log.unwrap_or_default().trim())
            }
        }
    }

    /// The sandbox's process, in whose namespaces the pod lives.
    #[must_use]
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The pod's network namespace, as CNI wants it.
    #[must_use]
    pub(crate) fn network_namespace(&self) -> PathBuf {
        format!("/proc/{}/ns/net", self.pid()).into()
    }

    /// Starts a container; what becomes of it is reported as an event.
    ///
    /// # Errors
    /// If the sandbox has ended.
    pub(crate) fn start_container(&mut self, command: ContainerCommand) -> anyhow::Result<()> {
        printed::begin_run(&command.printed, &command.name)
            .context("cannot keep what the container has printed before")?;
        let line = serde_json::to_string(&InitRequest::Start(command))?;
        writeln!(self.requests, "{line}").context("the pod's sandbox has ended")
    }

    /// Sends a container a signal, if it runs.
    ///
    /// # Errors
    /// If the sandbox has ended.
    pub(crate) fn signal(&mut self, name: &str, signal: Signal) -> anyhow::Result<()> {
        let request = InitRequest::Signal {
            name: name.to_owned(),
            signal: signal as i32,
        };
        let line = serde_json::to_string(&request)?;
        writeln!(self.requests, "{line}").context("the pod's sandbox has ended")
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // Process 1 of the pod is tied to this process; with it the kernel ends the rest.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Events as they are reported, until process 1 of the pod ends.
fn follow(reports: ChildStdout) -> Receiver<InitEvent> {
    let (sender, events) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(reports).lines().map_while(Result::ok) {
            if let Ok(event) = serde_json::from_str(&line)
                && sender.send(event).is_err()
            {
                return;
            }
        }
    });
    events
}

/// The files under `/etc` that differ in a pod.
#[must_use]
pub(crate) fn pod_files(
    hostname: &str,
    address: Option<std::net::IpAddr>,
    resolv_conf: &str,
) -> BTreeMap<PathBuf, String> {
    let own = address
        .map(|address| format!("{address}\t{hostname}\n"))
        .unwrap_or_default();
    BTreeMap::from([
        ("/etc/resolv.conf".into(), resolv_conf.to_owned()),
        (
            "/etc/hosts".into(),
            format!("127.0.0.1\tlocalhost\n::1\tlocalhost\n{own}"),
        ),
        ("/etc/hostname".into(), format!("{hostname}\n")),
        (
            "/etc/nsswitch.conf".into(),
            "passwd: files\ngroup: files\nhosts: files dns\n".to_owned(),
        ),
    ])
}
