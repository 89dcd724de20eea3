//! What comes of it all: a number from 0 to 100.

use super::{Measured, NamespaceShare, Principle};

/// Parts in one: so many that a share of any number of workloads is exact to more places than anybody reads.
const WHOLE: u64 = 1_000_000_000_000;

/// Parts in a millionth.
const MILLIONTH: u64 = WHOLE / 1_000_000;

/// The weighted mean, over the principles that there was something to measure by, of the shares of workloads for which
/// they hold. Each is taken from the namespace where it is smallest, so that no number of closed workloads elsewhere
/// makes up for one that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Score {
    /// One for each principle that was measured.
    pub terms: Vec<Term>,
}

/// What one principle adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Which.
    pub principle: Principle,
    /// Its weight.
    pub weight: u32,
    /// The share of the namespace that does worst by it.
    pub share: NamespaceShare,
}

impl Score {
    pub(super) fn of(principles: &[Measured]) -> Option<Self> {
        let term = |found: &Measured| {
            Some(Term {
                principle: found.principle,
                weight: found.principle.about().weight,
                share: found.worst.clone()?,
            })
        };
        let terms: Vec<Term> = principles.iter().filter_map(term).collect();
        (!terms.is_empty()).then_some(Self { terms })
    }

    /// From 0 to 100. Rounded down, so that 100 means that everything holds.
    #[must_use]
    pub fn points(&self) -> u64 {
        self.parts() / (WHOLE / 100)
    }

    /// From 0 to 1,000,000, rounded down: for comparisons of one audit with another.
    #[must_use]
    pub fn millionths(&self) -> u64 {
        self.parts() / MILLIONTH
    }

    fn parts(&self) -> u64 {
        let sum: u64 = self.terms.iter().map(Term::weighted).sum();
        // Each share lost less than a part, so that a third and two thirds are one.
        (sum + self.weights()) / self.weights().max(1)
    }

    /// The sum of the weights of what was measured.
    #[must_use]
    pub fn weights(&self) -> u64 {
        self.terms.iter().map(|term| u64::from(term.weight)).sum()
    }
}

impl Term {
    /// What it adds before the sum is divided by all weights, in millionths, rounded to the nearest.
    #[must_use]
    pub fn adds(&self) -> u64 {
        (self.weighted() + MILLIONTH / 2) / MILLIONTH
    }

    fn weighted(&self) -> u64 {
        let (holds, measured) = (self.share.holds as u64, self.share.measured as u64);
        let share = holds.saturating_mul(WHOLE) / measured.max(1);
        share * u64::from(self.weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(terms: &[(Principle, usize, usize)]) -> Score {
        let term = |(principle, holds, measured): &(Principle, usize, usize)| Term {
            principle: *principle,
            weight: principle.about().weight,
            share: NamespaceShare {
                namespace: "shop".to_owned(),
                holds: *holds,
                measured: *measured,
            },
        };
        Score {
            terms: terms.iter().map(term).collect(),
        }
    }

    #[test]
    fn shares_are_weighted_and_rounded_down() {
        use Principle::{DefaultDenyIngress, HostNetwork, SensitiveStores};
        // (20 * 1/2 + 15 * 0/1 + 10 * 3/3) / 45
        let found = score(&[
            (DefaultDenyIngress, 1, 2),
            (SensitiveStores, 0, 1),
            (HostNetwork, 3, 3),
        ]);
        assert_eq!((found.weights(), found.points()), (45, 44));
        let nearly = score(&[(DefaultDenyIngress, 9_999, 10_000)]);
        assert_eq!(nearly.points(), 99);
        let all = score(&[(DefaultDenyIngress, 7, 7), (HostNetwork, 3, 3)]);
        assert_eq!((all.points(), all.millionths()), (100, 1_000_000));
        // 20 * 1/3 + 10 * 1/3 + 15 * 2/3 = 20, and 20 of 45 is exactly 4 of 9.
        let thirds = score(&[
            (DefaultDenyIngress, 1, 3),
            (HostNetwork, 1, 3),
            (SensitiveStores, 2, 3),
        ]);
        assert_eq!((thirds.points(), thirds.millionths()), (44, 444_444));
        let half = score(&[(DefaultDenyIngress, 1, 3), (DefaultDenyIngress, 2, 3)]);
        assert_eq!(half.points(), 50);
    }
}
