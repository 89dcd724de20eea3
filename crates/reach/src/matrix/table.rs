//! What may be opened between classes, by numbers that are cheap to compare.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use ringfence_policy::{ClassId, ClassSet, Engine, Reach, Row, SharedFamily};

/// The number of a [`Reach`] among [`Reaches`].
pub(crate) type ReachNumber = u32;

/// Every [`Reach`] that occurs, by number. That of nothing is 0.
#[derive(Clone, Debug)]
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
    /// The number of each class's column among those that differ; empty if there is too much to compare.
    columns: OnceLock<Vec<usize>>,
}

/// As many numbers are compared to find out which columns are the same.
const MOST_COMPARED: usize = 20_000_000;

/// What a table knows of a class: classes of which it is the same are the same in every question. The class itself counts
/// where columns are not compared.
pub(crate) type Traits = [(Option<usize>, Result<usize, ClassId>); 2];

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

    pub(crate) fn traits(&self, class: ClassId) -> Traits {
        let of = |rows: &Rows| {
            let row = rows.row_of.get(class.index()).copied().flatten();
            let columns = rows.columns.get_or_init(|| columns(&rows.rows));
            let column = match columns.get(class.index()) {
                Some(column) => Ok(*column),
                None => Err(class),
            };
            (row, column)
        };
        [
            of(&self.first),
            of(self.second.as_ref().unwrap_or(&self.first)),
        ]
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
            columns: OnceLock::new(),
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

/// The number of each class's column among those that differ.
fn columns(rows: &[Vec<ReachNumber>]) -> Vec<usize> {
    let width = rows.iter().map(Vec::len).max().unwrap_or_default();
    if rows.len().saturating_mul(width) > MOST_COMPARED {
        return Vec::new();
    }
    let mut numbers: BTreeMap<Vec<ReachNumber>, usize> = BTreeMap::new();
    let columns = (0..width).map(|class| {
        let column = rows
            .iter()
            .map(|row| row.get(class).copied().unwrap_or_default());
        let next = numbers.len();
        *numbers.entry(column.collect()).or_insert(next)
    });
    columns.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_to_which_every_row_opens_the_same_have_one_column() {
        let rows = [vec![0, 1, 1], vec![2, 3, 3, 0]];
        assert_eq!(columns(&rows), [0, 1, 1, 2]);
        assert!(columns(&[]).is_empty());
    }
}
