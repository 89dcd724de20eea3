//! A node as manifests alone let it be supposed: what the cluster would have decided is made up, the same way each time.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use ringfence_model::{Cluster, ObjectName, Service};
use ringfence_net::Family;

use crate::hash::{Content, folded, hash};
use crate::layout::INTERFACE_PREFIX;
use crate::{Capacity, LocalEndpoint, NetworkConfig, Record};

/// Where pod addresses are made up: the blocks that kind gives to pods.
const POD_BLOCKS: [&str; 2] = ["10.244.0.0/16", "fd00:10:244::/56"];
/// The blocks that kind gives to Services.
const SERVICE_BLOCKS: [&str; 2] = ["10.96.0.0/16", "fd00:10:96::/112"];
/// Addresses that can be made up; more pods than these stay without.
const ADDRESSES: u32 = 0xfffe;

/// What [`suppose`] supposes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supposed {
    /// The cluster, its pods with addresses.
    pub cluster: Cluster,
    /// The pods of the node, with interfaces.
    pub endpoints: Vec<LocalEndpoint>,
    /// Address blocks and sizes.
    pub network: NetworkConfig,
    /// Whether addresses of pods were made up, and not only their interfaces.
    pub made_up_addresses: bool,
}

/// A node of `cluster` with the pods that are bound to it, or with all pods if `node` is none.
///
/// A pod without address gets one of 10.244.0.0/16 by a hash of its name, and where anything of the cluster has an IPv6
/// address one of `fd00:10:244::/112` too. Interfaces come from the name likewise. So equal clusters give equal nodes,
/// and a pod that comes or goes leaves the addresses of the others alone, but where two hashes meet.
#[must_use]
pub fn suppose(cluster: &Cluster, node: Option<&str>) -> Supposed {
    let families = families(cluster);
    let mut taken = addresses(cluster);
    let mut cluster = cluster.clone();
    let mut made_up_addresses = false;
    for pod in cluster.pods.values_mut() {
        if pod.addresses.is_empty() && pod.is_on_pod_network() {
            pod.addresses = free_addresses(&pod.name, &families, &mut taken);
            made_up_addresses = true;
        }
    }
    Supposed {
        endpoints: endpoints(&cluster, node),
        network: network(&families),
        cluster,
        made_up_addresses,
    }
}

/// The families of which addresses are made up.
fn families(cluster: &Cluster) -> Vec<Family> {
    let known = addresses(cluster).into_iter().map(Family::of);
    let blocks = cluster.named_blocks().into_iter();
    let mut blocks = blocks.map(|block| Family::of(block.addr()));
    let has_v6 = known.chain(&mut blocks).any(|family| family == Family::V6);
    let wanted = |family: &Family| has_v6 || *family == Family::V4;
    Family::ALL.into_iter().filter(wanted).collect()
}

/// Every address that a manifest gives to a pod, node or Service.
fn addresses(cluster: &Cluster) -> BTreeSet<IpAddr> {
    let pods = cluster.pods.values();
    let pods = pods.flat_map(|pod| pod.addresses.iter().chain(&pod.host_addresses));
    let nodes = cluster.nodes.values().flat_map(|node| &node.addresses);
    let services = cluster.services.values();
    let services = services.flat_map(Service::cluster_addresses);
    let all = pods.chain(nodes).chain(services);
    all.map(IpAddr::to_canonical).collect()
}

fn free_addresses(
    name: &ObjectName,
    families: &[Family],
    taken: &mut BTreeSet<IpAddr>,
) -> Vec<IpAddr> {
    let start = number(name) % ADDRESSES;
    let numbers = (0..ADDRESSES).map(|step| (start + step) % ADDRESSES + 1);
    let candidates = |number: u32| families.iter().map(move |family| address(*family, number));
    let free = numbers
        .map(candidates)
        .find(|found| found.clone().all(|address| !taken.contains(&address)));
    let found: Vec<IpAddr> = free.into_iter().flatten().collect();
    taken.extend(&found);
    found
}

/// The `number`th address of pods.
fn address(family: Family, number: u32) -> IpAddr {
    let v4 = Ipv4Addr::new(10, 244, 0, 0).to_bits();
    let v6 = Ipv6Addr::new(0xfd00, 0x10, 0x244, 0, 0, 0, 0, 0).to_bits();
    match family {
        Family::V4 => IpAddr::V4((v4 | number).into()),
        Family::V6 => IpAddr::V6((v6 | u128::from(number)).into()),
    }
}

fn number(name: &ObjectName) -> u32 {
    let content = Content::default().text(&name.namespace).text(&name.name);
    folded(hash(&content.finish()))
}

fn endpoints(cluster: &Cluster, node: Option<&str>) -> Vec<LocalEndpoint> {
    let here = cluster
        .pods
        .values()
        .filter(|pod| pod.is_on_pod_network() && (node.is_none() || pod.node.as_deref() == node));
    let mut interfaces = BTreeSet::new();
    here.map(|pod| LocalEndpoint {
        pod: pod.name.clone(),
        host_interface: free_interface(number(&pod.name), &mut interfaces),
        addresses: pod.addresses.clone(),
    })
    .collect()
}

fn free_interface(mut number: u32, taken: &mut BTreeSet<String>) -> String {
    loop {
        let name = format!("{INTERFACE_PREFIX}{number:08x}");
        if taken.insert(name.clone()) {
            return name;
        }
        number = number.wrapping_add(1);
    }
}

fn network(families: &[Family]) -> NetworkConfig {
    let blocks = |all: [&str; 2]| -> Vec<IpNet> {
        let parsed = all.into_iter().filter_map(|block| block.parse().ok());
        parsed
            .filter(|block: &IpNet| families.contains(&Family::of(block.addr())))
            .collect()
    };
    NetworkConfig {
        pod_cidrs: blocks(POD_BLOCKS),
        service_cidrs: blocks(SERVICE_BLOCKS),
        tunnel_port: None,
        capacity: Capacity::default(),
        record: Record::default(),
    }
}
