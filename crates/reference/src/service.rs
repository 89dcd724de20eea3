//! Rules Q-8, OB-11, OB-12 and OB-13: a Service address becomes its backends before policy is judged.

use std::net::IpAddr;

use ringfence_model::{
    Cluster, ClusterIp, ContainerPort, Phase, Pod, Query, Service, ServiceEndpoint, ServicePort,
    TargetPort,
};
use ringfence_net::{Family, IpProtocol};

use crate::party::Candidate;
use crate::resolve::{at_address, is_live, of_pod};

/// One end that a Service sends connections to, and the port they reach it on.
#[derive(Clone, Debug)]
pub(crate) struct Backend {
    pub(crate) candidate: Candidate,
    pub(crate) port: u16,
    /// OB-19: the node whose address it sees in the place of the client's.
    pub(crate) via: Option<Candidate>,
}

/// the Service that serves this address, protocol and port; the first by name if several claim it. What is some
/// Service's cluster address is nobody's external one.
pub(crate) fn serving<'a>(
    cluster: &'a Cluster,
    address: IpAddr,
    query: &Query,
) -> Option<(&'a Service, &'a ServicePort)> {
    let services = || cluster.services.values();
    let inside = services().any(|service| lists(cluster_addresses(service), address));
    let mut claiming = services().filter(|service| {
        let addresses = if inside {
            cluster_addresses(service)
        } else {
            &service.external_addresses
        };
        lists(addresses, address)
    });
    claiming.find_map(|service| Some((service, service_port(service, query)?)))
}

pub(crate) fn lists(addresses: &[IpAddr], address: IpAddr) -> bool {
    addresses.iter().any(|own| own.to_canonical() == address)
}

/// the port of `service` that `query` dials.
pub(crate) fn service_port<'a>(service: &'a Service, query: &Query) -> Option<&'a ServicePort> {
    service.ports.iter().find(|port| {
        IpProtocol::from(port.protocol) == query.protocol && Some(port.port) == query.port
    })
}

/// OB-19: the Service with this port at nodes, for a family that it has cluster addresses of; the first by name.
pub(crate) fn at_nodes<'a>(
    cluster: &'a Cluster,
    query: &Query,
    family: Family,
) -> Option<(&'a Service, &'a ServicePort)> {
    let number = query.port?;
    let named = |port: &&ServicePort| {
        IpProtocol::from(port.protocol) == query.protocol && port.node_port == Some(number)
    };
    let mut services = cluster.services.values();
    let (service, port) =
        services.find_map(|service| Some((service, service.ports.iter().find(named)?)))?;
    let of_family = |address: &IpAddr| Family::of(address.to_canonical()) == family;
    let serves = match &service.cluster_ip {
        ClusterIp::Unassigned => true,
        ClusterIp::Headless => false,
        ClusterIp::Assigned(addresses) => addresses.iter().any(of_family),
    };
    serves.then_some((service, port))
}

/// OB-13: a headless Service has none, nor has one of type ExternalName.
pub(crate) fn cluster_addresses(service: &Service) -> &[IpAddr] {
    match &service.cluster_ip {
        ClusterIp::Assigned(addresses) => addresses,
        ClusterIp::Unassigned | ClusterIp::Headless => &[],
    }
}

/// OB-18: which backends a connection can get.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scope<'a> {
    /// Those of the whole cluster.
    Everywhere,
    /// Those on this node, or among the pods that are on none.
    On(Option<&'a str>),
}

/// OB-17: whether a backend is to be used while others are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    First,
    /// It is about to end and serves yet.
    Last,
}

/// OB-12: the backends of one port, with an address of `family` if the Service's address fixes one: pods by selector,
/// without selector whatever is listed. OB-17: those that are about to end only where no other is.
pub(crate) fn backends(
    cluster: &Cluster,
    service: &Service,
    port: &ServicePort,
    family: Option<Family>,
    scope: Scope<'_>,
) -> Vec<Backend> {
    let found = if service.selector.is_empty() {
        listed_backends(cluster, service, port, family, scope)
    } else {
        selected_backends(cluster, service, port, family, scope)
    };
    let (first, last): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|(turn, _)| *turn == Turn::First);
    let used = if first.is_empty() { last } else { first };
    used.into_iter().map(|(_, backend)| backend).collect()
}

