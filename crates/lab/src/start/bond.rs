//! A command that is told to end, such as with Ctrl-C, ends its lab first.

use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::Child;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use nix::libc;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long the end of a lab is waited for, many times what it takes.
const LIMIT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(5);
/// What shells add to the number of the signal that has ended a program.
const BY_SIGNAL: i32 = 128;

/// A lab that must be gone before this process is.
#[derive(Clone, Debug)]
pub(super) struct Bond(Arc<Mutex<Option<Held>>>);

#[derive(Debug)]
struct Held {
    stream: UnixStream,
    process: Pid,
}

/// What tells a command to end.
struct Signals {
    runtime: Runtime,
    interrupt: Signal,
    terminate: Signal,
}

impl Bond {
    /// Watches for signals from now on, until the process ends.
    pub(super) fn new(stream: &UnixStream, process: &Child) -> anyhow::Result<Self> {
        let held = Held {
            stream: stream.try_clone().context("cannot keep the start stream")?,
            process: Pid::from_raw(i32::try_from(process.id()).context("a process number")?),
        };
        let bond = Self(Arc::new(Mutex::new(Some(held))));
        let signals = Signals::listen().context("cannot watch for signals")?;
        let watched = bond.clone();
        std::thread::spawn(move || watched.end(signals.wait()));
        Ok(bond)
    }

    /// Lets go of the lab. Where a signal has come, this process ends with the lab, and nothing that could be said of it counts.
    pub(super) fn release(&self) {
        if self.take().is_none() {
            loop {
                std::thread::park();
            }
        }
    }

    fn take(&self) -> Option<Held> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.take()
    }

    fn end(&self, signal: i32) {
        if let Some(held) = self.take() {
            held.end();
        }
        std::process::exit(BY_SIGNAL + signal);
    }
}

impl Held {
    fn end(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
        let deadline = Instant::now() + LIMIT;
        while self.runs() && Instant::now() < deadline {
            std::thread::sleep(POLL);
        }
    }

    /// What ends is left to whoever waits for it.
    fn runs(&self) -> bool {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        let found = waitid(Id::Pid(self.process), flags);
        matches!(found, Ok(WaitStatus::StillAlive))
    }
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let inside = runtime.enter();
        let interrupt = signal(SignalKind::interrupt())?;
        let terminate = signal(SignalKind::terminate())?;
        drop(inside);
        Ok(Self {
            runtime,
            interrupt,
            terminate,
        })
    }

    /// The number of the first that comes.
    fn wait(self) -> i32 {
        let Self {
            runtime,
            mut interrupt,
            mut terminate,
        } = self;
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => libc::SIGINT,
                _ = terminate.recv() => libc::SIGTERM,
            }
        })
    }
}
