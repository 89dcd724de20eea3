//! Ways through a cluster in several steps, and the fewest rules without which there is none.
//!
//! Whoever takes over a pod can open what the pod may open: a way is a chain of such steps. Start with [`shortest`] and
//! [`cut`].

mod cut;
mod hitting;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use ringfence_policy::Engine;

use crate::matrix::{Cell, Evidence, Matrix, Status, evidence};
use crate::workload::{Groups, Unit};

pub use cut::{Cut, RemovedRule, Uncut, cut};

/// One step of a way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Who opens the connection.
    pub from: Unit,
    /// Who accepts it.
    pub to: Unit,
    /// What at least one pair of their members may open.
    pub cell: Cell,
    /// One such connection.
    pub evidence: Evidence,
}

impl Step {
    /// Whether it can be made for certain, and not only if an address that is not known is one of some (rule AM-22).
    #[must_use]
    pub fn is_certain(&self) -> bool {
        self.evidence.status != Status::Unknown
    }
}

/// The shortest way from any of `sources` to any of `destinations`; of several the first in the order of units. All
/// steps but the first begin at pods: neither nodes nor the outside are passed through. A way with steps that are not certain
/// is found only if there is no other. `None` if there is no way for certain.
#[must_use]
pub fn shortest(
    engine: &Engine,
    groups: &Groups,
    sources: &BTreeSet<Unit>,
    destinations: &BTreeSet<Unit>,
) -> Option<Vec<Step>> {
    let opened_by = |opens| shortest_by(engine, groups, (sources, destinations), opens);
    opened_by(opens).or_else(|| opened_by(may_open))
}

/// The shortest way over cells that open as `opens` says.
fn shortest_by(
    engine: &Engine,
    groups: &Groups,
    (sources, destinations): (&BTreeSet<Unit>, &BTreeSet<Unit>),
    opens: fn(&Cell) -> bool,
) -> Option<Vec<Step>> {
    let starts = sources.iter().map(|source| (source.clone(), None));
    let mut came_from: BTreeMap<Unit, Option<Unit>> = starts.collect();
    let mut level: Vec<Unit> = sources.iter().cloned().collect();
    while !level.is_empty() {
        let left = groups.units().filter(|unit| !came_from.contains_key(*unit));
        let matrix = Matrix::of(engine, groups, level.clone(), left.cloned().collect());
        let mut next_level = Vec::new();
        for here in level {
            for next in &matrix.destinations {
                if came_from.contains_key(next) || !matrix.cell(&here, next).is_some_and(opens) {
                    continue;
                }
                came_from.insert(next.clone(), Some(here.clone()));
                if destinations.contains(next) {
                    return steps(engine, groups, &came_from, next);
                }
                if is_passed_through(next) {
                    next_level.push(next.clone());
                }
            }
        }
        level = next_level;
    }
    None
}

fn opens(cell: &Cell) -> bool {
    !cell.all.is_empty() || !cell.some.is_empty()
}

fn may_open(cell: &Cell) -> bool {
    opens(cell) || !cell.unknown.is_empty()
}

const fn is_passed_through(unit: &Unit) -> bool {
    match unit {
        Unit::Workload { .. } | Unit::Namespace(_) | Unit::Zone(_) => true,
        Unit::Nodes | Unit::Node(_) | Unit::Place(_) => false,
    }
}

/// The way to `end` by which the search came, with a connection for each step.
fn steps(
    engine: &Engine,
    groups: &Groups,
    came_from: &BTreeMap<Unit, Option<Unit>>,
    end: &Unit,
) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut to = end;
    while let Some(Some(from)) = came_from.get(to) {
        steps.push(step(engine, groups, from, to)?);
        to = from;
    }
    steps.reverse();
    Some(steps)
}

fn step(engine: &Engine, groups: &Groups, from: &Unit, to: &Unit) -> Option<Step> {
    let cell = Cell::between(engine, groups, (from, to))?;
    let shown = evidence(engine, groups, (from, to), &cell);
    // What is certain comes first.
    let mut shown = shown.into_iter();
    let evidence = shown.find(|shown| shown.status != Status::Denied)?;
    Some(Step {
        from: from.clone(),
        to: to.clone(),
        cell,
        evidence,
    })
}
