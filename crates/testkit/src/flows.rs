//! The connections worth trying in a cluster: every pair of ends, and ports at and beside every boundary.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ringfence_model::{Cluster, ClusterPort, Direction, PortMatch, Service, TargetPort};
use ringfence_model::{Endpoint, Query};
use ringfence_net::{IpProtocol, PortRange, Protocol};

use crate::random::Random;

/// One flow to try: the same question for the reference, for compiled rules and for a real packet.
pub type ProbeFlow = Query;

/// Addresses that belong to nobody.
const OUTSIDE: [&str; 5] = [
    "203.0.113.9",
    "10.9.9.9",
    "198.51.100.7",
    "169.254.169.254",
    "2001:db8::9",
];

/// Every flow worth trying, in a fixed order. There may be thousands: see [`sample`].
#[must_use]
pub fn all(cluster: &Cluster) -> Vec<ProbeFlow> {
    let dialled = dialled_ports(cluster);
    let mut flows = Vec::new();
    for source in sources(cluster) {
        for destination in destinations(cluster) {
            if !is_worth_trying(cluster, &source, &destination) {
                continue;
            }
            for (protocol, port) in &dialled {
                flows.push(Query {
                    source: source.clone(),
                    destination: destination.clone(),
                    protocol: *protocol,
                    port: *port,
                });
            }
        }
    }
    flows
}

/// `count` of them, drawn at random, none twice, a quarter of them through a Service if there are so many.
#[must_use]
pub fn sample(cluster: &Cluster, count: usize, random: &mut Random) -> Vec<ProbeFlow> {
    let mut flows = all(cluster);
    random.shuffle(&mut flows);
    let (mut served, direct): (Vec<_>, Vec<_>) =
        flows.into_iter().partition(|flow| is_served(cluster, flow));
    served.truncate(count / 4);
    served.extend(direct.into_iter().take(count - served.len()));
    served
}

/// Whether the flow dials a port that a Service serves.
fn is_served(cluster: &Cluster, flow: &ProbeFlow) -> bool {
    let dialled = |service: &Service| match &flow.destination {
        Endpoint::Service(name) => *name == service.name,
        Endpoint::Address(address) => service_addresses(service).contains(address),
        Endpoint::Pod(_) | Endpoint::Node(_) => false,
    };
    let at_node = matches!(flow.destination, Endpoint::Node(_));
    let at_node_port = |(protocol, port)| {
        at_node && IpProtocol::from(protocol) == flow.protocol && Some(port) == flow.port
    };
    node_ports(cluster).any(at_node_port)
        || cluster
            .services
            .values()
            .filter(|service| dialled(service))
            .any(|service| {
                service.ports.iter().any(|port| {
                    IpProtocol::from(port.protocol) == flow.protocol && Some(port.port) == flow.port
                })
            })
}

/// Not between two ends that no policy can concern, nor between literal addresses of different families.
fn is_worth_trying(cluster: &Cluster, source: &Endpoint, destination: &Endpoint) -> bool {
    match (source, destination) {
        (Endpoint::Pod(_), _) | (_, Endpoint::Pod(_) | Endpoint::Service(_)) => true,
        (Endpoint::Address(from), Endpoint::Address(to)) if from.is_ipv4() != to.is_ipv4() => false,
        (_, Endpoint::Address(to)) => belongs_to_pod_or_service(cluster, *to),
        (_, Endpoint::Node(_)) => node_ports(cluster).next().is_some(),
    }
}

fn belongs_to_pod_or_service(cluster: &Cluster, address: IpAddr) -> bool {
    cluster
        .pods
        .values()
        .any(|pod| pod.addresses.contains(&address))
        || cluster
            .services
            .values()
            .any(|service| service_addresses(service).contains(&address))
}

fn service_addresses(service: &Service) -> Vec<IpAddr> {
    [service.cluster_addresses(), &service.external_addresses].concat()
}

/// Pods by name, nodes, and addresses outside.
fn sources(cluster: &Cluster) -> Vec<Endpoint> {
    let pods = live_pods(cluster).into_iter();
    let nodes = cluster.nodes.keys().cloned().map(Endpoint::Node);
    pods.chain(nodes).chain(outside()).collect()
}

