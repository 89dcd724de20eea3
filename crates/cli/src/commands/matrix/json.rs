//! A matrix for machines.

use std::io::Write;

use ringfence_reach::matrix::{Cell, Matrix, Summary};
use ringfence_reach::workload::{Place, Unit};
use serde::{Serialize, Serializer};

use crate::inputs::hosts::{HostJson, Hosts};

/// One unit.
#[derive(Debug, Serialize)]
pub(crate) struct UnitJson {
    /// The name that no other unit has, by which cells refer to it.
    name: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    /// Of a workload.
    #[serde(skip_serializing_if = "Option::is_none")]
    workload: Option<WorkloadJson>,
    /// Of a place that policies name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    blocks: Vec<String>,
}

#[derive(Debug, Serialize)]
struct WorkloadJson {
    kind: String,
    name: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MatrixJson<'a> {
    sources: Vec<UnitJson>,
    destinations: Vec<UnitJson>,
    /// Workloads in the network of their nodes, for which nodes stand.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    host_network: Vec<HostJson>,
    cells: CellsJson<'a>,
}

#[derive(Debug)]
struct CellsJson<'a>(&'a Matrix);

#[derive(Debug, Serialize)]
struct CellJson<'a> {
    source: String,
    destination: String,
    verdict: Summary,
    #[serde(flatten)]
    cell: &'a Cell,
}

/// Writes cell by cell: of thousands of units there are millions.
pub(crate) fn write(mut out: impl Write, matrix: &Matrix, hosts: &Hosts) -> anyhow::Result<()> {
    let json = MatrixJson {
        sources: matrix.sources.iter().map(UnitJson::of).collect(),
        destinations: matrix.destinations.iter().map(UnitJson::of).collect(),
        host_network: hosts.json(),
        cells: CellsJson(matrix),
    };
    serde_json::to_writer_pretty(&mut out, &json)?;
    writeln!(out)?;
    Ok(())
}

impl Serialize for CellsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.cells().map(|(source, destination, cell)| CellJson {
            source: source.full_name(),
            destination: destination.full_name(),
            verdict: cell.summary(),
            cell,
        }))
    }
}

impl UnitJson {
    pub(crate) fn of(unit: &Unit) -> Self {
        let workload = match unit {
            Unit::Workload { kind, name, .. } => Some(WorkloadJson {
                kind: kind.clone(),
                name: name.clone(),
            }),
            Unit::Namespace(_) | Unit::Zone(_) | Unit::Nodes | Unit::Node(_) | Unit::Place(_) => {
                None
            }
        };
        let blocks = match unit {
            Unit::Place(Place::Blocks(blocks)) => blocks.iter().map(ToString::to_string).collect(),
            Unit::Place(_)
            | Unit::Workload { .. }
            | Unit::Namespace(_)
            | Unit::Zone(_)
            | Unit::Nodes
            | Unit::Node(_) => Vec::new(),
        };
        Self {
            name: unit.full_name(),
            kind: kind(unit),
            namespace: unit.namespace().map(str::to_owned),
            workload,
            blocks,
        }
    }
}

const fn kind(unit: &Unit) -> &'static str {
    match unit {
        Unit::Workload { .. } => "workload",
        Unit::Namespace(_) => "namespace",
        Unit::Zone(_) => "zone",
        Unit::Nodes => "nodes",
        Unit::Node(_) => "node",
        Unit::Place(_) => "place",
    }
}
