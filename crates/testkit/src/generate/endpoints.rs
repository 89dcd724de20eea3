use std::net::IpAddr;

use ringfence_model::{
    Cluster, EndpointPort, Hints, Labels, Service, ServiceEndpoint, ServicePort,
};

use super::Shape;
use crate::random::Random;

/// Addresses of endpoints that are no pods: outside, and a node.
const ELSEWHERE: [&str; 4] = ["203.0.113.9", "2001:db8::9", "192.168.0.12", "10.9.9.9"];

/// Where endpoints say that they are; the last one is nowhere.
const NODES: [&str; 3] = ["n1", "n2", "n9"];

/// An address of another Service: policy has an answer, but a Service does not lead to a Service.
const NOWHERE: &str = "10.96.0.11";

/// Takes the selector from two Services of three, and lists endpoints instead.
pub(super) fn list(random: &mut Random, shape: Shape, cluster: &mut Cluster) {
    let of_pods = cluster.pods.values().flat_map(|pod| &pod.addresses);
    let nowhere = (!shape.is_wired()).then_some(NOWHERE);
    let elsewhere = ELSEWHERE.into_iter().chain(nowhere);
    let elsewhere = elsewhere.filter_map(|text| text.parse().ok());
    let usable = |address: &IpAddr| shape.ipv6 || address.is_ipv4();
    let addresses: Vec<IpAddr> = of_pods.copied().chain(elsewhere).filter(usable).collect();
    for service in cluster.services.values_mut() {
        if random.chance(66) {
            service.selector = Labels::new();
            service.endpoints = endpoints(random, service, &addresses);
        }
    }
}

/// Up to four, in order of address as the loader gives them.
fn endpoints(random: &mut Random, service: &Service, all: &[IpAddr]) -> Vec<ServiceEndpoint> {
    let mut addresses = all.to_vec();
    random.shuffle(&mut addresses);
    addresses.truncate(random.between(0, 4));
    let mut endpoints: Vec<ServiceEndpoint> = addresses
        .into_iter()
        .map(|address| ServiceEndpoint {
            address,
            ready: random.chance(80),
            serving: random.chance(80),
            terminating: random.chance(10),
            node: random.pick(&NODES).map(|node| (*node).to_owned()),
            hints: Hints::default(),
            ports: ports(random, service),
        })
        .collect();
    endpoints.sort();
    endpoints.dedup();
    endpoints
}

/// Most ports of the Service, at numbers of their own; now and then under another name, which leads nowhere.
fn ports(random: &mut Random, service: &Service) -> Vec<EndpointPort> {
    let served = random.some_of(&service.ports, 85);
    served
        .into_iter()
        .map(|port| listed(random, port))
        .collect()
}

fn listed(random: &mut Random, port: ServicePort) -> EndpointPort {
    EndpointPort {
        name: port.name.map(|name| {
            if random.chance(90) {
                name
            } else {
                format!("no-{name}")
            }
        }),
        protocol: port.protocol,
        port: random.pick(&[80, 8080, 9090, 53]).copied().unwrap_or(80),
    }
}
