//! Rules OB-11, OB-12, OB-17, OB-18 and OB-22: who is behind a Service, and the port they are reached on.

use std::net::IpAddr;

use ringfence_model::{
    Distribution, Hints, Node, Phase, Pod, Query, Service, ServiceEndpoint, ServicePort, Standing,
    TargetPort,
};
use ringfence_net::{Family, IpProtocol};

use super::Facts;
use super::end::End;
use crate::index::in_namespace;

/// One end that a Service sends connections to.
#[derive(Clone, Debug)]
pub(super) struct Backend {
    pub(super) end: End,
    /// The port it is reached on.
    pub(super) port: u16,
    /// Whose address it sees instead of the source's (rule OB-19).
    pub(super) via: Option<End>,
    /// For whom it is meant (rule OB-22).
    hints: Hints,
}

/// the port of `service` that `query` dials.
pub(super) fn dialled_port<'a>(service: &'a Service, query: &Query) -> Option<&'a ServicePort> {
    let mut ports = service.ports.iter();
    ports.find(|port| {
        IpProtocol::from(port.protocol) == query.protocol && Some(port.port) == query.port
    })
}

/// OB-18: which backends a connection can get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope<'a> {
    /// All.
    Cluster,
    /// Those on a node; without its name, those pods that are on none.
    Node(Option<&'a str>),
}

impl Scope<'_> {
    fn has_pod(self, pod: &Pod) -> bool {
        match self {
            Self::Cluster => true,
            Self::Node(Some(node)) => pod.node.as_deref() == Some(node),
            Self::Node(None) => pod.node.is_none() && !pod.host_network,
        }
    }

    fn has_endpoint(self, endpoint: &ServiceEndpoint) -> bool {
        match self {
            Self::Cluster => true,
            Self::Node(Some(node)) => endpoint.node.as_deref() == Some(node),
            Self::Node(None) => false,
        }
    }
}

/// OB-12: the backends of one port, with an address of `family` if one is fixed: by selector, else what is listed.
/// OB-17: those that are ready, or where none is, those that end and still serve.
pub(super) fn backends(
    facts: Facts<'_>,
    service: &Service,
    port: &ServicePort,
    family: Option<Family>,
    scope: Scope<'_>,
) -> Vec<Backend> {
    best(standing(facts, service, port, family, scope))
}

/// Everybody who stands behind a port.
fn standing(
    facts: Facts<'_>,
    service: &Service,
    port: &ServicePort,
    family: Option<Family>,
    scope: Scope<'_>,
) -> Vec<(Standing, Backend)> {
    if service.selector.is_empty() {
        listed(facts, service, port, family, scope)
    } else {
        selected(facts, service, port, family, scope)
    }
}

fn best<T>(all: Vec<(Standing, T)>) -> Vec<T> {
    let standings = all.iter().map(|(standing, _)| *standing);
    let best = standings.min();
    let chosen = all.into_iter().filter(|(own, _)| Some(*own) == best);
    chosen.map(|(_, backend)| backend).collect()
}

/// The addresses and ports of the backends that have an address already, of those that are ready the ones that connections
/// which come up at `node` get (rule OB-22).
pub(super) fn addressed(
    facts: Facts<'_>,
    service: &Service,
    (port, family): (&ServicePort, Family),
    scope: Scope<'_>,
    node: &str,
) -> Vec<(IpAddr, u16)> {
    let all = standing(facts, service, port, Some(family), scope).into_iter();
    let addressed: Vec<(Standing, Addressed)> = all
        .filter_map(|(standing, backend)| {
            let address = backend.end.address(family)?;
            let hints = backend.hints;
            let end = (address, backend.port);
            Some((standing, Addressed { end, hints }))
        })
        .collect();
    let is_ready = addressed
        .iter()
        .any(|(standing, _)| *standing == Standing::Ready);
    let mut found = best(addressed);
    if is_ready && scope == Scope::Cluster {
        prefer(&mut found, facts, node);
    }
    found.into_iter().map(|found| found.end).collect()
}

struct Addressed {
    end: (IpAddr, u16),
    hints: Hints,
}

/// What hints name of one kind.
type Named = fn(&Hints) -> &Vec<String>;

