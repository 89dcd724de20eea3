//! The connection to the store: read by a thread of its own, made again when it breaks.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::protocol::{AgentStatus, StoreEvent};
use crate::run::{Input, spawn};
use crate::state::Event;

/// The first wait before the store is tried again, and the longest.
const WAITS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// A store that does not take a status line for so long is hung up on.
const WRITE_PATIENCE: Duration = Duration::from_secs(1);

/// Sends status lines to the store, if it is connected.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reporter {
    stream: Arc<Mutex<Option<UnixStream>>>,
}

impl Reporter {
    /// Sends a line. One that cannot be sent ends the connection, whose successor begins anew.
    pub(crate) fn report(&self, status: &AgentStatus) {
        let mut stream = self.lock();
        let Some(open) = stream.as_mut() else { return };
        let written = line(status).and_then(|line| Ok(open.write_all(&line)?));
        if let Err(error) = written {
            tracing::warn!("cannot report to the store: {error:#}");
            let _ = open.shutdown(std::net::Shutdown::Both);
            *stream = None;
        }
    }

    fn set(&self, stream: Option<UnixStream>) {
        *self.lock() = stream;
    }

    fn lock(&self) -> MutexGuard<'_, Option<UnixStream>> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Follows the store at `path` for as long as the process lives.
pub(crate) fn follow(path: PathBuf, reporter: Reporter, inputs: &Sender<Input>) -> Result<()> {
    let events = inputs.clone();
    let work = move || {
        let mut wait = WAITS.0;
        loop {
            match read_all(&path, &reporter, &events) {
                Ok(End::LoopIsGone) => return,
                Ok(End::StoreHungUp { spoke }) => {
                    tracing::info!("the store hung up");
                    if spoke {
                        wait = WAITS.0;
                    }
                }
                Err(error) => tracing::warn!("the store cannot be followed: {error:#}"),
            }
            thread::sleep(wait);
            wait = (wait * 2).min(WAITS.1);
        }
    };
    spawn("store", inputs, work)
}

enum End {
    StoreHungUp { spoke: bool },
    LoopIsGone,
}

fn read_all(path: &Path, reporter: &Reporter, inputs: &Sender<Input>) -> Result<End> {
    let stream = UnixStream::connect(path)
        .with_context(|| format!("cannot connect to `{}`", path.display()))?;
    stream.set_write_timeout(Some(WRITE_PATIENCE))?;
    reporter.set(Some(stream.try_clone()?));
    tracing::info!(store = %path.display(), "connected to the store");
    let end = read_lines(&stream, inputs);
    reporter.set(None);
    if inputs.send(Input::Event(Event::StoreDisconnected)).is_err() {
        return Ok(End::LoopIsGone);
    }
    end
}

fn read_lines(stream: &UnixStream, inputs: &Sender<Input>) -> Result<End> {
    let mut spoke = false;
    for line in BufReader::new(stream).lines() {
        let line = line.context("cannot read from the store")?;
        let event: StoreEvent = serde_json::from_str(&line)
            .with_context(|| format!("the store sent a line that is no event: `{line}`"))?;
        spoke = true;
        if inputs.send(Input::Event(Event::Store(event))).is_err() {
            return Ok(End::LoopIsGone);
        }
    }
    Ok(End::StoreHungUp { spoke })
}

fn line(status: &AgentStatus) -> Result<Vec<u8>> {
    let mut line = serde_json::to_vec(status)?;
    line.push(b'\n');
    Ok(line)
}
