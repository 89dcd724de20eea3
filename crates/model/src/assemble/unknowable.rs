//! Selectors by labels that manifests cannot tell (rule OB-10).

use crate::diagnostic::{Diagnostic, Severity};
use crate::{
    Cluster, ClusterPeer, ClusterPolicy, LabelSelector, NetworkPolicy, ObjectKey, ObjectKind,
    PolicyPeer, Source,
};

/// Labels that controllers add with values that manifests do not tell.
const UNKNOWABLE: [&str; 5] = [
    "batch.kubernetes.io/controller-uid",
    "controller-revision-hash",
    "controller-uid",
    "pod-template-generation",
    "pod-template-hash",
];

/// A warning for each policy that selects pods by a label that no representative pod has.
pub(super) fn warnings(cluster: &Cluster) -> Vec<Diagnostic> {
    let namespaced = cluster.network_policies.values().filter_map(|policy| {
        let label = first(of_network_policy(policy))?;
        let key = ObjectKey::namespaced(ObjectKind::NetworkPolicy, &policy.name);
        Some(warning(&key, label, policy.source.as_ref()))
    });
    let cluster_scoped = cluster.cluster_policies.values().filter_map(|policy| {
        let label = first(of_cluster_policy(policy))?;
        let key = ObjectKey::cluster(policy.name.kind.into(), &policy.name.name);
        Some(warning(&key, label, policy.source.as_ref()))
    });
    namespaced.chain(cluster_scoped).collect()
}

fn warning(policy: &ObjectKey, label: &str, source: Option<&Source>) -> Diagnostic {
    let message = format!("{policy} selects by `{label}`, which only a running cluster knows");
    Diagnostic::new(Severity::Warning, message)
        .with_rule("OB-10")
        .with_source(source.cloned())
}

/// The selectors of pods in `policy`.
fn of_network_policy(policy: &NetworkPolicy) -> impl Iterator<Item = &LabelSelector> {
    let rules = policy.ingress.iter().chain(&policy.egress);
    let peers = rules
        .flat_map(|rule| &rule.peers)
        .filter_map(|peer| match peer {
            PolicyPeer::Pods(selector) => selector.pods.as_ref(),
            PolicyPeer::IpBlock(_) => None,
        });
    std::iter::once(&policy.pod_selector).chain(peers)
}

/// The selectors of pods in `policy`.
fn of_cluster_policy(policy: &ClusterPolicy) -> impl Iterator<Item = &LabelSelector> {
    let rules = policy.ingress.iter().chain(&policy.egress);
    let peers = rules
        .flat_map(|rule| &rule.peers)
        .filter_map(|peer| match peer {
            ClusterPeer::Pods(scope) => scope.pods.as_ref(),
            ClusterPeer::Networks(_)
            | ClusterPeer::Nodes(_)
            | ClusterPeer::DomainNames(_)
            | ClusterPeer::Unrecognized => None,
        });
    policy.subject.pods.iter().chain(peers)
}

fn first<'a>(selectors: impl Iterator<Item = &'a LabelSelector>) -> Option<&'a str> {
    let keys = selectors.flat_map(|selector| {
        let listed = selector.match_expressions.iter().map(|found| &found.key);
        selector.match_labels.keys().chain(listed)
    });
    keys.map(String::as_str)
        .find(|key| UNKNOWABLE.contains(key))
}
