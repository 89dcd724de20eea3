use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use ringfence_model::{
    Cluster, ClusterIp, Labels, Service, ServicePort, TargetPort, Traffic, TrafficPolicy,
};
use ringfence_net::Protocol;

use super::{Shape, labels, name_in};
use crate::random::Random;

/// Up to two Services, each with up to three ports; targets differ from what is dialled, or are names.
pub(super) fn services(random: &mut Random, shape: Shape, cluster: &Cluster) -> Vec<Service> {
    let count = u8::try_from(random.between(0, 2)).unwrap_or(0);
    (0..count)
        .map(|number| service(random, shape, cluster, number))
        .collect()
}

/// Gives Services what decides among their backends, from a source of its own, so that the rest of a seed's cluster is the
/// same with and without.
pub(super) fn guide(random: &mut Random, cluster: &mut Cluster) {
    for service in cluster.services.values_mut() {
        if random.chance(30) {
            service.traffic.internal = TrafficPolicy::Local;
        }
        if random.chance(30) {
            service.traffic.external = TrafficPolicy::Local;
        }
        let may_have_node_ports = service.cluster_ip != ClusterIp::Headless;
        for (place, port) in (30_080..).zip(&mut service.ports) {
            let has_one = may_have_node_ports && random.chance(40);
            port.node_port = has_one.then_some(place);
        }
    }
    for pod in cluster.pods.values_mut() {
        pod.terminating |= random.chance(10);
    }
    for service in cluster.services.values_mut() {
        if random.chance(50) {
            let traffic = &mut service.traffic;
            traffic.balanced.clone_from(&service.external_addresses);
            traffic.admitted = source_ranges(random);
        }
    }
    for service in cluster.services.values_mut() {
        let lasting = [1, 90, 10_800, 86_400];
        service.traffic.affinity = random.pick(&lasting).copied().filter(|_| random.chance(30));
        let has_node_ports = service.ports.iter().any(|port| port.node_port.is_some());
        let traffic = &mut service.traffic;
        let is_balanced = !traffic.balanced.is_empty() || traffic.admitted.is_some();
        traffic.offered = has_node_ports || is_balanced;
    }
}

/// Mostly everybody, otherwise some of the blocks that clients come from.
fn source_ranges(random: &mut Random) -> Option<Vec<IpNet>> {
    const BLOCKS: [&str; 5] = [
        "203.0.113.0/24",
        "203.0.113.8/29",
        "10.0.1.0/24",
        "192.168.0.0/27",
        "2001:db8::/32",
    ];
    let blocks: Vec<IpNet> = BLOCKS
        .iter()
        .filter_map(|block| block.parse().ok())
        .collect();
    let mut drawn = random.some_of(&blocks, 40);
    drawn.extend(random.pick(&blocks));
    random.chance(60).then_some(drawn)
}

fn service(random: &mut Random, shape: Shape, cluster: &Cluster, number: u8) -> Service {
    let namespaces: Vec<String> = cluster
        .pods
        .keys()
        .map(|name| name.namespace.clone())
        .collect();
    let name = name_in(random, &namespaces, "service", usize::from(number));
    Service {
        selector: selector(random, cluster, &name.namespace),
        cluster_ip: cluster_ip(random, shape, number),
        external_addresses: external(random, number),
        ports: ports(random),
        traffic: Traffic::default(),
        publish_not_ready_addresses: random.chance(20),
        endpoints: Vec::new(),
        external_name: None,
        source: None,
        name,
    }
}

/// Mostly a label that some pod of the namespace carries; now and then one of nobody, or none at all.
fn selector(random: &mut Random, cluster: &Cluster, namespace: &str) -> Labels {
    let pods = cluster
        .pods
        .values()
        .filter(|pod| pod.name.namespace == namespace);
    let carried: Vec<(String, String)> = pods.flat_map(|pod| pod.labels.clone()).collect();
    match random.below(10) {
        0 => Labels::new(),
        1 => labels::draw(random, labels::POD),
        _ => random.pick(&carried).cloned().into_iter().collect(),
    }
}

fn cluster_ip(random: &mut Random, shape: Shape, number: u8) -> ClusterIp {
    let v4 = IpAddr::V4(Ipv4Addr::new(10, 96, 0, 10 + number));
    let v6 = IpAddr::V6(Ipv6Addr::new(
        0xfd00,
        0x96,
        0,
        0,
        0,
        0,
        0,
        0x10 + u16::from(number),
    ));
    match random.below(10) {
        0 => ClusterIp::Headless,
        1 => ClusterIp::Unassigned,
        2..=5 if shape.ipv6 => ClusterIp::Assigned(vec![v4, v6]),
        6 if shape.ipv6 => ClusterIp::Assigned(vec![v6]),
        _ => ClusterIp::Assigned(vec![v4]),
    }
}

fn external(random: &mut Random, number: u8) -> Vec<IpAddr> {
    let address = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 100 + number));
    if random.chance(20) {
        vec![address]
    } else {
        Vec::new()
    }
}

fn ports(random: &mut Random) -> Vec<ServicePort> {
    let dialled = [
        (Protocol::Tcp, 80),
        (Protocol::Tcp, 443),
        (Protocol::Udp, 53),
    ];
    let mut ports = random.some_of(&dialled, 50);
    if ports.is_empty() {
        ports.push((Protocol::Tcp, 80));
    }
    let port = |(protocol, port): (Protocol, u16)| ServicePort {
        name: Some(format!("{}-{port}", protocol.name().to_lowercase())),
        protocol,
        port,
        target: target(random, port),
        node_port: None,
    };
    ports.into_iter().map(port).collect()
}

fn target(random: &mut Random, port: u16) -> TargetPort {
    match random.below(6) {
        0..=2 => TargetPort::Number(port),
        3 => TargetPort::Number(8080),
        _ => TargetPort::Name(if port == 53 { "dns" } else { "http" }.to_owned()),
    }
}
