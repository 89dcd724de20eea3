//! What the rules of NetworkPolicies say, each by itself.

use ringfence_model::{Direction, ObjectName};

use super::{Connectivity, World};
use crate::class::ClassSet;
use crate::group::Group;
use crate::judge::sayings::Sayings;
use crate::policies::{PolicyId, PolicyKey};
use crate::rule::Policy;
use crate::shared_family::SharedFamily;

impl Connectivity {
    pub(crate) fn id_of(&self, policy: &ObjectName) -> Option<PolicyId> {
        self.policies.id_of(&PolicyKey::Network(policy.clone()))
    }

    /// Of each group whom NetworkPolicies judge, in each family that makes a difference.
    pub(crate) fn sayings(&self, world: World<'_>, direction: Direction) -> Vec<Sayings> {
        let listed: ClassSet = self.classes.iter().collect();
        let mut found = Vec::new();
        for group in self.groups.get(direction).iter() {
            let policies: Vec<(PolicyId, &Policy)> = self.numbered(group).collect();
            if policies.iter().all(|(_, policy)| policy.tier().is_some()) {
                continue;
            }
            let families = group.key.families;
            let has_second = families.may_share_both() && self.asks_for_addresses(direction, group);
            let second = has_second.then_some(SharedFamily::Second);
            for shared in [SharedFamily::First].into_iter().chain(second) {
                let peers = listed.difference(&self.strangers(shared, families));
                let judge = self.judge_of(world, (direction, shared), group);
                found.push(Sayings::new(judge, &policies, &peers));
            }
        }
        found
    }

    fn numbered(&self, group: &Group) -> impl Iterator<Item = (PolicyId, &Policy)> {
        let policies = group.key.policies.iter();
        policies.filter_map(|id| Some((*id, self.policies.get(*id)?)))
    }
}
