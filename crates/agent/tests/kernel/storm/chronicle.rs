//! What went wrong when, so that whatever is not as policy says is told with the fault behind it.

use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant};

/// How long a change that nobody could refuse may stand.
const LONGEST_EXPOSURE: Duration = Duration::from_secs(20);
/// What went through before the repair may be heard of so much later, on a busy machine.
const LATE: Duration = Duration::from_millis(200);
/// Faults that are told of when the storm itself ends badly.
const LAST: usize = 5;

/// Something that is not as policy says.
#[derive(Clone, Debug)]
pub(crate) struct Offence {
    pub(crate) since: Instant,
    pub(crate) at: Instant,
    pub(crate) what: Wrong,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// Denied, and got through.
    Through,
    /// Allowed, and never answered.
    Lost,
    /// Allowed, and answered only when it was said again.
    Stalled(Duration),
    Broken(String),
}

pub(crate) struct Chronicle {
    began: Instant,
    faults: Vec<Happening>,
    exposures: Vec<(Instant, Instant)>,
}

struct Happening {
    fault: String,
    from: Instant,
    /// Not yet.
    to: Option<Instant>,
}

impl Default for Chronicle {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            faults: Vec::new(),
            exposures: Vec::new(),
        }
    }
}

impl Chronicle {
    pub(crate) fn begins(&mut self, fault: String) {
        let (from, to) = (Instant::now(), None);
        self.faults.push(Happening { fault, from, to });
    }

    pub(crate) fn ends(&mut self) {
        if let Some(fault) = self.faults.last_mut() {
            fault.to = Some(Instant::now());
        }
    }

    /// Says more of the fault that is under way.
    pub(crate) fn note(&mut self, more: &str) {
        if let Some(fault) = self.faults.last_mut() {
            write!(fault.fault, ": {more}").unwrap();
        }
    }

    /// Somebody changed a table that nothing protected, and it is repaired now.
    pub(crate) fn exposed(&mut self, from: Instant) {
        let took = from.elapsed();
        assert!(took < LONGEST_EXPOSURE, "repaired after {took:?}");
        self.exposures.push((from, Instant::now()));
    }

    pub(crate) fn longest_exposure(&self) -> Option<Duration> {
        let exposures = self.exposures.iter();
        exposures.map(|(from, to)| to.duration_since(*from)).max()
    }

    /// Whether the table was not the agent's then.
    pub(crate) fn excuses(&self, offence: &Offence) -> bool {
        let mut exposures = self.exposures.iter();
        exposures.any(|(from, to)| offence.since <= *to + LATE && *from <= offence.at)
    }

    /// When it was, and which faults there were then.
    pub(crate) fn tell(&self, offence: &Offence) -> String {
        let during = |fault: &&Happening| {
            fault.from <= offence.at && fault.to.is_none_or(|to| offence.since <= to)
        };
        let mut faults: Vec<&Happening> = self.faults.iter().filter(during).collect();
        let mut before = self.faults.iter().rev();
        faults.extend(before.find(|fault| fault.to.is_some_and(|to| to < offence.since)));
        let faults: Vec<String> = faults.into_iter().map(|it| self.place(it)).collect();
        let (since, at) = (self.clock(offence.since), self.clock(offence.at));
        let faults = faults.join("; ");
        format!("{:?}, {since} to {at} s; then: {faults}", offence.what)
    }

    fn place(&self, fault: &Happening) -> String {
        let from = self.clock(fault.from);
        let to = fault
            .to
            .map_or_else(|| "now".to_owned(), |to| self.clock(to));
        format!("{} ({from} to {to} s)", fault.fault)
    }

    fn clock(&self, moment: Instant) -> String {
        format!("{:.3}", moment.duration_since(self.began).as_secs_f64())
    }
}

impl Drop for Chronicle {
    fn drop(&mut self) {
        if thread::panicking() {
            for fault in self.faults.iter().rev().take(LAST).rev() {
                println!("{}", self.place(fault));
            }
        }
    }
}
