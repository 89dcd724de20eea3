//! A command with pipes or a terminal, for a client of the API.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use nix::fcntl::OFlag;
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};
use ringfence_apiserver::containers::{Exit, Process, Size, Streams};
use rustix::process::{WaitId, WaitIdOptions, waitid};
use rustix::termios::{Winsize, tcsetwinsize};
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::sync::oneshot;

use super::super::server::end_group;
use crate::process::exit_code;

/// Starts `command`, which leads a group with all that it starts; they end when what is given here is dropped.
pub(super) fn start(command: Command, streams: Streams) -> io::Result<Process> {
    if streams.tty {
        with_terminal(command)
    } else {
        with_pipes(command, streams)
    }
}

fn with_pipes(mut command: Command, streams: Streams) -> io::Result<Process> {
    let pipe = |wanted: bool| {
        if wanted {
            Stdio::piped()
        } else {
            Stdio::null()
        }
    };
    let mut child = command
        .stdin(pipe(streams.stdin))
        .stdout(pipe(streams.stdout))
        .stderr(pipe(streams.stderr))
        .spawn()?;
    let ends = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let exit = follow(child);
    let reader = |end: OwnedFd| Ok::<_, io::Error>(Box::new(Receiver::from_owned_fd(end)?) as _);
    Ok(Process {
        stdin: match ends.0 {
            Some(stdin) => Some(Box::new(Sender::from_owned_fd(stdin.into())?)),
            None => None,
        },
        stdout: ends.1.map(|end| reader(end.into())).transpose()?,
        stderr: ends.2.map(|end| reader(end.into())).transpose()?,
        resize: None,
        exit,
    })
}

fn with_terminal(mut command: Command) -> io::Result<Process> {
    let (screen, end) = terminal()?;
    let (keys, sizes) = (screen.try_clone()?, screen.try_clone()?);
    let child = command
        .stdin(Stdio::from(end.try_clone()?))
        .stdout(Stdio::from(end.try_clone()?))
        .stderr(Stdio::from(end))
        .spawn()?;
    // Else the terminal stays open here as well, and its end is never seen.
    drop(command);
    Ok(Process {
        stdin: Some(Box::new(Sender::from_owned_fd_unchecked(keys)?)),
        stdout: Some(Box::new(Receiver::from_owned_fd_unchecked(screen)?)),
        stderr: None,
        resize: Some(Box::new(move |size| resize(&sizes, size))),
        exit: follow(child),
    })
}

/// A terminal: the side that a user sees, and the end where a command runs. No other process inherits them, or neither side
/// would ever see the other one leave.
fn terminal() -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
    let screen = posix_openpt(flags)?;
    grantpt(&screen)?;
    unlockpt(&screen)?;
    let end = File::options()
        .read(true)
        .write(true)
        .custom_flags(OFlag::O_NOCTTY.bits())
        .open(ptsname_r(&screen)?)?;
    Ok((screen.into(), end.into()))
}

fn resize(terminal: &OwnedFd, size: Size) {
    let size = Winsize {
        ws_col: size.width,
        ws_row: size.height,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    if let Err(error) = tcsetwinsize(terminal, size) {
        tracing::debug!(%error, "a terminal keeps its size");
    }
}

/// A child until it is reaped: nobody else gets its number before.
type Unreaped = Arc<Mutex<Option<Child>>>;

/// Ends a command that nobody waits for any more.
struct Leash(Unreaped);

impl Drop for Leash {
    fn drop(&mut self) {
        let child = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(child) = child.as_ref() {
            end_group(child);
        }
    }
}

/// Waits for a command in a thread of its own.
fn follow(child: Child) -> Exit {
    let pid = rustix::process::Pid::from_child(&child);
    let unreaped = Unreaped::new(Mutex::new(Some(child)));
    let leash = Leash(Arc::clone(&unreaped));
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(pid), options) {}
        let child = unreaped
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let status = child.map(|mut child| child.wait());
        let _ = sender.send(status);
    });
    Box::pin(async move {
        let _leash = leash;
        match receiver.await {
            Ok(Some(status)) => Ok(i32::from(exit_code(status?))),
            Ok(None) | Err(_) => Err(io::Error::other("nobody waited for the command")),
        }
    })
}
