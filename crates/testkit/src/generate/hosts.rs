//! Host firewalls for the nodes of a cluster.

use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::{
    Cluster, ClusterAction, ClusterPeer, ClusterPort, ClusterRule, HostFirewall, HostRules,
    LabelSelector, Labels, PodScope,
};
use ringfence_net::{PortRange, Protocol};

use crate::random::Random;

/// Ports that rules name and questions ask for: failsafe ports, and others beside each other.
pub const HOST_PORTS: [u16; 8] = [22, 68, 79, 80, 81, 6443, 10_250, 30_080];

/// Closes some nodes of `cluster` with up to three firewalls, drawn by themselves from `seed`.
pub fn close_nodes(seed: u64, cluster: &mut Cluster) {
    let mut random = Random::new(seed ^ 0x0068_6f73_7473);
    for number in 0..random.between(1, 3) {
        let name = format!("hosts-{number}");
        let of_nodes: Vec<Labels> = cluster.nodes.values().map(|it| it.labels.clone()).collect();
        let rules = HostRules {
            nodes: selector(&mut random, &of_nodes),
            ingress: (0..random.below(4))
                .map(|_| rule(&mut random, cluster))
                .collect(),
        };
        let firewall = HostFirewall {
            name: name.clone(),
            confirmed: Some(rules).filter(|_| random.chance(90)),
            trial: None,
            source: None,
        };
        cluster.host_firewalls.insert(name, firewall);
    }
    for node in cluster.nodes.values_mut() {
        let port = random.pick(&HOST_PORTS).copied();
        node.kubelet_port = port.filter(|_| random.chance(30));
    }
}

fn rule(random: &mut Random, cluster: &Cluster) -> ClusterRule {
    let peers = match random.chance(20) {
        true => Vec::new(),
        false => (0..random.between(1, 2))
            .map(|_| peer(random, cluster))
            .collect(),
    };
    let ports = match random.chance(20) {
        true => Vec::new(),
        false => (0..random.between(1, 2)).map(|_| port(random)).collect(),
    };
    ClusterRule {
        name: None,
        action: ClusterAction::Accept,
        peers,
        ports,
        source: None,
    }
}

fn peer(random: &mut Random, cluster: &Cluster) -> ClusterPeer {
    let labels_of = |all: Vec<&Labels>| -> Vec<Labels> { all.into_iter().cloned().collect() };
    match random.below(4) {
        0 => {
            let namespaces = cluster.namespaces.values().map(|it| &it.labels).collect();
            ClusterPeer::Pods(PodScope {
                namespaces: Some(selector(random, &labels_of(namespaces))),
                pods: None,
            })
        }
        1 => {
            let pods = cluster.pods.values().map(|it| &it.labels).collect();
            ClusterPeer::Pods(PodScope {
                namespaces: None,
                pods: Some(selector(random, &labels_of(pods))),
            })
        }
        2 => {
            let nodes = cluster.nodes.values().map(|it| &it.labels).collect();
            ClusterPeer::Nodes(selector(random, &labels_of(nodes)))
        }
        _ => ClusterPeer::Networks(vec![network(random, cluster)]),
    }
}

/// Everything, or one label of somebody.
fn selector(random: &mut Random, all: &[Labels]) -> LabelSelector {
    let mut selector = LabelSelector::default();
    if random.chance(70)
        && let Some(labels) = random.pick(all)
    {
        let pairs: Vec<(&String, &String)> = labels.iter().collect();
        if let Some((key, value)) = random.pick(&pairs) {
            selector
                .match_labels
                .insert((*key).clone(), (*value).clone());
        }
    }
    selector
}

/// Around somebody's address, or everything of its family.
fn network(random: &mut Random, cluster: &Cluster) -> IpNet {
    let of_pods = cluster.pods.values().flat_map(|pod| &pod.addresses);
    let of_nodes = cluster.nodes.values().flat_map(|node| &node.addresses);
    let outside: [IpAddr; 1] = [[203, 0, 113, 9].into()];
    let all: Vec<IpAddr> = of_pods.chain(of_nodes).chain(&outside).copied().collect();
    let [fallback] = outside;
    let address = random.pick(&all).copied().unwrap_or(fallback);
    let host = IpNet::from(address);
    let length = match random.below(4) {
        0 => 0,
        1 => host.max_prefix_len() / 4 * 3,
        _ => host.max_prefix_len(),
    };
    IpNet::new(address, length).unwrap_or(host).trunc()
}

fn port(random: &mut Random) -> ClusterPort {
    let protocol = random.pick(&Protocol::ALL).copied();
    let protocol = protocol.filter(|_| random.chance(30));
    let first = random.pick(&HOST_PORTS).copied().unwrap_or(80);
    let last = random.pick(&HOST_PORTS).copied().unwrap_or(80);
    let range = match random.below(4) {
        0 => PortRange::VALID,
        1 => PortRange::new(first.min(last), first.max(last)).unwrap_or(PortRange::single(first)),
        _ => PortRange::single(first),
    };
    ClusterPort::Range(protocol.unwrap_or(Protocol::Tcp), range)
}
