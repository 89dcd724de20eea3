//! Which policies judge which pods.

use std::collections::BTreeSet;

use ringfence_model::{
    Cluster, ClusterPolicy, ClusterPolicyKind, ClusterPolicyName, ClusterPort, ClusterTier,
    Direction, NetworkPolicy, ObjectName, PolicyPort, PortMatch,
};
use ringfence_net::Protocol;

use super::{GroupKey, Stage};
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

/// The groups of a pod, if policies judge it: in each direction the one that counts, then that of the policies in audit
/// mode. `order` is [`in_order`].
pub(super) fn keys(
    peer: &Peer,
    cluster: &Cluster,
    order: &[ClusterPolicyName],
) -> [Option<GroupKey>; 4] {
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
    let [egress, ingress] =
        Direction::ALL.map(|direction| stages(peer, direction, &own, &of_cluster));
    let ([first, second], [third, fourth]) = (egress, ingress);
    [first, second, third, fourth]
}

/// AU-3: what counts is judged without the policies in audit mode. AU-4: where there are any, it is judged once more with
/// them.
fn stages(
    peer: &Peer,
    direction: Direction,
    policies: &[&NetworkPolicy],
    cluster_policies: &[&ClusterPolicy],
) -> [Option<GroupKey>; 2] {
    let of = |policies: &[&NetworkPolicy], stage| {
        key(peer, (direction, stage), policies, cluster_policies)
    };
    let policies = policies.iter().copied();
    let (audited, enforced): (Vec<_>, Vec<_>) = policies
        .filter(|policy| policy.isolates(direction))
        .partition(|policy| policy.is_audited());
    if audited.is_empty() {
        return [of(&enforced, Stage::Alone), None];
    }
    let first = of(&enforced, Stage::First);
    let stage = match &first {
        Some(_) => Stage::Second,
        None => Stage::AuditAlone,
    };
    let mut all = [enforced, audited].concat();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    [first, of(&all, stage)]
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
    (direction, stage): (Direction, Stage),
    isolating: &[&NetworkPolicy],
    cluster_policies: &[&ClusterPolicy],
) -> Option<GroupKey> {
    let cluster_policies = cluster_policies.iter().copied();
    let speaking: Vec<_> = cluster_policies
        .filter(|policy| !policy.rules(direction).is_empty())
        .collect();
    if isolating.is_empty() && speaking.is_empty() {
        return None;
    }
    let ports = match direction {
        Direction::Ingress => resolved_names(isolating, &speaking, peer),
        Direction::Egress => Vec::new(),
    };
    Some(GroupKey {
        direction,
        stage,
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
