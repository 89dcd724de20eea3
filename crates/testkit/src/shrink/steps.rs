//! The single steps: one object, list item, label or address less.

use std::collections::BTreeMap;

use ringfence_model::{
    Cluster, IpBlock, LabelSelector, Labels, METADATA_NAME_LABEL, Namespace, NetworkPolicy, Node,
    PeerSelector, Pod, PolicyPeer, PolicyRule, Service, Traffic,
};

/// Where a kind of object stands in the cluster.
type Place<K, V> = fn(&mut Cluster) -> &mut BTreeMap<K, V>;

/// The cluster without one object of a kind.
pub(super) fn without_one<K: Ord + Clone, V>(
    cluster: &Cluster,
    out: &mut Vec<Cluster>,
    place: Place<K, V>,
) {
    let keys: Vec<K> = place(&mut cluster.clone()).keys().cloned().collect();
    for key in keys {
        let mut smaller = cluster.clone();
        place(&mut smaller).remove(&key);
        out.push(smaller);
    }
}

/// The cluster with one object of a kind made simpler.
pub(super) fn simplified<K: Ord + Clone, V: Clone>(
    cluster: &Cluster,
    out: &mut Vec<Cluster>,
    place: Place<K, V>,
    simpler: fn(&V) -> Vec<V>,
) {
    let objects = place(&mut cluster.clone()).clone();
    for (key, object) in objects {
        for simple in simpler(&object) {
            let mut smaller = cluster.clone();
            place(&mut smaller).insert(key.clone(), simple);
            out.push(smaller);
        }
    }
}

pub(super) fn policies(policy: &NetworkPolicy) -> Vec<NetworkPolicy> {
    let mut simpler = Vec::new();
    if policy.audit.is_some() {
        simpler.push(NetworkPolicy {
            audit: None,
            ..policy.clone()
        });
    }
    for ingress in items(&policy.ingress, rules) {
        simpler.push(NetworkPolicy {
            ingress,
            ..policy.clone()
        });
    }
    for egress in items(&policy.egress, rules) {
        simpler.push(NetworkPolicy {
            egress,
            ..policy.clone()
        });
    }
    for pod_selector in selectors(&policy.pod_selector) {
        simpler.push(NetworkPolicy {
            pod_selector,
            ..policy.clone()
        });
    }
    if policy.isolates_ingress && policy.isolates_egress {
        simpler.push(NetworkPolicy {
            isolates_ingress: false,
            ..policy.clone()
        });
        simpler.push(NetworkPolicy {
            isolates_egress: false,
            ..policy.clone()
        });
    }
    simpler
}

fn rules(rule: &PolicyRule) -> Vec<PolicyRule> {
    let peers = items(&rule.peers, peers).into_iter();
    let ports = without_each(&rule.ports).into_iter();
    let fewer_peers = peers.map(|peers| PolicyRule {
        peers,
        ..rule.clone()
    });
    let fewer_ports = ports.map(|ports| PolicyRule {
        ports,
        ..rule.clone()
    });
    fewer_peers.chain(fewer_ports).collect()
}

fn peers(peer: &PolicyPeer) -> Vec<PolicyPeer> {
    match peer {
        PolicyPeer::IpBlock(block) => without_each(&block.except)
            .into_iter()
            .map(|except| {
                PolicyPeer::IpBlock(IpBlock {
                    cidr: block.cidr,
                    except,
                })
            })
            .collect(),
        PolicyPeer::Pods(selector) => peer_selectors(selector)
            .into_iter()
            .map(PolicyPeer::Pods)
            .collect(),
    }
}

/// At least one of the two selectors stays (rule NP-11).
fn peer_selectors(selector: &PeerSelector) -> Vec<PeerSelector> {
    let PeerSelector { namespaces, pods } = selector;
    let mut simpler = Vec::new();
    if namespaces.is_some() && pods.is_some() {
        simpler.push(PeerSelector {
            namespaces: None,
            pods: pods.clone(),
        });
        simpler.push(PeerSelector {
            namespaces: namespaces.clone(),
            pods: None,
        });
    }
    for simple in namespaces.iter().flat_map(selectors) {
        simpler.push(PeerSelector {
            namespaces: Some(simple),
            pods: pods.clone(),
        });
    }
    for simple in pods.iter().flat_map(selectors) {
        simpler.push(PeerSelector {
            namespaces: namespaces.clone(),
            pods: Some(simple),
        });
    }
    simpler
}

