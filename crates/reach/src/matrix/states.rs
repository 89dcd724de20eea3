//! What cells have seen of their pairs, by numbers: of millions of cells few are different.

use std::collections::BTreeMap;

use super::Cell;
use super::table::{ReachNumber, Reaches};

/// The number of a set of reaches among [`States`].
pub(super) type State = u32;

/// Sets of reaches, by number. That of a cell without pairs is 0.
#[derive(Debug)]
pub(super) struct States {
    /// Each in order.
    sets: Vec<Vec<ReachNumber>>,
    numbers: BTreeMap<Vec<ReachNumber>, State>,
    /// What a set becomes with one more reach.
    next: BTreeMap<(State, ReachNumber), State>,
    /// The sets of one reach, by its number.
    alone: Vec<State>,
}

impl States {
    pub(super) fn new() -> Self {
        Self {
            sets: vec![Vec::new()],
            numbers: BTreeMap::from([(Vec::new(), 0)]),
            next: BTreeMap::new(),
            alone: Vec::new(),
        }
    }

    /// The set `state` and `reach`.
    pub(super) fn with(&mut self, state: State, reach: ReachNumber) -> State {
        if state == 0 {
            return self.of_one(reach);
        }
        let has = |set: &Vec<ReachNumber>| set.binary_search(&reach).is_ok();
        if self.sets.get(state as usize).is_some_and(has) {
            return state;
        }
        if let Some(next) = self.next.get(&(state, reach)) {
            return *next;
        }
        let next = self.wider(state, reach);
        self.next.insert((state, reach), next);
        next
    }

    fn of_one(&mut self, reach: ReachNumber) -> State {
        let place = reach as usize;
        if self.alone.len() <= place {
            self.alone.resize(place + 1, 0);
        }
        match self.alone.get(place) {
            Some(state) if *state != 0 => *state,
            _ => {
                let state = self.wider(0, reach);
                if let Some(known) = self.alone.get_mut(place) {
                    *known = state;
                }
                state
            }
        }
    }

    fn wider(&mut self, state: State, reach: ReachNumber) -> State {
        let mut set = self.sets.get(state as usize).cloned().unwrap_or_default();
        let place = set.partition_point(|other| *other < reach);
        set.insert(place, reach);
        let new = State::try_from(self.sets.len()).unwrap_or(State::MAX);
        *self.numbers.entry(set.clone()).or_insert_with(|| {
            self.sets.push(set);
            new
        })
    }

    /// The cell of each set; `None` for the empty one.
    pub(super) fn cells(&self, reaches: &Reaches) -> Vec<Option<Cell>> {
        let cell = |set: &Vec<ReachNumber>| Cell::over(set.iter().map(|one| reaches.reach(*one)));
        self.sets.iter().map(cell).collect()
    }
}
