use ringfence_net::ConnectionSet;
use ringfence_policy::{Engine, Reach};
use serde::Serialize;

use super::{Single, pairs};
use crate::workload::{Groups, Unit};

/// What the members of one unit may open to those of another, over every pair of two members, and over each address
/// family that the two have. The three sets are disjoint; what is in none of them is denied to every pair.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Cell {
    /// What every pair may open.
    #[serde(skip_serializing_if = "ConnectionSet::is_empty")]
    pub all: ConnectionSet,
    /// What at least one pair may open, and not every one for certain.
    #[serde(skip_serializing_if = "ConnectionSet::is_empty")]
    pub some: ConnectionSet,
    /// What no pair may open for certain, and at least one perhaps: it depends on an address that is not known
    /// (rule AM-22).
    #[serde(skip_serializing_if = "ConnectionSet::is_empty")]
    pub unknown: ConnectionSet,
}

/// What may come of one connection in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Denied to every pair.
    Denied,
    /// Allowed to no pair for certain.
    Unknown,
    /// Allowed to some pairs, or in one of their families.
    Some,
    /// Allowed to every pair.
    All,
}

impl Status {
    /// From what is denied to what is allowed to all.
    pub const ALL: [Self; 4] = [Self::Denied, Self::Unknown, Self::Some, Self::All];
}

/// A cell in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Summary {
    /// Every pair may open everything.
    All,
    /// Every pair may open the same part of it.
    Ports,
    /// Some pairs may open more than others.
    Partial,
    /// Something depends on an address that is not known.
    Unknown,
    /// Nothing may be opened.
    Nothing,
}

impl Summary {
    /// From everything to nothing.
    pub const ALL: [Self; 5] = [
        Self::All,
        Self::Ports,
        Self::Partial,
        Self::Unknown,
        Self::Nothing,
    ];

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Ports => "ports",
            Self::Partial => "partial",
            Self::Unknown => "unknown",
            Self::Nothing => "nothing",
        }
    }
}

impl Cell {
    /// What the first of `units` may open to the second; `None` if they have no pair that policy has a say in. For
    /// many units make a [`super::Matrix`].
    #[must_use]
    pub fn between(engine: &Engine, groups: &Groups, units: (&Unit, &Unit)) -> Option<Self> {
        let pairs = pairs(engine, groups, units, Single::MeetsNobody);
        Self::over(pairs.map(|pair| pair.reach(engine)))
    }

    /// The cell in which no pair may open anything.
    #[must_use]
    pub const fn nothing() -> Self {
        Self {
            all: ConnectionSet::none(),
            some: ConnectionSet::none(),
            unknown: ConnectionSet::none(),
        }
    }

    /// The cell of pairs with these reaches; `None` if there is no pair.
    pub(crate) fn over(mut reaches: impl Iterator<Item = Reach>) -> Option<Self> {
        let first = reaches.next()?;
        let mut all = first.allowed.clone();
        let mut any = first.allowed;
        let mut perhaps = first.unknown;
        for reach in reaches {
            all = all.intersection(&reach.allowed);
            any = any.union(&reach.allowed);
            perhaps = perhaps.union(&reach.unknown);
        }
        Some(Self {
            some: any.difference(&all),
            unknown: perhaps.difference(&any),
            all,
        })
    }

    /// The connections with this status.
    #[must_use]
    pub fn with(&self, status: Status) -> ConnectionSet {
        match status {
            Status::All => self.all.clone(),
            Status::Some => self.some.clone(),
            Status::Unknown => self.unknown.clone(),
            Status::Denied => self.all.union(&self.some).union(&self.unknown).complement(),
        }
    }

    /// Of each connection the more that either cell says.
    pub(crate) fn or(&self, other: &Self) -> Self {
        let all = self.all.union(&other.all);
        let some = self.some.union(&other.some).difference(&all);
        let unknown = self.unknown.union(&other.unknown);
        Self {
            unknown: unknown.difference(&all).difference(&some),
            all,
            some,
        }
    }

    /// The cell in one word. A refusal that is certain for everything is the only `Nothing`.
    #[must_use]
    pub fn summary(&self) -> Summary {
        if self.all.is_all() {
            Summary::All
        } else if !self.some.is_empty() {
            Summary::Partial
        } else if !self.unknown.is_empty() {
            Summary::Unknown
        } else if self.all.is_empty() {
            Summary::Nothing
        } else {
            Summary::Ports
        }
    }

    /// Whether every connection is denied to every pair.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.summary() == Summary::Nothing
    }
}
