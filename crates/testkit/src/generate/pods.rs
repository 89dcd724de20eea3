use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use ringfence_model::{ContainerPort, Node, Phase, Pod};
use ringfence_net::Protocol;

use super::{Shape, labels, name_in};
use crate::random::Random;

/// Node 1 and node 2.
const NODES: [u8; 2] = [1, 2];

/// Blocks that pods get addresses from: inside of those that policies name, around them, and beside.
const BLOCKS: [&str; 8] = [
    "10.0.0.0/16",
    "10.0.1.0/24",
    "10.0.1.128/25",
    "10.0.2.0/25",
    "10.7.0.0/16",
    "192.168.0.0/24",
    "fd00:10::/32",
    "fd00:10:1::/64",
];

/// Names that several pods declare with different numbers, and one number under different names.
const PORTS: [(&str, Protocol, u16); 8] = [
    ("http", Protocol::Tcp, 8080),
    ("http", Protocol::Tcp, 9090),
    ("http", Protocol::Tcp, 80),
    ("web", Protocol::Tcp, 8080),
    ("dns", Protocol::Udp, 53),
    ("dns", Protocol::Tcp, 53),
    ("http", Protocol::Udp, 8080),
    ("sig", Protocol::Sctp, 7777),
];

/// Two nodes with an internal address of each family; now and then one has an external address too.
pub(super) fn nodes(random: &mut Random, shape: Shape) -> Vec<Node> {
    NODES.map(|number| node(random, shape, number)).to_vec()
}

fn node(random: &mut Random, shape: Shape, number: u8) -> Node {
    let mut addresses = node_addresses(shape, number);
    if random.chance(25) {
        addresses.push(IpAddr::V4(Ipv4Addr::new(198, 51, 100, 10 + number)));
    }
    Node {
        name: node_name(number),
        labels: labels::draw(random, labels::POD),
        addresses,
        pod_cidrs: pod_cidrs(shape, number),
        kubelet_port: None,
        source: None,
    }
}

fn node_name(number: u8) -> String {
    format!("n{number}")
}

fn node_addresses(shape: Shape, number: u8) -> Vec<IpAddr> {
    let v4 = IpAddr::V4(Ipv4Addr::new(192, 168, 0, 10 + number));
    let v6 = IpAddr::V6(Ipv6Addr::new(
        0xfd01,
        0,
        0,
        0,
        0,
        0,
        0,
        0x10 + u16::from(number),
    ));
    if shape.ipv6 { vec![v4, v6] } else { vec![v4] }
}

fn pod_cidrs(shape: Shape, number: u8) -> Vec<IpNet> {
    let network = pod_address_v4(number, 0);
    let v4 = Ipv4Net::new(network, 24).ok().map(IpNet::V4);
    let v6 = Ipv6Net::new(pod_address_v6(number, 0), 64)
        .ok()
        .map(IpNet::V6);
    v4.into_iter().chain(v6.filter(|_| shape.ipv6)).collect()
}

/// Where pods get their addresses from: two of three clusters say nothing of it.
pub(super) fn pod_blocks(random: &mut Random, shape: Shape) -> BTreeSet<IpNet> {
    if random.chance(67) {
        return BTreeSet::new();
    }
    let usable = |block: &IpNet| shape.ipv6 || block.addr().is_ipv4();
    let known = BLOCKS.iter().filter_map(|block| block.parse().ok());
    let known: Vec<IpNet> = known.filter(usable).collect();
    let drawn = (0..random.between(1, 3)).filter_map(|_| random.pick(&known).copied());
    drawn.collect()
}

fn pod_address_v4(node: u8, host: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, node, host)
}

fn pod_address_v6(node: u8, host: u8) -> Ipv6Addr {
    Ipv6Addr::new(0xfd00, 0x10, u16::from(node), 0, 0, 0, 0, u16::from(host))
}

pub(super) fn pods(random: &mut Random, shape: Shape, namespaces: &[String]) -> Vec<Pod> {
    let count = u8::try_from(random.between(2, 6)).unwrap_or(2);
    (0..count)
        .map(|number| pod(random, shape, namespaces, number))
        .collect()
}

fn pod(random: &mut Random, shape: Shape, namespaces: &[String], number: u8) -> Pod {
    let name = name_in(random, namespaces, "pod", usize::from(number));
    let node = random.pick(&NODES).copied().unwrap_or(1);
    let host_network = shape.host_pods && random.chance(12);
    let addresses = if host_network {
        node_addresses(shape, node)
    } else {
        pod_addresses(random, shape, node, number)
    };
    let placed = host_network || random.chance(95);
    Pod {
        labels: labels::draw(random, labels::POD),
        node: placed.then(|| node_name(node)),
        host_network,
        phase: phase(random, shape),
        addresses,
        host_addresses: if placed {
            node_addresses(shape, node)
        } else {
            Vec::new()
        },
        ports: ports(random),
        ready: random.chance(90),
        workload: None,
        terminating: random.chance(8),
        uid: None,
        host_ports: Vec::new(),
        source: None,
        name,
    }
}

/// Mostly both families in either order, else one of them, seldom none.
fn pod_addresses(random: &mut Random, shape: Shape, node: u8, number: u8) -> Vec<IpAddr> {
    let v4 = IpAddr::V4(pod_address_v4(node, 10 + number));
    let v6 = IpAddr::V6(pod_address_v6(node, 10 + number));
    match random.below(20) {
        0 | 1 if shape.unaddressed_pods => Vec::new(),
        _ if !shape.ipv6 => vec![v4],
        2 | 3 => vec![v6],
        4..=8 => vec![v4],
        9 | 10 => vec![v6, v4],
        _ => vec![v4, v6],
    }
}

fn phase(random: &mut Random, shape: Shape) -> Phase {
    match random.below(20) {
        0 if shape.finished_pods => Phase::Succeeded,
        1 if shape.finished_pods => Phase::Failed,
        2 => Phase::Pending,
        3 => Phase::Unknown,
        _ => Phase::Running,
    }
}

/// Up to three declared ports. A name may come twice: two containers may agree on it (rule AM-12).
fn ports(random: &mut Random) -> Vec<ContainerPort> {
    let count = random.between(0, 3);
    let drawn = random.many(count, |random| random.pick(&PORTS).copied());
    drawn
        .into_iter()
        .flatten()
        .map(|(name, protocol, port)| ContainerPort {
            name: random.chance(90).then(|| name.to_owned()),
            protocol,
            port,
        })
        .collect()
}
