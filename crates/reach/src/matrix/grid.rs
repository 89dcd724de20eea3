//! Cells of many pairs of units at once, row by row of the engine.

use std::sync::Arc;

use ringfence_policy::{ClassSet, Engine, SharedFamily};

use super::pairs::single;
use super::states::{State, States};
use super::table::{ReachNumber, Reaches};
use super::{Cell, Single};
use crate::workload::{Groups, Part, Unit};

/// The cells of some units, by the places of source and destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    /// Each cell that differs from others.
    cells: Vec<Option<Arc<Cell>>>,
    /// Which of them stands where, row by row.
    states: Vec<State>,
    width: usize,
}

/// A part of a unit, and the place of the unit.
type Placed<'a> = (usize, &'a Part);

impl Grid {
    pub(super) fn of(
        engine: &Engine,
        groups: &Groups,
        (sources, destinations): (&[Unit], &[Unit]),
        single: Single,
    ) -> Self {
        let (rows, columns) = (placed(groups, sources), placed(groups, destinations));
        let mut filling = Filling {
            reaches: Reaches::new(),
            states: States::new(),
            shared: SharedFamily::First,
            width: destinations.len(),
            grid: vec![0; sources.len() * destinations.len()],
        };
        let by_class = by_class(&rows);
        let classes: ClassSet = rows.iter().map(|(_, part)| part.class).collect();
        for shared in engine.shared_families() {
            filling.shared = *shared;
            engine.for_each_row_in(*shared, &classes, |classes, row| {
                let numbers = filling.reaches.spread(row);
                let alike = classes
                    .iter()
                    .filter_map(|class| by_class.get(class.index()));
                for from in alike.flatten() {
                    filling.fill(*from, &columns, &numbers);
                    if single == Single::MeetsItsLike {
                        filling.fill_alike(*from, (sources, destinations), groups, &numbers);
                    }
                }
            });
        }
        Self {
            cells: {
                let cells = filling.states.cells(&filling.reaches).into_iter();
                cells.map(|cell| cell.map(Arc::new)).collect()
            },
            states: filling.grid,
            width: filling.width,
        }
    }

    /// Each cell that differs from others, by number.
    pub(super) fn distinct(&self) -> impl Iterator<Item = Option<&Cell>> {
        self.cells.iter().map(Option::as_deref)
    }

    /// The number of the cell in each column of a row, among those that are [`distinct`](Self::distinct).
    pub(super) fn numbers(&self, source: usize) -> &[State] {
        let first = source * self.width;
        self.states
            .get(first..first + self.width)
            .unwrap_or_default()
    }

    pub(super) fn cell(&self, source: usize, destination: usize) -> Option<&Cell> {
        self.shared(source, destination).map(|cell| &**cell)
    }

    pub(super) fn shared(&self, source: usize, destination: usize) -> Option<&Arc<Cell>> {
        if destination >= self.width {
            return None;
        }
        let state = self.states.get(source * self.width + destination)?;
        self.cells.get(*state as usize)?.as_ref()
    }
}

/// The parts of `units`.
fn placed<'a>(groups: &'a Groups, units: &[Unit]) -> Vec<Placed<'a>> {
    let parts = units.iter().enumerate();
    let parts =
        parts.flat_map(|(place, unit)| groups.parts(unit).iter().map(move |part| (place, part)));
    parts.collect()
}

/// `parts` by the place of their class.
fn by_class<'a>(parts: &[Placed<'a>]) -> Vec<Vec<Placed<'a>>> {
    let bound = parts.iter().map(|(_, part)| part.class.index() + 1).max();
    let mut by_class = vec![Vec::new(); bound.unwrap_or_default()];
    for placed in parts {
        if let Some(same) = by_class.get_mut(placed.1.class.index()) {
            same.push(*placed);
        }
    }
    by_class
}

struct Filling {
    reaches: Reaches,
    states: States,
    /// The family that is looked at.
    shared: SharedFamily,
    width: usize,
    grid: Vec<State>,
}

impl Filling {
    /// Adds what `from`, whose class has the row `numbers`, may open to each of `columns`.
    fn fill(&mut self, (row, from): Placed<'_>, columns: &[Placed<'_>], numbers: &[ReachNumber]) {
        let start = row * self.width;
        let Some(line) = self.grid.get_mut(start..start + self.width) else {
            return;
        };
        for (column, to) in columns {
            let meet = from.meets(to) && from.shares(self.shared, to);
            if let Some(state) = line.get_mut(*column).filter(|_| meet) {
                let number = numbers.get(to.class.index()).copied();
                *state = self.states.with(*state, number.unwrap_or_default());
            }
        }
    }

    /// Adds what the only pod of a workload may open to another one like it.
    fn fill_alike(
        &mut self,
        (row, from): Placed<'_>,
        (sources, destinations): (&[Unit], &[Unit]),
        groups: &Groups,
        numbers: &[ReachNumber],
    ) {
        let unit = sources.get(row).filter(|unit| unit.is_scaled());
        let is_alone = |unit: &&Unit| single(groups.parts(unit)).is_some();
        let Some(unit) = unit.filter(|unit| is_alone(unit) && from.shares(self.shared, from))
        else {
            return;
        };
        let column = destinations.iter().position(|other| other == unit);
        let place = column.and_then(|column| self.grid.get_mut(row * self.width + column));
        if let Some(state) = place {
            let number = numbers.get(from.class.index()).copied();
            *state = self.states.with(*state, number.unwrap_or_default());
        }
    }
}
