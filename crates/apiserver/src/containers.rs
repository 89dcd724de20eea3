//! What runs in pods, as far as clients may reach into it: commands, their streams, what was printed, ports.

use std::fmt;
use std::io;
use std::pin::Pin;

pub use ringfence_model::ObjectName;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::status::ApiError;
use crate::time::Timestamp;

/// Whoever runs pods gives the server one of these. What it is asked for exists as an object; whether it runs is for it
/// to know. Each method is called in a thread that may wait, within the server's runtime, and is given up after half a
/// minute.
pub trait Containers: fmt::Debug + Send + Sync {
    /// Starts a command in a container.
    ///
    /// # Errors
    /// What the client is told if it cannot be started.
    fn exec(&self, container: &Container, exec: &Exec) -> Result<Process, ApiError>;

    /// Joins the container's own process.
    ///
    /// # Errors
    /// What the client is told if there is nothing to join.
    fn attach(&self, container: &Container, streams: Streams) -> Result<Process, ApiError>;

    /// What the container has printed, and will print if it is followed.
    ///
    /// # Errors
    /// What the client is told if it cannot be read.
    fn logs(&self, container: &Container, options: &LogOptions) -> Result<Output, ApiError>;

    /// Whether the pod's ports can be dialled.
    ///
    /// # Errors
    /// What the client is told if they cannot.
    fn forwards(&self, pod: &ObjectName) -> Result<(), ApiError>;

    /// Connects to a TCP port on the pod's own loopback.
    ///
    /// # Errors
    /// Of the connection.
    fn dial(&self, pod: &ObjectName, port: u16) -> io::Result<Box<dyn Connection>>;
}

/// A container of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// The pod.
    pub pod: ObjectName,
    /// The container's name.
    pub name: String,
}

/// Which streams a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streams {
    /// It sends input.
    pub stdin: bool,
    /// It takes output.
    pub stdout: bool,
    /// It takes errors. Never with `tty`: a terminal has one output.
    pub stderr: bool,
    /// It wants a terminal.
    pub tty: bool,
}

/// A command to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exec {
    /// Program and arguments.
    pub command: Vec<String>,
    /// What the client wants of it.
    pub streams: Streams,
}

/// Which part of what a container has printed a client wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// Whether to go on until the container ends.
    pub follow: bool,
    /// No more than so many lines of what is there already.
    pub tail_lines: Option<u64>,
    /// Nothing that was printed before.
    pub since: Option<Timestamp>,
    /// Whether each line begins with the time at which it was printed.
    pub timestamps: bool,
    /// Of the run before this one.
    pub previous: bool,
    /// No more than so many bytes; the server sees to it.
    pub limit_bytes: Option<u64>,
}

/// Something to write to.
pub type Input = Box<dyn AsyncWrite + Send + Unpin>;
/// Something to read from.
pub type Output = Box<dyn AsyncRead + Send + Unpin>;

/// A connection both ways; shutting down its writing end tells the other side that nothing more comes.
pub trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// The size of a terminal, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Columns.
    pub width: u16,
    /// Lines.
    pub height: u16,
}

/// Changes a terminal's size.
pub type Resize = Box<dyn FnMut(Size) + Send>;
/// Ends when a process has ended, with its exit code as a shell has it.
pub type Exit = Pin<Box<dyn Future<Output = io::Result<i32>> + Send>>;

/// A process that a client speaks with. To drop it is to leave: a command ends with it, a container's own process goes on.
pub struct Process {
    /// Its input, which ends when this is dropped.
    pub stdin: Option<Input>,
    /// Its output, or that of its terminal.
    pub stdout: Option<Output>,
    /// Its errors.
    pub stderr: Option<Output>,
    /// The size of its terminal.
    pub resize: Option<Resize>,
    /// Its end.
    pub exit: Exit,
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").finish_non_exhaustive()
    }
}

/// Runs nothing: all is refused.
#[derive(Clone, Copy, Debug)]
pub struct NoContainers;

impl Containers for NoContainers {
    fn exec(&self, _: &Container, _: &Exec) -> Result<Process, ApiError> {
        Err(refusal("exec"))
    }

    fn attach(&self, _: &Container, _: Streams) -> Result<Process, ApiError> {
        Err(refusal("attach"))
    }

    fn logs(&self, _: &Container, _: &LogOptions) -> Result<Output, ApiError> {
        Err(refusal("log"))
    }

    fn forwards(&self, _: &ObjectName) -> Result<(), ApiError> {
        Err(refusal("portforward"))
    }

    fn dial(&self, _: &ObjectName, _: u16) -> io::Result<Box<dyn Connection>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

fn refusal(subresource: &str) -> ApiError {
    let instead = match subresource {
        "exec" | "attach" => "; use `ringfence lab exec`",
        "log" => "; use `ringfence lab logs`",
        _ => "",
    };
    let message = format!("this API runs no pods and has no pods/{subresource}{instead}");
    ApiError::not_allowed(message)
}
