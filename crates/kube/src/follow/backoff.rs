use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

/// How long is waited after a failure: twice as long each time, and between a half and the whole of that, so that the nodes
/// of a cluster do not come back all at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// After the first failure.
    pub first: Duration,
    /// At most.
    pub longest: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(30),
        }
    }
}

/// The waits of one kind.
#[derive(Debug)]
pub(super) struct Backoff {
    patience: Patience,
    next: Duration,
}

impl Backoff {
    pub(super) const fn new(patience: Patience) -> Self {
        Self {
            patience,
            next: patience.first,
        }
    }

    /// Something went well.
    pub(super) const fn reset(&mut self) {
        self.next = self.patience.first;
    }

    pub(super) async fn wait(&mut self) {
        tokio::time::sleep(part(self.whole(), chance())).await;
    }

    /// The most that is waited this time.
    fn whole(&mut self) -> Duration {
        let whole = self.next;
        self.next = (whole * 2).min(self.patience.longest);
        whole
    }
}

/// Between a half of `whole` and all of it, as `chance` has it.
fn part(whole: Duration, chance: u64) -> Duration {
    let half = whole / 2;
    let steps = u32::try_from(chance % 1_000).unwrap_or_default();
    half + half * steps / 1_000
}

/// A number that differs from one call to the next and from one node to another.
fn chance() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit_and_begin_again() {
        let mut backoff = Backoff::new(Patience {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(3),
        });
        let mut waits = || [(); 4].map(|()| backoff.whole().as_secs());
        assert_eq!(waits(), [1, 2, 3, 3]);
        backoff.reset();
        assert_eq!(backoff.whole().as_secs(), 1);
    }

    #[test]
    fn a_part_is_at_least_a_half() {
        let whole = Duration::from_secs(2);
        assert_eq!(part(whole, 0), Duration::from_secs(1));
        assert_eq!(part(whole, 500), Duration::from_millis(1_500));
        assert!(part(whole, 999) < whole);
    }
}