pub(super) fn selectors(selector: &LabelSelector) -> Vec<LabelSelector> {
    let LabelSelector {
        match_labels,
        match_expressions,
    } = selector;
    let fewer_pairs = labels(match_labels)
        .into_iter()
        .map(|match_labels| LabelSelector {
            match_labels,
            match_expressions: match_expressions.clone(),
        });
    let fewer_expressions = without_each(match_expressions)
        .into_iter()
        .map(|match_expressions| LabelSelector {
            match_labels: match_labels.clone(),
            match_expressions,
        });
    fewer_pairs.chain(fewer_expressions).collect()
}

pub(super) fn services(service: &Service) -> Vec<Service> {
    let mut simpler = Vec::new();
    for ports in without_each(&service.ports) {
        simpler.push(Service {
            ports,
            ..service.clone()
        });
    }
    for selector in labels(&service.selector) {
        simpler.push(Service {
            selector,
            ..service.clone()
        });
    }
    for endpoints in without_each(&service.endpoints) {
        simpler.push(Service {
            endpoints,
            ..service.clone()
        });
    }
    if service.traffic != Traffic::default() {
        simpler.push(Service {
            traffic: Traffic::default(),
            ..service.clone()
        });
    }
    for external_addresses in without_each(&service.external_addresses) {
        simpler.push(Service {
            external_addresses,
            ..service.clone()
        });
    }
    simpler
}

pub(super) fn pods(pod: &Pod) -> Vec<Pod> {
    let mut simpler = Vec::new();
    for labels in labels(&pod.labels) {
        simpler.push(Pod {
            labels,
            ..pod.clone()
        });
    }
    for ports in without_each(&pod.ports) {
        simpler.push(Pod {
            ports,
            ..pod.clone()
        });
    }
    for addresses in without_each(&pod.addresses)
        .into_iter()
        .filter(|left| !left.is_empty())
    {
        simpler.push(Pod {
            addresses,
            ..pod.clone()
        });
    }
    for host_addresses in without_each(&pod.host_addresses) {
        simpler.push(Pod {
            host_addresses,
            ..pod.clone()
        });
    }
    simpler
}

pub(super) fn nodes(node: &Node) -> Vec<Node> {
    let mut simpler = Vec::new();
    for labels in labels(&node.labels) {
        simpler.push(Node {
            labels,
            ..node.clone()
        });
    }
    for addresses in without_each(&node.addresses) {
        simpler.push(Node {
            addresses,
            ..node.clone()
        });
    }
    simpler
}

pub(super) fn namespaces(namespace: &Namespace) -> Vec<Namespace> {
    let fewer = labels(&namespace.labels).into_iter();
    fewer
        .filter(|labels| labels.contains_key(METADATA_NAME_LABEL))
        .map(|labels| Namespace {
            labels,
            ..namespace.clone()
        })
        .collect()
}

/// The labels without each one of them.
fn labels(labels: &Labels) -> Vec<Labels> {
    let without = |key: &String| {
        let mut fewer = labels.clone();
        fewer.remove(key);
        fewer
    };
    labels.keys().map(without).collect()
}

/// The list without each item, then with each item made simpler.
pub(super) fn items<T: Clone>(list: &[T], simpler: fn(&T) -> Vec<T>) -> Vec<Vec<T>> {
    let mut smaller = without_each(list);
    for (place, item) in list.iter().enumerate() {
        for simple in simpler(item) {
            let replace = |(at, old): (usize, &T)| {
                if at == place {
                    simple.clone()
                } else {
                    old.clone()
                }
            };
            smaller.push(list.iter().enumerate().map(replace).collect());
        }
    }
    smaller
}

pub(super) fn without_each<T: Clone>(list: &[T]) -> Vec<Vec<T>> {
    let without = |place: usize| {
        let kept = list.iter().enumerate().filter(|(at, _)| *at != place);
        kept.map(|(_, item)| item.clone()).collect()
    };
    (0..list.len()).map(without).collect()
}
