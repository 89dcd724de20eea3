//! What rules open to imagined pods.

use ringfence_net::ConnectionSet;
use ringfence_policy::Engine;

use super::{Imagined, Stage};
use crate::diff::{Change, Kind, Shown, shown};
use crate::matrix::{Cell, Single, by_reason, pairs};
use crate::workload::Unit;

impl Imagined {
    /// What rules that name imagined pods and match no pod open, by source and destination.
    pub(crate) fn opened(engine: &Engine) -> Vec<((Unit, Unit), Cell)> {
        let imagined = Self::of(engine.cluster());
        if imagined.is_empty() {
            return Vec::new();
        }
        let stage = Stage::with(engine.cluster(), &imagined);
        let opened = imagined.pairs().into_iter().filter_map(|pair| {
            let changes = imagined.one_sided(&stage, (&pair.0, &pair.1), Kind::Opened);
            let cell = cell_of(&changes);
            (!cell.is_nothing()).then_some((pair, cell))
        });
        opened.collect()
    }

    /// What rules that name imagined pods decide between two of which one is on one side only, whichever of their members meet.
    pub(crate) fn one_sided(
        &self,
        stage: &Stage,
        units: (&Unit, &Unit),
        certain: Kind,
    ) -> Vec<Change> {
        let (engine, groups) = (&stage.engine, &stage.groups);
        let everywhere = Cell::between(engine, groups, units).unwrap_or_else(Cell::nothing);
        let mut told = ConnectionSet::none();
        let mut changes = Vec::new();
        for pair in pairs(engine, groups, units, Single::MeetsNobody) {
            let reach = pair.reach(engine);
            for (kind, open) in [
                (certain, &reach.allowed),
                (perhaps(certain), &reach.unknown),
            ] {
                let parts = by_reason([pair.ends(engine)], &open.difference(&told));
                for (connections, [judged]) in parts {
                    let shown = shown(judged).filter(|shown| self.decide(shown));
                    let Some(shown) = shown else {
                        continue;
                    };
                    told = told.union(&connections);
                    changes.extend(parts_of(kind, &connections, &everywhere, &shown));
                }
            }
        }
        changes
    }
}

const fn perhaps(certain: Kind) -> Kind {
    match certain {
        Kind::Opened | Kind::MayOpen => Kind::MayOpen,
        Kind::Closed | Kind::MayClose => Kind::MayClose,
    }
}

/// `connections`, those that are the same between all members and the others.
fn parts_of(
    kind: Kind,
    connections: &ConnectionSet,
    everywhere: &Cell,
    shown: &Shown,
) -> Vec<Change> {
    let same = match kind {
        Kind::Opened | Kind::Closed => connections.intersection(&everywhere.all),
        Kind::MayOpen | Kind::MayClose => connections.clone(),
    };
    let some = connections.difference(&same);
    let parts = [(false, same), (true, some)].into_iter();
    let parts = parts.filter(|(_, connections)| !connections.is_empty());
    let change = |(partial, connections)| {
        let shown = Some(shown.clone());
        let (before, after) = if kind.is_more() {
            (None, shown)
        } else {
            (shown, None)
        };
        Change {
            kind,
            connections,
            partial,
            from: None,
            before,
            after,
            shown_by: None,
        }
    };
    parts.map(change).collect()
}

fn cell_of(changes: &[Change]) -> Cell {
    let mut cell = Cell::nothing();
    for change in changes {
        let known = match (change.kind, change.partial) {
            (Kind::Opened | Kind::Closed, false) => &mut cell.all,
            (Kind::Opened | Kind::Closed, true) => &mut cell.some,
            (Kind::MayOpen | Kind::MayClose, _) => &mut cell.unknown,
        };
        *known = known.union(&change.connections);
    }
    cell
}
