//! Ingress seen from the source: who admits it.

use std::collections::BTreeMap;

use ringfence_model::Direction;

use super::Admitting;
use crate::class::{ClassId, ClassSet, Reach};
use crate::connectivity::{Connectivity, World};

/// For each source the groups that admit it. What most groups say of nearly everybody is kept once, and each
/// distinct set of sources that some groups tell from the rest has a number.
#[derive(Debug)]
pub(super) struct Transposed<'a> {
    /// What groups say of the sources that they do not tell apart, and their members.
    rest: BTreeMap<&'a Reach, ClassSet>,
    told_apart: Vec<Told<'a>>,
    /// By class the numbers of the sets that it is in, ascending.
    of_class: Vec<Vec<u32>>,
}

/// What changes for the sources of one set.
#[derive(Debug, Default)]
struct Told<'a> {
    /// What members of groups say of the rest, but not of these.
    instead_of: Vec<(&'a Reach, &'a ClassSet)>,
    /// What they say of these.
    say: Vec<(&'a Reach, &'a ClassSet)>,
}

impl<'a> Transposed<'a> {
    pub(super) fn new(connectivity: &'a Connectivity, world: World<'a>) -> Self {
        let mut rest: BTreeMap<&Reach, Vec<&ClassSet>> = BTreeMap::new();
        let mut sets: BTreeMap<&ClassSet, Told<'a>> = BTreeMap::new();
        for group in connectivity.groups.get(Direction::Ingress).iter() {
            let judged = connectivity.judged(world, Direction::Ingress, group);
            let of_rest = judged.rest();
            if !of_rest.is_none() {
                rest.entry(of_rest).or_default().push(&group.members);
            }
            for (reach, sources) in judged.cells() {
                let told = sets.entry(sources).or_default();
                if !of_rest.is_none() {
                    told.instead_of.push((of_rest, &group.members));
                }
                if !reach.is_none() {
                    told.say.push((reach, &group.members));
                }
            }
        }
        let mut of_class = vec![Vec::new(); connectivity.classes.bound()];
        for (number, sources) in (0..).zip(sets.keys()) {
            for class in sources.iter() {
                if let Some(numbers) = of_class.get_mut(class.index()) {
                    numbers.push(number);
                }
            }
        }
        let rest = rest.into_iter();
        Self {
            rest: rest
                .map(|(reach, members)| (reach, ClassSet::union_of(members)))
                .collect(),
            told_apart: sets.into_values().collect(),
            of_class,
        }
    }

    /// The numbers of the sets that a source is in.
    pub(super) fn of(&self, source: ClassId) -> &[u32] {
        self.of_class.get(source.index()).map_or(&[], Vec::as_slice)
    }

    /// Who admits the sources that are in these sets and no others.
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
