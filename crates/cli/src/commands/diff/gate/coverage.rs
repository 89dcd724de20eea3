//! Which rows of allowed access are about which units, asked once for each unit.

use std::collections::BTreeMap;
use std::sync::Arc;

use ringfence_reach::diff::PairChange;
use ringfence_reach::workload::Unit;

use super::Allowances;
use crate::commands::matrix::pattern::World;

/// The places of rows, in order.
type Rows = Arc<[usize]>;

pub(super) struct Coverage<'a> {
    allowances: &'a Allowances,
    world: Option<World<'a>>,
    /// By unit: the rows that it may be the source of, and those that it may be the destination of.
    units: BTreeMap<*const Unit, [Rows; 2]>,
}

impl<'a> Coverage<'a> {
    pub(super) const fn of(allowances: &'a Allowances, world: Option<World<'a>>) -> Self {
        Self {
            allowances,
            world,
            units: BTreeMap::new(),
        }
    }

    /// The rows that are about all of both ends of `pair`.
    pub(super) fn covering(&mut self, pair: &PairChange) -> Vec<usize> {
        if self.allowances.entries().is_empty() {
            return Vec::new();
        }
        let [from, _] = self.rows(&pair.source);
        let [_, to] = self.rows(&pair.destination);
        let common = from.iter().filter(|row| to.binary_search(row).is_ok());
        common.copied().collect()
    }

    fn rows(&mut self, unit: &Arc<Unit>) -> [Rows; 2] {
        let (allowances, world) = (self.allowances, self.world);
        let known = self.units.entry(Arc::as_ptr(unit));
        let rows = known.or_insert_with(|| {
            let all = || allowances.entries().iter().enumerate();
            let from = all().filter(|(_, allowance)| allowance.covers_source(world, unit));
            let to = all().filter(|(_, allowance)| allowance.covers_destination(world, unit));
            [
                from.map(|(row, _)| row).collect(),
                to.map(|(row, _)| row).collect(),
            ]
        });
        rows.clone()
    }
}
