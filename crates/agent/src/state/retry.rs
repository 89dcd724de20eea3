use std::time::Duration;

/// The first wait after a failure; it doubles with each further one.
const FIRST: Duration = Duration::from_millis(100);
/// No wait is longer. A transaction that the kernel refuses for its content waits this long at once.
const LONGEST: Duration = Duration::from_secs(30);
/// How soon a refused transaction is tried again in another form.
const CHANGED: Duration = Duration::from_secs(1);

/// When something that failed is tried again.
#[derive(Debug, Default)]
pub(crate) struct Retry {
    failures: u32,
    failed_at: Duration,
    until: Duration,
}

impl Retry {
    /// It failed; it may succeed later.
    pub(crate) fn failed(&mut self, now: Duration) {
        let wait = FIRST
            .saturating_mul(1 << self.failures.min(16))
            .min(LONGEST);
        self.wait(now, wait);
    }

    /// It was refused for what it is.
    pub(crate) fn refused(&mut self, now: Duration) {
        self.wait(now, LONGEST);
    }

    /// It would now be something else.
    pub(crate) fn changed(&mut self) {
        self.until = self.until.min(self.failed_at.saturating_add(CHANGED));
    }

    pub(crate) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// When it may be tried, if that is not yet.
    pub(crate) fn waiting(&self, now: Duration) -> Option<Duration> {
        (self.until > now).then_some(self.until)
    }

    fn wait(&mut self, now: Duration, wait: Duration) {
        self.failures = self.failures.saturating_add(1);
        self.failed_at = now;
        self.until = now.saturating_add(wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let mut retry = Retry::default();
        let mut waits = Vec::new();
        for _ in 0..12 {
            retry.failed(Duration::ZERO);
            waits.push(retry.waiting(Duration::ZERO).unwrap().as_millis());
        }
        assert_eq!(waits[..4], [100, 200, 400, 800]);
        assert_eq!(waits[11], 30_000);
    }

    #[test]
    fn another_form_of_a_refused_transaction_is_tried_soon() {
        let mut retry = Retry::default();
        retry.refused(Duration::from_secs(5));
        assert_eq!(
            retry.waiting(Duration::from_secs(5)),
            Some(Duration::from_secs(35))
        );
        retry.changed();
        assert_eq!(
            retry.waiting(Duration::from_secs(5)),
            Some(Duration::from_secs(6))
        );
        assert_eq!(retry.waiting(Duration::from_secs(6)), None);
    }
}
