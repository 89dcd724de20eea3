//! Rules Q-5, NP-50 and OB-16: nodes and their addresses.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ringfence_model::{Cluster, Party, Pod};

use crate::party::Candidate;
use crate::resolve::{canonical, live_pods};

/// a node that has an object, or that a live pod names.
pub(crate) fn named_node(cluster: &Cluster, name: &str) -> Option<Candidate> {
    let mentioned = live_pods(cluster).any(|pod| pod.node.as_deref() == Some(name));
    (mentioned || cluster.nodes.contains_key(name)).then(|| Candidate {
        party: Party::Node {
            name: Some(name.to_owned()),
            host_pod: None,
            address: None,
        },
        addresses: node_addresses(cluster, name),
    })
}

/// the addresses of the Node object, then the host addresses that live pods on it report.
pub(crate) fn node_addresses(cluster: &Cluster, name: &str) -> Vec<IpAddr> {
    let reported = live_pods(cluster)
        .filter(|pod| pod.node.as_deref() == Some(name))
        .flat_map(|pod| &pod.host_addresses);
    let of_object = cluster
        .nodes
        .get(name)
        .into_iter()
        .flat_map(|node| &node.addresses);
    of_object
        .chain(reported)
        .map(IpAddr::to_canonical)
        .collect()
}

/// the name of the node with `address`; the name is absent if only a pod without node reports it.
pub(crate) fn node_at(cluster: &Cluster, address: IpAddr) -> Option<Option<String>> {
    let named = node_names(cluster)
        .into_iter()
        .find(|name| node_addresses(cluster, name).contains(&address));
    let reported =
        || live_pods(cluster).any(|pod| canonical(&pod.host_addresses).contains(&address));
    named.map(Some).or_else(|| reported().then_some(None))
}

fn node_names(cluster: &Cluster) -> BTreeSet<String> {
    let mentioned = live_pods(cluster).filter_map(|pod| pod.node.clone());
    cluster.nodes.keys().cloned().chain(mentioned).collect()
}

/// Q-5, NP-50: whether `peer` is the node that `pod` runs on: by name, by the node's addresses, or by
/// the host addresses that the pod itself reports.
pub(crate) fn is_local_node(cluster: &Cluster, pod: &Pod, peer: &Party) -> bool {
    let Party::Node { name, address, .. } = peer else {
        return false;
    };
    let same_name = name.is_some() && *name == pod.node;
    let same_address = address.is_some_and(|address| {
        let of_node = pod.node.as_ref().map(|node| node_addresses(cluster, node));
        of_node.unwrap_or_default().contains(&address)
            || canonical(&pod.host_addresses).contains(&address)
    });
    same_name || same_address
}

/// OB-16: a pod that names no node and no host address has no local node.
pub(crate) fn has_local_node(pod: &Pod) -> bool {
    pod.node.is_some() || !pod.host_addresses.is_empty()
}