/// OB-22: hints count if every backend has them, and one names the node or its zone.
fn prefer(found: &mut Vec<Addressed>, facts: Facts<'_>, node: &str) {
    let here = facts.cluster.nodes.get(node);
    let zone = here.and_then(Node::zone).unwrap_or_default();
    let kinds: [(Named, &str); 2] = [(|hints| &hints.nodes, node), (|hints| &hints.zones, zone)];
    for (names, own) in kinds {
        let is_meant = |one: &Addressed| names(&one.hints).iter().any(|name| name == own);
        let complete = found.iter().all(|one| !names(&one.hints).is_empty());
        if complete && !own.is_empty() && found.iter().any(is_meant) {
            found.retain(is_meant);
            return;
        }
    }
}

/// OB-22: what the controller of a cluster would write about a pod.
fn hints_of(facts: Facts<'_>, service: &Service, pod: &Pod) -> Hints {
    let node = pod.node.iter();
    let zones = node
        .clone()
        .filter_map(|name| facts.cluster.nodes.get(name)?.zone());
    let zones = zones.map(str::to_owned).collect();
    match service.traffic.distribution {
        Distribution::Anywhere => Hints::default(),
        Distribution::SameZone => Hints {
            zones,
            nodes: Vec::new(),
        },
        Distribution::SameNode => Hints {
            zones,
            nodes: node.cloned().collect(),
        },
    }
}

fn selected(
    facts: Facts<'_>,
    service: &Service,
    port: &ServicePort,
    family: Option<Family>,
    scope: Scope<'_>,
) -> Vec<(Standing, Backend)> {
    let pods = in_namespace(&facts.cluster.pods, &service.name.namespace);
    let selected = pods.filter(|pod| scope.has_pod(pod) && is_selected(service, pod));
    let backends = selected.filter_map(|pod| {
        let standing = if pod.terminating {
            Standing::Ending
        } else {
            Standing::Ready
        };
        let backend = selected_backend(facts, pod, port, family)?;
        let hints = hints_of(facts, service, pod);
        Some((standing, Backend { hints, ..backend }))
    });
    backends.collect()
}

/// OB-12: live, ready, and with all labels of the selector.
fn is_selected(service: &Service, pod: &Pod) -> bool {
    pod.is_live() && (pod.ready || service.publish_not_ready_addresses) && service.selects(pod)
}

/// OB-12: a pod with an address. AM-22: one that no cluster has seen yet may get one.
fn selected_backend(
    facts: Facts<'_>,
    pod: &Pod,
    port: &ServicePort,
    family: Option<Family>,
) -> Option<Backend> {
    let port = target_port(port, pod)?;
    let end = End::of_pod(facts, pod);
    let is_unseen = !end.has_address() && pod.phase == Phase::Unknown;
    let end = end.restricted_to(family);
    (is_unseen || end.has_address()).then_some(Backend {
        end,
        port,
        via: None,
        hints: Hints::default(),
    })
}

/// OB-12, Q-3: whoever has the address of an endpoint.
fn listed(
    facts: Facts<'_>,
    service: &Service,
    port: &ServicePort,
    family: Option<Family>,
    scope: Scope<'_>,
) -> Vec<(Standing, Backend)> {
    let endpoints = service.endpoints.iter();
    let listed = endpoints.filter(|endpoint| scope.has_endpoint(endpoint));
    let backends = listed.filter_map(|endpoint| {
        let port = endpoint.port_for(port)?;
        let end = End::at(facts, endpoint.address.to_canonical()).restricted_to(family);
        let backend = Backend {
            end,
            port,
            via: None,
            hints: endpoint.hints.clone(),
        };
        Some((endpoint.standing()?, backend))
    });
    backends
        .filter(|(_, backend)| backend.end.has_address())
        .collect()
}

/// OB-11: the number, or the pod's first port with that name and the Service port's protocol.
fn target_port(port: &ServicePort, pod: &Pod) -> Option<u16> {
    match &port.target {
        TargetPort::Number(number) => Some(*number),
        TargetPort::Name(name) => {
            let of_protocol = pod.ports.iter().filter(|own| own.protocol == port.protocol);
            let mut named = of_protocol.filter(|own| own.name.as_ref() == Some(name));
            named.next().map(|own| own.port)
        }
    }
}
