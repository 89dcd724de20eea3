//! Rule Q-7: the addresses of an end, as far as policy can tell them apart.

use std::net::IpAddr;

use ringfence_net::Family;

use crate::atoms::{Atom, Atoms};
use crate::index::NodeIndex;

/// The first address of each family that an end has, in the order in which it prefers them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    first: Option<Located>,
    second: Option<Located>,
}

/// Where one address lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Located {
    pub(crate) atom: Atom,
    /// The address itself if the object of a node lists it (rule CN-35).
    pub(crate) of_node: Option<IpAddr>,
}

/// The families of an end in order of preference; none if no address is known (rule AM-22).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Families {
    Unknown,
    Only(Family),
    /// Both, this one first.
    Both(Family),
}

impl Place {
    /// Of an end with these addresses, of which the first of each family matters.
    pub(crate) fn new(
        addresses: impl IntoIterator<Item = IpAddr>,
        atoms: &Atoms,
        nodes: &NodeIndex,
    ) -> Self {
        let mut place = Self::default();
        for address in addresses {
            let located = Located {
                atom: atoms.of(address),
                of_node: nodes.is_of_object(address).then_some(address),
            };
            match place.first {
                None => place.first = Some(located),
                Some(first) if first.family() == located.family() => {}
                Some(_) => {
                    place.second = Some(located);
                    return place;
                }
            }
        }
        place
    }

    /// Of addresses that are nobody's.
    pub(crate) fn of_atom(atom: Atom) -> Self {
        let located = Located {
            atom,
            of_node: None,
        };
        Self {
            first: Some(located),
            second: None,
        }
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Located> {
        self.first.into_iter().chain(self.second)
    }

    pub(crate) fn families(self) -> Families {
        match (self.first, self.second) {
            (None, _) => Families::Unknown,
            (Some(only), None) => Families::Only(only.family()),
            (Some(first), Some(_)) => Families::Both(first.family()),
        }
    }
}

impl Located {
    pub(crate) fn family(self) -> Family {
        self.atom.family()
    }
}

impl Families {
    /// whether two ends have a family in common, or may have one.
    pub(crate) fn meet(self, other: Self) -> bool {
        match (self, other) {
            (Self::Only(one), Self::Only(other)) => one == other,
            (Self::Unknown | Self::Both(_), _) | (_, Self::Unknown | Self::Both(_)) => true,
        }
    }

    /// The family that an end prefers.
    pub(crate) fn first(self) -> Option<Family> {
        match self {
            Self::Unknown => None,
            Self::Only(family) | Self::Both(family) => Some(family),
        }
    }

    /// whether connections between two ends may take either family. An end of which no address is known goes along
    /// with one that has both (rule AM-22).
    pub(crate) const fn share_both(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::Both(_), Self::Both(_) | Self::Unknown) | (Self::Unknown, Self::Both(_))
        )
    }

    /// Whether there may be an end with which this one shares both.
    pub(crate) const fn may_share_both(self) -> bool {
        match self {
            Self::Unknown | Self::Both(_) => true,
            Self::Only(_) => false,
        }
    }

    /// The first of both.
    pub(crate) const fn preferred_of_both(self) -> Option<Family> {
        match self {
            Self::Both(first) => Some(first),
            Self::Unknown | Self::Only(_) => None,
        }
    }

    pub(crate) fn has(self, family: Family) -> bool {
        match self {
            Self::Unknown => false,
            Self::Only(only) => only == family,
            Self::Both(_) => true,
        }
    }
}
