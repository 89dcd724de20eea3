use std::collections::BTreeMap;

use crate::class::{ClassId, ClassSet, Reach};

/// What may be opened between one class and every other: from it, or to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// What may be opened, and with which classes, in order of what may be opened. The sets are disjoint and not
    /// empty; with a class in none of them nothing may be opened.
    pub cells: Vec<(Reach, ClassSet)>,
}

impl Row {
    pub(crate) fn new(cells: BTreeMap<Reach, Vec<ClassSet>>) -> Self {
        let cells = cells.into_iter().filter(|(reach, _)| !reach.is_none());
        let cells = cells.map(|(reach, mut sets)| match sets.pop() {
            Some(only) if sets.is_empty() => (reach, only),
            last => (reach, ClassSet::union_of(sets.iter().chain(&last))),
        });
        Self {
            cells: cells.filter(|(_, classes)| !classes.is_empty()).collect(),
        }
    }

    /// What may be opened with `other`.
    #[must_use]
    pub fn reach(&self, other: ClassId) -> Reach {
        let mut cells = self.cells.iter();
        let cell = cells.find(|(_, classes)| classes.contains(other));
        cell.map_or_else(Reach::none, |(reach, _)| reach.clone())
    }
}
