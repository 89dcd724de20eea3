//! What a rule costs by what its author wrote, whatever other policies say and whichever pods exist.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{Cluster, ClusterAction, ClusterRule, ObjectName, PolicyRule, Source};
use ringfence_net::Family;

use super::clause::clause_ports;
use super::grant::{GrantPorts, grant_ports};
use super::{Group, RuleKey, RuleOwner};
use crate::class::{Sense, TermId, Terms};
use crate::peer::Peers;

/// The cost of one rule.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost<'a> {
    pub(super) source: &'a Option<Source>,
    /// Whether everything is denied without it, instead of what it allows.
    pub(super) closes: bool,
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
        let mut add = |key, peer_cost: &dyn Fn() -> PeerCost, ports: &_, source, closes| {
            let peers = known.entry(key).or_insert_with(peer_cost);
            let cost = costs.entry(key).or_insert(Cost {
                source,
                closes,
                address: 0,
                node: 0,
            });
            cost.add(peers, ports, &subjects);
        };
        for policy in &group.policies {
            for (index, rule) in policy.rules(group.direction).iter().enumerate() {
                let key = (RuleOwner::Network(&policy.name), group.direction, index);
                let peers = || PeerCost::new(rule, &policy.name, limit);
                let ports = grant_ports(rule, group.direction, member);
                add(key, &peers, &ports, &rule.source, false);
            }
        }
        for policy in &group.cluster_policies {
            for (index, rule) in policy.rules(group.direction).iter().enumerate() {
                let key = (RuleOwner::Cluster(&policy.name), group.direction, index);
                let own = || PeerCost::of_cluster(rule, peers.cluster(), limit);
                let ports = clause_ports(rule, group.direction, member);
                let closes = rule.action != ClusterAction::Accept;
                add(key, &own, &ports, &rule.source, closes);
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
        Self::of_terms(&terms, &distinct, limit)
    }

    /// A scope has two terms, which tell apart only addresses that several pods claim.
    fn of_cluster(rule: &ClusterRule, cluster: &Cluster, limit: u64) -> Self {
        let mut terms = Terms::default();
        let items = rule.peers.iter();
        let distinct: BTreeSet<TermId> = items
            .flat_map(|peer| terms.cluster_peer(peer, Sense::Certain, cluster))
            .collect();
        Self::of_terms(&terms, &distinct, limit)
    }

    fn of_terms(terms: &Terms<'_>, distinct: &BTreeSet<TermId>, limit: u64) -> Self {
        let selectors = distinct
            .iter()
            .filter(|term| !terms.is_of_addresses(**term));
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
