//! What random clusters do not have by themselves: objects that contradict one another, and odd blocks.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use ringfence_model::{
    Cluster, IpBlock, METADATA_NAME_LABEL, NetworkPolicy, Node, Pod, PolicyPeer, Service,
};
use ringfence_testkit::generate::{self, Shape};
use ringfence_testkit::random::Random;

/// The random cluster of `seed` with everything in it, and with some of what is odd.
pub(crate) fn cluster(seed: u64) -> Cluster {
    let mut cluster = generate::cluster(seed, Shape::EVERYTHING);
    let mut random = Random::new(seed ^ 0x7157);
    let addresses = addresses(&cluster);
    for pod in cluster.pods.values_mut() {
        pod_addresses(&mut random, pod, &addresses);
    }
    for node in cluster.nodes.values_mut() {
        node_addresses(&mut random, node, &addresses);
    }
    for service in cluster.services.values_mut() {
        service_addresses(&mut random, service, &addresses);
    }
    for namespace in cluster.namespaces.values_mut() {
        if random.chance(20) {
            let labels = &mut namespace.labels;
            labels.insert(METADATA_NAME_LABEL.to_owned(), "shop".to_owned());
        }
    }
    for policy in cluster.network_policies.values_mut() {
        blocks(&mut random, policy, &addresses);
    }
    cluster
}

/// The same where few addresses are known and every policy speaks of some, so that much cannot be known (rule AM-22).
pub(crate) fn forgetful(seed: u64) -> Cluster {
    let mut cluster = cluster(seed);
    let mut random = Random::new(seed ^ 0xf0e6);
    for pod in cluster.pods.values_mut() {
        if random.chance(70) {
            pod.addresses.clear();
        }
    }
    for policy in cluster.network_policies.values_mut() {
        let cidr = random.pick(&["10.0.0.0/8", "fd00::/8", "10.244.0.0/17"]);
        let block = cidr.map(|cidr| PolicyPeer::IpBlock(whole(cidr)));
        let rules = policy.ingress.iter_mut().chain(&mut policy.egress);
        for rule in rules.filter(|rule| !rule.peers.is_empty()) {
            rule.peers.extend(block.clone());
            if random.chance(60) {
                rule.ports.clear();
            }
        }
    }
    cluster
}

/// Of pods and nodes.
fn addresses(cluster: &Cluster) -> Vec<IpAddr> {
    let pods = cluster.pods.values().flat_map(|pod| &pod.addresses);
    let nodes = cluster.nodes.values().flat_map(|node| &node.addresses);
    pods.chain(nodes).copied().collect()
}

/// An address that somebody else has too; one in another form; host addresses that contradict the node, or none.
fn pod_addresses(random: &mut Random, pod: &mut Pod, others: &[IpAddr]) {
    if random.chance(3) {
        pod.addresses.extend(random.pick(others));
    }
    if random.chance(10) {
        pod.addresses = pod.addresses.iter().map(mapped).collect();
    }
    match random.below(20) {
        0 => pod.host_addresses.extend(random.pick(others)),
        1 => pod.host_addresses.clear(),
        2 => pod.node = None,
        3 => pod.node = Some("n3".to_owned()),
        _ => {}
    }
    if pod.host_network && random.chance(30) {
        pod.addresses.clear();
    }
}

/// An IPv4 address in the clothes of IPv6 (rule Q-6).
fn mapped(address: &IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => IpAddr::V6(address.to_ipv6_mapped()),
        IpAddr::V6(_) => *address,
    }
}

/// A pod's address, before or after its own; or none at all.
fn node_addresses(random: &mut Random, node: &mut Node, others: &[IpAddr]) {
    let stolen = random.pick(others).copied();
    match random.below(10) {
        0 => node.addresses.extend(stolen),
        1 => node.addresses = stolen.into_iter().chain(node.addresses.clone()).collect(),
        2 => node.addresses.clear(),
        _ => {}
    }
}

fn service_addresses(random: &mut Random, service: &mut Service, others: &[IpAddr]) {
    if random.chance(20) {
        service.external_addresses.extend(random.pick(others));
    }
    if random.chance(20) {
        let outside = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1));
        service.external_addresses.push(outside);
    }
}

/// Blocks that nobody but their owners are in, that have no address of their own, or that no packet comes from.
fn blocks(random: &mut Random, policy: &mut NetworkPolicy, others: &[IpAddr]) {
    let rules = policy.ingress.iter_mut().chain(&mut policy.egress);
    for peer in rules.flat_map(|rule| &mut rule.peers) {
        let PolicyPeer::IpBlock(block) = peer else {
            continue;
        };
        match random.below(12) {
            0 => *block = whole("127.0.0.0/8"),
            1 => *block = whole("::ffff:10.0.0.0/104"),
            2 => *block = halves(),
            3 => *block = whole("::/1"),
            4 => block.except.extend(hole(random, block, others)),
            5 => {
                block.cidr = random
                    .pick(others)
                    .map_or(block.cidr, |one| IpNet::from(*one))
            }
            _ => {}
        }
    }
}

fn whole(cidr: &str) -> IpBlock {
    IpBlock {
        cidr: cidr.parse().unwrap_or_default(),
        except: Vec::new(),
    }
}

/// Nothing is left of it.
fn halves() -> IpBlock {
    let halves = ["10.0.0.0/9", "10.128.0.0/9"];
    IpBlock {
        except: halves.iter().flat_map(|half| half.parse()).collect(),
        ..whole("10.0.0.0/8")
    }
}

/// One address of somebody in the block.
fn hole(random: &mut Random, block: &IpBlock, others: &[IpAddr]) -> Option<IpNet> {
    let inside = others
        .iter()
        .filter(|address| block.cidr.contains(*address));
    let inside: Vec<&IpAddr> = inside.collect();
    let hole = IpNet::from(**random.pick(&inside)?);
    (hole != block.cidr).then_some(hole)
}
