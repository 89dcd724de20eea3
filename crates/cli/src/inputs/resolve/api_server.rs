//! The API server: dialled at the port of its Service, and judged at the port that it listens on (rules NP-33, NP-43).

use std::collections::BTreeSet;

use ringfence_model::{Cluster, Endpoint, ObjectName, Service, TargetPort};
use ringfence_net::{ConnectionSet, PortSet, Protocol};

use super::ports::connections;
use crate::inputs::port::PortArgument;

/// What nodes that run the API server are labelled with.
pub(super) const CONTROL_PLANE: [&str; 2] = [
    "node-role.kubernetes.io/control-plane",
    "node-role.kubernetes.io/master",
];
/// Where it listens if nothing is said, and at which port its Service is dialled.
const LISTENING: u16 = 6443;
const DIALLED: u16 = 443;

/// Its Service.
pub(super) fn name() -> ObjectName {
    ObjectName::new("default", "kubernetes")
}

/// Its Service, if it is told whom that leads to: it selects no pods, and a list of objects without EndpointSlices does not
/// say that nobody answers.
fn service(cluster: &Cluster) -> Option<&Service> {
    let service = cluster.services.get(&name())?;
    let is_told = !service.selector.is_empty() || !service.endpoints.is_empty();
    is_told.then_some(service)
}

/// The nodes that run it, as far as their labels say.
pub(crate) fn nodes(cluster: &Cluster) -> Vec<Endpoint> {
    let nodes = cluster.nodes.values();
    let runs_it = nodes.filter(|node| {
        let mut keys = CONTROL_PLANE.iter();
        keys.any(|key| node.labels.contains_key(*key))
    });
    runs_it
        .map(|node| Endpoint::Node(node.name.clone()))
        .collect()
}

/// Whom `ports` of it lead to: its Service, and its endpoints themselves for ports that they listen on and the Service does
/// not serve; the nodes that run it, where no endpoint is known.
pub(super) fn destinations(cluster: &Cluster, ports: &[PortArgument]) -> Vec<Endpoint> {
    let Some(service) = service(cluster) else {
        return nodes(cluster);
    };
    let named = Endpoint::Service(service.name.clone());
    // Names are those of the Service's ports.
    let asked = connections(cluster, &named, ports).unwrap_or_else(|_| ConnectionSet::none());
    let direct = direct(service);
    if ports.is_empty() || direct.is_disjoint(&asked) {
        return vec![named];
    }
    let is_dialled = !asked.is_disjoint(&dialled(service));
    let endpoints = service.endpoints.iter();
    let addresses: BTreeSet<_> = endpoints.map(|one| one.address.to_canonical()).collect();
    let addresses = addresses.into_iter().map(Endpoint::Address);
    is_dialled
        .then_some(named)
        .into_iter()
        .chain(addresses)
        .collect()
}

/// What the Service serves.
fn dialled(service: &Service) -> ConnectionSet {
    let ports = service.ports.iter();
    ports.fold(ConnectionSet::none(), |all, port| {
        all.union(&ConnectionSet::of(
            port.protocol,
            PortSet::single(port.port),
        ))
    })
}

/// What the endpoints listen on beside.
pub(super) fn direct(service: &Service) -> ConnectionSet {
    let ports = service
        .endpoints
        .iter()
        .flat_map(|endpoint| &endpoint.ports);
    let listening = ports.fold(ConnectionSet::none(), |all, port| {
        all.union(&ConnectionSet::of(
            port.protocol,
            PortSet::single(port.port),
        ))
    });
    listening.difference(&dialled(service))
}

/// What of `wanted` is asked where it listens. At a node the port of its Service stands for that which it listens on, and
/// so does none.
pub(super) fn listening(
    cluster: &Cluster,
    end: &Endpoint,
    wanted: ConnectionSet,
    everything: bool,
) -> ConnectionSet {
    match end {
        Endpoint::Address(_) if let Some(service) = service(cluster) => {
            wanted.intersection(&direct(service))
        }
        Endpoint::Node(_) | Endpoint::Address(_) => {
            let (from, to) = translation(cluster);
            let own = |port| ConnectionSet::of(Protocol::Tcp, PortSet::single(port));
            if everything {
                own(to)
            } else if wanted.is_disjoint(&own(from)) {
                wanted
            } else {
                wanted.difference(&own(from)).union(&own(to))
            }
        }
        Endpoint::Pod(_) | Endpoint::Service(_) => wanted,
    }
}

/// The port that its Service is dialled at, and the one that it leads to at nodes.
fn translation(cluster: &Cluster) -> (u16, u16) {
    let service = cluster.services.get(&name());
    let ports = service.into_iter().flat_map(|service| &service.ports);
    let mut known = ports.filter_map(|port| match port.target {
        TargetPort::Number(target) if port.protocol == Protocol::Tcp => Some((port.port, target)),
        TargetPort::Number(_) | TargetPort::Name(_) => None,
    });
    known.next().unwrap_or((DIALLED, LISTENING))
}

/// What to know of an answer about `end` at `port`, if it is not the port that was asked or not by way of the Service.
pub(crate) fn translated(
    cluster: &Cluster,
    end: &Endpoint,
    asked: &[PortArgument],
) -> Option<String> {
    let name = name();
    match end {
        Endpoint::Node(_) => {
            let (from, to) = translation(cluster);
            let own = ConnectionSet::of(Protocol::Tcp, PortSet::single(from));
            let wanted = connections(cluster, end, asked).ok()?;
            (from != to && !wanted.is_disjoint(&own)).then(|| {
                format!("tcp/{from} of the API server is the port of its Service: policies see tcp/{to}, where it listens on its nodes")
            })
        }
        Endpoint::Address(address) => {
            let service = service(cluster)?;
            let mut endpoints = service.endpoints.iter();
            let is_endpoint =
                endpoints.any(|one| one.address.to_canonical() == address.to_canonical());
            is_endpoint.then(|| {
                format!("svc/{name} does not serve {}: its endpoints listen there, and are dialled themselves", direct(service))
            })
        }
        Endpoint::Service(_) | Endpoint::Pod(_) => None,
    }
}
