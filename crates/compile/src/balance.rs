//! Where connections to a Service go: the chains that choose a backend, and the numbers that stand for them.
//!
//! What a Service's address leads to is written as a number and not as a verdict: an element whose verdict names a chain
//! makes the kernel validate the table with all of its elements, at each change of one.

use ringfence_ruleset::{Chain, Datum, Key};

use crate::layout::{self, Place, REFUSE};
use crate::report::Reason;

/// Numbers below this are one for each number of backends.
const LOCAL: u32 = 0x1000_0000;
/// Numbers from here on stand for chains without backends.
const NOBODY: u32 = 0x2000_0000;
/// The two highest bits say under what backends are written that clients come back to.
const KEPT_SHIFT: u32 = 30;
/// One more than the longest that clients come back: a day.
const TIMES: u32 = 86_401;

/// The chains that choose among so many backends of a Service are always there. A new one makes the kernel walk through the backends
/// of all Services, once for each rule, and validate the table: with many Services that takes milliseconds.
const USUAL: u32 = 16;

/// A choice among so many backends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Balance {
    /// All of a Service's.
    All(u32),
    /// Those on this node.
    Local(u32),
    /// Where clients come back to the one that they had (rule OB-21).
    Kept {
        /// Under what the backends are written.
        place: Place,
        /// How many there are, [`Balance::MOST_KEPT`] at most.
        count: u32,
        /// For how long.
        seconds: u32,
    },
    /// Nobody is behind a port of nodes.
    Refused,
    /// Nobody is on this node, to which the Service keeps those from outside (rule OB-19).
    Elsewhere,
}

impl Balance {
    /// Among how many backends clients who come back are drawn.
    pub(crate) const MOST_KEPT: u32 = (1 << KEPT_SHIFT) / TIMES;

    /// Those that are always there.
    pub(crate) fn usual() -> impl Iterator<Item = Self> {
        (1..=USUAL).map(Self::All)
    }

    /// Whether it is always there.
    pub(crate) const fn is_usual(self) -> bool {
        match self {
            Self::All(count) => count <= USUAL,
            Self::Local(_) | Self::Kept { .. } | Self::Refused | Self::Elsewhere => false,
        }
    }

    /// The name of the chain that draws.
    pub(crate) fn chain_name(self) -> String {
        match self {
            Self::All(count) => format!("balance-{count}"),
            Self::Local(count) => format!("balance-local-{count}"),
            Self::Kept {
                place,
                count,
                seconds,
            } => format!("balance-{}-{count}-{seconds}", place.set("kept")),
            Self::Refused => REFUSE.to_owned(),
            Self::Elsewhere => Reason::Elsewhere.chain(),
        }
    }

    /// The chain that draws; none where it is always there.
    pub(crate) fn chain(self) -> Option<Chain> {
        match self {
            Self::All(count) => Some(layout::balance_chain(count)),
            Self::Local(count) => Some(layout::local_balance_chain(count)),
            Self::Kept {
                place,
                count,
                seconds,
            } => Some(layout::affinity_chain(place, count, seconds)),
            Self::Refused | Self::Elsewhere => None,
        }
    }

    /// What stands for it: no two have the same.
    pub(crate) const fn number(self) -> u32 {
        match self {
            Self::All(count) => count,
            Self::Local(count) => LOCAL | count,
            Self::Kept {
                place,
                count,
                seconds,
            } => {
                let place = match place {
                    Place::Address => 1,
                    Place::Here => 2,
                    Place::Nodes => 3,
                };
                let rest = count.saturating_sub(1).saturating_mul(TIMES);
                (place << KEPT_SHIFT) | rest.saturating_add(seconds)
            }
            Self::Refused => NOBODY,
            Self::Elsewhere => NOBODY + 1,
        }
    }

    pub(crate) fn key(self) -> Key {
        Key::point(vec![Datum::Number(self.number())])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_have_one_number() {
        let counts = [1, 2, 16, 4_095, Balance::MOST_KEPT - 1, Balance::MOST_KEPT];
        let kept = |place: Place, count: u32| {
            [1, 2, 10_800, 86_399, 86_400].map(move |seconds| Balance::Kept {
                place,
                count,
                seconds,
            })
        };
        let mut all = vec![Balance::Refused, Balance::Elsewhere];
        for count in counts {
            all.extend([Balance::All(count), Balance::Local(count)]);
            all.extend(Place::ALL.into_iter().flat_map(|place| kept(place, count)));
        }
        all.extend([Balance::All(LOCAL - 1), Balance::Local(LOCAL - 1)]);
        let numbers: BTreeSet<u32> = all.iter().map(|balance| balance.number()).collect();
        assert_eq!(numbers.len(), all.len());
        let names: BTreeSet<String> = all.iter().map(|balance| balance.chain_name()).collect();
        assert_eq!(names.len(), all.len());
    }
}
