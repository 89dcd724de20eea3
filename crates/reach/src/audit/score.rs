//! What comes of it all: a number from 0 to 100.

use super::{Measured, NamespaceShare, Principle};

/// Parts in one: so many that a share of any number of workloads is exact to more places than anybody reads.
const WHOLE: u64 = 1_000_000_000_000;

/// Parts in a millionth.
const MILLIONTH: u64 = WHOLE / 1_000_000;

/// The weighted mean, over the principles that there was something to measure by, of the shares of workloads for which
/// they hold. Each is taken from the namespace where it is smallest, so that no number of closed workloads elsewhere
/// makes up for one that is open; a few hubs count in the cluster as a whole. Principles that only some clusters give something to measure by, such as one about
/// stores, may take away and never add: otherwise a closed store that nobody uses would make up for what is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Score {
    /// One for each principle that counts, in order of id.
    pub terms: Vec<Term>,
    /// Those that were measured and would only add, in order of id.
    pub left_out: Vec<Term>,
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
        let measured = principles.iter().filter_map(term);
        let (occasional, mut terms): (Vec<Term>, Vec<Term>) =
            measured.partition(|term| term.principle.is_occasional());
        let mut left_out = occasional;
        // The smallest share first, as each that counts makes it harder for the next.
        left_out.sort_by_key(|term| (term.share_in_parts(), term.principle));
        while let Some(term) = left_out.first()
            && !adds(&terms, term)
        {
            terms.push(left_out.remove(0));
        }
        terms.sort_by_key(|term| term.principle);
        left_out.sort_by_key(|term| term.principle);
        (!terms.is_empty()).then_some(Self { terms, left_out })
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
        parts(&self.terms)
    }

    /// The sum of the weights of what counts.
    #[must_use]
    pub fn weights(&self) -> u64 {
        weights(&self.terms)
    }
}

fn parts(terms: &[Term]) -> u64 {
    let sum: u64 = terms.iter().map(Term::weighted).sum();
    // Each share lost less than a part, so that a third and two thirds are one.
    (sum + weights(terms)) / weights(terms).max(1)
}

fn weights(terms: &[Term]) -> u64 {
    terms.iter().map(|term| u64::from(term.weight)).sum()
}

/// Whether `term` is above the mean of `terms`, so that it would raise that.
fn adds(terms: &[Term], term: &Term) -> bool {
    !terms.is_empty() && term.share_in_parts() > parts(terms)
}

impl Term {
    /// What it adds before the sum is divided by all weights, in millionths, rounded to the nearest.
    #[must_use]
    pub fn adds(&self) -> u64 {
        (self.weighted() + MILLIONTH / 2) / MILLIONTH
    }

    fn weighted(&self) -> u64 {
        self.share_in_parts() * u64::from(self.weight)
    }

    fn share_in_parts(&self) -> u64 {
        let (holds, measured) = (self.share.holds as u64, self.share.measured as u64);
        holds.saturating_mul(WHOLE) / measured.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(shares: &[(Principle, usize, usize)]) -> Score {
        let measured = |(principle, holds, measured): &(Principle, usize, usize)| Measured {
            principle: *principle,
            holds: *holds,
            on_hosts: 0,
            worst: Some(NamespaceShare {
                namespace: Some("shop".to_owned()),
                holds: *holds,
                measured: *measured,
            }),
            findings: Vec::new(),
        };
        let measured: Vec<Measured> = shares.iter().map(measured).collect();
        Score::of(&measured).unwrap()
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
            (Principle::MetadataClosed, 2, 3),
        ]);
        assert_eq!((thirds.points(), thirds.millionths()), (44, 444_444));
        let half = score(&[(DefaultDenyIngress, 1, 3), (DefaultDenyIngress, 2, 3)]);
        assert_eq!(half.points(), 50);
    }

    #[test]
    fn what_not_every_cluster_has_may_take_away_and_never_adds() {
        use Principle::{DefaultDenyIngress, NamespacesSeparated, SensitiveStores};
        let counted = |found: &Score| -> Vec<Principle> {
            found.terms.iter().map(|term| term.principle).collect()
        };
        let open = score(&[(DefaultDenyIngress, 0, 1), (SensitiveStores, 1, 1)]);
        assert_eq!((open.points(), open.weights()), (0, 20));
        assert_eq!(open.left_out.len(), 1);
        // 20 * 1/1 and 10 * 0/1 are 66 of 100, so that the store at 3/4 would add; alone it would not.
        let stores = (SensitiveStores, 3, 4);
        let apart = (NamespacesSeparated, 0, 1);
        let found = score(&[(DefaultDenyIngress, 1, 1), stores, apart]);
        assert_eq!(counted(&found), [DefaultDenyIngress, NamespacesSeparated]);
        let alone = score(&[(DefaultDenyIngress, 1, 1), stores]);
        assert_eq!(counted(&alone), [DefaultDenyIngress, SensitiveStores]);
        // What is equal changes nothing, and is told.
        let whole = score(&[(DefaultDenyIngress, 2, 2), (SensitiveStores, 1, 1)]);
        assert_eq!((whole.points(), whole.weights()), (100, 35));
        assert_eq!(score(&[stores]).points(), 75);
    }
}
