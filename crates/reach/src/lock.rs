//! What may be opened in a cluster as a file to keep beside its manifests.
//!
//! Canonical, so that equal connectivity gives equal bytes; one line for each pair of units, so that changes of two
//! branches merge; nothing in it that changes by itself. The grammar is that of [`Lock`]'s `FromStr`.

mod cells;
mod parse;
mod print;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ringfence_net::ConnectionSet;
use ringfence_policy::Engine;

use crate::diff::doubt::{Accepted, accepted};
use crate::diff::hosts::on_hosts;
use crate::imagined::{Imagined, is_imagined};
use crate::matrix::{Cell, Matrix, Single};
use crate::workload::{Groups, Outside, Place, Unit, overlay};
use cells::Cells;

pub use parse::LockError;
pub use print::HEADER;

/// Which units there are, and what each may open to each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    pub(crate) units: BTreeSet<Unit>,
    /// Without those in which nothing may be opened.
    pub(crate) cells: Cells,
    /// Workloads with pods on the network of their nodes, where no policy holds them (rules NP-53, CN-2).
    pub(crate) hosts: BTreeSet<Unit>,
    /// What workloads may open to names of which nobody knows all addresses (rule AM-19).
    pub(crate) names: Accepted,
}

impl Lock {
    /// What the units of `groups`, which group the cluster of `engine`, may open. A workload of one pod is taken as if
    /// it had a second one, so that scaling changes nothing.
    #[must_use]
    pub fn of(engine: &Engine, groups: &Groups) -> Self {
        let units: Vec<Unit> = groups.units().cloned().collect();
        let shared: Vec<Arc<Unit>> = units.iter().cloned().map(Arc::new).collect();
        let both = (units.clone(), units);
        let matrix = Matrix::with(engine, groups, both, Single::MeetsItsLike);
        let mut cells = Cells::default();
        for source in &shared {
            let row = matrix.shared_row(source).zip(&shared);
            let row = row.filter_map(|(cell, destination)| {
                let cell = cell.filter(|cell| !cell.is_nothing())?;
                Some((Arc::clone(destination), Arc::clone(cell)))
            });
            cells.insert_row(Arc::clone(source), row);
        }
        Self {
            units: matrix.sources.into_iter().collect(),
            cells,
            hosts: on_hosts(engine.cluster()).into_keys().collect(),
            names: accepted(engine, groups),
        }
    }

    /// The same with pods that rules of the cluster of `engine` name and that it does not hold, where these rules open
    /// anything from or to them.
    #[must_use]
    pub fn with_imagined(mut self, engine: &Engine) -> Self {
        for ((source, destination), cell) in Imagined::opened(engine) {
            self.units.extend([source.clone(), destination.clone()]);
            let units = (Arc::new(source), Arc::new(destination));
            self.cells.insert(units.0, units.1, Arc::new(cell));
        }
        self
    }

    /// What this one or `other`, which has the same places, says may be opened.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        for (source, destination, cell) in other.cells.iter() {
            let cell = match self.cells.get(source, destination) {
                Some(known) if known == cell => continue,
                Some(known) => Arc::new(known.or(cell)),
                None => Arc::clone(cell),
            };
            let units = (Arc::clone(source), Arc::clone(destination));
            self.cells.insert(units.0, units.1, cell);
        }
        self.units.extend(other.units);
        self.hosts.extend(other.hosts);
        for (key, connections) in other.names {
            let known = self.names.entry(key).or_insert_with(ConnectionSet::none);
            *known = known.union(&connections);
        }
        self
    }

    /// Whether it says anything of pods that manifests do not hold. Files of earlier versions never do.
    #[must_use]
    pub fn names_absent_pods(&self) -> bool {
        self.units.iter().any(is_imagined)
    }

    /// Whether anything depends on an address that is not known (rule AM-22).
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        let mut cells = self.cells.iter();
        cells.any(|(_, _, cell)| !cell.unknown.is_empty())
    }

    /// What `source` may open to `destination`; nothing if the lock does not say so.
    #[must_use]
    pub fn cell(&self, source: &Unit, destination: &Unit) -> Cell {
        let cell = self.cells.get(source, destination);
        cell.map_or_else(Cell::nothing, |cell| Cell::clone(cell))
    }

    /// How it divides the outside.
    #[must_use]
    pub fn outside(&self) -> Outside {
        Outside::from_places(self.places())
    }

    /// The same with the places of `outside`, which is as fine as its own.
    #[must_use]
    pub fn refined(&self, outside: &Outside) -> Self {
        let finer = self.finer(outside);
        let refine = |unit: &Unit| -> Vec<Arc<Unit>> {
            match finer.get(unit) {
                Some(places) => places.iter().cloned().map(Arc::new).collect(),
                None if unit.is_place() => Vec::new(),
                None => vec![Arc::new(unit.clone())],
            }
        };
        let refined = self.units.iter().map(|unit| (unit, refine(unit)));
        let refined: BTreeMap<&Unit, Vec<Arc<Unit>>> = refined.collect();
        let units = refined.values().flatten();
        let units = units.map(|unit| Unit::clone(unit)).collect();
        let mut cells = Cells::default();
        for (source, destination, cell) in self.cells.iter() {
            let ends = [source, destination].map(|unit| refined.get(&**unit));
            let [sources, destinations] = ends.map(|units| units.into_iter().flatten());
            for source in sources {
                for destination in destinations.clone() {
                    let units = (Arc::clone(source), Arc::clone(destination));
                    cells.insert(units.0, units.1, Arc::clone(cell));
                }
            }
        }
        Self {
            units,
            cells,
            hosts: self.hosts.clone(),
            names: self.names.clone(),
        }
    }

    fn places(&self) -> impl Iterator<Item = &Place> {
        self.units.iter().filter_map(|unit| match unit {
            Unit::Place(place) => Some(place),
            Unit::Workload { .. }
            | Unit::Namespace(_)
            | Unit::Zone(_)
            | Unit::Nodes
            | Unit::Node(_) => None,
        })
    }

    /// The places of `outside` that each of its own consists of.
    fn finer(&self, outside: &Outside) -> BTreeMap<Unit, BTreeSet<Unit>> {
        let mut finer: BTreeMap<Unit, BTreeSet<Unit>> = BTreeMap::new();
        for (_, (own, other)) in overlay(&self.outside().places(), &outside.places()) {
            let own = finer.entry(Unit::Place(own)).or_default();
            own.insert(Unit::Place(other));
        }
        finer
    }
}
