//! What every unit may open to every other, and the connections that show why.
//!
//! Start with [`Matrix::of`]; [`evidence`] explains a cell.

mod cell;
mod evidence;
mod pairs;
mod reasons;

use std::collections::BTreeMap;

use ringfence_policy::Engine;

use crate::workload::{Groups, Unit};

pub use cell::{Cell, Status, Summary};
pub use evidence::{Evidence, evidence};
pub(crate) use pairs::{Pair, Single, pairs};
pub(crate) use reasons::{Ends, by_reason, judged};

/// What each of `sources` may open to each of `destinations`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matrix {
    /// The rows, in order.
    pub sources: Vec<Unit>,
    /// The columns, in order.
    pub destinations: Vec<Unit>,
    cells: BTreeMap<(Unit, Unit), Cell>,
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
        let mut cells = BTreeMap::new();
        for source in &sources {
            for destination in &destinations {
                if let Some(cell) = Cell::between(engine, groups, (source, destination)) {
                    cells.insert((source.clone(), destination.clone()), cell);
                }
            }
        }
        Self {
            sources,
            destinations,
            cells,
        }
    }

    /// What `source` may open to `destination`. `None` if policy has no say: there are no two different members, or
    /// neither end is a pod.
    #[must_use]
    pub fn cell(&self, source: &Unit, destination: &Unit) -> Option<&Cell> {
        self.cells.get(&(source.clone(), destination.clone()))
    }

    /// Every cell, row by row.
    pub fn cells(&self) -> impl Iterator<Item = (&Unit, &Unit, &Cell)> {
        let cells = self.cells.iter();
        cells.map(|((source, destination), cell)| (source, destination, cell))
    }
}
