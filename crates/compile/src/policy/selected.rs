//! Which policies judge which pods.

use std::collections::BTreeSet;

use ringfence_model::{
    Cluster, ClusterPolicy, ClusterPolicyKind, ClusterPolicyName, ClusterPort, ClusterTier,
    Direction, NetworkPolicy, ObjectName, PolicyPort, PortMatch,
};
use ringfence_net::Protocol;

use super::GroupKey;
use crate::class::NamedPort;
use crate::peer::{Peer, in_scope};

/// The policies of the cluster in the order in which they are asked.
pub(super) fn in_order(cluster: &Cluster) -> Vec<ClusterPolicyName> {
    let mut policies: Vec<&ClusterPolicy> = cluster.cluster_policies.values().collect();
    policies.sort_by_key(|policy| precedence(policy));
    policies
        .into_iter()
        .map(|policy| policy.name.clone())
        .collect()
}

/// CN-20: the tiers one after the other. CN-21: ascending priority. AM-20: then by kind; without priority, last.
/// CN-22, AM-13: then by name.
fn precedence(policy: &ClusterPolicy) -> (ClusterTier, bool, Option<u16>, ClusterPolicyKind, &str) {
    (
        policy.tier,
        policy.priority.is_none(),
        policy.priority,
        policy.name.kind,
        &policy.name.name,
    )
}

/// The group of a pod in each direction, if policies judge it there. `order` is [`in_order`].
pub(super) fn keys(
    peer: &Peer,
    cluster: &Cluster,
    order: &[ClusterPolicyName],
) -> [Option<GroupKey>; 2] {
    let own = of_namespace(cluster, &peer.name.namespace);
    let own: Vec<&NetworkPolicy> = own
        .filter(|policy| policy.pod_selector.matches(&peer.labels))
        .collect();
    let of_cluster = order
        .iter()
        .filter_map(|name| cluster.cluster_policies.get(name));
    let of_cluster: Vec<&ClusterPolicy> = of_cluster
        .filter(|policy| in_scope(&policy.subject, peer, cluster))
        .collect();
    Direction::ALL.map(|direction| key(peer, direction, &own, &of_cluster))
}

/// The NetworkPolicies of a namespace, by name.
fn of_namespace<'a>(
    cluster: &'a Cluster,
    namespace: &'a str,
) -> impl Iterator<Item = &'a NetworkPolicy> {
    let from = ObjectName::new(namespace, "");
    let policies = cluster.network_policies.range(from..);
    policies
        .map(|(_, policy)| policy)
        .take_while(move |policy| policy.name.namespace == namespace)
}

fn key(
    peer: &Peer,
    direction: Direction,
    policies: &[&NetworkPolicy],
    cluster_policies: &[&ClusterPolicy],
) -> Option<GroupKey> {
    let policies = policies.iter().copied();
    let isolating: Vec<_> = policies
        .filter(|policy| policy.isolates(direction))
        .collect();
    let cluster_policies = cluster_policies.iter().copied();
    let speaking: Vec<_> = cluster_policies
        .filter(|policy| !policy.rules(direction).is_empty())
        .collect();
    if isolating.is_empty() && speaking.is_empty() {
        return None;
    }
    let ports = match direction {
        Direction::Ingress => resolved_names(&isolating, &speaking, peer),
        Direction::Egress => Vec::new(),
    };
    Some(GroupKey {
        direction,
        policies: isolating.iter().map(|policy| policy.name.clone()).collect(),
        cluster_policies: speaking.iter().map(|policy| policy.name.clone()).collect(),
        ports,
    })
}

/// What the port names in the ingress rules of the policies mean on a pod.
fn resolved_names(
    policies: &[&NetworkPolicy],
    cluster_policies: &[&ClusterPolicy],
    peer: &Peer,
) -> Vec<NamedPort> {
    let rules = policies.iter().flat_map(|policy| &policy.ingress);
    let used = rules.flat_map(|rule| &rule.ports).filter_map(named);
    let cluster_rules = cluster_policies.iter().flat_map(|policy| &policy.ingress);
    let of_cluster = cluster_rules
        .flat_map(|rule| &rule.ports)
        .flat_map(named_by_cluster);
    let used: BTreeSet<(Protocol, &str)> = used.chain(of_cluster).collect();
    let ports = peer.ports.iter().filter_map(|port| {
        let name = port.name.as_deref()?;
        used.contains(&(port.protocol, name)).then(|| NamedPort {
            name: name.to_owned(),
            protocol: port.protocol,
            port: port.port,
        })
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
