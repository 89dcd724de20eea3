//! The plugin's side of the conversation with the node's agent.

use std::io::{self, BufReader, Read};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, UnixAddr, connect, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

use crate::protocol::{Request, Response, receive, send};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// Nobody listens.
    #[error("the agent does not listen on `{}`", socket.display())]
    Absent {
        /// Where it should.
        socket: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// No answer in time.
    #[error("the agent on `{}` did not answer within {} s", socket.display(), timeout.as_secs_f32())]
    Late {
        /// Where it listens.
        socket: PathBuf,
        /// How long it had.
        timeout: Duration,
    },
    /// The conversation broke off, or made no sense.
    #[error("the conversation with the agent on `{}` failed", socket.display())]
    Broken {
        /// Where it listens.
        socket: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

/// A yes or a no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is done, or so.
    Yes,
    /// It is not.
    No {
        /// The agent's reason.
        message: String,
        /// Whether it may be otherwise later.
        retry: bool,
    },
}

/// Tells the agent to do something, or asks it whether something is so.
///
/// # Errors
/// [`AgentError`]; an answer that says neither is [`AgentError::Broken`].
pub fn ask_done(path: &Path, request: &Request, timeout: Duration) -> Result<Answer, AgentError> {
    match ask(path, request, timeout)? {
        Response::Done => Ok(Answer::Yes),
        Response::Failed { message, retry } => Ok(Answer::No { message, retry }),
        Response::Ready { .. } => Err(unexpected(path)),
    }
}

/// Asks whether the agent is ready.
///
/// # Errors
/// [`AgentError`]; an answer that says neither is [`AgentError::Broken`].
pub fn ask_ready(path: &Path, timeout: Duration) -> Result<Answer, AgentError> {
    match ask(path, &Request::Status, timeout)? {
        Response::Ready { .. } => Ok(Answer::Yes),
        Response::Failed { message, retry } => Ok(Answer::No { message, retry }),
        Response::Done => Err(unexpected(path)),
    }
}

fn unexpected(path: &Path) -> AgentError {
    let source = io::Error::new(io::ErrorKind::InvalidData, "an answer to another question");
    AgentError::Broken {
        socket: path.to_owned(),
        source,
    }
}

/// Asks the agent, and waits for its answer no longer than `timeout` in all.
///
/// # Errors
/// [`AgentError`].
fn ask(path: &Path, request: &Request, timeout: Duration) -> Result<Response, AgentError> {
    let deadline = Instant::now() + timeout;
    let stream = dial(path, timeout).map_err(|source| match is_late(&source) {
        true => AgentError::Late {
            socket: path.to_owned(),
            timeout,
        },
        false => AgentError::Absent {
            socket: path.to_owned(),
            source,
        },
    })?;
    converse(stream, request, deadline).map_err(|source| match is_late(&source) {
        true => AgentError::Late {
            socket: path.to_owned(),
            timeout,
        },
        false => AgentError::Broken {
            socket: path.to_owned(),
            source,
        },
    })
}

/// Connects. The standard library's `connect` waits for ever when the listener's queue is full.
fn dial(path: &Path, timeout: Duration) -> io::Result<UnixStream> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let descriptor = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    let milliseconds = i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX);
    let limit = TimeVal::milliseconds(milliseconds.max(1));
    setsockopt(&descriptor, sockopt::SendTimeout, &limit)?;
    connect(descriptor.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(UnixStream::from(descriptor))
}

fn converse(stream: UnixStream, request: &Request, deadline: Instant) -> io::Result<Response> {
    send(&stream, request)?;
    receive(BufReader::new(Until { stream, deadline }))
}

/// A reader whose patience ends at one point in time, however many reads it takes.
struct Until {
    stream: UnixStream,
    deadline: Instant,
}

impl Read for Until {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        self.stream.read(buffer)
    }
}

fn is_late(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock
    )
}

#[cfg(test)]
mod tests;
