use std::collections::BTreeMap;

use crate::class::{ClassId, ClassSet, Reach};

/// What one class may open to every other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What may be opened, and to which classes, in order of what may be opened. The sets are disjoint and not empty;
    /// to a class in none of them nothing may be opened.
    pub cells: Vec<(Reach, ClassSet)>,
}

impl Row {
    pub(crate) fn new(cells: BTreeMap<Reach, Vec<ClassSet>>) -> Self {
        let cells = cells.into_iter().filter(|(reach, _)| !reach.is_none());
        let cells = cells.map(|(reach, sets)| (reach, ClassSet::union_of(&sets)));
        Self {
            cells: cells.filter(|(_, classes)| !classes.is_empty()).collect(),
        }
    }

    /// What may be opened to `destination`.
    #[must_use]
    pub fn to(&self, destination: ClassId) -> Reach {
        let mut cells = self.cells.iter();
        let cell = cells.find(|(_, classes)| classes.contains(destination));
        cell.map_or_else(Reach::none, |(reach, _)| reach.clone())
    }
}
