//! Units that only one of the clusters has: everything that is allowed from or to them comes or goes with them.

use std::collections::BTreeSet;

use ringfence_net::ConnectionSet;
use ringfence_policy::Engine;

use super::{Change, Kind, PairChange, shown};
use crate::matrix::{Cell, Single, by_reason, pairs};
use crate::workload::{Groups, Unit};

/// What may be opened from or to `units` in the cluster that has them, as changes of the kind `certain` and its uncertain
/// companion.
pub(super) fn changes(
    engine: &Engine,
    groups: &Groups,
    units: &BTreeSet<Unit>,
    certain: Kind,
) -> Vec<PairChange> {
    let sources = groups.units();
    sources
        .flat_map(|source| groups.units().map(move |destination| (source, destination)))
        .filter(|(source, destination)| units.contains(source) || units.contains(destination))
        .filter_map(|(source, destination)| {
            let changes = of_pair(engine, groups, (source, destination), certain);
            (!changes.is_empty()).then(|| PairChange {
                source: source.clone(),
                destination: destination.clone(),
                changes,
            })
        })
        .collect()
}

fn of_pair(engine: &Engine, groups: &Groups, units: (&Unit, &Unit), certain: Kind) -> Vec<Change> {
    let Some(cell) = Cell::between(engine, groups, units) else {
        return Vec::new();
    };
    let allowed = cell.all.union(&cell.some);
    let mut changes = of_kind(engine, groups, units, certain, &allowed);
    for change in &mut changes {
        change.partial = !change.connections.is_subset(&cell.all);
    }
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
    for pair in pairs(engine, groups, units, Single::MeetsNobody) {
        let reach = engine.between(pair.source_class, pair.destination_class);
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
        before,
        after,
    }
}
