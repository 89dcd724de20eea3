//! Steps of cluster-scoped policies: one rule, peer, port or selector less.

use ringfence_model::{ClusterPeer, ClusterPolicy, ClusterRule, PodScope};

use super::steps::{items, selectors, without_each};

pub(super) fn cluster_policies(policy: &ClusterPolicy) -> Vec<ClusterPolicy> {
    let ingress = items(&policy.ingress, rules).into_iter();
    let egress = items(&policy.egress, rules).into_iter();
    let subjects = scopes(&policy.subject).into_iter();
    let fewer_ingress = ingress.map(|ingress| ClusterPolicy {
        ingress,
        ..policy.clone()
    });
    let fewer_egress = egress.map(|egress| ClusterPolicy {
        egress,
        ..policy.clone()
    });
    let wider_subject = subjects.map(|subject| ClusterPolicy {
        subject,
        ..policy.clone()
    });
    fewer_ingress
        .chain(fewer_egress)
        .chain(wider_subject)
        .collect()
}

/// At least one peer stays (rule CN-30).
fn rules(rule: &ClusterRule) -> Vec<ClusterRule> {
    let peers = items(&rule.peers, peers).into_iter();
    let ports = without_each(&rule.ports).into_iter();
    let fewer_peers = peers
        .filter(|left| !left.is_empty())
        .map(|peers| ClusterRule {
            peers,
            ..rule.clone()
        });
    let fewer_ports = ports.map(|ports| ClusterRule {
        ports,
        ..rule.clone()
    });
    let nameless = rule.name.is_some().then(|| ClusterRule {
        name: None,
        ..rule.clone()
    });
    fewer_peers.chain(fewer_ports).chain(nameless).collect()
}

fn peers(peer: &ClusterPeer) -> Vec<ClusterPeer> {
    match peer {
        ClusterPeer::Pods(scope) => scopes(scope).into_iter().map(ClusterPeer::Pods).collect(),
        ClusterPeer::Networks(networks) => fewer(networks)
            .into_iter()
            .map(ClusterPeer::Networks)
            .collect(),
        ClusterPeer::Nodes(selector) => selectors(selector)
            .into_iter()
            .map(ClusterPeer::Nodes)
            .collect(),
        ClusterPeer::DomainNames(names) => fewer(names)
            .into_iter()
            .map(ClusterPeer::DomainNames)
            .collect(),
        ClusterPeer::Unrecognized => Vec::new(),
    }
}

/// At least one item stays.
fn fewer<T: Clone>(list: &[T]) -> Vec<Vec<T>> {
    let mut fewer = without_each(list);
    fewer.retain(|left| !left.is_empty());
    fewer
}

/// The form stays: selectors lose requirements, none comes or goes (rule AN-3).
fn scopes(scope: &PodScope) -> Vec<PodScope> {
    let namespaces = scope.namespaces.iter().flat_map(selectors);
    let pods = scope.pods.iter().flat_map(selectors);
    let wider_namespaces = namespaces.map(|simple| PodScope {
        namespaces: Some(simple),
        pods: scope.pods.clone(),
    });
    let wider_pods = pods.map(|simple| PodScope {
        namespaces: scope.namespaces.clone(),
        pods: Some(simple),
    });
    wider_namespaces.chain(wider_pods).collect()
}
