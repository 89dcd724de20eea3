//! Units that only one of the clusters has: everything that is allowed from or to them comes or goes with them.

use std::collections::BTreeSet;

use ringfence_net::ConnectionSet;
use ringfence_policy::Engine;

use super::alike::{Found, judged, kept};
use super::{Change, Kind, PairChange, shown};
use crate::matrix::{Cell, Matrix, Single, by_reason, pairs};
use crate::workload::{Groups, Unit};

/// What may be opened from or to `units` in the cluster that has them, as changes of the kind `certain` and its uncertain
/// companion.
pub(super) fn changes(
    engine: &Engine,
    groups: &Groups,
    units: &BTreeSet<Unit>,
    certain: Kind,
) -> Vec<PairChange> {
    if units.is_empty() {
        return Vec::new();
    }
    let (own, others): (Vec<Unit>, Vec<Unit>) = groups
        .units()
        .cloned()
        .partition(|unit| units.contains(unit));
    let all = own.iter().chain(&others).cloned().collect();
    let of = |ends| Matrix::with(engine, groups, ends, Single::MeetsItsLike);
    let (from, to) = (of((own.clone(), all)), of((others, own)));
    let cells = from.cells().chain(to.cells());
    let found: Vec<_> = cells.filter(|(_, _, cell)| !cell.is_nothing()).collect();
    let alike = |(source, destination, cell): Found<&Unit, _>| {
        let own = [source, destination].map(|unit| units.contains(unit));
        (own, cell)
    };
    judged(&found, kept(), alike, |pair| {
        of_pair(engine, groups, pair, certain)
    })
}

fn of_pair(
    engine: &Engine,
    groups: &Groups,
    (source, destination, cell): (&Unit, &Unit, &Cell),
    certain: Kind,
) -> Vec<Change> {
    let units = (source, destination);
    let mut changes = of_kind(engine, groups, units, certain, &cell.all);
    let some = of_kind(engine, groups, units, certain, &cell.some);
    changes.extend(some.into_iter().map(|change| Change {
        partial: true,
        ..change
    }));
    let perhaps = match certain {
        Kind::Opened | Kind::MayOpen => Kind::MayOpen,
        Kind::Closed | Kind::MayClose => Kind::MayClose,
    };
    changes.extend(of_kind(engine, groups, units, perhaps, &cell.unknown));
    changes
}

/// `connections` as changes, each shown by the first pair of members that has it.
fn of_kind(
    engine: &Engine,
    groups: &Groups,
    units: (&Unit, &Unit),
    kind: Kind,
    connections: &ConnectionSet,
) -> Vec<Change> {
    let mut left = connections.clone();
    let mut changes = Vec::new();
    for pair in pairs(engine, groups, units, Single::MeetsItsLike) {
        if left.is_empty() {
            break;
        }
        let reach = pair.reach(engine);
        let here = match kind {
            Kind::Opened | Kind::Closed => left.intersection(&reach.allowed),
            Kind::MayOpen | Kind::MayClose => left.intersection(&reach.unknown),
        };
        left = left.difference(&here);
        for (connections, [judged]) in by_reason([pair.ends(engine)], &here) {
            changes.push(change(kind, connections, judged));
        }
    }
    changes
}

fn change(
    kind: Kind,
    connections: ConnectionSet,
    judged: Option<(ringfence_model::Query, ringfence_model::Answer)>,
) -> Change {
    let here = shown(judged);
    let (before, after) = if kind.is_more() {
        (None, here)
    } else {
        (here, None)
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
}
