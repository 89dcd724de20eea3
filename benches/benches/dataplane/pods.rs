//! The pods and policies that all rules are made from: the real pods and, in front of them in every order, pods that
//! are addresses only. Each has a policy of its own, which closes both directions and opens one port to one neighbour.

use std::net::Ipv4Addr;

use ringfence_model::Cluster;
use ringfence_testkit::builder::{
    cluster, labels, namespace, node, pod, pods, policy, rule, tcp, udp,
};

use crate::topology::{CLIENT, FAR, NEAR, NODES, POD_BLOCKS, REAL_PODS};

/// The port that policies open.
pub(crate) const OPEN_PORT: u16 = 8080;
/// A port that no policy opens.
pub(crate) const CLOSED_PORT: u16 = 8081;
const PODS_PER_NAMESPACE: usize = 50;
/// The addresses of pods that are there in name only begin here.
const FIRST: u32 = 2;

/// A pod of a node.
#[derive(Clone, Debug)]
pub(crate) struct BenchPod {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) node: usize,
    pub(crate) address: Ipv4Addr,
    pub(crate) host_interface: String,
    /// Whom its policy lets in.
    pub(crate) from: Vec<Ipv4Addr>,
    /// Whom its policy lets it reach.
    pub(crate) to: Vec<Ipv4Addr>,
}

/// The pods of both nodes, `count` on each at least, the real ones last.
pub(crate) fn bench_pods(count: usize) -> Vec<BenchPod> {
    let mut all: Vec<BenchPod> = (0..2).flat_map(|node| made_up(node, count)).collect();
    all.extend(REAL_PODS.iter().map(|real| {
        let (from, to) = match real.name {
            "client" => (vec![], vec![NEAR.address, FAR.address]),
            _ => (vec![CLIENT.address], vec![]),
        };
        BenchPod {
            namespace: "bench".to_owned(),
            name: real.name.to_owned(),
            node: real.node,
            address: real.address,
            host_interface: real.host_interface.to_owned(),
            from,
            to,
        }
    }));
    all
}

fn made_up(node: usize, count: usize) -> Vec<BenchPod> {
    let real = REAL_PODS.iter().filter(|pod| pod.node == node).count();
    let count = count.saturating_sub(real);
    let first = POD_BLOCKS
        .get(node)
        .map_or(0, |block| block.addr().to_bits());
    let address = |index: usize| {
        let offset = u32::try_from(index).unwrap_or(0);
        Ipv4Addr::from_bits(first + FIRST + offset)
    };
    let pod = |index: usize| BenchPod {
        namespace: format!("ns-{node}-{}", index / PODS_PER_NAMESPACE),
        name: format!("app-{index}"),
        node,
        address: address(index),
        host_interface: format!("vethrf{node}x{index}"),
        from: vec![address(neighbours(index, count).1)],
        to: vec![address(neighbours(index, count).0)],
    };
    (0..count).map(pod).collect()
}

/// The pods before and after one in the ring of its namespace.
fn neighbours(index: usize, count: usize) -> (usize, usize) {
    let start = index - index % PODS_PER_NAMESPACE;
    let length = PODS_PER_NAMESPACE.min(count - start);
    let at = |offset: usize| start + (index - start + offset) % length;
    (at(length - 1), at(1))
}

/// The same as objects of Kubernetes. A neighbour is found by its labels.
pub(crate) fn as_cluster(all: &[BenchPod]) -> Cluster {
    let mut built = cluster();
    for (index, address) in NODES.iter().enumerate() {
        built = built.with(node(&node_name(index), &[&address.to_string()]));
    }
    let mut last = "";
    for found in all {
        if found.namespace != last {
            built = built.with(namespace(&found.namespace, &[]));
            last = &found.namespace;
        }
        let name = format!("{}/{}", found.namespace, found.name);
        let address = found.address.to_string();
        built = built
            .with(
                pod(&name)
                    .label("address", &address)
                    .address(&address)
                    .on_node(&node_name(found.node)),
            )
            .with(policies_of(found, &name, &address));
    }
    built.build()
}

fn policies_of(found: &BenchPod, name: &str, address: &str) -> ringfence_model::NetworkPolicy {
    use ringfence_model::Direction::{Egress, Ingress};
    let open = |peer: &Ipv4Addr| {
        let peer = labels(&[("address", &peer.to_string())]);
        let rule = rule().peer(pods(peer));
        rule.port(tcp(OPEN_PORT)).port(udp(OPEN_PORT))
    };
    let mut built = policy(name)
        .select(labels(&[("address", address)]))
        .types(&[Ingress, Egress]);
    for peer in &found.from {
        built = built.ingress(open(peer));
    }
    for peer in &found.to {
        built = built.egress(open(peer));
    }
    built.build()
}

pub(crate) fn node_name(index: usize) -> String {
    format!("node-{index}")
}
