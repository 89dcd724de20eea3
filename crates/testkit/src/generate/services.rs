use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ringfence_model::{Cluster, ClusterIp, Service, ServicePort, TargetPort};
use ringfence_net::Protocol;

use super::{Shape, labels, name_in};
use crate::random::Random;

/// Up to two Services, each with up to two ports; targets differ from what is dialled, or are names.
pub(super) fn services(random: &mut Random, shape: Shape, cluster: &Cluster) -> Vec<Service> {
    let namespaces: Vec<String> = cluster.namespaces.keys().cloned().collect();
    let count = u8::try_from(random.between(0, 2)).unwrap_or(0);
    (0..count)
        .map(|number| service(random, shape, &namespaces, number))
        .collect()
}

fn service(random: &mut Random, shape: Shape, namespaces: &[String], number: u8) -> Service {
    let name = name_in(random, namespaces, "service", usize::from(number));
    let mut selector = labels::draw(random, labels::POD);
    while selector.len() > 1 {
        selector.pop_last();
    }
    Service {
        name,
        selector,
        cluster_ip: cluster_ip(random, shape, number),
        external_addresses: external(random, number),
        ports: ports(random),
        publish_not_ready_addresses: random.chance(20),
        external_name: None,
        source: None,
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
    };
    ports.into_iter().map(port).collect()
}

fn target(random: &mut Random, port: u16) -> TargetPort {
    match random.below(4) {
        0 => TargetPort::Number(port),
        1 => TargetPort::Number(8080),
        _ => TargetPort::Name(if port == 53 { "dns" } else { "http" }.to_owned()),
    }
}
