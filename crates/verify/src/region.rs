use std::collections::BTreeMap;

use crate::bits::Bits;

/// What a packet is told apart by. The atoms of an axis are numbered, see [`Axes`](crate::axes::Axes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Axis {
    Source,
    Destination,
    Input,
    Output,
    Protocol,
    /// Bytes 2-3 of the transport header; the last atom is their absence.
    Port,
    State,
    /// Of TCP segments.
    Flags,
    /// Of ICMPv6 messages; the last atom is its absence.
    Icmpv6Type,
}

pub(crate) const AXES: usize = 9;

impl Axis {
    pub(crate) const ALL: [Self; AXES] = [
        Self::Source,
        Self::Destination,
        Self::Input,
        Self::Output,
        Self::Protocol,
        Self::Port,
        Self::State,
        Self::Flags,
        Self::Icmpv6Type,
    ];

    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

/// What the scratch register holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priority {
    /// Nothing has set it: whatever the packet brought along.
    Unset,
    Set(u32),
    /// One of these, each as likely as the others; sorted.
    Drawn(Vec<u32>),
    /// What an earlier packet has written: any number.
    Written,
}

/// All packets with any combination of these atoms.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Region {
    sets: [Bits; AXES],
    pub(crate) priority: Priority,
    /// Whether connection tracking was told to leave them alone.
    pub(crate) untracked: bool,
}

impl Region {
    pub(crate) const fn new(sets: [Bits; AXES]) -> Self {
        Self {
            sets,
            priority: Priority::Unset,
            untracked: false,
        }
    }

    pub(crate) fn get(&self, axis: Axis) -> &Bits {
        // INVARIANT: the array has a place for each axis.
        #[expect(clippy::indexing_slicing, reason = "see the invariant")]
        &self.sets[axis.index()]
    }

    /// The same with other atoms on one axis.
    pub(crate) fn with(&self, axis: Axis, atoms: Bits) -> Self {
        let mut changed = self.clone();
        if let Some(set) = changed.sets.get_mut(axis.index()) {
            *set = atoms;
        }
        changed
    }

    /// The part within `atoms`, if there is any.
    pub(crate) fn within(&self, axis: Axis, atoms: &Bits) -> Option<Self> {
        let common = self.get(axis).and(atoms);
        (!common.is_empty()).then(|| self.with(axis, common))
    }

    /// The part outside of `atoms`, if there is any.
    pub(crate) fn outside(&self, axis: Axis, atoms: &Bits) -> Option<Self> {
        let rest = self.get(axis).without(atoms);
        (!rest.is_empty()).then(|| self.with(axis, rest))
    }

    /// Cuts off the part within all of `limits`: that part, and the rest in pieces.
    pub(crate) fn cut(&self, limits: &[(Axis, Bits)]) -> (Option<Self>, Vec<Self>) {
        let mut inside = self.clone();
        let mut rest = Vec::new();
        for (axis, atoms) in limits {
            rest.extend(inside.outside(*axis, atoms));
            match inside.within(*axis, atoms) {
                Some(part) => inside = part,
                None => return (None, rest),
            }
        }
        (Some(inside), rest)
    }
}

/// Joins regions that differ on one axis alone, on each of `axes` in turn.
pub(crate) fn merge(mut regions: Vec<Region>, axes: &[Axis]) -> Vec<Region> {
    for axis in axes {
        if regions.len() < 2 {
            return regions;
        }
        let mut joined: BTreeMap<Region, Bits> = BTreeMap::new();
        for region in regions {
            let atoms = region.get(*axis).clone();
            let rest = region.with(*axis, atoms.without(&atoms));
            let found = joined.remove(&rest);
            joined.insert(
                rest,
                found.map_or_else(|| atoms.clone(), |it| it.or(&atoms)),
            );
        }
        let whole = |(rest, atoms): (Region, Bits)| rest.with(*axis, atoms);
        regions = joined.into_iter().map(whole).collect();
    }
    regions
}
