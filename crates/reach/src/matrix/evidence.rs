//! Connections that show what a cell says, judged by the engine.

use ringfence_model::{Answer, Query};
use ringfence_net::ConnectionSet;
use ringfence_policy::{ClassSet, Engine, Reach};

use super::pairs::Pair;
use super::reasons::{Ends, by_reason, judged};
use super::table::{Reaches, Table};
use super::{Cell, Single, Status, pairs};
use crate::workload::{Groups, Unit};

/// One connection, and what the engine says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What it shows about its cell.
    pub status: Status,
    /// What has the same status for the same reasons, as far as these are told apart by the bounds of ports.
    pub connections: ConnectionSet,
    /// The connection.
    pub query: Query,
    /// What comes of it, and why.
    pub answer: Answer,
}

/// Connections that show `cell`, which is that of `source` and `destination`: for each status that occurs one for each
/// set of reasons, the allowed first; of what is denied one.
#[must_use]
pub fn evidence(
    engine: &Engine,
    groups: &Groups,
    (source, destination): (&Unit, &Unit),
    cell: &Cell,
) -> Vec<Evidence> {
    let statuses = Status::ALL.into_iter().rev();
    statuses
        .flat_map(|status| {
            let connections = cell.with(status);
            let found = first_pair(engine, groups, (source, destination), status, &connections);
            found.map_or_else(Vec::new, |(ends, here)| shown(ends, status, &here))
        })
        .collect()
}

/// The first pair of members for which some of `connections` has `status`, and which of them.
fn first_pair<'a>(
    engine: &'a Engine,
    groups: &'a Groups,
    (source, destination): (&'a Unit, &'a Unit),
    status: Status,
    connections: &ConnectionSet,
) -> Option<(Ends<'a>, ConnectionSet)> {
    if connections.is_empty() {
        return None;
    }
    let mut pairs = pairs(engine, groups, (source, destination), Single::MeetsNobody);
    let judge = Judge::of(engine, groups, (source, destination), status);
    pairs.find_map(|pair| {
        let here = match status {
            Status::All | Status::Denied => connections.clone(),
            Status::Some => connections.intersection(&judge.reach(&pair).allowed),
            Status::Unknown => connections.intersection(&judge.reach(&pair).unknown),
        };
        (!here.is_empty()).then(|| (pair.ends(engine), here))
    })
}

/// From how many pairs on whole rows are faster than one pair after the other.
const MANY: usize = 2_000;

/// What pairs may open: asked one by one if they are few, known beforehand if they are many.
enum Judge<'a> {
    OneByOne(&'a Engine),
    Rows(Reaches, Table),
}

impl<'a> Judge<'a> {
    fn of(
        engine: &'a Engine,
        groups: &Groups,
        (source, destination): (&Unit, &Unit),
        status: Status,
    ) -> Self {
        let (sources, destinations) = (groups.parts(source), groups.parts(destination));
        let is_looked_for = matches!(status, Status::Some | Status::Unknown);
        if !is_looked_for || sources.len() * destinations.len() < MANY {
            return Self::OneByOne(engine);
        }
        let classes: ClassSet = sources.iter().map(|part| part.class).collect();
        let mut reaches = Reaches::new();
        let table = Table::of(engine, &classes, &mut reaches);
        Self::Rows(reaches, table)
    }

    fn reach(&self, pair: &Pair<'_>) -> Reach {
        match self {
            Self::OneByOne(engine) => pair.reach(engine),
            Self::Rows(reaches, table) => {
                let (source, destination) = (pair.source_class, pair.destination_class);
                reaches.reach(table.number(pair.shared, source, destination))
            }
        }
    }
}

fn shown(ends: Ends<'_>, status: Status, connections: &ConnectionSet) -> Vec<Evidence> {
    let parts = match status {
        Status::Denied => vec![(connections.clone(), judged([ends], connections))],
        Status::All | Status::Some | Status::Unknown => by_reason([ends], connections),
    };
    parts
        .into_iter()
        .filter_map(|(connections, [judged])| {
            let (query, answer) = judged?;
            Some(Evidence {
                status,
                connections,
                query,
                answer,
            })
        })
        .collect()
}