/// The same, and addresses as such: of pods (finished ones too), nodes, Services and names, and loopback.
fn destinations(cluster: &Cluster) -> Vec<Endpoint> {
    let of_pods = cluster
        .pods
        .values()
        .flat_map(|pod| &pod.addresses)
        .copied();
    let of_nodes = cluster
        .nodes
        .values()
        .flat_map(|node| &node.addresses)
        .copied();
    let of_services = cluster.services.values().flat_map(service_addresses);
    let of_names = cluster.domain_addresses.values().flatten().copied();
    let of_objects = of_pods.chain(of_nodes).chain(of_services);
    let addresses: BTreeSet<IpAddr> = of_objects.chain(of_names).collect();
    let loopback = Endpoint::Address(IpAddr::from([127, 0, 0, 1]));
    let services = cluster.services.keys().cloned().map(Endpoint::Service);
    (live_pods(cluster).into_iter())
        .chain(services)
        .chain(addresses.into_iter().map(Endpoint::Address))
        .chain(outside())
        .chain([loopback])
        .collect()
}

fn live_pods(cluster: &Cluster) -> Vec<Endpoint> {
    let live = cluster.pods.values().filter(|pod| pod.is_live());
    live.map(|pod| Endpoint::Pod(pod.name.clone())).collect()
}

fn outside() -> impl Iterator<Item = Endpoint> {
    OUTSIDE
        .iter()
        .filter_map(|text| text.parse().ok())
        .map(Endpoint::Address)
}

/// Protocols with the ports that somebody names and their neighbours, one that nobody names, and ICMP.
fn dialled_ports(cluster: &Cluster) -> Vec<(IpProtocol, Option<u16>)> {
    let mut found: BTreeSet<(Protocol, u16)> = BTreeSet::new();
    found.extend(Protocol::ALL.map(|protocol| (protocol, 4321)));
    found.extend(policy_ports(cluster));
    found.extend(cluster_policy_ports(cluster));
    found.extend(declared_ports(cluster));
    let with_ports = found.into_iter().filter(|(_, port)| *port != 0);
    let with_ports = with_ports.map(|(protocol, port)| (IpProtocol::from(protocol), Some(port)));
    with_ports
        .chain([(IpProtocol::ICMP, None), (IpProtocol::ICMPV6, None)])
        .collect()
}

/// Both ends of each range, and the ports just outside.
fn policy_ports(cluster: &Cluster) -> Vec<(Protocol, u16)> {
    let rules = cluster
        .network_policies
        .values()
        .flat_map(|policy| Direction::ALL.map(|direction| policy.rules(direction)))
        .flatten();
    rules
        .flat_map(|rule| &rule.ports)
        .flat_map(|item| match item.port {
            PortMatch::Range(range) => edges(item.protocol, range),
            PortMatch::Any | PortMatch::Name(_) => Vec::new(),
        })
        .collect()
}

fn cluster_policy_ports(cluster: &Cluster) -> Vec<(Protocol, u16)> {
    let policies = cluster.cluster_policies.values();
    let rules = policies
        .flat_map(|policy| Direction::ALL.map(|direction| policy.rules(direction)))
        .flatten();
    rules
        .flat_map(|rule| &rule.ports)
        .flat_map(|item| match item {
            ClusterPort::Range(protocol, range) => edges(*protocol, *range),
            ClusterPort::Name(_) => Vec::new(),
        })
        .collect()
}

fn edges(protocol: Protocol, range: PortRange) -> Vec<(Protocol, u16)> {
    let (first, last) = (range.first(), range.last());
    let edges = [first.saturating_sub(1), first, last, last.saturating_add(1)];
    edges.map(|port| (protocol, port)).to_vec()
}

/// What pods declare, and what Services dial and reach.
fn declared_ports(cluster: &Cluster) -> Vec<(Protocol, u16)> {
    let of_pods = cluster.pods.values().flat_map(|pod| &pod.ports);
    let of_pods = of_pods.map(|declared| (declared.protocol, declared.port));
    let of_services = cluster.services.values().flat_map(|service| &service.ports);
    let of_services = of_services.flat_map(|port| match port.target {
        TargetPort::Number(target) => vec![(port.protocol, port.port), (port.protocol, target)],
        TargetPort::Name(_) => vec![(port.protocol, port.port)],
    });
    let endpoints = cluster
        .services
        .values()
        .flat_map(|service| &service.endpoints);
    let of_endpoints = endpoints.flat_map(|endpoint| &endpoint.ports);
    let of_endpoints = of_endpoints.map(|port| (port.protocol, port.port));
    let of_nodes = node_ports(cluster);
    of_pods
        .chain(of_services)
        .chain(of_endpoints)
        .chain(of_nodes)
        .collect()
}

/// The ports at nodes that lead to Services (rule OB-19).
fn node_ports(cluster: &Cluster) -> impl Iterator<Item = (Protocol, u16)> + '_ {
    let ports = cluster.services.values().flat_map(|service| &service.ports);
    ports.filter_map(|port| Some((port.protocol, port.node_port?)))
}
