//! The second family that two ends share (rule Q-7).

use ringfence_model::Direction;

use super::{Connectivity, World};
use crate::class::place::Families;
use crate::class::{ClassId, Reach};
use crate::group::Group;
use crate::partition::Partition;
use crate::rule::Rule;
use crate::shared_family::SharedFamily;

impl Connectivity {
    /// Whether the policies of anybody treat the two families of anybody differently.
    pub(crate) fn families_differ(&self, world: World<'_>) -> bool {
        let sets = self.classes.sets();
        let both = sets.with_families(|families| families.preferred_of_both().is_some());
        !both.is_empty()
            && Direction::ALL.into_iter().any(|direction| {
                let mut groups = self.groups.get(direction).iter();
                groups.any(|group| self.second(world, direction, group).is_some())
            })
    }

    pub(crate) fn families(&self, class: ClassId) -> Families {
        self.classes.entry(class).place.families()
    }

    /// Q-9 in the second family; `None` if there is none.
    pub(crate) fn between_second(
        &self,
        world: World<'_>,
        source: ClassId,
        destination: ClassId,
    ) -> Option<Reach> {
        let egress = self.one_way_second(world, Direction::Egress, source, destination)?;
        let ingress = self.one_way_second(world, Direction::Ingress, destination, source)?;
        Some(egress.and(&ingress))
    }

    /// One end alone in the second family; `None` if there is none.
    pub(crate) fn one_way_second(
        &self,
        world: World<'_>,
        direction: Direction,
        subject: ClassId,
        peer: ClassId,
    ) -> Option<Reach> {
        let both = self.families(subject).share_both(self.families(peer));
        both.then(|| self.decided(world, (direction, SharedFamily::Second), subject, peer))
    }

    /// The judgement of a group that `shared` asks for: in the second family it is that of the first, if for no peer it
    /// makes a difference.
    pub(super) fn judged_in<'a>(
        &'a self,
        world: World<'a>,
        (direction, shared): (Direction, SharedFamily),
        group: &'a Group,
    ) -> &'a Partition<Reach> {
        let second = match shared {
            SharedFamily::First => None,
            SharedFamily::Second => self.second(world, direction, group),
        };
        second.unwrap_or_else(|| self.judged(world, direction, group))
    }

    /// The judgement in the second family, if it is another one.
    fn second<'a>(
        &'a self,
        world: World<'a>,
        direction: Direction,
        group: &'a Group,
    ) -> Option<&'a Partition<Reach>> {
        let judge = || {
            let families = group.key.families;
            if !families.may_share_both() || !self.asks_for_addresses(direction, group) {
                return None;
            }
            let second = self.judge(world, (direction, SharedFamily::Second), group);
            let first = self.judged(world, direction, group);
            let others = |other: Families| families.share_both(other);
            let others = self.classes.sets().with_families(others);
            (!first.agrees_on(&second, &others)).then_some(second)
        };
        group.judged_second.get_or_init(judge).as_ref()
    }

    pub(super) fn asks_for_addresses(&self, direction: Direction, group: &Group) -> bool {
        let mut rules = self
            .policies_of(group)
            .flat_map(|policy| policy.rules.get(direction).iter().flatten());
        rules.any(Rule::asks_for_addresses)
    }
}
