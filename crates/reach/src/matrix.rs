//! What every unit may open to every other, and the connections that show why.
//!
//! Start with [`Matrix::of`]; [`evidence`] explains a cell.

mod cell;
mod evidence;
mod grid;
mod like;
mod pairs;
mod reasons;
mod states;
mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

use ringfence_policy::Engine;

use crate::workload::{Groups, Unit};

pub use cell::{Cell, Status, Summary};
pub use evidence::{Evidence, evidence};
use grid::Grid;
pub use like::another;
pub(crate) use like::pair;
pub(crate) use pairs::{Single, pairs, single};
pub(crate) use reasons::{Ends, by_reason, judged};
pub(crate) use table::{ReachNumber, Reaches, Table, Traits};

/// What each of `sources` may open to each of `destinations`.
///
/// Equal cells are kept once, so a matrix of thousands of units takes four bytes for each pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matrix {
    /// The rows, each once.
    pub sources: Vec<Unit>,
    /// The columns, each once.
    pub destinations: Vec<Unit>,
    grid: Grid,
    /// Of which sources a node runs pods of the destinations.
    own_pods: Vec<bool>,
    rows: BTreeMap<Unit, usize>,
    columns: BTreeMap<Unit, usize>,
}

impl Matrix {
    /// The cells of `sources` and `destinations`, units of `groups`.
    #[must_use]
    pub fn of(
        engine: &Engine,
        groups: &Groups,
        sources: Vec<Unit>,
        destinations: Vec<Unit>,
    ) -> Self {
        Self::with(engine, groups, (sources, destinations), Single::MeetsNobody)
    }

    pub(crate) fn with(
        engine: &Engine,
        groups: &Groups,
        (sources, destinations): (Vec<Unit>, Vec<Unit>),
        single: Single,
    ) -> Self {
        let homes = groups.homes(engine.cluster(), &destinations);
        let own_pods = sources.iter().map(|unit| groups.is_home(unit, &homes));
        Self {
            own_pods: own_pods.collect(),
            grid: Grid::of(engine, groups, (&sources, &destinations), single),
            rows: places(&sources),
            columns: places(&destinations),
            sources,
            destinations,
        }
    }

    /// What `source` may open to `destination`. `None` if policy has no say: there are no two different members, or
    /// neither end is a pod, or a node is asked about pods on it.
    ///
    /// Of several nodes each is judged with the pods that are not on it.
    #[must_use]
    pub fn cell(&self, source: &Unit, destination: &Unit) -> Option<&Cell> {
        let (row, column) = (self.rows.get(source)?, self.columns.get(destination)?);
        self.grid.cell(*row, *column)
    }

    /// Whether a node of `source` runs pods of the destinations. It always reaches them, whatever policies say (rule
    /// NP-50), and no cell tells of it.
    #[must_use]
    pub fn has_own_pods(&self, source: &Unit) -> bool {
        let row = self.rows.get(source);
        row.and_then(|row| self.own_pods.get(*row)).copied() == Some(true)
    }

    /// What `source` may open to each destination, in their order and as [`Self::cell`] says it.
    pub fn row(&self, source: &Unit) -> impl Iterator<Item = (&Unit, Option<&Cell>)> {
        let row = self.rows.get(source).copied();
        let destinations = self.destinations.iter().enumerate();
        destinations.map(move |(column, destination)| {
            let cell = row.and_then(|row| self.grid.cell(row, column));
            (destination, cell)
        })
    }

    /// The same without the destinations, as cells that many share.
    pub(crate) fn shared_row(&self, source: &Unit) -> impl Iterator<Item = Option<&Arc<Cell>>> {
        let row = self.rows.get(source).copied();
        let columns = 0..self.destinations.len();
        columns.map(move |column| row.and_then(|row| self.grid.shared(row, column)))
    }

    /// Every cell that differs from others, by number; `None` where policy has no say. Some may stand nowhere.
    pub fn distinct_cells(&self) -> impl Iterator<Item = Option<&Cell>> {
        self.grid.distinct()
    }

    /// The same as [`Self::cells`], for those to whom it is too slow to look at each of millions of cells: of each source, in
    /// order, the number of its cell among [`Self::distinct_cells`] by the place of the destination.
    pub fn numbered_rows(&self) -> impl Iterator<Item = (&Unit, &[u32])> {
        let rows = self.rows.iter();
        rows.map(|(source, row)| (source, self.grid.numbers(*row)))
    }

    /// The destinations in order, each with its place.
    pub fn columns(&self) -> impl Iterator<Item = (&Unit, usize)> {
        self.columns.iter().map(|(unit, place)| (unit, *place))
    }

    /// Every cell, row by row, rows and columns in the order of units.
    pub fn cells(&self) -> impl Iterator<Item = (&Unit, &Unit, &Cell)> {
        self.rows.iter().flat_map(move |(source, row)| {
            let columns = self.columns.iter();
            columns.filter_map(move |(destination, column)| {
                let cell = self.grid.cell(*row, *column)?;
                Some((source, destination, cell))
            })
        })
    }
}

/// The place of each unit.
fn places(units: &[Unit]) -> BTreeMap<Unit, usize> {
    units.iter().cloned().zip(0..).collect()
}
