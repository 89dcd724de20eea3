use std::cmp::Ordering;

use ringfence_net::ConnectionSet;
use ringfence_policy::Reach;

use super::Kind;
use crate::matrix::{Cell, Status};

/// What changes from one set of possibilities to another. Disjoint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Transition {
    opened: ConnectionSet,
    may_open: ConnectionSet,
    closed: ConnectionSet,
    may_close: ConnectionSet,
}

impl Transition {
    /// Nothing changes.
    pub(crate) const fn none() -> Self {
        Self {
            opened: ConnectionSet::none(),
            may_open: ConnectionSet::none(),
            closed: ConnectionSet::none(),
            may_close: ConnectionSet::none(),
        }
    }

    /// Between the same two ends.
    pub(crate) fn between_reaches(before: &Reach, after: &Reach) -> Self {
        if before == after {
            return Self::none();
        }
        let as_cell = |reach: &Reach| Cell {
            all: reach.allowed.clone(),
            some: ConnectionSet::none(),
            unknown: reach.unknown.clone(),
        };
        Self::between_cells(&as_cell(before), &as_cell(after))
    }

    /// Between the same two units.
    pub(crate) fn between_cells(before: &Cell, after: &Cell) -> Self {
        let mut transition = Self::none();
        for from in Status::ALL {
            for to in Status::ALL {
                if let Some(kind) = kind(from, to) {
                    transition.add(kind, &before.with(from).intersection(&after.with(to)));
                }
            }
        }
        transition
    }

    /// The connections that change in this way.
    #[must_use]
    pub(crate) const fn of(&self, kind: Kind) -> &ConnectionSet {
        match kind {
            Kind::Opened => &self.opened,
            Kind::MayOpen => &self.may_open,
            Kind::Closed => &self.closed,
            Kind::MayClose => &self.may_close,
        }
    }

    /// Adds `connections` to those that change in this way.
    pub(crate) fn add(&mut self, kind: Kind, connections: &ConnectionSet) {
        let set = match kind {
            Kind::Opened => &mut self.opened,
            Kind::MayOpen => &mut self.may_open,
            Kind::Closed => &mut self.closed,
            Kind::MayClose => &mut self.may_close,
        };
        *set = set.union(connections);
    }
}

/// In which way a connection changes; `None` if it does not.
fn kind(from: Status, to: Status) -> Option<Kind> {
    let more = |lower: Status, higher: Status| {
        if lower == Status::Unknown || higher == Status::Unknown {
            Kind::MayOpen
        } else {
            Kind::Opened
        }
    };
    match from.cmp(&to) {
        Ordering::Less => Some(more(from, to)),
        Ordering::Equal => None,
        Ordering::Greater => Some(more(to, from).mirrored()),
    }
}
