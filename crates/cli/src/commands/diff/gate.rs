//! Whether what is newly allowed was permitted to be.

mod allowances;

use std::collections::BTreeMap;

use ringfence_net::ConnectionSet;
use ringfence_reach::diff::{Change, Kind, PairChange};
use ringfence_reach::workload::Unit;

use super::sides::Comparison;
use crate::commands::matrix::pattern::World;
pub(super) use allowances::{Allowance, Allowances};

/// What became of each change that is more access.
#[derive(Debug)]
pub(crate) struct Judged {
    marks: BTreeMap<Key, Mark>,
    unused: Vec<Allowance>,
}

type Key = (Unit, Unit, Kind, ConnectionSet);

fn key(pair: &PairChange, change: &Change) -> Key {
    let (source, destination) = (pair.source.clone(), pair.destination.clone());
    (source, destination, change.kind, change.connections.clone())
}

/// What the gate says of one change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// With the reasons.
    Permitted(String),
    /// With what is not permitted of it.
    Refused(ConnectionSet),
}

impl Allowances {
    /// Judges every change that is more access.
    pub(super) fn judge(self, comparison: &Comparison<'_>) -> Judged {
        let world = comparison.after.as_ref().map(|(engine, groups)| World {
            cluster: engine.cluster(),
            groups,
        });
        let mut used = vec![false; self.entries().len()];
        let mut marks = BTreeMap::new();
        for pair in &comparison.difference.pairs {
            for change in pair.changes.iter().filter(|change| change.kind.is_more()) {
                let found = self.covering(world, pair, change);
                let mark = mark(found.iter().map(|(_, allowance)| *allowance), change);
                for (index, _) in found {
                    used.iter_mut()
                        .skip(index)
                        .take(1)
                        .for_each(|used| *used = true);
                }
                marks.insert(key(pair, change), mark);
            }
        }
        let unused = self.into_entries().into_iter().zip(used);
        let unused = unused.filter(|(_, used)| !used);
        Judged {
            marks,
            unused: unused.map(|(allowance, _)| allowance).collect(),
        }
    }

    /// The allowances that permit some of `change`, with their places.
    fn covering(
        &self,
        world: Option<World<'_>>,
        pair: &PairChange,
        change: &Change,
    ) -> Vec<(usize, &Allowance)> {
        let all = self.entries().iter().enumerate();
        all.filter(|(_, allowance)| {
            allowance.covers(world, (&pair.source, &pair.destination))
                && !allowance.connections.is_disjoint(&change.connections)
        })
        .collect()
    }
}

/// What allowances that permit some of `change` leave of it.
fn mark<'a>(allowances: impl Iterator<Item = &'a Allowance>, change: &Change) -> Mark {
    let mut left = change.connections.clone();
    let mut reasons = Vec::new();
    for allowance in allowances {
        left = left.difference(&allowance.connections);
        reasons.push(allowance.reason.as_str());
    }
    if left.is_empty() {
        Mark::Permitted(reasons.join("; "))
    } else {
        Mark::Refused(left)
    }
}

impl Judged {
    pub(super) fn passed(&self) -> bool {
        self.refused() == 0
    }

    /// How many changes are not permitted.
    pub(super) fn refused(&self) -> usize {
        let refused = |mark: &&Mark| matches!(mark, Mark::Refused(_));
        self.marks.values().filter(refused).count()
    }

    /// Allowances that nothing needs.
    pub(super) fn unused(&self) -> &[Allowance] {
        &self.unused
    }

    /// What is said of `change`; `None` if it is no more access.
    pub(super) fn mark(&self, pair: &PairChange, change: &Change) -> Option<&Mark> {
        self.marks.get(&key(pair, change))
    }

    /// A few words on `change`; `None` if it is no more access.
    pub(super) fn words(&self, pair: &PairChange, change: &Change) -> Option<String> {
        Some(match self.mark(pair, change)? {
            Mark::Permitted(reason) => format!("permitted: {reason}"),
            Mark::Refused(left) if *left == change.connections => "not permitted".to_owned(),
            Mark::Refused(left) => format!("not permitted: {left}"),
        })
    }
}
