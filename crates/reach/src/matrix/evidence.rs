//! Connections that show what a cell says, judged by the engine.

use ringfence_model::{Answer, Query};
use ringfence_net::ConnectionSet;
use ringfence_policy::Engine;

use super::reasons::{Ends, by_reason, judged};
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
    let mut pairs = pairs(engine, groups, (source, destination), Single::MeetsNobody);
    pairs.find_map(|pair| {
        let reach = engine.between(pair.source_class, pair.destination_class);
        let here = match status {
            Status::All | Status::Denied => connections.clone(),
            Status::Some => connections.intersection(&reach.allowed),
            Status::Unknown => connections.intersection(&reach.unknown),
        };
        (!here.is_empty()).then(|| (pair.ends(engine), here))
    })
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
