//! What may be opened in one cluster and not in another.
//!
//! Two clusters are compared unit by unit, and inside of a unit member by member: pods and nodes by name, addresses
//! one by one. Every change comes with a connection that the engine judges as claimed. Start with [`difference`];
//! [`between_locks`] compares what lockfiles say.

mod alike;
mod change;
pub(crate) mod doubt;
pub(crate) mod hosts;
mod imagined;
mod joint;
mod later;
mod locks;
mod nodes;
mod one_sided;
mod transition;
mod turns;
mod twins;

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{Answer, Query, Source};
use ringfence_policy::Engine;

use crate::imagined::is_imagined;
use crate::workload::{Groups, Outside, Unit, by_workload};

pub use crate::imagined::Stage;
pub use change::{Change, Kind, PairChange, Shown};
pub use doubt::{Doubt, Doubted};
pub use locks::{Locked, between_locks};
pub(crate) use transition::Transition;

/// What changes from one cluster to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Pairs of units between which something changes, in order. Those with a unit that is added or removed come too.
    pub pairs: Vec<PairChange>,
    /// Units that only the second cluster has.
    pub added: BTreeSet<Unit>,
    /// Units that only the first cluster has.
    pub removed: BTreeSet<Unit>,
    /// Units that have pods on the network of their nodes now and had none there, new ones too: no policy holds them
    /// (rules NP-53, CN-2). With the place where such a pod is written.
    pub unbound: BTreeMap<Unit, Option<Source>>,
    /// Units that had pods there and have none there now.
    pub bound: BTreeSet<Unit>,
    /// What may be newly allowed and cannot be judged, in order.
    pub doubts: Vec<Doubt>,
}

impl Difference {
    /// Whether a change depends on an address that is not known (rule AM-22).
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        let mut unknown = [Kind::MayOpen, Kind::MayClose].into_iter();
        unknown.any(|kind| self.of_kind(kind).next().is_some())
    }

    /// Whether the clusters have the same units and allow the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self {
            pairs,
            added,
            removed,
            unbound,
            bound,
            doubts,
        } = self;
        let units = [added, removed, bound];
        pairs.is_empty()
            && unbound.is_empty()
            && doubts.is_empty()
            && units.iter().all(|units| units.is_empty())
    }

    /// Whether anything changes for pods that rules name and manifests do not hold.
    #[must_use]
    pub fn names_absent_pods(&self) -> bool {
        let mut pairs = self.pairs.iter();
        pairs.any(|pair| is_imagined(&pair.source) || is_imagined(&pair.destination))
    }

    /// Every change of one kind, with the units it is between.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = (&PairChange, &Change)> {
        let pairs = self.pairs.iter();
        pairs
            .flat_map(|pair| pair.changes.iter().map(move |change| (pair, change)))
            .filter(move |(_, change)| change.kind == kind)
    }
}

/// What changes for the workloads of `before` when it becomes `after`. Of pods that neither holds [`Difference::with_imagined`]
/// tells.
#[must_use]
pub fn difference(before: &Engine, after: &Engine) -> Difference {
    let outside = Outside::of(before.cluster()).union(&Outside::of(after.cluster()));
    Baseline::seen_with(before, outside).difference(after, |_| true)
}

/// A cluster that several others are compared with.
#[derive(Debug)]
pub(crate) struct Baseline<'a> {
    engine: &'a Engine,
    rows: joint::OldRows,
    hosted: BTreeSet<Unit>,
    seen: Seen,
}

/// What a cluster is like where so much is known of its outside.
#[derive(Debug)]
struct Seen {
    outside: Outside,
    groups: Groups,
    accepted: doubt::Accepted,
}

impl Seen {
    fn of(engine: &Engine, outside: Outside) -> Self {
        let groups = Groups::of(engine, &outside, by_workload);
        Self {
            accepted: doubt::accepted(engine, &groups),
            outside,
            groups,
        }
    }
}

impl<'a> Baseline<'a> {
    pub(crate) fn of(engine: &'a Engine) -> Self {
        Self::seen_with(engine, Outside::of(engine.cluster()))
    }

    fn seen_with(engine: &'a Engine, outside: Outside) -> Self {
        Self {
            rows: joint::OldRows::of(engine),
            hosted: hosts::on_hosts(engine.cluster()).into_keys().collect(),
            seen: Seen::of(engine, outside),
            engine,
        }
    }

    /// What changes when the cluster becomes `after`, of the pairs of units of which one `is_asked`.
    pub(crate) fn difference(
        &self,
        after: &Engine,
        is_asked: impl Fn(&Unit) -> bool,
    ) -> Difference {
        let outside = self.seen.outside.union(&Outside::of(after.cluster()));
        let other = (outside != self.seen.outside).then(|| Seen::of(self.engine, outside));
        let seen = other.as_ref().unwrap_or(&self.seen);
        let (before, old) = (self.engine, &seen.groups);
        let new = Groups::of(after, &seen.outside, by_workload);
        let (old_units, new_units) = (units(old), units(&new));
        let joint = joint::Joint::of(before, after, old, &new);
        let mut pairs = joint.changes(&self.rows, is_asked);
        let (added, removed) = (&new_units - &old_units, &old_units - &new_units);
        pairs.extend(one_sided::changes(after, &new, &added, Kind::Opened));
        pairs.extend(one_sided::changes(before, old, &removed, Kind::Closed));
        pairs.sort_by(|one, other| one.units().cmp(&other.units()));
        let difference = Difference {
            pairs,
            added,
            removed,
            ..Difference::default()
        };
        let mut of_policies = doubt::labels(Some(before.cluster()), (after, &new));
        of_policies.extend(doubt::absent(before.cluster(), after.cluster()));
        difference
            .with_hosts(&self.hosted, hosts::on_hosts(after.cluster()))
            .with_doubts(
                (&seen.accepted, &doubt::accepted(after, &new)),
                &doubt::places(after.cluster()),
                of_policies,
            )
    }
}

/// What an engine was asked and answered, if it was.
pub(crate) fn shown(judged: Option<(Query, Answer)>) -> Option<Shown> {
    judged.map(|(query, answer)| Shown { query, answer })
}

fn units(groups: &Groups) -> BTreeSet<Unit> {
    groups.units().cloned().collect()
}
