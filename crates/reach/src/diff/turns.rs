//! What becomes of what may be opened, by numbers: of millions of pairs few turn in another way.

use std::collections::BTreeMap;

use super::Transition;
use crate::matrix::{ReachNumber, Reaches};

/// The number of a [`Transition`] among [`Turns`].
pub(super) type Turn = usize;

/// Nothing changes.
pub(super) const NONE: Turn = 0;

/// Every [`Transition`] that occurs, by number.
#[derive(Debug)]
pub(super) struct Turns {
    list: Vec<Transition>,
    numbers: BTreeMap<Transition, Turn>,
    /// Those between two reaches.
    between: BTreeMap<[ReachNumber; 2], Turn>,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self {
            list: vec![Transition::none()],
            numbers: BTreeMap::from([(Transition::none(), NONE)]),
            between: BTreeMap::new(),
        }
    }

    pub(super) fn number(&mut self, transition: Transition) -> Turn {
        let next = self.list.len();
        let list = &mut self.list;
        *self.numbers.entry(transition).or_insert_with_key(|new| {
            list.push(new.clone());
            next
        })
    }

    /// From the first of two reaches to the second.
    pub(super) fn between(&mut self, numbers: [ReachNumber; 2], reaches: &Reaches) -> Turn {
        let [before, after] = numbers;
        if before == after {
            return NONE;
        }
        if let Some(known) = self.between.get(&numbers) {
            return *known;
        }
        let (before, after) = (reaches.reach(before), reaches.reach(after));
        let turn = self.number(Transition::between_reaches(&before, &after));
        self.between.insert(numbers, turn);
        turn
    }

    pub(super) fn transition(&self, turn: Turn) -> Transition {
        let known = self.list.get(turn);
        known.cloned().unwrap_or_else(Transition::none)
    }
}
