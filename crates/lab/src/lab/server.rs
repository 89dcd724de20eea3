//! Answers the commands that reach a running lab.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use ringfence_netlink::namespace;

use super::Lab;
use super::programs::{Invocation, invocation};
use crate::control::descriptors;
use crate::control::protocol::{Place, Reply, Request};
use crate::control::socket::check_peer;

/// How often a running command is looked at.
const POLL: Duration = Duration::from_millis(5);

/// Answers every connection on a thread of its own, for ever.
pub fn serve(lab: &Arc<Lab>, listener: &UnixListener) {
    for stream in listener.incoming().map_while(Result::ok) {
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
            let target = lab.exec_target(&pod)?;
            let invocation = if builtin {
                Invocation {
                    arguments: command,
                    builtin,
                }
            } else {
                invocation(&command)
            };
            Reply::Exited(run_attached(stream, streams, |process| {
                process.env_clear().envs(target.environment);
                process.args(pod_exec(target.pid, invocation));
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
        Request::Logs { pod } => Reply::Logs(lab.logs(&pod)?),
        Request::KillAgent { node } => {
            lab.node(&node)?.kill_agent()?;
            Reply::Done
        }
        Request::Stop => {
            end_lab();
            Reply::Done
        }
    };
    send(stream, &reply)
}

fn pod_exec(pid: u32, invocation: Invocation) -> impl Iterator<Item = String> {
    let own = [
        "internal".to_owned(),
        "pod-exec".to_owned(),
        pid.to_string(),
    ];
    own.into_iter()
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
    stream.set_nonblocking(true)?;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if is_gone(stream) {
            end_group(&child);
        }
        std::thread::sleep(POLL);
    };
    stream.set_nonblocking(false)?;
    let code = status.code().or_else(|| {
        std::os::unix::process::ExitStatusExt::signal(&status).map(|signal| 128 + signal)
    });
    Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

fn is_gone(mut stream: &UnixStream) -> bool {
    match stream.read(&mut [0; 16]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
    }
}

/// `internal pod-exec` leads a group with everything it starts.
fn end_group(child: &Child) {
    if let Ok(pid) = i32::try_from(child.id()) {
        let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
}
