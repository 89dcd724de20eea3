//! A cluster in which everybody has an address, as if it had been started.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ringfence_model::{Cluster, ClusterIp, Phase, Service};

/// Where addresses are taken from: pods, nodes and Services have blocks of their own.
const POD: (Ipv4Addr, Ipv6Addr) = (
    Ipv4Addr::new(10, 240, 0, 0),
    Ipv6Addr::new(0xfd00, 0x10, 0x240, 0, 0, 0, 0, 0),
);
const NODE: (Ipv4Addr, Ipv6Addr) = (
    Ipv4Addr::new(172, 24, 0, 0),
    Ipv6Addr::new(0xfd00, 0x172, 0x24, 0, 0, 0, 0, 0),
);
const SERVICE: (Ipv4Addr, Ipv6Addr) = (
    Ipv4Addr::new(10, 96, 0, 0),
    Ipv6Addr::new(0xfd00, 0x10, 0x96, 0, 0, 0, 0, 0),
);

/// `cluster` with an address of both families for each pod, node and Service that has none. None of them is among
/// `taken` or has another owner.
pub(super) fn wired(cluster: &Cluster, taken: &BTreeSet<IpAddr>) -> Cluster {
    let mut cluster = cluster.clone();
    let mut taken = taken.clone();
    taken.extend(owned(&cluster));
    let mut pods = Block::new(POD, &taken);
    for pod in cluster
        .pods
        .values_mut()
        .filter(|pod| pod.addresses.is_empty())
    {
        if pod.is_on_pod_network() {
            pod.addresses = pods.next();
            // OB-12: a cluster that knows the pod puts it behind no Service before it has an address.
            pod.terminating |= pod.phase != Phase::Unknown;
        }
    }
    let mut nodes = Block::new(NODE, &taken);
    for node in cluster
        .nodes
        .values_mut()
        .filter(|node| node.addresses.is_empty())
    {
        node.addresses = nodes.next();
    }
    let mut services = Block::new(SERVICE, &taken);
    for service in cluster.services.values_mut() {
        if service.cluster_ip == ClusterIp::Unassigned && service.external_name.is_none() {
            service.cluster_ip = ClusterIp::Assigned(services.next());
        }
    }
    cluster
}

/// OB-13: a headless Service has none.
pub(super) fn cluster_addresses(service: &Service) -> Vec<IpAddr> {
    match &service.cluster_ip {
        ClusterIp::Assigned(addresses) => addresses.iter().map(IpAddr::to_canonical).collect(),
        ClusterIp::Unassigned | ClusterIp::Headless => Vec::new(),
    }
}

fn owned(cluster: &Cluster) -> Vec<IpAddr> {
    let pods = cluster
        .pods
        .values()
        .flat_map(|pod| pod.addresses.iter().chain(&pod.host_addresses));
    let nodes = cluster.nodes.values().flat_map(|node| &node.addresses);
    let external = cluster
        .services
        .values()
        .flat_map(|service| &service.external_addresses);
    let inside = cluster.services.values().flat_map(cluster_addresses);
    pods.chain(nodes)
        .chain(external)
        .copied()
        .chain(inside)
        .collect()
}

/// Addresses of one block, counted up.
struct Block<'a> {
    v4: u32,
    v6: u128,
    taken: &'a BTreeSet<IpAddr>,
}

impl<'a> Block<'a> {
    fn new((v4, v6): (Ipv4Addr, Ipv6Addr), taken: &'a BTreeSet<IpAddr>) -> Self {
        Self {
            v4: v4.into(),
            v6: v6.into(),
            taken,
        }
    }

    fn next(&mut self) -> Vec<IpAddr> {
        let v4 = loop {
            self.v4 = self.v4.wrapping_add(1);
            let address = IpAddr::V4(self.v4.into());
            if !self.taken.contains(&address) {
                break address;
            }
        };
        let v6 = loop {
            self.v6 = self.v6.wrapping_add(1);
            let address = IpAddr::V6(self.v6.into());
            if !self.taken.contains(&address) {
                break address;
            }
        };
        vec![v4, v6]
    }
}
