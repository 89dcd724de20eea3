//! Which policies select which pods.

use std::collections::BTreeMap;

use ringfence_model::{
    Cluster, ClusterPolicy, ClusterPolicyKind, ClusterTier, Labels, NetworkPolicy, ObjectName,
};

use crate::peer::{Peer, Peers};

/// The policies of each namespace, and those of the cluster for each pod of this node.
pub(super) struct Selected<'a> {
    by_pod: BTreeMap<&'a ObjectName, Vec<&'a ClusterPolicy>>,
    by_namespace: BTreeMap<&'a str, Vec<&'a NetworkPolicy>>,
}

/// Policies by namespace and labels of the pods they select, as far as somebody asked.
pub(super) type Cache<'a> = BTreeMap<(&'a str, &'a Labels), Vec<&'a NetworkPolicy>>;

impl<'a> Selected<'a> {
    pub(super) fn new(cluster: &'a Cluster, peers: &Peers<'a>) -> Self {
        let mut by_namespace: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for policy in cluster.network_policies.values() {
            let namespace = policy.name.namespace.as_str();
            by_namespace.entry(namespace).or_default().push(policy);
        }
        Self {
            by_pod: by_pod(cluster, peers),
            by_namespace,
        }
    }

    /// The policies that select a pod (rule NP-1).
    pub(super) fn by<'c>(
        &self,
        peer: &Peer<'a>,
        cache: &'c mut Cache<'a>,
    ) -> &'c [&'a NetworkPolicy] {
        let (namespace, labels) = (peer.pod.name.namespace.as_str(), &peer.pod.labels);
        cache.entry((namespace, labels)).or_insert_with(|| {
            let policies = self.by_namespace.get(namespace).into_iter().flatten();
            policies
                .filter(|policy| policy.pod_selector.matches(labels))
                .copied()
                .collect()
        })
    }

    /// The policies of the cluster that select a pod, in the order in which they are asked (rules CN-21, CN-22).
    pub(super) fn of_cluster(&self, peer: &Peer<'a>) -> &[&'a ClusterPolicy] {
        self.by_pod.get(&peer.pod.name).map_or(&[], Vec::as_slice)
    }
}

fn by_pod<'a>(
    cluster: &'a Cluster,
    peers: &Peers<'a>,
) -> BTreeMap<&'a ObjectName, Vec<&'a ClusterPolicy>> {
    let mut policies: Vec<&ClusterPolicy> = cluster.cluster_policies.values().collect();
    policies.sort_by_key(|policy| precedence(policy));
    let mut found: BTreeMap<&ObjectName, Vec<&ClusterPolicy>> = BTreeMap::new();
    for policy in policies {
        let selected = peers.in_scope(&policy.subject);
        let selected = selected.into_iter().filter_map(|index| peers.get(index));
        for peer in selected.filter(|peer| peer.endpoint.is_some()) {
            found.entry(&peer.pod.name).or_default().push(policy);
        }
    }
    found
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
