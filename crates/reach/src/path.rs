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
/// steps but the first begin at pods: neither nodes nor the outside are passed through. A unit that is a source and a
/// destination is reached by others; by other members of its own only if sources and destinations are the same. A way with steps that are not certain
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
    let mut search = Search {
        came_from: sources.iter().map(|unit| (unit.clone(), None)).collect(),
        both: sources & destinations,
        is_same: sources == destinations,
        looped: BTreeSet::new(),
        destinations,
    };
    let found = search.run(engine, groups, opens);
    // Others may lead where the search went round in a circle.
    let looped = search.looped.iter().filter_map(|unit| {
        let own = BTreeSet::from([unit.clone()]);
        shortest_by(engine, groups, (&(sources - &own), &own), opens)
    });
    found.into_iter().chain(looped).min_by_key(Vec::len)
}

/// A search for the shortest way, from all sources at once.
struct Search<'a> {
    /// By which unit each was reached; by none where the search began.
    came_from: BTreeMap<Unit, Option<Unit>>,
    destinations: &'a BTreeSet<Unit>,
    /// Those that are sources as well: they have to be reached by others, and are not passed through.
    both: BTreeSet<Unit>,
    /// Whether sources and destinations are the same, so that members of a unit that reach others of it count.
    is_same: bool,
    /// Those of both that were reached by what they had reached themselves.
    looped: BTreeSet<Unit>,
}

impl Search<'_> {
    fn run(
        &mut self,
        engine: &Engine,
        groups: &Groups,
        opens: fn(&Cell) -> bool,
    ) -> Option<Vec<Step>> {
        let mut level: Vec<Unit> = self.came_from.keys().cloned().collect();
        while !level.is_empty() {
            let left = groups.units().filter(|unit| self.is_left(unit)).cloned();
            let matrix = Matrix::of(engine, groups, level.clone(), left.collect());
            let mut next_level = Vec::new();
            for here in level {
                for next in &matrix.destinations {
                    if !self.is_left(next) || !matrix.cell(&here, next).is_some_and(opens) {
                        continue;
                    }
                    if self.both.contains(next) && !self.arrives(groups, &here, next) {
                        continue;
                    }
                    if self.destinations.contains(next) {
                        return self.steps(engine, groups, &here, next);
                    }
                    self.came_from.insert(next.clone(), Some(here.clone()));
                    if is_passed_through(next) {
                        next_level.push(next.clone());
                    }
                }
            }
            level = next_level;
        }
        None
    }

    fn is_left(&self, unit: &Unit) -> bool {
        !self.came_from.contains_key(unit) || self.both.contains(unit)
    }

    /// Whether the way to `here` and on to `end`, a source itself, is one of others.
    fn arrives(&mut self, groups: &Groups, here: &Unit, end: &Unit) -> bool {
        if here == end {
            return self.is_same;
        }
        let leads_to_another = self.is_same && groups.members(end).nth(1).is_some();
        let is_circle = self.start_of(here) == end && !leads_to_another;
        if is_circle {
            self.looped.insert(end.clone());
        }
        !is_circle
    }

    fn start_of<'u>(&'u self, unit: &'u Unit) -> &'u Unit {
        let mut start = unit;
        while let Some(Some(before)) = self.came_from.get(start) {
            start = before;
        }
        start
    }

    /// The way to `here` by which the search came, and on to `end`, with a connection for each step.
    fn steps(
        &self,
        engine: &Engine,
        groups: &Groups,
        here: &Unit,
        end: &Unit,
    ) -> Option<Vec<Step>> {
        let mut steps = vec![step(engine, groups, here, end)?];
        let mut to = here;
        while let Some(Some(from)) = self.came_from.get(to) {
            steps.push(step(engine, groups, from, to)?);
            to = from;
        }
        steps.reverse();
        Some(steps)
    }
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
