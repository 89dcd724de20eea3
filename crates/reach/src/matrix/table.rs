//! What may be opened between classes, by numbers that are cheap to compare.

use std::collections::BTreeMap;

use ringfence_policy::{ClassId, ClassSet, Engine, Reach, Row, SharedFamily};

/// The number of a [`Reach`] among [`Reaches`].
pub(crate) type ReachNumber = u32;

/// Every [`Reach`] that occurs, by number. That of nothing is 0.
#[derive(Debug)]
pub(crate) struct Reaches {
    list: Vec<Reach>,
    numbers: BTreeMap<Reach, ReachNumber>,
}

impl Reaches {
    pub(crate) fn new() -> Self {
        let mut reaches = Self {
            list: Vec::new(),
            numbers: BTreeMap::new(),
        };
        reaches.number(&Reach::none());
        reaches
    }

    fn number(&mut self, reach: &Reach) -> ReachNumber {
        if let Some(number) = self.numbers.get(reach) {
            return *number;
        }
        let number = ReachNumber::try_from(self.list.len()).unwrap_or(ReachNumber::MAX);
        self.list.push(reach.clone());
        self.numbers.insert(reach.clone(), number);
        number
    }

    /// The numbers of a row, by the place of each class; classes without a place have 0.
    pub(crate) fn spread(&mut self, row: &Row) -> Vec<ReachNumber> {
        let last = row.cells.iter().filter_map(|(_, classes)| classes.last());
        let bound = last.map(|class| class.index() + 1).max();
        let mut numbers = vec![0; bound.unwrap_or_default()];
        for (reach, classes) in &row.cells {
            let number = self.number(reach);
            for class in classes.iter() {
                if let Some(place) = numbers.get_mut(class.index()) {
                    *place = number;
                }
            }
        }
        numbers
    }

    pub(crate) fn reach(&self, number: ReachNumber) -> Reach {
        let known = self.list.get(number as usize);
        known.cloned().unwrap_or_else(Reach::none)
    }
}

/// The rows of some classes of one engine, in each family that makes a difference.
#[derive(Debug)]
pub(crate) struct Table {
    first: Rows,
    second: Option<Rows>,
}

/// The rows of one family.
#[derive(Debug)]
struct Rows {
    /// Each row that differs from others.
    rows: Vec<Vec<ReachNumber>>,
    /// Which row a class has.
    row_of: Vec<Option<usize>>,
}

impl Table {
    /// The rows of `sources`.
    pub(crate) fn of(engine: &Engine, sources: &ClassSet, reaches: &mut Reaches) -> Self {
        let mut rows = |shared| Rows::of(engine, shared, sources, reaches);
        let has_second = engine.shared_families().contains(&SharedFamily::Second);
        Self {
            first: rows(SharedFamily::First),
            second: has_second.then(|| rows(SharedFamily::Second)),
        }
    }

    /// Whether a family beside the first makes a difference.
    pub(crate) const fn has_second(&self) -> bool {
        self.second.is_some()
    }

    /// What one of the sources may open to `destination` in a family that both have.
    pub(crate) fn number(
        &self,
        shared: SharedFamily,
        source: ClassId,
        destination: ClassId,
    ) -> ReachNumber {
        let second = match shared {
            SharedFamily::First => None,
            SharedFamily::Second => self.second.as_ref(),
        };
        second.unwrap_or(&self.first).number(source, destination)
    }
}

impl Rows {
    fn of(
        engine: &Engine,
        shared: SharedFamily,
        sources: &ClassSet,
        reaches: &mut Reaches,
    ) -> Self {
        let bound = sources.last().map_or(0, |class| class.index() + 1);
        let mut found = Self {
            rows: Vec::new(),
            row_of: vec![None; bound],
        };
        engine.for_each_row_in(shared, sources, |classes, row| {
            for class in classes.iter() {
                if let Some(place) = found.row_of.get_mut(class.index()) {
                    *place = Some(found.rows.len());
                }
            }
            found.rows.push(reaches.spread(row));
        });
        found
    }

    fn number(&self, source: ClassId, destination: ClassId) -> ReachNumber {
        let row = self.row_of.get(source.index()).copied().flatten();
        let row = row.and_then(|row| self.rows.get(row));
        let number = row.and_then(|row| row.get(destination.index()));
        number.copied().unwrap_or_default()
    }
}
