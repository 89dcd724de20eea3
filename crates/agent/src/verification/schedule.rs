//! When the agent verifies its table by itself.

use std::time::Duration;

use super::Pulse;

/// How long after the last verification the next one begins.
const INTERVAL: Duration = Duration::from_secs(60);
/// How long at least, where all begins anew again and again.
const LEAST: Duration = Duration::from_secs(5);
/// It rests so many times as long as it worked: a twentieth of one processor at most.
const REST: u32 = 20;

/// Decides by what it is told; times count from any fixed moment.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    /// When the last verification ended, and how long to rest after it.
    last: Option<(Duration, Duration)>,
    /// How often all had begun anew before it.
    beginnings: u64,
    /// Until then nothing is verified.
    rest: Duration,
}

impl Schedule {
    /// Whether a verification is to begin now: the first one as soon as there is something to verify.
    pub(super) fn is_due(&self, pulse: Pulse, now: Duration) -> bool {
        if pulse.changes.is_none() || now < self.rest {
            return false;
        }
        let Some((ended, least)) = self.last else {
            return true;
        };
        let wait = if pulse.beginnings == self.beginnings {
            INTERVAL
        } else {
            LEAST
        };
        now.saturating_sub(ended) >= wait.max(least)
    }

    /// A verification has ended.
    pub(super) fn done(&mut self, pulse: Pulse, began: Duration, now: Duration) {
        self.last = Some((now, rest_after(began, now)));
        self.beginnings = pulse.beginnings;
    }

    /// Something else took this time of the thread.
    pub(super) fn rest(&mut self, began: Duration, now: Duration) {
        self.rest = now.saturating_add(rest_after(began, now));
    }
}

fn rest_after(began: Duration, now: Duration) -> Duration {
    now.saturating_sub(began).saturating_mul(REST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn pulse(beginnings: u64) -> Pulse {
        Pulse {
            changes: Some(0),
            beginnings,
        }
    }

    const fn second(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn a_table_is_verified_at_once_then_by_the_clock_and_sooner_after_a_new_beginning() {
        let mut schedule = Schedule::default();
        let under_way = Pulse {
            changes: None,
            beginnings: 1,
        };
        assert!(!schedule.is_due(under_way, second(1)), "nothing to verify");
        assert!(schedule.is_due(pulse(1), second(2)));
        schedule.done(pulse(1), second(3), second(3));
        assert!(!schedule.is_due(pulse(1), second(62)));
        assert!(schedule.is_due(pulse(1), second(63)));
        schedule.done(pulse(1), second(64), second(64));
        assert!(!schedule.is_due(pulse(2), second(68)), "just verified");
        assert!(schedule.is_due(pulse(2), second(69)));
    }

    #[test]
    fn what_takes_long_is_done_seldom() {
        let mut schedule = Schedule::default();
        schedule.done(pulse(1), second(0), second(10));
        assert!(!schedule.is_due(pulse(2), second(209)));
        assert!(schedule.is_due(pulse(2), second(210)));
        schedule.rest(second(300), second(301));
        assert!(!schedule.is_due(pulse(2), second(320)));
        assert!(schedule.is_due(pulse(2), second(321)));
    }
}
