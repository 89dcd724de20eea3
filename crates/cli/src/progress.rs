//! A line on a terminal that says how far something is.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use crate::paint;

/// How much of it is done.
pub(crate) struct Progress {
    what: &'static str,
    all: usize,
    done: usize,
    shown: Option<Instant>,
    is_seen: bool,
}

impl Progress {
    /// The line is not written more often.
    const PAUSE: Duration = Duration::from_millis(100);

    /// Of `all` times that something is done: `trying mistake 3 of 17`.
    pub(crate) fn of(what: &'static str, all: usize) -> Self {
        Self {
            what,
            all,
            done: 0,
            shown: None,
            is_seen: std::io::stderr().is_terminal(),
        }
    }

    /// The same while the answer is written, which would be torn apart on a terminal.
    pub(crate) fn beside_answer(what: &'static str, all: usize) -> Self {
        let is_torn = std::io::stdout().is_terminal();
        let progress = Self::of(what, all);
        Self {
            is_seen: progress.is_seen && !is_torn,
            ..progress
        }
    }

    pub(crate) fn step(&mut self) {
        self.done += 1;
        if !self.is_seen {
            return;
        }
        let is_due = self.shown.is_none_or(|shown| shown.elapsed() > Self::PAUSE);
        if is_due {
            let told = format!("{} {} of {}", self.what, self.done, self.all);
            anstream::eprint!("\r{}", paint::dim(&told));
            self.shown = Some(Instant::now());
        }
    }

    /// Takes the line away.
    pub(crate) fn end(&self) {
        if self.shown.is_some() {
            eprint!("\r\x1b[K");
        }
    }
}