/// OB-12, Q-3: who has the address of an endpoint, a pod or not, at its port of the same name and protocol.
fn listed_backends(
    cluster: &Cluster,
    service: &Service,
    port: &ServicePort,
    family: Option<Family>,
    scope: Scope<'_>,
) -> Vec<(Turn, Backend)> {
    let listed = service.endpoints.iter().filter(|endpoint| match scope {
        Scope::Everywhere => true,
        Scope::On(node) => node.is_some() && endpoint.node.as_deref() == node,
    });
    let backends = listed.filter_map(|endpoint| {
        let turn = turn_of_listed(endpoint)?;
        let mut ports = endpoint.ports.iter();
        let listed = ports.find(|own| own.name == port.name && own.protocol == port.protocol)?;
        let candidate = at_address(cluster, endpoint.address.to_canonical());
        let port = listed.port;
        let via = None;
        Some((
            turn,
            Backend {
                candidate,
                port,
                via,
            },
        ))
    });
    backends
        .filter(|(_, backend)| family.is_none_or(|family| backend.candidate.can_speak(family)))
        .collect()
}

fn turn_of_listed(endpoint: &ServiceEndpoint) -> Option<Turn> {
    if endpoint.ready {
        Some(Turn::First)
    } else {
        (endpoint.serving && endpoint.terminating).then_some(Turn::Last)
    }
}

/// OB-12: pods by selector. AM-22: one that no cluster has seen yet may get an address.
fn selected_backends(
    cluster: &Cluster,
    service: &Service,
    port: &ServicePort,
    family: Option<Family>,
    scope: Scope<'_>,
) -> Vec<(Turn, Backend)> {
    let pods = cluster.pods.values();
    let chosen = pods.filter(|pod| is_backend(service, pod) && is_within(scope, pod));
    chosen
        .filter_map(|pod| {
            let all = of_pod(cluster, pod);
            let unseen = all.addresses.is_empty() && pod.phase == Phase::Unknown;
            let candidate = match family {
                Some(family) => all.restricted_to(family),
                None => all,
            };
            let port = target_port(port, pod)?;
            let counts = unseen || !candidate.addresses.is_empty();
            let turn = if pod.terminating {
                Turn::Last
            } else {
                Turn::First
            };
            let via = None;
            counts.then_some((
                turn,
                Backend {
                    candidate,
                    port,
                    via,
                },
            ))
        })
        .collect()
}

/// OB-18: a host pod without node is nowhere; other pods without node count as together.
fn is_within(scope: Scope<'_>, pod: &Pod) -> bool {
    match scope {
        Scope::Everywhere => true,
        Scope::On(None) => pod.node.is_none() && !pod.host_network,
        Scope::On(node) => pod.node.as_deref() == node,
    }
}

/// OB-12: live, ready pods of the Service's namespace with all labels of its selector.
fn is_backend(service: &Service, pod: &Pod) -> bool {
    let selected = service.external_name.is_none()
        && service
            .selector
            .iter()
            .all(|(key, value)| pod.labels.get(key) == Some(value));
    selected
        && pod.name.namespace == service.name.namespace
        && is_live(pod)
        && (pod.ready || service.publish_not_ready_addresses)
}

/// OB-11: the number, or the pod's first port with that name and the Service port's protocol.
fn target_port(port: &ServicePort, pod: &Pod) -> Option<u16> {
    let named = |name: &str, declared: &&ContainerPort| {
        declared.name.as_deref() == Some(name) && declared.protocol == port.protocol
    };
    match &port.target {
        TargetPort::Number(number) => Some(*number),
        TargetPort::Name(name) => pod
            .ports
            .iter()
            .find(|declared| named(name, declared))
            .map(|declared| declared.port),
    }
}
