//! Rules NP-11 to NP-18 and NP-40 to NP-44: peers.

use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::{
    IpBlock, LabelSelector, NetworkPolicy, Party, PeerSelector, Pod, PolicyPeer,
};

use super::{Flow, Miss, Part, Step, Why, below, field, labels, peers_field};

/// How item `index` of `from` or `to` fares.
pub(super) fn part(
    flow: Flow<'_>,
    policy: &NetworkPolicy,
    item: &PolicyPeer,
    index: usize,
) -> Part {
    let place = vec![peers_field(flow.direction), Step::Item(index)];
    let misses = match item {
        PolicyPeer::IpBlock(block) => block_misses(flow, block, &below(&place, [field("ipBlock")])),
        PolicyPeer::Pods(selector) => selector_misses(flow, policy, selector, &place),
    };
    Part::new(place, misses)
}

/// NP-40: inside `cidr` and in no `except`.
fn block_misses(flow: Flow<'_>, block: &IpBlock, place: &[Step]) -> Vec<Miss> {
    let miss = |steps: Vec<Step>, why| {
        vec![Miss {
            place: below(place, steps),
            why,
        }]
    };
    let Some(address) = flow.peer().address() else {
        let why = flow.unaddressed(|known| known.within(block));
        return why.map_or_else(Vec::new, |why| miss(Vec::new(), why));
    };
    if let Some(why) = outside(&block.cidr, address) {
        return miss(vec![field("cidr")], why);
    }
    match block.except.iter().position(|hole| hole.contains(&address)) {
        Some(index) => miss(
            vec![field("except"), Step::Item(index)],
            Why::Excepted(address),
        ),
        None => Vec::new(),
    }
}

/// Why `address` is not in `network`.
pub(super) fn outside(network: &IpNet, address: IpAddr) -> Option<Why> {
    if network.addr().is_ipv4() != address.is_ipv4() {
        return Some(Why::OtherFamily(address));
    }
    (!network.contains(&address)).then_some(Why::Outside(address))
}

/// NP-12 to NP-14: the namespace and the pod must match.
fn selector_misses(
    flow: Flow<'_>,
    policy: &NetworkPolicy,
    selector: &PeerSelector,
    place: &[Step],
) -> Vec<Miss> {
    let Some(pod) = pod(flow) else {
        let why = Why::NoPod(flow.peer().clone());
        let place = place.to_vec();
        return vec![Miss { place, why }];
    };
    let mut misses = match &selector.namespaces {
        Some(namespaces) => namespace_misses(flow, namespaces, pod, place),
        None => other_namespace(policy, pod, place),
    };
    if let Some(pods) = &selector.pods {
        misses.extend(pod_misses(pods, pod, place));
    }
    misses
}

/// The peer, if it is a pod that selectors can match (rule NP-16).
pub(super) fn pod<'a>(flow: Flow<'a>) -> Option<&'a Pod> {
    let Party::Pod { name, .. } = flow.peer() else {
        return None;
    };
    let pod = flow.cluster.pods.get(name)?;
    pod.is_on_pod_network().then_some(pod)
}

/// NP-12: without `namespaceSelector` the policy's own namespace.
fn other_namespace(policy: &NetworkPolicy, pod: &Pod, place: &[Step]) -> Vec<Miss> {
    if pod.name.namespace == policy.name.namespace {
        return Vec::new();
    }
    vec![Miss {
        place: below(place, [field("podSelector")]),
        why: Why::OtherNamespace {
            pod: pod.name.clone(),
            policy: policy.name.namespace.clone(),
        },
    }]
}

/// What the pod's namespace misses of `namespaceSelector` at `place`.
pub(super) fn namespace_misses(
    flow: Flow<'_>,
    selector: &LabelSelector,
    pod: &Pod,
    place: &[Step],
) -> Vec<Miss> {
    let name = &pod.name.namespace;
    let found = flow.cluster.namespace_labels(name);
    let place = below(place, [field("namespaceSelector")]);
    labels::misses(selector, &found, &format!("namespace {name}"), &place)
}

/// What the pod misses of `podSelector` at `place`.
pub(super) fn pod_misses(selector: &LabelSelector, pod: &Pod, place: &[Step]) -> Vec<Miss> {
    let place = below(place, [field("podSelector")]);
    labels::misses(selector, &pod.labels, &pod.name.to_string(), &place)
}
