//! What kubectl reaches in the lab's pods: commands in their namespaces, what they have printed, their ports.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;
use std::sync::{Arc, Weak};
use std::time::Duration;

use ringfence_apiserver::containers::{
    Connection, Container, Containers, Exec, LogOptions, Output, Process, Streams,
};
use ringfence_apiserver::status::ApiError;
use ringfence_model::{ObjectName, RestartPolicy};
use ringfence_netlink::namespace;

use super::super::server::{Terminal, pod_exec};
use super::super::{ExecTarget, Lab, pods};
use super::{logs, process};
use crate::process::printed::Printed;

/// How long a port of a pod may take to answer.
const DIAL_LIMIT: Duration = Duration::from_secs(10);
/// What programs are told of a terminal where the lab itself has none.
const TERM: (&str, &str) = ("TERM", "xterm");

/// The pods of a lab.
#[derive(Debug)]
pub(super) struct Pods {
    lab: Weak<Lab>,
}

impl Pods {
    pub(super) fn new(lab: &Arc<Lab>) -> Self {
        Self {
            lab: Arc::downgrade(lab),
        }
    }

    fn lab(&self) -> Result<Arc<Lab>, ApiError> {
        let ended = || ApiError::new(503, "ServiceUnavailable", "the lab ends");
        self.lab.upgrade().ok_or_else(ended)
    }

    fn target(&self, pod: &ObjectName, container: Option<&str>) -> Result<ExecTarget, ApiError> {
        let target = self.lab()?.exec_target(pod, container);
        target.map_err(|error| ApiError::bad_request(format!("{error:#}")))
    }
}

impl Containers for Pods {
    fn exec(&self, container: &Container, exec: &Exec) -> Result<Process, ApiError> {
        let target = self.target(&container.pod, Some(&container.name))?;
        start(target, &exec.command, exec.streams)
    }

    /// A container that waits for input runs its command when somebody gives it some, anew each time. What others print
    /// can be listened to.
    fn attach(&self, container: &Container, streams: Streams) -> Result<Process, ApiError> {
        let target = self.target(&container.pod, Some(&container.name))?;
        let lab = self.lab()?;
        match lab.interactive(container) {
            Some(command) => {
                let process = start(target, &command, streams)?;
                Ok(finishing(process, &lab, container))
            }
            None if streams.stdin => Err(ApiError::bad_request(format!(
                "container {} of pod {} takes no input: its manifest does not say `stdin: true`",
                container.name, container.pod.name
            ))),
            None => listen(&lab, container),
        }
    }

    fn logs(&self, container: &Container, options: &LogOptions) -> Result<Output, ApiError> {
        let directory = pods::directory(&container.pod);
        if options.previous {
            let printed = Printed::previous(&directory, &container.name);
            let read = logs::read(&printed, options, None::<fn() -> logs::GoesOn>);
            return read.map_err(|error| no_log(&error, container, "has not run before"));
        }
        let printed = Printed::of(&directory, &container.name);
        let goes_on = options.follow.then_some(|| runs(&self.lab, container));
        let read = logs::read(&printed, options, goes_on);
        read.map_err(|error| no_log(&error, container, "is waiting to start"))
    }

    fn forwards(&self, pod: &ObjectName) -> Result<(), ApiError> {
        self.target(pod, None).map(drop)
    }

    fn dial(&self, pod: &ObjectName, port: u16) -> io::Result<Box<dyn Connection>> {
        let target = self.target(pod, None).map_err(io::Error::other)?;
        let network = File::open(format!("/proc/{}/ns/net", target.pid))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let dial = || TcpStream::connect_timeout(&address, DIAL_LIMIT);
        let stream = namespace::run_in(&network, dial).map_err(io::Error::other)??;
        stream.set_nonblocking(true)?;
        Ok(Box::new(tokio::net::TcpStream::from_std(stream)?))
    }
}

/// Runs a command in a pod's namespaces, as `ringfence lab exec` does.
fn start(target: ExecTarget, words: &[String], streams: Streams) -> Result<Process, ApiError> {
    let mut command = Command::new("/proc/self/exe");
    command.env_clear();
    let terminal = if streams.tty {
        command.env(TERM.0, TERM.1);
        Terminal::Own
    } else {
        Terminal::Callers
    };
    command
        .envs(&target.environment)
        .args(pod_exec(&target, terminal, target.invocation(words)));
    let started = process::start(command, streams);
    started.map_err(|error| ApiError::internal(format!("cannot start the command: {error}")))
}

/// A pod that is not to be started again is over with its command. How that ended says the pod, not the attachment.
/// An ephemeral container ends with it in any case.
fn finishing(process: Process, lab: &Arc<Lab>, container: &Container) -> Process {
    let is_over = |code: i32, restart: RestartPolicy| match restart {
        RestartPolicy::Always => false,
        RestartPolicy::OnFailure => code == 0,
        RestartPolicy::Never => true,
    };
    let (lab, container, exit) = (Arc::downgrade(lab), container.clone(), process.exit);
    let exit = async move {
        let code = exit.await?;
        if let Some(lab) = lab.upgrade()
            && let Some((pod, desired)) = lab.running_pod(&container.pod)
        {
            let ended = tokio::task::spawn_blocking(move || {
                if lab.is_ephemeral(&pod, &container.name) {
                    lab.end_ephemeral(&pod, &container.name, code);
                } else if desired.containers.len() == 1 && is_over(code, desired.restart) {
                    lab.finish_with(&pod, code);
                }
            });
            ended.await.map_err(io::Error::other)?;
        }
        Ok(0)
    };
    Process {
        exit: Box::pin(exit),
        ..process
    }
}

/// What a container prints from now on, until it ends.
fn listen(lab: &Arc<Lab>, container: &Container) -> Result<Process, ApiError> {
    let printed = Printed::of(&pods::directory(&container.pod), &container.name);
    let goes_on = || runs(&Arc::downgrade(lab), container);
    let options = LogOptions {
        tail_lines: Some(0),
        ..LogOptions::default()
    };
    let output = logs::read(&printed, &options, Some(goes_on));
    let output = output.map_err(|error| no_log(&error, container, "is waiting to start"))?;
    let (output, end) = logs::until_its_end(output);
    Ok(Process {
        stdin: None,
        stdout: Some(output),
        stderr: None,
        resize: None,
        exit: end,
    })
}

fn no_log(error: &io::Error, container: &Container, why: &str) -> ApiError {
    if error.kind() == io::ErrorKind::NotFound {
        let (name, pod) = (&container.name, &container.pod.name);
        return ApiError::bad_request(format!("container {name} in pod {pod} {why}"));
    }
    ApiError::internal(format!(
        "cannot read what the container has printed: {error}"
    ))
}

/// Tells whether the run of a container goes on that is the last one now.
fn runs(lab: &Weak<Lab>, container: &Container) -> logs::GoesOn {
    let (lab, container) = (lab.clone(), container.clone());
    let restarts = move || {
        let lab = lab.upgrade()?;
        let (pod, _) = lab.running_pod(&container.pod)?;
        lab.exec_target(&container.pod, None).ok()?;
        let known = lab.container_records(&pod)?.get(&container.name).copied();
        let known = known.unwrap_or_default();
        let has_ended = known.running_since.is_none() && known.end.is_some();
        (!has_ended).then_some(known.restarts)
    };
    let now = restarts();
    Box::new(move || now.is_some() && restarts() == now)
}
