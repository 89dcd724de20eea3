//! What changes between what two lockfiles say, or a lockfile and a cluster.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{Answer, Query};
use ringfence_net::ConnectionSet;
use ringfence_policy::{Engine, Reach};

use super::alike::{Found, judged, kept};
use super::doubt::{labels as labels_of, places};
use super::hosts::on_hosts;
use super::{Change, Difference, Kind, Transition, shown};
use crate::imagined::{Stage, is_imagined};
use crate::lock::Lock;
use crate::matrix::{Cell, Single, Status, by_reason, pairs};
use crate::workload::{Groups, Unit};

/// What a lock says, and the cluster that it was made of if there is one to ask.
#[derive(Clone, Copy, Debug)]
pub struct Locked<'a> {
    /// The connectivity.
    pub lock: &'a Lock,
    /// The cluster and its units, with the places of both locks that are compared.
    pub cluster: Option<(&'a Engine, &'a Groups)>,
    /// What may be opened in those address families alone that the other lock has too, where that makes a difference: what
    /// is denied in a new family was not allowed before.
    pub in_common: Option<&'a Lock>,
    /// The same cluster with pods that its rules name and that it does not hold.
    pub stage: Option<&'a Stage>,
}

/// What changes from `before` to `after`. Connections that show it come from the clusters that are there to be asked.
#[must_use]
pub fn between_locks(before: Locked<'_>, after: Locked<'_>) -> Difference {
    let outside = before.lock.outside().union(&after.lock.outside());
    let (old, new) = (before.lock.refined(&outside), after.lock.refined(&outside));
    let common = after.in_common.map(|lock| lock.refined(&outside));
    let mut numbers: BTreeMap<Cells, usize> = BTreeMap::new();
    let mut found = Vec::new();
    for (source, destination) in old.cells.pairs_with(&new.cells) {
        let of = |lock: &Lock| lock.cell(source, destination);
        let cells = Cells {
            before: of(&old),
            after: of(&new),
            in_common: common.as_ref().map(of),
        };
        if cells.are_alike() {
            continue;
        }
        let next = numbers.len();
        found.push((source, destination, *numbers.entry(cells).or_insert(next)));
    }
    let cells: BTreeMap<usize, &Cells> = numbers.iter().map(|(cells, of)| (*of, cells)).collect();
    let pairs = judged(
        &found,
        kept(),
        |(_, _, number)| number,
        |(source, destination, number): Found<&Unit, usize>| {
            let cells = cells.get(&number);
            cells.map_or_else(Vec::new, |cells| {
                changes((before, after), (source, destination), cells)
            })
        },
    );
    let difference = Difference {
        pairs,
        added: only_in(&new, &old),
        removed: only_in(&old, &new),
        ..Difference::default()
    };
    let written = after.cluster.map(|(after, _)| on_hosts(after.cluster()));
    let mut written = written.unwrap_or_default();
    let hosted = new.hosts.iter();
    let hosted = hosted.map(|unit| (unit.clone(), written.remove(unit).flatten()));
    let labels = after.cluster.map(|after| {
        let before = before.cluster.map(|(before, _)| before.cluster());
        labels_of(before, after)
    });
    let places = after.cluster.map(|(after, _)| places(after.cluster()));
    difference
        .with_hosts(&old.hosts, hosted.collect())
        .with_doubts(
            (&old.names, &new.names),
            &places.unwrap_or_default(),
            labels.unwrap_or_default(),
        )
}

/// The units of the one that the other has not, but for pods that manifests do not hold.
fn only_in(one: &Lock, other: &Lock) -> BTreeSet<Unit> {
    let only = one.units.difference(&other.units);
    only.filter(|unit| !is_imagined(unit)).cloned().collect()
}

/// What two units may open before and after, and after in the families that there were before.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Cells {
    before: Cell,
    after: Cell,
    in_common: Option<Cell>,
}

impl Cells {
    /// Whether nothing changes, as in nearly all pairs.
    fn are_alike(&self) -> bool {
        let is_same = |cell: &Cell| *cell == self.before;
        is_same(&self.after) && self.in_common.as_ref().is_none_or(is_same)
    }

    /// What to compare for changes of `kind`.
    fn of(&self, kind: Kind) -> (&Cell, &Cell) {
        let in_common = self.in_common.as_ref().filter(|_| !kind.is_more());
        (&self.before, in_common.unwrap_or(&self.after))
    }
}

