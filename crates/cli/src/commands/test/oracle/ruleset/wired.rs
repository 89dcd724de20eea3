//! A cluster in which everybody has an address, as if it had been started.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use ringfence_model::{Cluster, ClusterIp, Phase, Pod, Service};

use super::NOWHERE;

/// Where addresses are taken from unless `--pod-cidr` says so (rule AM-22): pods, nodes and Services have blocks of their own.
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
    keep_behind_nothing(&mut cluster);
    // AM-26: whom a load balancer lets in is no part of a verdict.
    for service in cluster.services.values_mut() {
        service.traffic.admitted = None;
    }
    // OB-16: a pod that says whose address its node has is on that node. OB-18: the others without node count as together.
    let nodes = nodes_by_address(&cluster);
    for pod in cluster.pods.values_mut().filter(|pod| !pod.host_network) {
        let mut reported = pod.host_addresses.iter().map(IpAddr::to_canonical);
        let known = reported.find_map(|address| nodes.get(&address));
        let known = known.map_or(NOWHERE, String::as_str);
        pod.node.get_or_insert_with(|| known.to_owned());
    }
    let mut taken = taken.clone();
    taken.extend(owned(&cluster));
    let (blocks, elsewhere) = (cluster.pod_blocks.clone(), BTreeSet::new());
    let mut pods = Supply::new(POD, &blocks, &taken);
    for pod in cluster
        .pods
        .values_mut()
        .filter(|pod| pod.addresses.is_empty())
    {
        if pod.is_on_pod_network() {
            pod.addresses = pods.next();
        }
    }
    let mut nodes = Supply::new(NODE, &elsewhere, &taken);
    for node in cluster
        .nodes
        .values_mut()
        .filter(|node| node.addresses.is_empty())
    {
        node.addresses = nodes.next();
    }
    let mut services = Supply::new(SERVICE, &elsewhere, &taken);
    for service in cluster.services.values_mut() {
        if service.cluster_ip == ClusterIp::Unassigned && service.external_name.is_none() {
            service.cluster_ip = ClusterIp::Assigned(services.next());
        }
    }
    cluster
}

/// The nodes whose objects list an address, of several the first by name (rule Q-5).
fn nodes_by_address(cluster: &Cluster) -> BTreeMap<IpAddr, String> {
    let nodes = cluster.nodes.values().rev();
    let listed = nodes.flat_map(|node| {
        let addresses = node.addresses.iter().map(IpAddr::to_canonical);
        addresses.map(|address| (address, node.name.clone()))
    });
    listed.collect()
}

/// OB-12: a cluster that knows a pod puts it behind no Service before it has an address. So Services ask for a label that
/// every other pod has, and no policy knows.
fn keep_behind_nothing(cluster: &mut Cluster) {
    const LABEL: &str = "wired.ringfence.dev/address";
    let has_none = |pod: &Pod| {
        pod.addresses.is_empty() && pod.phase != Phase::Unknown && pod.is_on_pod_network()
    };
    if !cluster.pods.values().any(has_none) {
        return;
    }
    for pod in cluster.pods.values_mut().filter(|pod| !has_none(pod)) {
        pod.labels.insert(LABEL.to_owned(), String::new());
    }
    for service in cluster.services.values_mut() {
        if !service.selector.is_empty() {
            service.selector.insert(LABEL.to_owned(), String::new());
        }
    }
}

/// OB-13: a headless Service has none.
pub(super) fn cluster_addresses(service: &Service) -> Vec<IpAddr> {
    let own = service.cluster_addresses().iter();
    own.map(IpAddr::to_canonical).collect()
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

/// Free addresses of both families, that which somebody speaks of first.
struct Supply<'a> {
    families: [Box<dyn Iterator<Item = IpAddr> + 'a>; 2],
    taken: &'a BTreeSet<IpAddr>,
}

impl<'a> Supply<'a> {
    /// Of `blocks`, and where those have none of a family, or no more, counted up from the default.
    fn new(
        (v4, v6): (Ipv4Addr, Ipv6Addr),
        blocks: &'a BTreeSet<IpNet>,
        taken: &'a BTreeSet<IpAddr>,
    ) -> Self {
        let given = |is_v4: bool| {
            let of_family = blocks
                .iter()
                .filter(move |block| block.addr().is_ipv4() == is_v4);
            of_family.flat_map(IpNet::hosts)
        };
        let (v4, v6) = (u32::from(v4), u128::from(v6));
        let counted_v4 = (1..).map(move |number| IpAddr::V4(v4.wrapping_add(number).into()));
        let counted_v6 = (1..).map(move |number| IpAddr::V6(v6.wrapping_add(number).into()));
        let mut families: [Box<dyn Iterator<Item = IpAddr> + 'a>; 2] = [
            Box::new(given(true).chain(counted_v4)),
            Box::new(given(false).chain(counted_v6)),
        ];
        if !blocks.is_empty() && blocks.iter().all(|block| block.addr().is_ipv6()) {
            families.reverse();
        }
        Self { families, taken }
    }

    fn next(&mut self) -> Vec<IpAddr> {
        let taken = self.taken;
        let families = self.families.iter_mut();
        families
            .filter_map(|family| family.find(|address| !taken.contains(address)))
            .collect()
    }
}
