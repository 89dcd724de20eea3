//! What the policies allow the pods of this node that they judge, as rules over terms and then as entries per class.

mod bound;
mod clause;
mod cost;
mod entry;
mod grant;
mod port;
mod selected;
mod tiers;

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{
    Cluster, ClusterPolicy, ClusterPolicyName, ClusterPort, Direction, NetworkPolicy, ObjectName,
    Pod, PolicyName, PolicyPort, PortMatch,
};
use ringfence_net::Protocol;

use crate::Origin;
use crate::class::ClassId;
use crate::peer::{Peer, Peers};
pub(crate) use bound::{Admitted, admit};
use clause::Clause;
pub(crate) use entry::{Entry, Extent, entries};
use grant::Grant;
use selected::Selected;
pub(crate) use tiers::Tiers;

/// The pods of this node that the same policies judge in one direction, and what these say.
#[derive(Debug)]
pub(crate) struct Group<'a> {
    pub(crate) direction: Direction,
    /// The NetworkPolicies that isolate (rule NP-2), sorted by name.
    pub(crate) policies: Vec<&'a NetworkPolicy>,
    /// The policies of the cluster with rules in this direction, in the order in which they are asked.
    pub(crate) cluster_policies: Vec<&'a ClusterPolicy>,
    /// The rules of the Admin tier, in order.
    before: Vec<Clause<'a>>,
    /// The rules of the NetworkPolicies.
    rules: Vec<Grant<'a>>,
    /// The rules of the Baseline tier, in order.
    after: Vec<Clause<'a>>,
    /// Whether everything is denied, whatever the policies say.
    is_closed: bool,
    /// The pods themselves.
    pub(crate) members: Vec<&'a Pod>,
}

/// What makes two pods members of one group: direction, policies, and, where these use port names, the ports.
type GroupKey<'a> = (
    Direction,
    Vec<&'a ObjectName>,
    Vec<&'a ClusterPolicyName>,
    Vec<(Protocol, &'a str, u16)>,
);

/// A rule by its policy, list and index there.
type RuleKey<'a> = (RuleOwner<'a>, Direction, usize);

/// The policy that a rule is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum RuleOwner<'a> {
    Network(&'a ObjectName),
    Cluster(&'a ClusterPolicyName),
}

impl RuleOwner<'_> {
    fn name(self) -> PolicyName {
        match self {
            Self::Network(name) => PolicyName::Network(name.clone()),
            Self::Cluster(name) => PolicyName::Cluster(name.clone()),
        }
    }
}

/// The groups of judged pods on this node, without their rules.
fn groups<'a>(cluster: &'a Cluster, peers: &Peers<'a>) -> Vec<Group<'a>> {
    let selected = Selected::new(cluster, peers);
    let mut groups: BTreeMap<GroupKey<'a>, Group<'a>> = BTreeMap::new();
    let mut cache = BTreeMap::new();
    for (peer, _) in peers.local() {
        let policies = selected.by(peer, &mut cache);
        for direction in Direction::ALL {
            add(
                &mut groups,
                direction,
                policies,
                selected.of_cluster(peer),
                peer,
            );
        }
    }
    groups.into_values().collect()
}

