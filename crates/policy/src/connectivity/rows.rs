//! Whole rows: what one class may open to every other, or every other to it.

mod transposed;

use std::collections::BTreeMap;

use ringfence_model::Direction;

use super::{Connectivity, World};
use crate::class::place::Families;
use crate::class::{ClassId, ClassSet, Reach};
use crate::group::GroupId;
use crate::partition::Partition;
use crate::row::Row;
use transposed::Transposed;

/// What the other ends let pass, and which of them.
type Admitting<'a> = BTreeMap<&'a Reach, ClassSet>;

impl Connectivity {
    /// What `class` and each other class may open: from it in the direction of egress, to it in that of ingress.
    pub(crate) fn row(&self, world: World<'_>, direction: Direction, class: ClassId) -> Row {
        let Some(group) = self.groups.get(direction).of(class) else {
            return Row::new(BTreeMap::new());
        };
        let mut admitting: BTreeMap<&Reach, Vec<&ClassSet>> = BTreeMap::new();
        let there = opposite(direction);
        for group in self.groups.get(there).iter() {
            let reach = self.judged(world, there, group).at(class);
            if !reach.is_none() {
                admitting.entry(reach).or_default().push(&group.members);
            }
        }
        let admitting = admitting.into_iter();
        let admitting = admitting
            .map(|(reach, members)| (reach, ClassSet::union_of(members)))
            .collect();
        let strangers = self.strangers(group.key.families);
        cross(self.judged(world, direction, group), &admitting, &strangers)
    }

    /// Every row with the sources that have it, in an order that only the cluster and its changes decide.
    pub(crate) fn for_each_row(&self, world: World<'_>, mut visit: impl FnMut(&ClassSet, &Row)) {
        let transposed = Transposed::new(self, world);
        let mut strangers: BTreeMap<Families, ClassSet> = BTreeMap::new();
        for (admitted, sources) in self.sources(&transposed) {
            let admitting = transposed.admitting(admitted);
            for sources in sources.values() {
                let class = sources.first();
                let Some(group) =
                    class.and_then(|class| self.groups.get(Direction::Egress).of(class))
                else {
                    continue;
                };
                let families = group.key.families;
                let strangers = strangers
                    .entry(families)
                    .or_insert_with(|| self.strangers(families));
                let egress = self.judged(world, Direction::Egress, group);
                visit(sources, &cross(egress, &admitting, strangers));
            }
        }
    }

    /// The sources by what decides their rows: who admits them, and their own group.
    fn sources<'t>(
        &self,
        transposed: &'t Transposed<'_>,
    ) -> BTreeMap<&'t [u32], BTreeMap<GroupId, ClassSet>> {
        let mut sources: BTreeMap<&[u32], BTreeMap<GroupId, ClassSet>> = BTreeMap::new();
        for class in self.classes.iter() {
            if let Some(group) = self.groups.get(Direction::Egress).id_of(class) {
                let same = sources.entry(transposed.of(class)).or_default();
                same.entry(group).or_default().insert(class);
            }
        }
        sources
    }

    /// the classes that have no family in common with these.
    fn strangers(&self, families: Families) -> ClassSet {
        let sets = self.classes.sets();
        sets.with_families(|other| !families.meet(other))
    }
}

/// what one end lets pass to each class, and what the other ends let pass from it.
fn cross(own: &Partition<Reach>, admitting: &Admitting<'_>, strangers: &ClassSet) -> Row {
    let mut cells: BTreeMap<Reach, Vec<ClassSet>> = BTreeMap::new();
    let mut add = |reach: Reach, mut classes: ClassSet| {
        if !strangers.is_empty() {
            classes = classes.difference(strangers);
        }
        cells.entry(reach).or_default().push(classes);
    };
    let decided = ClassSet::union_of(own.cells().map(|(_, classes)| classes));
    for (admitted, others) in admitting {
        for (reach, classes) in own.cells().filter(|(reach, _)| !reach.is_none()) {
            let common = others.intersection(classes);
            if !common.is_empty() {
                add(reach.and(admitted), common);
            }
        }
        if !own.rest().is_none() {
            add(own.rest().and(admitted), others.difference(&decided));
        }
    }
    Row::new(cells)
}

const fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::Egress => Direction::Ingress,
        Direction::Ingress => Direction::Egress,
    }
}
