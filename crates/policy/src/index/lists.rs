use std::collections::BTreeMap;
use std::sync::OnceLock;

use ringfence_model::{Direction, IpBlock, NetworkPolicy, ObjectName, PolicyPeer, PolicyRule};

use super::near::NearRules;
use crate::address_set::AddressSet;
use crate::atoms::Atom;

/// From how many on the blocks of a rule, and the rules of a policy, are looked up instead of asked one by one.
const LONG: usize = 16;

/// The NetworkPolicies that list many blocks or rules, ready to be asked for an address.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListIndex {
    lists: BTreeMap<ObjectName, Lists>,
}

/// What is long in one policy.
#[derive(Clone, Debug, Default)]
struct Lists {
    /// The directions with many rules.
    rules: BTreeMap<Direction, OnceLock<NearRules>>,
    /// The rules with many blocks.
    blocks: BTreeMap<(Direction, usize), OnceLock<AddressSet>>,
}

impl ListIndex {
    /// A policy is written.
    pub(crate) fn set(&mut self, policy: &NetworkPolicy) {
        let mut lists = Lists::default();
        for direction in Direction::ALL {
            let rules = policy.rules(direction);
            if rules.len() >= LONG {
                lists.rules.insert(direction, OnceLock::new());
            }
            for (index, rule) in rules.iter().enumerate() {
                if blocks(rule).nth(LONG - 1).is_some() {
                    lists.blocks.insert((direction, index), OnceLock::new());
                }
            }
        }
        if lists.rules.is_empty() && lists.blocks.is_empty() {
            self.lists.remove(&policy.name);
        } else {
            self.lists.insert(policy.name.clone(), lists);
        }
    }

    pub(crate) fn remove(&mut self, policy: &ObjectName) {
        self.lists.remove(policy);
    }

    /// The places of the rules that may match `address`, in order, if there are many rules.
    pub(crate) fn rules_near(
        &self,
        policy: &NetworkPolicy,
        direction: Direction,
        address: Atom,
    ) -> Option<Vec<usize>> {
        let rules = self.lists.get(&policy.name)?.rules.get(&direction)?;
        let near = rules.get_or_init(|| NearRules::of(policy.rules(direction)));
        Some(near.at(address))
    }

    /// The addresses of the blocks of a rule, if they are many.
    pub(crate) fn of(
        &self,
        policy: &NetworkPolicy,
        direction: Direction,
        index: usize,
    ) -> Option<&AddressSet> {
        let blocks = &self.lists.get(&policy.name)?.blocks;
        let list = blocks.get(&(direction, index))?;
        let rule = policy.rules(direction).get(index)?;
        Some(list.get_or_init(|| AddressSet::of(self::blocks(rule))))
    }
}

fn blocks(rule: &PolicyRule) -> impl Iterator<Item = &IpBlock> {
    rule.peers.iter().filter_map(|peer| match peer {
        PolicyPeer::IpBlock(block) => Some(block),
        PolicyPeer::Pods(_) => None,
    })
}
