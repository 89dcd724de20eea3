//! The agent verifies its table by itself: after each new beginning, from time to time, and what others made of it before
//! it is repaired.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use ringfence_ruleset::Table;

use super::schedule::Schedule;
use super::{Drift, Pulse, Subject, Verification, Verified, Watched, attempt, compare};
use crate::AgentConfig;
use crate::clock::time_of_day;
use crate::run::{Input, ask, spawn};
use crate::state::Event;

/// How often the thread looks whether something is due.
const LOOK: Duration = Duration::from_secs(1);
/// Tables of others that wait to be looked at; further ones are only counted.
const WAITING: usize = 1;

/// A table that others changed, and what it should have done.
#[derive(Debug)]
pub(crate) struct Edited {
    pub(crate) table: Table,
    pub(crate) subject: Subject,
}

/// What was found, for those who ask.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedWatched(Arc<Mutex<Watched>>);

impl SharedWatched {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Watched> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the thread. What it is sent was changed by others and is repaired already.
pub(crate) fn watch(
    config: &AgentConfig,
    shared: &SharedWatched,
    inputs: &Sender<Input>,
) -> Result<SyncSender<Edited>> {
    let (edits, queue) = sync_channel(WAITING);
    let mut watcher = Watcher {
        config: config.clone(),
        shared: shared.clone(),
        agent: inputs.clone(),
        start: Instant::now(),
        schedule: Schedule::default(),
    };
    spawn("verification", inputs, move || watcher.work(&queue))?;
    Ok(edits)
}

struct Watcher {
    config: AgentConfig,
    shared: SharedWatched,
    agent: Sender<Input>,
    start: Instant,
    schedule: Schedule,
}

impl Watcher {
    fn work(&mut self, queue: &Receiver<Edited>) {
        loop {
            match queue.recv_timeout(LOOK) {
                Ok(edited) => self.explain(&edited),
                Err(RecvTimeoutError::Timeout) => {
                    if self.look().is_none() {
                        return;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// What packets met before the repair.
    fn explain(&mut self, edited: &Edited) {
        let began = self.start.elapsed();
        let found = compare(&edited.table, &self.config, &edited.subject);
        self.schedule.rest(began, self.start.elapsed());
        let drift = found.drift(time_of_day());
        if let Some(drift) = &drift {
            tracing::warn!(
                "the table that another program changed was not as it should be: {drift}"
            );
        }
        let mut shared = self.shared.lock();
        shared.repaired = drift;
    }

    /// Verifies if that is due; `None` if the agent is gone.
    fn look(&mut self) -> Option<()> {
        let pulse: Pulse = ask(&self.agent, |answer| Input::Pulse { answer })?;
        let began = self.start.elapsed();
        if !self.schedule.is_due(pulse, began) {
            return Some(());
        }
        // While changes are under way it is tried again.
        let Some((found, changes)) = attempt(&self.agent, &self.config) else {
            return Some(());
        };
        self.schedule.done(pulse, began, self.start.elapsed());
        self.tell(&found, changes)
    }

    fn tell(&self, found: &Verification, changes: u64) -> Option<()> {
        let drift = self.note(found);
        if !found.is_telling() {
            return Some(());
        }
        let drift = drift.map(|drift| drift.to_string());
        let event = Event::Verified { drift, changes };
        self.agent.send(Input::Event(event)).ok()
    }

    /// Keeps when a drift that goes on began.
    fn note(&self, found: &Verification) -> Option<Drift> {
        let now = time_of_day();
        let mut shared = self.shared.lock();
        shared.last = Some(Verified::of(found, now));
        if found.is_telling() {
            let since = shared.drift.as_ref().map_or(now, |drift| drift.since);
            shared.drift = found.drift(since);
        }
        shared.drift.clone()
    }
}
