use std::collections::BTreeMap;
use std::sync::OnceLock;

use ringfence_model::{Direction, IpBlock, NetworkPolicy, ObjectName, PolicyPeer, PolicyRule};

use crate::address_set::AddressSet;

/// From how many on the blocks of a rule are looked up instead of asked one by one.
const LONG: usize = 16;

/// The rules of NetworkPolicies that list many blocks, ready to be asked for an address.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListIndex {
    lists: BTreeMap<ObjectName, BTreeMap<(Direction, usize), OnceLock<AddressSet>>>,
}

impl ListIndex {
    /// A policy is written.
    pub(crate) fn set(&mut self, policy: &NetworkPolicy) {
        let rules = Direction::ALL.into_iter().flat_map(|direction| {
            let rules = policy.rules(direction).iter().enumerate();
            let long = rules.filter(|(_, rule)| blocks(rule).nth(LONG - 1).is_some());
            long.map(move |(index, _)| ((direction, index), OnceLock::new()))
        });
        let rules: BTreeMap<_, _> = rules.collect();
        if rules.is_empty() {
            self.lists.remove(&policy.name);
        } else {
            self.lists.insert(policy.name.clone(), rules);
        }
    }

    pub(crate) fn remove(&mut self, policy: &ObjectName) {
        self.lists.remove(policy);
    }

    /// The addresses of the blocks of a rule, if they are many.
    pub(crate) fn of(
        &self,
        policy: &NetworkPolicy,
        direction: Direction,
        index: usize,
    ) -> Option<&AddressSet> {
        let list = self.lists.get(&policy.name)?.get(&(direction, index))?;
        let rule = policy.rules(direction).get(index)?;
        Some(list.get_or_init(|| AddressSet::of(blocks(rule))))
    }
}

fn blocks(rule: &PolicyRule) -> impl Iterator<Item = &IpBlock> {
    rule.peers.iter().filter_map(|peer| match peer {
        PolicyPeer::IpBlock(block) => Some(block),
        PolicyPeer::Pods(_) => None,
    })
}
