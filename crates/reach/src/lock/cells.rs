//! What a lock says of pairs of units. Of thousands of pods by themselves there are millions, of which few differ.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::matrix::Cell;
use crate::workload::Unit;

/// Cells by their source and destination; a unit and a cell are there once for all pairs that have them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cells(BTreeMap<Arc<Unit>, Row>);

/// What a unit may open, by destination.
type Row = BTreeMap<Arc<Unit>, Arc<Cell>>;

impl Cells {
    /// What there was of these two before.
    pub(crate) fn insert(
        &mut self,
        source: Arc<Unit>,
        destination: Arc<Unit>,
        cell: Arc<Cell>,
    ) -> Option<Arc<Cell>> {
        self.0.entry(source).or_default().insert(destination, cell)
    }

    /// Puts a whole row in.
    pub(super) fn insert_row(
        &mut self,
        source: Arc<Unit>,
        row: impl Iterator<Item = (Arc<Unit>, Arc<Cell>)>,
    ) {
        let row: Row = row.collect();
        if !row.is_empty() {
            self.0.insert(source, row);
        }
    }

    pub(crate) fn get(&self, source: &Unit, destination: &Unit) -> Option<&Arc<Cell>> {
        self.0.get(source)?.get(destination)
    }

    /// Every cell, in order of source and destination.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<Unit>, &Arc<Unit>, &Arc<Cell>)> {
        self.0.iter().flat_map(|(source, row)| {
            let row = row.iter();
            row.map(move |(destination, cell)| (source, destination, cell))
        })
    }

    /// The pairs that these or `others` have a cell of, in order.
    pub(crate) fn pairs_with<'c>(&'c self, others: &'c Self) -> Vec<(&'c Unit, &'c Unit)> {
        let mut pairs = Vec::new();
        for source in merged([Some(&self.0), Some(&others.0)]) {
            let destinations = merged([self, others].map(|cells| cells.0.get(source)));
            pairs.extend(destinations.into_iter().map(|unit| (source, unit)));
        }
        pairs
    }
}

/// The keys of both, each once and in order.
fn merged<T>(maps: [Option<&BTreeMap<Arc<Unit>, T>>; 2]) -> Vec<&Unit> {
    let keys = maps.into_iter().flatten().flat_map(BTreeMap::keys);
    let mut keys: Vec<&Unit> = keys.map(|unit| &**unit).collect();
    keys.sort();
    keys.dedup();
    keys
}
