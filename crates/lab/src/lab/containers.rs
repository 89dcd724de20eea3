//! How the containers of a pod run, for those who show it.

use std::time::{SystemTime, UNIX_EPOCH};

/// The exit code of what could not be started.
pub const START_ERROR: i32 = 128;

/// Seconds since 1970-01-01T00:00:00Z.
pub type Seconds = u64;

/// A container and what became of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContainerRecord {
    /// Since when it runs; `None` if it does not.
    pub running_since: Option<Seconds>,
    /// How it ended the last time.
    pub end: Option<ContainerEnd>,
    /// How often it was started again.
    pub restarts: u32,
    /// Whether a probe has not found it ready.
    pub unready: bool,
}

/// The end of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContainerEnd {
    /// Its exit code; of a signal, 128 and the signal's number.
    pub code: i32,
    /// When it had begun.
    pub began: Seconds,
    /// When it ended.
    pub ended: Seconds,
}

impl ContainerRecord {
    /// It runs, from `now` on.
    pub fn start(&mut self, now: Seconds) {
        self.restarts += u32::from(self.end.is_some());
        self.running_since = Some(now);
    }

    /// It ended with `code`.
    pub fn end(&mut self, code: i32, now: Seconds) {
        let began = self.running_since.take().unwrap_or(now);
        self.end = Some(ContainerEnd {
            code,
            began,
            ended: now,
        });
    }
}

/// The time by the clock of this machine.
#[must_use]
pub fn now() -> Seconds {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    since.as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_that_is_started_again_has_been_restarted() {
        let mut container = ContainerRecord::default();
        container.start(1);
        assert_eq!((container.running_since, container.restarts), (Some(1), 0));
        container.end(3, 5);
        let end = container.end.unwrap();
        assert_eq!((end.code, end.began, end.ended), (3, 1, 5));
        assert_eq!(container.running_since, None);
        container.start(6);
        assert_eq!((container.running_since, container.restarts), (Some(6), 1));
    }
}
