//! One direction seen from the peers: which subjects admit a class.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ringfence_model::Direction;

use super::Admitting;
use crate::class::{ClassId, ClassSet, Reach};
use crate::connectivity::{Connectivity, World};
use crate::shared_family::SharedFamily;

/// For each peer the groups of subjects that admit it. What a group says of nearly everybody is kept once, and each
/// distinct set of peers that some groups tell from the rest has a number.
#[derive(Debug)]
pub(super) struct Transposed<'a> {
    /// What groups say of the peers that they do not tell apart, and their members.
    rest: Admitting<'a>,
    told_apart: Vec<Told<'a>>,
    /// By class, from `first` on, the numbers of the sets that it is in, ascending.
    of_class: Vec<Vec<u32>>,
    first: usize,
}

/// What is different for the peers of one set.
#[derive(Debug, Default)]
struct Told<'a> {
    /// What groups say of the rest but not of these, and their members.
    instead_of: Vec<(&'a Reach, &'a ClassSet)>,
    /// What they say of these.
    say: Vec<(&'a Reach, &'a ClassSet)>,
}

impl<'a> Transposed<'a> {
    /// Of the groups of `direction`, for the peers in `among`, or all; for the second family those that may share both.
    pub(super) fn new(
        connectivity: &'a Connectivity,
        world: World<'a>,
        (direction, shared): (Direction, SharedFamily),
        among: Option<&ClassSet>,
    ) -> Self {
        let mut rest: BTreeMap<&Reach, Vec<&ClassSet>> = BTreeMap::new();
        let mut sets: BTreeMap<Cow<'_, ClassSet>, Told<'a>> = BTreeMap::new();
        for group in connectivity.groups.get(direction).iter() {
            if shared == SharedFamily::Second && !group.key.families.may_share_both() {
                continue;
            }
            let judged = connectivity.judged_in(world, (direction, shared), group);
            let of_rest = judged.rest();
            if !of_rest.is_none() {
                rest.entry(of_rest).or_default().push(&group.members);
            }
            for (reach, peers) in judged.cells() {
                let peers = among.map_or(Cow::Borrowed(peers), |among| {
                    Cow::Owned(peers.intersection(among))
                });
                if peers.is_empty() {
                    continue;
                }
                let told = sets.entry(peers).or_default();
                if !of_rest.is_none() {
                    told.instead_of.push((of_rest, &group.members));
                }
                if !reach.is_none() {
                    told.say.push((reach, &group.members));
                }
            }
        }
        let index = |class: Option<ClassId>| class.map_or(0, ClassId::index);
        let (first, last) = among.map_or((0, connectivity.classes.bound()), |among| {
            (index(among.first()), index(among.last()))
        });
        Self {
            rest: united(rest),
            of_class: numbers(sets.keys().map(Cow::as_ref), first, last),
            first,
            told_apart: sets.into_values().collect(),
        }
    }

    /// The numbers of the sets that a peer is in.
    pub(super) fn of(&self, peer: ClassId) -> &[u32] {
        let place = peer.index().checked_sub(self.first);
        let numbers = place.and_then(|place| self.of_class.get(place));
        numbers.map_or(&[], Vec::as_slice)
    }

    /// Who admits the peers that are in these sets and in no others.
    pub(super) fn admitting(&self, numbers: &[u32]) -> Admitting<'a> {
        let told = numbers.iter().filter_map(|number| {
            let number = usize::try_from(*number).ok()?;
            self.told_apart.get(number)
        });
        let mut others: BTreeMap<&Reach, Vec<&ClassSet>> = BTreeMap::new();
        let mut say: BTreeMap<&Reach, Vec<&ClassSet>> = BTreeMap::new();
        for told in told {
            for (reach, members) in &told.instead_of {
                others.entry(reach).or_default().push(members);
            }
            for (reach, members) in &told.say {
                say.entry(reach).or_default().push(members);
            }
        }
        let mut admitting: Admitting<'a> = BTreeMap::new();
        for (reach, members) in &self.rest {
            let kept = match others.remove(reach) {
                Some(others) => members.difference(&ClassSet::union_of(others)),
                None => members.clone(),
            };
            admitting.insert(reach, kept);
        }
        for (reach, members) in say {
            let kept = admitting.entry(reach).or_default();
            *kept = ClassSet::union_of(members.into_iter().chain([&*kept]));
        }
        admitting
    }
}

/// By class, from `first` to `last`, the numbers of the sets that it is in.
fn numbers<'s>(
    sets: impl Iterator<Item = &'s ClassSet>,
    first: usize,
    last: usize,
) -> Vec<Vec<u32>> {
    let mut of_class = vec![Vec::new(); last - first + 1];
    for (number, set) in (0..).zip(sets) {
        for class in set.iter() {
            let place = class.index().checked_sub(first);
            if let Some(numbers) = place.and_then(|place| of_class.get_mut(place)) {
                numbers.push(number);
            }
        }
    }
    of_class
}

fn united<'a>(sets: BTreeMap<&'a Reach, Vec<&ClassSet>>) -> Admitting<'a> {
    let sets = sets.into_iter();
    sets.map(|(reach, members)| (reach, ClassSet::union_of(members)))
        .collect()
}
