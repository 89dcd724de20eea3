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
use crate::shared_family::SharedFamily;
use transposed::Transposed;

/// What the other ends let pass, and which of them.
type Admitting<'a> = BTreeMap<&'a Reach, ClassSet>;

impl Connectivity {
    /// What `class` and each other class may open: from it in the direction of egress, to it in that of ingress.
    pub(crate) fn row(&self, world: World<'_>, direction: Direction, class: ClassId) -> Row {
        let mut found = Row::default();
        let only = ClassSet::from_iter([class]);
        let way = (direction, SharedFamily::First);
        self.for_each_row(world, way, Some(&only), |_, row| found = row.clone());
        found
    }

    /// Every row of classes in `among`, or of all, and who has it. Each class with members comes once; for the second
    /// family those that may share both with somebody, and in their rows are those that do.
    pub(crate) fn for_each_row(
        &self,
        world: World<'_>,
        (direction, shared): (Direction, SharedFamily),
        among: Option<&ClassSet>,
        mut visit: impl FnMut(&ClassSet, &Row),
    ) {
        let groups = self.groups.get(direction);
        let transposed = Transposed::new(self, world, (direction.opposite(), shared), among);
        let mut strangers: BTreeMap<Families, ClassSet> = BTreeMap::new();
        for (told_apart, by_group) in self.alike(direction, among, &transposed) {
            let admitting = transposed.admitting(told_apart);
            for (group, classes) in by_group {
                let Some(group) = groups.get(group) else {
                    continue;
                };
                let families = group.key.families;
                if shared == SharedFamily::Second && !families.may_share_both() {
                    continue;
                }
                let find = || self.strangers(shared, families);
                let strangers = strangers.entry(families).or_insert_with(find);
                let own = self.judged_in(world, (direction, shared), group);
                visit(&classes, &cross(own, &admitting, strangers));
            }
        }
    }

    /// What the policies of `subjects` alone let pass to each of `peers`, or from it, and who of them has these policies. In
    /// the second family both are those that share both.
    pub(crate) fn for_each_side(
        &self,
        world: World<'_>,
        (direction, shared): (Direction, SharedFamily),
        (subjects, peers): (&ClassSet, &ClassSet),
        mut visit: impl FnMut(&ClassSet, &Row),
    ) {
        let mut met: BTreeMap<Families, ClassSet> = BTreeMap::new();
        for group in self.groups.get(direction).iter() {
            let families = group.key.families;
            let members = group.members.intersection(subjects);
            if members.is_empty() || (shared == SharedFamily::Second && !families.may_share_both())
            {
                continue;
            }
            let find = || peers.difference(&self.strangers(shared, families));
            let met = met.entry(families).or_insert_with(find);
            let own = self.judged_in(world, (direction, shared), group);
            visit(&members, &side(own, met));
        }
    }

    /// The classes by what decides their rows: what the other ends say of them, and their own group.
    fn alike<'t>(
        &self,
        direction: Direction,
        among: Option<&ClassSet>,
        transposed: &'t Transposed<'_>,
    ) -> BTreeMap<&'t [u32], BTreeMap<GroupId, ClassSet>> {
        let mut alike: BTreeMap<&[u32], BTreeMap<GroupId, ClassSet>> = BTreeMap::new();
        let mut add = |class: ClassId| {
            if let Some(group) = self.groups.get(direction).id_of(class) {
                let same = alike.entry(transposed.of(class)).or_default();
                same.entry(group).or_default().insert(class);
            }
        };
        match among {
            Some(classes) => classes.iter().for_each(&mut add),
            None => self.classes.iter().for_each(&mut add),
        }
        alike
    }

    /// the classes that have no family in common with these, or no second one.
    pub(super) fn strangers(&self, shared: SharedFamily, families: Families) -> ClassSet {
        let sets = self.classes.sets();
        sets.with_families(|other| match shared {
            SharedFamily::First => !families.meet(other),
            SharedFamily::Second => !families.share_both(other),
        })
    }
}

/// What one end lets pass to each of `peers`.
fn side(own: &Partition<Reach>, peers: &ClassSet) -> Row {
    let mut cells: BTreeMap<Reach, Vec<ClassSet>> = BTreeMap::new();
    let mut rest = peers.clone();
    for (reach, classes) in own.cells() {
        let here = classes.intersection(peers);
        rest = rest.difference(&here);
        cells.entry(reach.clone()).or_default().push(here);
    }
    cells.entry(own.rest().clone()).or_default().push(rest);
    Row::new(cells)
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
