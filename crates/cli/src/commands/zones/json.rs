//! Zones for machines.

use ringfence_net::ConnectionSet;
use ringfence_reach::matrix::{Cell, Evidence, Summary};
use ringfence_reach::zone::{Deviation, DeviationKind};
use serde::Serialize;

use super::Table;
use crate::inputs::hosts::{HostJson, Hosts};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TableJson<'a> {
    zones: Vec<String>,
    /// Zones of the file that nobody is in.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    empty: &'a [String],
    /// Workloads in the network of their nodes, for which nodes stand.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    host_network: Vec<HostJson>,
    cells: Vec<CellJson<'a>>,
    differences: Vec<DeviationJson<'a>>,
}

#[derive(Debug, Serialize)]
struct CellJson<'a> {
    from: String,
    to: String,
    verdict: Summary,
    #[serde(flatten)]
    cell: &'a Cell,
}

#[derive(Debug, Serialize)]
struct DeviationJson<'a> {
    from: &'a str,
    to: &'a str,
    kind: &'static str,
    connections: &'a ConnectionSet,
    witnesses: Vec<WitnessJson>,
}

/// One connection, and why it may or may not be opened.
#[derive(Debug, Serialize)]
pub(super) struct WitnessJson {
    source: String,
    destination: String,
    protocol: String,
    port: Option<u16>,
    verdict: String,
    reasons: Vec<String>,
}

impl WitnessJson {
    pub(super) fn of(shown: &Evidence) -> Self {
        let connections = shown.answer.connections.iter();
        let decisions = connections.flat_map(|found| [&found.egress, &found.ingress]);
        let protocol = shown.query.protocol;
        Self {
            source: shown.query.source.to_string(),
            destination: shown.query.destination.to_string(),
            protocol: protocol
                .as_policy()
                .map_or_else(|| protocol.0.to_string(), |named| named.to_string()),
            port: shown.query.port,
            verdict: shown.answer.outcome.to_string(),
            reasons: decisions.map(ToString::to_string).collect(),
        }
    }
}

pub(super) fn render(table: &Table, hosts: &Hosts) -> serde_json::Result<String> {
    let cells = table.matrix.cells().map(|(from, to, cell)| CellJson {
        from: from.to_string(),
        to: to.to_string(),
        verdict: cell.summary(),
        cell,
    });
    serde_json::to_string_pretty(&TableJson {
        zones: table
            .matrix
            .sources
            .iter()
            .map(ToString::to_string)
            .collect(),
        empty: &table.empty,
        host_network: hosts.json(),
        cells: cells.collect(),
        differences: table.deviations.iter().map(difference).collect(),
    })
}

fn difference(deviation: &Deviation) -> DeviationJson<'_> {
    DeviationJson {
        from: &deviation.from,
        to: &deviation.to,
        kind: match deviation.kind {
            DeviationKind::Unintended => "unintended",
            DeviationKind::Unknown => "unknown",
            DeviationKind::Missing => "missing",
        },
        connections: &deviation.connections,
        witnesses: deviation.evidence.iter().map(WitnessJson::of).collect(),
    }
}
