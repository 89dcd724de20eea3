//! Where the table of zones is not as intended.

use ringfence_model::TrustZones;
use ringfence_net::ConnectionSet;
use ringfence_policy::Engine;

use crate::matrix::{Cell, Evidence, Matrix, Status, evidence};
use crate::workload::{Groups, Unit};

/// What one row of the intended table permits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The zone that opens connections.
    pub from: String,
    /// The zone that accepts them.
    pub to: String,
    /// Which.
    pub connections: ConnectionSet,
    /// Whether nothing of it need be possible.
    pub is_optional: bool,
}

/// Something between two zones that is not as intended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// The zone that opens connections.
    pub from: String,
    /// The zone that accepts them.
    pub to: String,
    /// What is wrong.
    pub kind: DeviationKind,
    /// Which connections it is about.
    pub connections: ConnectionSet,
    /// Connections that show it, one for each set of reasons.
    pub evidence: Vec<Evidence>,
}

/// What may be wrong between two zones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeviationKind {
    /// Somebody may open what nobody was meant to.
    Unintended,
    /// It depends on an address that is not known whether somebody may (rule AM-22).
    Unknown,
    /// Nobody may open what was meant to be possible.
    Missing,
}

/// Where `matrix`, whose units are the zones of `groups`, differs from `intents`; in the order of the table.
///
/// Between the members of one zone everything is intended, unless it is closed. Between two zones nothing is but what
/// rows say, and of what those say that are not optional something must be possible. [`super::UNZONED`] is a zone like any other.
#[must_use]
pub fn deviations(
    engine: &Engine,
    groups: &Groups,
    matrix: &Matrix,
    zones: &TrustZones,
    intents: &[Intent],
) -> Vec<Deviation> {
    let mut found = Vec::new();
    for (source, destination, cell) in matrix.cells() {
        let rows = |kept: fn(&Intent) -> bool| rows(intents, kept, (source, destination));
        let wanted = rows(|intent| !intent.is_optional);
        let permitted = if is_open(zones, source, destination) {
            ConnectionSet::all()
        } else {
            rows(|_| true)
        };
        let parts = [
            unintended(cell, &permitted),
            unsure(cell, &permitted),
            missing(cell, &wanted),
        ];
        for part in parts.into_iter().flatten() {
            let shown = evidence(engine, groups, (source, destination), &part.cell);
            found.push(Deviation {
                from: source.to_string(),
                to: destination.to_string(),
                kind: part.kind,
                connections: part.connections,
                evidence: shown
                    .into_iter()
                    .filter(|shown| part.kind.is_shown_by(shown.status))
                    .collect(),
            });
        }
    }
    found
}

/// What those rows from a zone to a zone permit that are `kept`.
fn rows(
    intents: &[Intent],
    kept: fn(&Intent) -> bool,
    (source, destination): (&Unit, &Unit),
) -> ConnectionSet {
    let (from, to) = (source.to_string(), destination.to_string());
    let rows = intents
        .iter()
        .filter(|intent| intent.from == from && intent.to == to && kept(intent));
    rows.fold(ConnectionSet::none(), |all, intent| {
        all.union(&intent.connections)
    })
}

/// Whether the two are one zone, and that is not closed.
fn is_open(zones: &TrustZones, source: &Unit, destination: &Unit) -> bool {
    let name = source.to_string();
    let mut named = zones.zones.iter().filter(|zone| zone.name == name);
    source == destination && !named.any(|zone| zone.closed)
}

impl DeviationKind {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Unintended, Self::Unknown, Self::Missing];

    /// Whether a connection of this status shows it.
    const fn is_shown_by(self, status: Status) -> bool {
        match self {
            Self::Unintended => matches!(status, Status::All | Status::Some),
            Self::Unknown => matches!(status, Status::Unknown),
            Self::Missing => matches!(status, Status::Denied),
        }
    }
}

/// What is wrong with a cell, and a cell from which that can be shown.
struct Part {
    kind: DeviationKind,
    connections: ConnectionSet,
    cell: Cell,
}

fn unintended(cell: &Cell, permitted: &ConnectionSet) -> Option<Part> {
    let cell = Cell {
        all: cell.all.difference(permitted),
        some: cell.some.difference(permitted),
        unknown: ConnectionSet::none(),
    };
    let connections = cell.all.union(&cell.some);
    (!connections.is_empty()).then_some(Part {
        kind: DeviationKind::Unintended,
        connections,
        cell,
    })
}

fn unsure(cell: &Cell, permitted: &ConnectionSet) -> Option<Part> {
    let connections = cell.unknown.difference(permitted);
    (!connections.is_empty()).then(|| Part {
        kind: DeviationKind::Unknown,
        cell: Cell {
            unknown: connections.clone(),
            ..Cell::nothing()
        },
        connections,
    })
}

fn missing(cell: &Cell, rows: &ConnectionSet) -> Option<Part> {
    let denied = cell.with(Status::Denied);
    (!rows.is_empty() && rows.is_subset(&denied)).then(|| Part {
        kind: DeviationKind::Missing,
        // As if all else were allowed, so that what is shown as denied was intended.
        cell: Cell {
            all: rows.complement(),
            ..Cell::nothing()
        },
        connections: rows.clone(),
    })
}
