//! Where nodes are reached.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_model::Cluster;

/// The addresses of every node that has an object or runs a live pod (rule Q-5); none where none is known.
pub(crate) fn addresses_of_nodes(cluster: &Cluster) -> BTreeMap<&str, BTreeSet<IpAddr>> {
    let objects = cluster.nodes.iter();
    let objects = objects.map(|(name, node)| (name.as_str(), node.addresses.as_slice()));
    let pods = cluster.pods.values().filter(|pod| pod.is_live());
    let pods = pods.filter_map(|pod| Some((pod.node.as_deref()?, pod.host_addresses.as_slice())));
    let mut nodes: BTreeMap<&str, BTreeSet<IpAddr>> = BTreeMap::new();
    for (name, addresses) in objects.chain(pods) {
        let known = nodes.entry(name).or_default();
        known.extend(addresses.iter().map(IpAddr::to_canonical));
    }
    nodes
}
