//! Answers the commands that reach a running lab.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use anyhow::Context as _;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use ringfence_netlink::namespace;
use rustix::process::{self, PidfdFlags, pidfd_open};

use super::programs::Invocation;
use super::{ExecTarget, Lab};
use crate::control::descriptors;
use crate::control::protocol::{Place, Reply, Request};
use crate::control::socket::{check_peer, connections};
use crate::process::exit_code;

/// Answers every connection on a thread of its own, for ever.
pub fn serve(lab: &Arc<Lab>, listener: &UnixListener) {
    for stream in connections(listener) {
        let lab = Arc::clone(lab);
        std::thread::spawn(move || {
            if let Err(error) = answer(&lab, &stream) {
                let _ = send(&stream, &Reply::Failed(format!("{error:#}")));
            }
        });
    }
}

/// Ends the lab: its first process goes, and the kernel takes the rest.
pub fn end_lab() {
    let _ = kill(Pid::this(), Signal::SIGKILL);
}

fn answer(lab: &Arc<Lab>, stream: &UnixStream) -> anyhow::Result<()> {
    check_peer(stream)?;
    let (line, streams) = descriptors::receive(stream).context("cannot read the request")?;
    let request = serde_json::from_slice(&line)
        .context("a request this lab does not understand; is it of another version?")?;
    let mut progress = |text: &str| {
        let _ = send(stream, &Reply::Progress(text.to_owned()));
    };
    let reply = match request {
        Request::Status => Reply::Status(Box::new(lab.status())),
        Request::Cluster => Reply::Cluster(Box::new(lab.feed.cluster().0)),
        Request::Apply { inputs, namespace } => {
            Reply::Changed(lab.apply(&inputs, &namespace, &mut progress)?)
        }
        Request::Delete { inputs, namespace } => {
            Reply::Changed(lab.delete(&inputs, &namespace, &mut progress)?)
        }
        Request::Label { target, labels } => Reply::Changed(lab.label(&target, &labels)?),
        Request::Exec {
            pod,
            command,
            builtin,
        } => {
            let target = lab.exec_target(&pod, None)?;
            let invocation = if builtin {
                Invocation {
                    arguments: command,
                    builtin,
                }
            } else {
                target.invocation(&command)
            };
            Reply::Exited(run_attached(stream, streams, |process| {
                process.env_clear().envs(&target.environment);
                process.args(pod_exec(&target, Terminal::Callers, invocation));
                Ok(process.spawn()?)
            })?)
        }
        Request::ExecAt { place, arguments } => {
            let namespace = match &place {
                Place::Node(name) => &lab.node(name)?.namespace,
                Place::Outside => &lab.outside,
            };
            let start = |process: &mut Command| {
                Ok(namespace::run_in(namespace, || {
                    process.args(arguments).spawn()
                })??)
            };
            Reply::Exited(run_attached(stream, streams, start)?)
        }
        Request::Rules { node } => Reply::Rules(lab.rules(node.as_deref())?),
        Request::Verify { node } => Reply::Verified(lab.verify(node.as_deref())?),
        Request::Flows { node, from } => Reply::Flows(lab.flows(node.as_deref(), &from)?),
        Request::Logs { pod } => Reply::Logs(lab.logs(&pod)?),
        Request::KillAgent { node } => {
            lab.node(&node)?.kill_agent()?;
            Reply::Done
        }
        Request::Stop => {
            if let Err(error) = lab.save_snapshot() {
                let message = format!("{error:#}; the lab is gone, and its last changes with it");
                send(stream, &Reply::Failed(message))?;
            }
            end_lab();
            Reply::Done
        }
    };
    send(stream, &reply)
}

/// Whose terminal a command in a pod has, if it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Terminal {
    /// That of whoever calls, whose keys go to them.
    Callers,
    /// One of its own.
    Own,
}

/// The arguments with which this binary runs a command in a pod.
pub(super) fn pod_exec(
    target: &ExecTarget,
    terminal: Terminal,
    invocation: Invocation,
) -> impl Iterator<Item = String> {
    let own = [
        "internal".to_owned(),
        "pod-exec".to_owned(),
        target.pid.to_string(),
    ];
    let container = target.container.as_ref().filter(|_| !invocation.builtin);
    let container = container.map(|file| format!("--container={}", file.display()));
    own.into_iter()
        .chain(container)
        .chain((terminal == Terminal::Own).then(|| "--terminal".to_owned()))
        .chain(invocation.builtin.then(|| "--builtin".to_owned()))
        .chain(std::iter::once("--".to_owned()))
        .chain(invocation.arguments)
}

fn send(mut stream: &UnixStream, reply: &Reply) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    stream.write_all(&line).context("the command is gone")
}

/// Runs this binary on the command's streams; ends it, with all it started, if the command goes away.
fn run_attached(
    stream: &UnixStream,
    streams: Vec<OwnedFd>,
    start: impl FnOnce(&mut Command) -> anyhow::Result<Child>,
) -> anyhow::Result<u8> {
    let [input, output, error] = <[OwnedFd; 3]>::try_from(streams)
        .map_err(|_| anyhow::anyhow!("the request came without standard streams"))?;
    let mut command = Command::new("/proc/self/exe");
    command
        .stdin(Stdio::from(input))
        .stdout(Stdio::from(output))
        .stderr(Stdio::from(error));
    let mut child = start(&mut command).context("cannot start the command")?;
    // Else the command's pipes stay open here as well, and it never sees their end.
    drop(command);
    if !ends_before_hang_up(&child, stream).is_ok_and(|ended| ended) {
        end_group(&child);
    }
    Ok(exit_code(child.wait()?))
}

/// Waits for whichever is first: the child's end (`true`), or the other end of `stream` hanging up.
fn ends_before_hang_up(child: &Child, mut stream: &UnixStream) -> io::Result<bool> {
    let process = pidfd_open(process::Pid::from_child(child), PidfdFlags::empty())?;
    loop {
        let mut watched =
            [process.as_fd(), stream.as_fd()].map(|it| PollFd::new(it, PollFlags::POLLIN));
        match poll(&mut watched, PollTimeout::NONE) {
            Err(Errno::EINTR) => continue,
            polled => polled?,
        };
        let [child_ended, _] = watched.map(|it| it.any().unwrap_or(true));
        if child_ended {
            return Ok(true);
        }
        // Nothing more is said after the request: what can be read is the end.
        if stream.read(&mut [0; 16])? == 0 {
            return Ok(false);
        }
    }
}

/// `internal pod-exec` leads a group with everything it starts.
pub(super) fn end_group(child: &Child) {
    if let Ok(pid) = i32::try_from(child.id()) {
        let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
}
