//! What a rule costs by what its author wrote, whatever other policies say and whichever pods exist.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{
    Cluster, ClusterAction, ClusterRule, ObjectName, PolicyName, PolicyRule, Source,
};
use ringfence_net::Family;

use super::clause::clause_ports;
use super::grant::{GrantPorts, grant_ports};
use super::{Group, RuleKey};
use crate::class::{NamedPort, Sense, TermId, Terms};

/// The cost of one rule for the pods of one group, or of all.
#[derive(Clone, Debug, Default)]
pub(super) struct Cost {
    pub(super) source: Option<Source>,
    /// Whether everything is denied without it, instead of what it allows.
    pub(super) closes: bool,
    /// Elements for one address of each family.
    each: [u64; 2],
    /// Pairs of a block and a range of addresses in it.
    overlap: u64,
    /// Elements for all addresses of the pods that it selects on this node.
    pub(super) node: u64,
}

/// The peers of a rule, by family.
#[derive(Clone, Copy, Debug)]
struct PeerCost {
    /// Different kinds of peers.
    kinds: [u64; 2],
    overlap: u64,
}

/// The costs of all rules of a group for one address. No rule takes more than a small multiple of its own size to look
/// at, and none that is above `limit` is taken apart any further.
pub(super) fn costs(
    group: &Group,
    subject: &[NamedPort],
    cluster: &Cluster,
    limit: u64,
) -> BTreeMap<RuleKey, Cost> {
    let mut costs = BTreeMap::new();
    for policy in &group.policies {
        for (index, rule) in policy.rules(group.direction).iter().enumerate() {
            let peers = PeerCost::new(rule, &policy.name, limit);
            let ports = grant_ports(rule, group.direction, subject);
            let name = PolicyName::Network(policy.name.clone());
            let cost = peers.with(&ports, rule.source.clone(), false);
            costs.insert((name, group.direction, index), cost);
        }
    }
    for policy in &group.cluster_policies {
        for (index, rule) in policy.rules(group.direction).iter().enumerate() {
            let peers = PeerCost::of_cluster(rule, cluster, limit);
            let ports = clause_ports(rule, group.direction, subject);
            let closes = rule.action != ClusterAction::Accept;
            let name = PolicyName::Cluster(policy.name.clone());
            let cost = peers.with(&ports, rule.source.clone(), closes);
            costs.insert((name, group.direction, index), cost);
        }
    }
    costs
}

impl Cost {
    /// Elements for one address of a selected pod: the most that one needs.
    pub(super) fn address(&self) -> u64 {
        let [v4, v6] = self.each;
        v4.max(v6).max(self.overlap)
    }

    /// Adds what the rule costs for another group, with so many addresses of each family.
    pub(super) fn add(&mut self, other: &Self, subjects: [u64; 2]) {
        self.source.clone_from(&other.source);
        self.closes = other.closes;
        self.overlap = self.overlap.max(other.overlap);
        for ((own, each), subjects) in self.each.iter_mut().zip(other.each).zip(subjects) {
            *own = (*own).max(each);
            self.node = self.node.saturating_add(each.saturating_mul(subjects));
        }
    }
}

impl PeerCost {
    fn with(self, ports: &GrantPorts, source: Option<Source>, closes: bool) -> Cost {
        Cost {
            source,
            closes,
            each: self.kinds.map(|kinds| kinds.saturating_mul(ports.count())),
            overlap: self.overlap,
            node: 0,
        }
    }

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

    fn of_terms(terms: &Terms, distinct: &BTreeSet<TermId>, limit: u64) -> Self {
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
