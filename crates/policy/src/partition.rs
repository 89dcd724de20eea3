use std::collections::BTreeMap;

use crate::class::{ClassId, ClassSet};

/// A value for every class. Classes with equal values are kept as one set, and those with the commonest value, the
/// `rest`, are not kept at all: a class that comes later has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Partition<T> {
    rest: T,
    /// Disjoint and not empty; none has the value of the rest.
    cells: BTreeMap<T, ClassSet>,
}

/// Some classes, or all, those that come later among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    All,
    Some(ClassSet),
}

impl<T: Ord + Clone> Partition<T> {
    /// `value` for every class.
    pub(crate) fn new(value: T) -> Self {
        Self {
            rest: value,
            cells: BTreeMap::new(),
        }
    }

    pub(crate) fn rest(&self) -> &T {
        &self.rest
    }

    /// Every value but that of the rest, with its classes.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (&T, &ClassSet)> {
        self.cells.iter()
    }

    pub(crate) fn at(&self, class: ClassId) -> &T {
        let mut cells = self.cells.iter();
        let cell = cells.find(|(_, classes)| classes.contains(class));
        cell.map_or(&self.rest, |(value, _)| value)
    }

    /// Changes the value of every class of `extent`.
    pub(crate) fn update(&mut self, extent: &Extent, change: impl Fn(&T) -> T) {
        match extent {
            Extent::All => *self = self.map(change),
            Extent::Some(classes) => self.update_some(classes, change),
        }
    }

    fn update_some(&mut self, classes: &ClassSet, change: impl Fn(&T) -> T) {
        let mut remaining = classes.clone();
        let mut moved: Vec<(T, ClassSet)> = Vec::new();
        self.cells.retain(|value, cell| {
            let common = cell.intersection(&remaining);
            if common.is_empty() {
                return true;
            }
            *cell = cell.difference(&common);
            remaining = remaining.difference(&common);
            moved.push((change(value), common));
            !cell.is_empty()
        });
        if !remaining.is_empty() {
            moved.push((change(&self.rest), remaining));
        }
        for (value, classes) in moved {
            if value != self.rest {
                let cell = self.cells.entry(value).or_default();
                *cell = cell.union(&classes);
            }
        }
    }

    /// The same classes with other values.
    pub(crate) fn map<U: Ord + Clone>(&self, change: impl Fn(&T) -> U) -> Partition<U> {
        let rest = change(&self.rest);
        let mut cells = Cells::default();
        for (value, classes) in &self.cells {
            cells.add(change(value), classes.clone());
        }
        Partition {
            cells: cells.without(&rest),
            rest,
        }
    }

    /// Whether every class of `classes` has the same value in both.
    pub(crate) fn agrees_on(&self, other: &Self, classes: &ClassSet) -> bool {
        let same = self.combine(other, |one, other| one == other);
        let of = |wanted: bool| {
            let cells = same.cells().filter(|(value, _)| **value == wanted);
            ClassSet::union_of(cells.map(|(_, classes)| classes))
        };
        if *same.rest() {
            of(false).is_disjoint(classes)
        } else {
            classes.difference(&of(true)).is_empty()
        }
    }

    /// For every class what comes of both its values.
    pub(crate) fn combine<U: Ord + Clone, V: Ord + Clone>(
        &self,
        other: &Partition<U>,
        both: impl Fn(&T, &U) -> V,
    ) -> Partition<V> {
        let mut cells = Cells::default();
        for (one, classes) in &self.cells {
            let mut remaining = classes.clone();
            for (two, others) in &other.cells {
                let common = classes.intersection(others);
                if !common.is_empty() {
                    remaining = remaining.difference(&common);
                    cells.add(both(one, two), common);
                }
            }
            cells.add(both(one, &other.rest), remaining);
        }
        let own = ClassSet::union_of(self.cells.values());
        for (two, others) in &other.cells {
            cells.add(both(&self.rest, two), others.difference(&own));
        }
        let rest = both(&self.rest, &other.rest);
        Partition {
            cells: cells.without(&rest),
            rest,
        }
    }
}

/// Cells while they are collected; several sets may have one value.
#[derive(Debug)]
struct Cells<T>(BTreeMap<T, Vec<ClassSet>>);

impl<T> Default for Cells<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Ord> Cells<T> {
    fn add(&mut self, value: T, classes: ClassSet) {
        if !classes.is_empty() {
            self.0.entry(value).or_default().push(classes);
        }
    }

    fn without(mut self, rest: &T) -> BTreeMap<T, ClassSet> {
        self.0.remove(rest);
        let cells = self.0.into_iter();
        cells
            .map(|(value, mut sets)| match sets.pop() {
                Some(only) if sets.is_empty() => (value, only),
                last => (value, ClassSet::union_of(sets.iter().chain(&last))),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(numbers: &[u32]) -> ClassSet {
        numbers.iter().copied().map(ClassId::new).collect()
    }

    fn values(partition: &Partition<u32>) -> Vec<u32> {
        (0..6)
            .map(|class| *partition.at(ClassId::new(class)))
            .collect()
    }

    fn with(partition: &mut Partition<u32>, numbers: &[u32], add: u32) {
        partition.update(&Extent::Some(set(numbers)), |value| value + add);
    }

    #[test]
    fn every_class_has_what_was_done_to_it() {
        let mut partition = Partition::new(0);
        with(&mut partition, &[0, 1, 2], 1);
        with(&mut partition, &[2, 3], 10);
        assert_eq!(values(&partition), [1, 1, 11, 10, 0, 0]);
        partition.update(&Extent::All, |value| value * 2);
        assert_eq!(values(&partition), [2, 2, 22, 20, 0, 0]);
        with(&mut partition, &[4, 5], 2);
        assert_eq!(values(&partition), [2, 2, 22, 20, 2, 2]);
        assert_eq!(partition.cells().count(), 3, "equal values are one cell");
        let halves = partition.map(|value| value / 20);
        assert_eq!(values(&halves), [0, 0, 1, 1, 0, 0]);
        assert_eq!(
            halves.cells().count(),
            1,
            "the value of the rest is no cell"
        );
    }

    #[test]
    fn two_partitions_combine_class_by_class() {
        let mut one = Partition::new(1);
        with(&mut one, &[0, 1], 1);
        let mut other = Partition::new(10);
        with(&mut other, &[1, 2], 10);
        assert!(one.agrees_on(&one.clone(), &set(&[0, 1, 2, 3])));
        assert!(!one.agrees_on(&other, &set(&[0])));
        let mut changed = one.clone();
        with(&mut changed, &[3], 1);
        assert!(one.agrees_on(&changed, &set(&[0, 1, 2])));
        assert!(!one.agrees_on(&changed, &set(&[2, 3])));
        let raised = one.map(|value| value.max(&2).to_owned());
        assert!(one.agrees_on(&raised, &set(&[0, 1])));
        assert!(!one.agrees_on(&raised, &set(&[1, 2])));
        let sum = one.combine(&other, |one, other| one + other);
        assert_eq!(values(&sum), [12, 22, 21, 11, 11, 11]);
        assert_eq!(*sum.rest(), 11);
    }
}
