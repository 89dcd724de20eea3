//! The changes of a difference one by one.

use ringfence_reach::diff::{Change, Difference, Kind, PairChange};

/// One change, where it is and what it is between.
#[derive(Clone, Copy, Debug)]
pub(super) struct One<'a> {
    pub(super) pair: &'a PairChange,
    pub(super) change: &'a Change,
    /// The place of the pair in the difference.
    pub(super) place: usize,
    /// The place of the change among those of the pair.
    pub(super) number: usize,
}

impl<'a> One<'a> {
    /// The changes of the pair at `place`.
    pub(super) fn of_pair(
        place: usize,
        pair: &'a PairChange,
    ) -> impl Iterator<Item = Self> + use<'a> {
        let changes = pair.changes.iter().enumerate();
        changes.map(move |(number, change)| Self {
            pair,
            change,
            place,
            number,
        })
    }
}

/// Every change, pair by pair.
pub(super) fn changes(difference: &Difference) -> impl Iterator<Item = One<'_>> {
    let pairs = difference.pairs.iter().enumerate();
    pairs.flat_map(|(place, pair)| One::of_pair(place, pair))
}

/// Every change of one kind, pair by pair.
pub(super) fn of_kind(difference: &Difference, kind: Kind) -> impl Iterator<Item = One<'_>> {
    changes(difference).filter(move |one| one.change.kind == kind)
}
