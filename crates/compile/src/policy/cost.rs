//! What a rule costs by what its author wrote, whatever other policies say and whichever pods exist.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{ObjectName, PolicyRule, Source};
use ringfence_net::Family;

use super::{GrantPorts, Group, RuleKey, grant_ports};
use crate::class::{TermId, Terms};
use crate::peer::Peers;

/// The cost of one rule.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost<'a> {
    pub(super) source: &'a Option<Source>,
    /// Elements for one address of a selected pod: the most that one needs.
    pub(super) address: u64,
    /// Elements for all addresses of the pods that it selects on this node.
    pub(super) node: u64,
}

/// The peers of a rule, by family.
#[derive(Clone, Copy, Debug)]
struct PeerCost {
    /// Different kinds of peers.
    kinds: [u64; 2],
    /// Pairs of a block and a range of addresses in it.
    overlap: u64,
}

/// How many addresses of each family the members of `group` have.
pub(super) fn subjects(group: &Group<'_>, peers: &Peers<'_>) -> [(Family, u64); 2] {
    let addresses = peers.addresses_of(&group.members);
    Family::ALL.map(|family| {
        let of_family = addresses.iter().filter(|ip| Family::of(**ip) == family);
        (family, of_family.count() as u64)
    })
}

/// The costs of all rules of `groups`. No rule takes more than a small multiple of its own size to look at, and none
/// that is above `limit` is taken apart any further.
pub(super) fn costs<'a>(
    groups: &[Group<'a>],
    peers: &Peers<'a>,
    limit: u64,
) -> BTreeMap<RuleKey<'a>, Cost<'a>> {
    let mut known: BTreeMap<RuleKey<'a>, PeerCost> = BTreeMap::new();
    let mut costs: BTreeMap<RuleKey<'a>, Cost<'a>> = BTreeMap::new();
    for group in groups {
        let Some(member) = group.members.first() else {
            continue;
        };
        let subjects = subjects(group, peers);
        for policy in &group.policies {
            for (index, rule) in policy.rules(group.direction).iter().enumerate() {
                let key = (&policy.name, group.direction, index);
                let peers = known
                    .entry(key)
                    .or_insert_with(|| PeerCost::new(rule, &policy.name, limit));
                let ports = grant_ports(rule, group.direction, member);
                let cost = costs.entry(key).or_insert(Cost {
                    source: &rule.source,
                    address: 0,
                    node: 0,
                });
                cost.add(peers, &ports, &subjects);
            }
        }
    }
    costs
}

impl Cost<'_> {
    fn add(&mut self, peers: &PeerCost, ports: &GrantPorts<'_>, subjects: &[(Family, u64); 2]) {
        for (kinds, (_, subjects)) in peers.kinds.iter().zip(subjects) {
            let each = kinds.saturating_mul(ports.count());
            self.node = self.node.saturating_add(each.saturating_mul(*subjects));
            self.address = self.address.max(each);
        }
        self.address = self.address.max(peers.overlap);
    }
}

impl PeerCost {
    fn new(rule: &PolicyRule, policy: &ObjectName, limit: u64) -> Self {
        if rule.peers.is_empty() {
            return Self {
                kinds: [1; 2],
                overlap: 0,
            };
        }
        let mut terms = Terms::default();
        let peers = rule.peers.iter();
        let distinct: BTreeSet<TermId> = peers
            .map(|peer| terms.peer(peer, &policy.namespace))
            .collect();
        let selectors = distinct.iter().filter(|term| terms.block(**term).is_none());
        let selectors = selectors.count() as u64;
        let overlap = Family::ALL.map(|family| terms.overlap(family));
        let kinds = Family::ALL.map(|family| {
            let blocks = match terms.overlap(family) {
                overlap if overlap > limit => overlap,
                _ => terms.kinds_of_blocks(family),
            };
            blocks.saturating_add(selectors)
        });
        Self {
            kinds,
            overlap: overlap.into_iter().max().unwrap_or_default(),
        }
    }
}
