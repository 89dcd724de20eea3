//! Which namespaces policies know by name.

use ringfence_model::{
    Cluster, ClusterPeer, LabelSelector, METADATA_NAME_LABEL, PodScope, PolicyPeer,
};

/// Whether there is such a namespace, or a policy that knows it by name.
pub(super) fn is_mentioned(cluster: &Cluster, name: &str) -> bool {
    let objects = cluster.pods.keys().chain(cluster.network_policies.keys());
    cluster.namespaces.contains_key(name)
        || objects
            .into_iter()
            .any(|object| object.namespace.as_str() == name)
        || namespace_selectors(cluster).any(|selector| selects_by_name(selector, name))
}

fn selects_by_name(selector: &LabelSelector, name: &str) -> bool {
    let by_label = selector.match_labels.get(METADATA_NAME_LABEL);
    let mut expressions = selector.match_expressions.iter();
    by_label.is_some_and(|value| value == name)
        || expressions.any(|requirement| {
            requirement.key == METADATA_NAME_LABEL
                && requirement.values.iter().any(|value| value == name)
        })
}

fn namespace_selectors(cluster: &Cluster) -> impl Iterator<Item = &LabelSelector> {
    let policies = cluster.network_policies.values();
    let rules = policies.flat_map(|policy| policy.ingress.iter().chain(&policy.egress));
    let named = rules
        .flat_map(|rule| &rule.peers)
        .filter_map(|peer| match peer {
            PolicyPeer::Pods(selector) => selector.namespaces.as_ref(),
            PolicyPeer::IpBlock(_) => None,
        });
    let scopes = scopes(cluster).filter_map(|scope| scope.namespaces.as_ref());
    named.chain(scopes)
}

/// Whom policies of the whole cluster speak of, as subjects and as peers.
pub(super) fn scopes(cluster: &Cluster) -> impl Iterator<Item = &PodScope> {
    let policies = cluster.cluster_policies.values();
    policies.flat_map(|policy| {
        let rules = policy.ingress.iter().chain(&policy.egress);
        let peers = rules.flat_map(|rule| &rule.peers);
        let pods = peers.filter_map(|peer| match peer {
            ClusterPeer::Pods(scope) => Some(scope),
            ClusterPeer::Networks(_)
            | ClusterPeer::Nodes(_)
            | ClusterPeer::DomainNames(_)
            | ClusterPeer::Unrecognized => None,
        });
        std::iter::once(&policy.subject).chain(pods)
    })
}
