//! Network namespaces: make one, name the current one, run code in another.
//!
//! Nothing here changes the namespace of the caller's thread: a worker of a runtime, or a thread with
//! sockets still to open, must never be moved. Work in another namespace happens on a thread of its own.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::resume_unwind;
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};

use crate::route::{RouteSocket, RouteSocketError};

/// Where the kernel shows the calling thread's network namespace.
const CURRENT: &str = "/proc/thread-self/ns/net";
/// The loopback interface is the first of every namespace.
const LOOPBACK: &str = "lo";

/// Why a namespace could not be made or entered.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
    /// The calling thread's namespace could not be opened.
    #[error("cannot open the network namespace of this thread")]
    Open(#[source] io::Error),
    /// A new namespace was refused; it takes `CAP_SYS_ADMIN`.
    #[error("cannot create a network namespace")]
    Create(#[source] io::Error),
    /// The namespace could not be entered; it takes `CAP_SYS_ADMIN` in its user namespace.
    #[error("cannot enter the network namespace")]
    Enter(#[source] io::Error),
    /// No thread could be started.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
    /// The loopback interface of a new namespace could not be brought up.
    #[error("cannot bring up the loopback interface")]
    Loopback(#[source] RouteSocketError),
}

/// Opens the calling thread's network namespace.
///
/// # Errors
/// [`NamespaceError::Open`].
pub fn current() -> Result<OwnedFd, NamespaceError> {
    File::open(CURRENT)
        .map(OwnedFd::from)
        .map_err(NamespaceError::Open)
}

/// Creates a network namespace with its loopback interface up. It lives as long as the descriptor,
/// a process in it, or a bind mount of it.
///
/// # Errors
/// [`NamespaceError`], one variant for each step.
pub fn create() -> Result<OwnedFd, NamespaceError> {
    on_thread(|| {
        unshare(CloneFlags::CLONE_NEWNET).map_err(|errno| NamespaceError::Create(errno.into()))?;
        bring_up_loopback().map_err(NamespaceError::Loopback)?;
        current()
    })?
}

/// Runs `work` on a new thread inside the namespace and returns its result; a panic in it continues here.
///
/// # Errors
/// [`NamespaceError::Thread`] and [`NamespaceError::Enter`].
pub fn run_in<T: Send>(
    namespace: impl AsFd,
    work: impl FnOnce() -> T + Send,
) -> Result<T, NamespaceError> {
    let namespace = namespace.as_fd();
    on_thread(move || {
        setns(namespace, CloneFlags::CLONE_NEWNET)
            .map_err(|errno| NamespaceError::Enter(errno.into()))?;
        Ok(work())
    })?
}

fn bring_up_loopback() -> Result<(), RouteSocketError> {
    let mut socket = RouteSocket::open()?;
    let loopback = socket.link_by_name(LOOPBACK)?;
    socket.set_link_up(loopback.index, true)
}

fn on_thread<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, NamespaceError> {
    thread::scope(|scope| {
        let handle = thread::Builder::new()
            .name("namespace".to_owned())
            .spawn_scoped(scope, work)
            .map_err(NamespaceError::Thread)?;
        handle.join().map_err(|panic| resume_unwind(panic))
    })
}
