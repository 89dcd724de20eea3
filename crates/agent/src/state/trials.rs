//! Rules for the node that are tried out (rule HF-4). The kernel itself ends a trial, whether an agent lives or not: this only
//! says when it begins and how long it lasts, and clears away what is left of it.

use std::time::Duration;

use ringfence_compile::Trial;

use super::{Kernel, Machine};

/// A clock that was set is noticed after this time.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// The kernel has ended a trial before what it was about is cleared away.
const GRACE: Duration = Duration::from_millis(500);

/// The trial that runs.
#[derive(Debug, Default)]
pub(super) struct Trials {
    /// When it ends.
    end: Option<Duration>,
    /// When it must be cleared away, or the clock is to be looked at again.
    wake: Option<Duration>,
}

impl Trials {
    fn last(&mut self, now: Duration, left: Option<Duration>) {
        let after = |time| now.saturating_add(time);
        self.end = left.map(after);
        self.wake = left.map(|left| after(left.saturating_add(GRACE).min(LOOK_AGAIN)));
    }

    pub(super) const fn deadline(&self) -> Option<Duration> {
        self.wake
    }

    /// Whether the kernel has ended it, by the time that was given to it.
    fn are_over(&mut self, now: Duration) -> bool {
        self.wake = self.end.map(|end| end.saturating_add(GRACE));
        self.wake.is_none_or(|wake| wake <= now)
    }

    /// What is left of it.
    pub(super) fn left(&self, now: Duration) -> Duration {
        self.end.unwrap_or_default().saturating_sub(now)
    }
}

impl Machine {
    /// Trials that begin, end, or are other ones than before change what is to be enforced.
    pub(super) fn take_up_trials(&mut self, now: Duration) {
        let found = self.compiler.cluster().trials(self.audits.now());
        let has_ended = found.is_none() && self.is_on_trial();
        if has_ended && !self.trials.are_over(now) {
            return;
        }
        let left = found.as_ref().map(|found| found.rest);
        let left = left.map(|left| Duration::from_millis(u64::try_from(left).unwrap_or(0)));
        self.trials.last(now, left);
        let trial = found.map(|found| Trial {
            firewalls: found.firewalls,
            name: found.names,
        });
        if self.compiler.set_trial(trial) {
            self.inputs_changed();
        }
        if has_ended {
            // Nobody can say which elements the kernel has taken away, and to delete one of those fails.
            self.kernel = Kernel::Unknown;
        }
    }

    /// Whether the trial that was begun is still written in its objects: one that somebody ended is over at once.
    fn is_on_trial(&self) -> bool {
        let firewalls = &self.compiler.cluster().host_firewalls;
        self.compiler.trial().is_some_and(|trial| {
            trial.firewalls.iter().any(|(name, tried)| {
                let stored = firewalls.get(name);
                tried.trial.is_some() && stored.is_some_and(|it| it.trial == tried.trial)
            })
        })
    }
}