fn changes(
    (before, after): (Locked<'_>, Locked<'_>),
    units: (&Unit, &Unit),
    cells: &Cells,
) -> Vec<Change> {
    let of_kind = |kind: Kind| -> Vec<Change> {
        let (old, new) = cells.of(kind);
        let transition = Transition::between_cells(old, new);
        let for_every_pair = certain(old).intersection(&certain(new));
        let connections = transition.of(kind);
        let whole = connections.intersection(&for_every_pair);
        let part = connections.difference(&for_every_pair);
        [(false, whole), (true, part)]
            .into_iter()
            .flat_map(|(partial, connections)| {
                let changes = shown_on_a_side((before, after), units, kind, &connections);
                changes
                    .into_iter()
                    .map(move |change| Change { partial, ..change })
            })
            .collect()
    };
    Kind::ALL.into_iter().flat_map(of_kind).collect()
}

/// `connections`, which change in the way of `kind`, shown by the cluster after, else by the one before.
fn shown_on_a_side(
    (before, after): (Locked<'_>, Locked<'_>),
    units: (&Unit, &Unit),
    kind: Kind,
    connections: &ConnectionSet,
) -> Vec<Change> {
    let (on_before, parts) = match after.show(units, kind, connections) {
        Some(parts) => (false, parts),
        None => (
            true,
            before.show_or_tell(units, kind.mirrored(), connections),
        ),
    };
    let change = |(connections, judged): (ConnectionSet, Option<(Query, Answer)>)| {
        let (before, after) = if on_before {
            (shown(judged), None)
        } else {
            (None, shown(judged))
        };
        Change {
            kind,
            connections,
            partial: false,
            from: None,
            before,
            after,
            shown_by: None,
        }
    };
    parts.into_iter().map(change).collect()
}

/// What is the same for every pair of members.
fn certain(cell: &Cell) -> ConnectionSet {
    cell.all.union(&cell.with(Status::Denied))
}

/// Connections, and one of them to show for all.
type Part = (ConnectionSet, Option<(Query, Answer)>);

impl Locked<'_> {
    /// `connections`, which came to be as they are here in the way of `kind`, in parts of one reason each. `None` if there
    /// is no cluster to ask.
    fn show(
        &self,
        units: (&Unit, &Unit),
        kind: Kind,
        connections: &ConnectionSet,
    ) -> Option<Vec<Part>> {
        let (engine, groups) = self.asked(units)?;
        let mut left = connections.clone();
        let mut parts = Vec::new();
        for pair in pairs(engine, groups, units, Single::MeetsItsLike) {
            if left.is_empty() {
                break;
            }
            let reach = pair.reach(engine);
            let here = left.intersection(&arrived(kind, &reach));
            left = left.difference(&here);
            let found = by_reason([pair.ends(engine)], &here);
            parts.extend(found.into_iter().map(|(set, [judged])| (set, judged)));
        }
        parts.extend((!left.is_empty()).then_some((left, None)));
        Some(parts)
    }

    /// The cluster that knows both units.
    fn asked(&self, (source, destination): (&Unit, &Unit)) -> Option<(&Engine, &Groups)> {
        let stage = self
            .stage
            .filter(|_| is_imagined(source) || is_imagined(destination));
        let staged = stage.map(|stage| (&stage.engine, &stage.groups));
        staged.or(self.cluster)
    }

    fn show_or_tell(
        &self,
        units: (&Unit, &Unit),
        kind: Kind,
        connections: &ConnectionSet,
    ) -> Vec<Part> {
        let told = || Some((connections.clone(), None)).filter(|(set, _)| !set.is_empty());
        let shown = self.show(units, kind, connections);
        shown.unwrap_or_else(|| told().into_iter().collect())
    }
}

/// What between two members may have changed in the way of `kind` if this is how it is now.
fn arrived(kind: Kind, reach: &Reach) -> ConnectionSet {
    match kind {
        Kind::Opened => reach.allowed.clone(),
        Kind::MayOpen => reach.allowed.union(&reach.unknown),
        Kind::Closed => reach.allowed.union(&reach.unknown).complement(),
        Kind::MayClose => reach.allowed.complement(),
    }
}