fn add<'a>(
    groups: &mut BTreeMap<GroupKey<'a>, Group<'a>>,
    direction: Direction,
    policies: &[&'a NetworkPolicy],
    cluster_policies: &[&'a ClusterPolicy],
    peer: &Peer<'a>,
) {
    let isolating = policies.iter().filter(|policy| policy.isolates(direction));
    let policies: Vec<&'a NetworkPolicy> = isolating.copied().collect();
    let speaking = cluster_policies
        .iter()
        .filter(|policy| !policy.rules(direction).is_empty());
    let cluster_policies: Vec<&'a ClusterPolicy> = speaking.copied().collect();
    if policies.is_empty() && cluster_policies.is_empty() {
        return;
    }
    let names = policies.iter().map(|policy| &policy.name).collect();
    let cluster_names = cluster_policies.iter().map(|policy| &policy.name).collect();
    let ports = match direction {
        Direction::Ingress => resolved_names(&policies, &cluster_policies, peer.pod),
        Direction::Egress => Vec::new(),
    };
    let group = groups
        .entry((direction, names, cluster_names, ports))
        .or_insert_with(|| Group {
            direction,
            policies,
            cluster_policies,
            before: Vec::new(),
            rules: Vec::new(),
            after: Vec::new(),
            is_closed: false,
            members: Vec::new(),
        });
    group.members.push(peer.pod);
}

/// What the port names in the ingress rules of the policies mean on `pod`.
fn resolved_names<'a>(
    policies: &[&'a NetworkPolicy],
    cluster_policies: &[&'a ClusterPolicy],
    pod: &'a Pod,
) -> Vec<(Protocol, &'a str, u16)> {
    let rules = policies.iter().flat_map(|policy| &policy.ingress);
    let used = rules.flat_map(|rule| &rule.ports).filter_map(named);
    let cluster_rules = cluster_policies.iter().flat_map(|policy| &policy.ingress);
    let of_cluster = cluster_rules
        .flat_map(|rule| &rule.ports)
        .flat_map(named_by_cluster);
    let used: BTreeSet<(Protocol, &str)> = used.chain(of_cluster).collect();
    let ports = pod.ports.iter().filter_map(|port| {
        let name = port.name.as_deref()?;
        let key = (port.protocol, name);
        used.contains(&key)
            .then_some((port.protocol, name, port.port))
    });
    let resolved: BTreeSet<_> = ports.collect();
    resolved.into_iter().collect()
}

fn named(port: &PolicyPort) -> Option<(Protocol, &str)> {
    match &port.port {
        PortMatch::Name(name) => Some((port.protocol, name)),
        PortMatch::Any | PortMatch::Range(_) => None,
    }
}

/// CN-33: the name means ports of every protocol.
fn named_by_cluster(port: &ClusterPort) -> impl Iterator<Item = (Protocol, &str)> {
    let name = match port {
        ClusterPort::Name(name) => Some(name.as_str()),
        ClusterPort::Range(..) => None,
    };
    let in_each = |name| Protocol::ALL.map(|protocol| (protocol, name));
    name.into_iter().flat_map(in_each)
}

impl Group<'_> {
    /// Whether policies of the cluster have a say.
    pub(crate) fn is_tiered(&self) -> bool {
        !self.cluster_policies.is_empty()
    }

    /// Denies its members everything.
    fn close(&mut self) {
        self.before.clear();
        self.rules.clear();
        self.after.clear();
        self.is_closed = true;
    }

    /// The names of all policies that judge its members.
    pub(crate) fn policy_names(&self) -> impl Iterator<Item = PolicyName> {
        let of_cluster = self.cluster_policies.iter();
        let of_cluster = of_cluster.map(|policy| PolicyName::Cluster(policy.name.clone()));
        let names = self.policies.iter();
        let names = names.map(|policy| PolicyName::Network(policy.name.clone()));
        names.chain(of_cluster)
    }

    /// The origins of the isolation (rule NP-2).
    pub(crate) fn isolation(&self) -> impl Iterator<Item = Origin> {
        self.policies.iter().map(|policy| Origin {
            policy: PolicyName::Network(policy.name.clone()),
            direction: self.direction,
            rule: None,
            source: policy.source.clone(),
        })
    }

    /// The origins of all its judgements: each policy as such.
    pub(crate) fn judgement(&self) -> impl Iterator<Item = Origin> {
        let of_cluster = self.cluster_policies.iter().map(|policy| Origin {
            policy: PolicyName::Cluster(policy.name.clone()),
            direction: self.direction,
            rule: None,
            source: policy.source.clone(),
        });
        self.isolation().chain(of_cluster)
    }

    /// The origin of what the rule at `position` says: those of the Admin tier come first, then those of
    /// NetworkPolicies, then those of the Baseline tier.
    pub(crate) fn origin(&self, position: usize) -> Option<Origin> {
        if let Some(clause) = self.before.get(position) {
            return Some(clause.origin(self.direction));
        }
        let position = position.checked_sub(self.before.len())?;
        if let Some(grant) = self.rules.get(position) {
            return Some(Origin {
                policy: PolicyName::Network(grant.policy.name.clone()),
                direction: self.direction,
                rule: Some(grant.index),
                source: grant.rule.source.clone(),
            });
        }
        let position = position.checked_sub(self.rules.len())?;
        let clause = self.after.get(position)?;
        Some(clause.origin(self.direction))
    }
}

/// Who an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whom {
    /// Every peer.
    Anyone,
    /// The peers of one class.
    Class(ClassId),
    /// The pod itself.
    Itself,
}
