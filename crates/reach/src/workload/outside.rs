use std::collections::BTreeSet;

use ipnet::IpNet;
use ringfence_model::Cluster;
use ringfence_net::Family;

use super::place::{families, named_blocks, partition};
use super::{Place, Span};

/// Into which places the outside of a cluster is divided: by the blocks that its policies name, in the families that
/// it has addresses of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    blocks: BTreeSet<IpNet>,
    families: BTreeSet<Family>,
}

impl Outside {
    /// The outside as `cluster` sees it.
    #[must_use]
    pub fn of(cluster: &Cluster) -> Self {
        Self {
            blocks: named_blocks(cluster),
            families: families(cluster),
        }
    }

    /// No place at all.
    #[must_use]
    pub const fn nothing() -> Self {
        Self {
            blocks: BTreeSet::new(),
            families: BTreeSet::new(),
        }
    }

    /// The outside in which these are told apart.
    #[must_use]
    pub fn from_places<'a>(places: impl IntoIterator<Item = &'a Place>) -> Self {
        let mut outside = Self::nothing();
        for place in places {
            outside.families.insert(place.family());
            if let Place::Blocks(blocks) = place {
                outside.blocks.extend(blocks);
            }
        }
        outside
    }

    /// The address families that it has places of.
    #[must_use]
    pub const fn families(&self) -> &BTreeSet<Family> {
        &self.families
    }

    /// The coarsest division that tells apart what either does.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self {
            blocks: &self.blocks | &other.blocks,
            families: &self.families | &other.families,
        }
    }

    /// Every address of the families but loopback, in order, with its place.
    pub(crate) fn places(&self) -> Vec<(Span, Place)> {
        let of_family = |family: &Family| partition(*family, &self.blocks);
        self.families.iter().flat_map(of_family).collect()
    }
}
