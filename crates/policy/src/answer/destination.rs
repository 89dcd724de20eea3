//! Rules, OB-13, OB-18, OB-19, OB-24 and HF-8: where a question leads.

use std::net::IpAddr;

use ringfence_model::{
    ClusterIp, Endpoint, ObjectName, Query, QueryError, Service, ServicePort, TrafficPolicy,
};
use ringfence_net::Family;

use super::end::End;
use super::host_port::Door;
use super::service::{Backend, Scope, addressed, backends, dialled_port};
use super::{Facts, ServiceClient, ServiceTargets, dialled_directly, host, no_common_family};

/// Where a question leads: to one end, or through a Service to its backends.
#[derive(Clone, Debug)]
pub(super) enum Destination {
    End(End),
    /// A pod, by a port of its node (rule OB-24).
    HostPort(Door),
    /// With the family that the Service's address fixes (rule Q-7).
    Service(ObjectName, Option<Family>, Vec<Backend>),
    /// To those that the name of a headless Service stands for, which are dialled themselves (rule OB-13).
    Headless(ObjectName, Vec<Backend>),
}

/// a Service address is an ordinary address on this side. NP-61: loopback leads nowhere else.
pub(super) fn find_source(facts: Facts<'_>, query: &Query) -> Result<End, QueryError> {
    match &query.source {
        Endpoint::Service(name) => Err(QueryError::ServiceAsSource(name.clone())),
        Endpoint::Address(address) if address.to_canonical().is_loopback() => {
            Err(QueryError::LoopbackSource(*address))
        }
        endpoint @ (Endpoint::Address(_) | Endpoint::Pod(_) | Endpoint::Node(_)) => {
            End::find(facts, endpoint)
        }
    }
}

pub(super) fn find_destination(
    facts: Facts<'_>,
    query: &Query,
    source: &End,
) -> Result<Destination, QueryError> {
    match &query.destination {
        Endpoint::Service(name) => by_name(facts, query, source, name),
        Endpoint::Address(address) => by_address(facts, query, source, address.to_canonical()),
        endpoint @ (Endpoint::Pod(_) | Endpoint::Node(_)) => {
            let end = End::find(facts, endpoint)?;
            if !end.is_node() {
                return Ok(Destination::End(end));
            }
            let family = source.common_family(&end).ok().flatten();
            let address = family.and_then(|family| end.address(family));
            let found = address.and_then(|address| at_node(facts, query, source, (&end, address)));
            Ok(found.unwrap_or_else(|| itself(facts, query, source, end)))
        }
    }
}

/// OB-24: some ports of a node are those of pods on it.
fn itself(facts: Facts<'_>, query: &Query, source: &End, end: End) -> Destination {
    let door = Door::find(facts, query, source, &end);
    door.map_or(Destination::End(end), Destination::HostPort)
}

/// OB-19: the Service that has this port at nodes, if `address` is one of a node and there is one. Those in the cluster get
/// any backend. Those from outside come in at this node: of a Service that keeps to it they get its own, of another they
/// reach backends elsewhere as this node. HF-8: whom the node does not let in gets nowhere, and asks for the node itself.
fn at_node(
    facts: Facts<'_>,
    query: &Query,
    source: &End,
    (end, address): (&End, IpAddr),
) -> Option<Destination> {
    let (service, port, node) = serving_at_node(facts, query, address)?;
    let family = Some(Family::of(address));
    if !source.is_other() {
        return Some(through(facts, service, port, family, Scope::Cluster));
    }
    let (own, peer) = (end.in_family(family), source.in_family(family));
    if host::refuses(facts, &own, &peer, dialled_directly(query)) {
        return None;
    }
    let scope = outside_scope(service, node);
    let mut backends = backends(facts, service, port, family, scope);
    let entry = End::find(facts, &Endpoint::Node(node.to_owned())).ok();
    let entry = entry.map(|entry| entry.restricted_to(family));
    for backend in &mut backends {
        if backend.end.is_elsewhere(facts.cluster, node) {
            backend.via.clone_from(&entry);
        }
    }
    Some(Destination::Service(service.name.clone(), family, backends))
}

fn serving_at_node<'a>(
    facts: Facts<'a>,
    query: &Query,
    address: IpAddr,
) -> Option<(&'a Service, &'a ServicePort, &'a str)> {
    let protocol = query.protocol.as_policy()?;
    let number = query.port?;
    let names = facts.index.services.at_nodes(protocol, number).iter();
    let mut claiming = names.filter_map(|name| facts.cluster.services.get(name));
    let service = claiming.next()?;
    let mut ports = service.ports.iter();
    let port = ports.find(|port| port.protocol == protocol && port.node_port == Some(number))?;
    let is_node = End::at(facts, address).is_node();
    let node = facts.index.nodes.objects_at(address).min()?;
    (is_node && service.serves(Family::of(address))).then_some((service, port, node))
}

const fn outside_scope<'a>(service: &Service, node: &'a str) -> Scope<'a> {
    match service.traffic.external {
        TrafficPolicy::Cluster => Scope::Cluster,
        TrafficPolicy::Local => Scope::Node(Some(node)),
    }
}

/// pods and nodes come before Services. Q-8: what no Service serves on this port is an other address.
/// a Service address fixes the family, whether or not there is a backend.
fn by_address(
    facts: Facts<'_>,
    query: &Query,
    source: &End,
    address: IpAddr,
) -> Result<Destination, QueryError> {
    let end = End::at(facts, address);
    if !end.is_other() {
        let is_spoken = source.common_family(&end).is_ok();
        let found = is_spoken.then(|| at_node(facts, query, source, (&end, address)));
        let found = found.flatten();
        return Ok(found.unwrap_or_else(|| itself(facts, query, source, end)));
    }
    let Some((service, port)) = serving(facts, query, address) else {
        return Ok(Destination::End(end));
    };
    source
        .common_family(&end)
        .map_err(|_| no_common_family(query))?;
    let scope = scope(service, address, || source.whereabouts(facts.cluster));
    let family = Some(Family::of(address));
    Ok(through(facts, service, port, family, scope))
}

/// the Service that serves this address, protocol and port.
fn serving<'a>(
    facts: Facts<'a>,
    query: &Query,
    address: IpAddr,
) -> Option<(&'a Service, &'a ServicePort)> {
    let names = facts.index.services.at(address).iter();
    let mut claiming = names.filter_map(|name| facts.cluster.services.get(name));
    claiming.find_map(|service| Some((service, dialled_port(service, query)?)))
}

/// OB-18: which backends whoever dials `address` gets; `here` is where he is.
fn scope<'a>(service: &Service, address: IpAddr, here: impl FnOnce() -> Scope<'a>) -> Scope<'a> {
    let mut inside = service.cluster_addresses().iter();
    let is_inside = inside.any(|own| own.to_canonical() == address);
    match service.traffic.internal {
        TrafficPolicy::Local if is_inside => here(),
        TrafficPolicy::Local | TrafficPolicy::Cluster => Scope::Cluster,
    }
}

/// Where connections lead that come up at `node` for this address, protocol and port; `None` if they meet no Service.
pub(crate) fn targets(
    facts: Facts<'_>,
    query: &Query,
    node: &str,
    client: ServiceClient,
) -> Option<ServiceTargets> {
    let Endpoint::Address(address) = &query.destination else {
        return None;
    };
    let address = address.to_canonical();
    let family = Family::of(address);
    let of = |service, port, scope| ServiceTargets {
        ends: addressed(facts, service, (port, family), scope, node),
        are_local: scope != Scope::Cluster,
    };
    if let Some((service, port, _)) = serving_at_node(facts, query, address) {
        let scope = match client {
            ServiceClient::Inside => Scope::Cluster,
            ServiceClient::Outside => outside_scope(service, node),
        };
        return Some(of(service, port, scope));
    }
    let (service, port) =
        serving(facts, query, address).filter(|_| End::at(facts, address).is_other())?;
    let mut own = service.cluster_addresses().iter();
    let is_external = own.all(|own| own.to_canonical() != address);
    let scope = match client {
        ServiceClient::Outside if is_external => outside_scope(service, node),
        ServiceClient::Outside | ServiceClient::Inside => {
            scope(service, address, || Scope::Node(Some(node)))
        }
    };
    Some(of(service, port, scope))
}

/// a Service by name stands for its first cluster address of a family that the source has.
fn by_name(
    facts: Facts<'_>,
    query: &Query,
    source: &End,
    name: &ObjectName,
) -> Result<Destination, QueryError> {
    let service = facts.cluster.services.get(name);
    let service = service.ok_or_else(|| QueryError::NoSuchEndpoint(query.destination.clone()))?;
    let port = served_port(service, query)?;
    let mut addresses = service.cluster_addresses().iter().map(IpAddr::to_canonical);
    if addresses.len() == 0 {
        return Ok(unassigned(facts, source, service, port));
    }
    let fitting = addresses.find(|address| source.can_speak(Family::of(*address)));
    let address = fitting.ok_or_else(|| no_common_family(query))?;
    by_address(facts, query, source, address)
}

/// whoever names a Service means a port that it serves. OB-13: one of type ExternalName cannot be dialled.
fn served_port<'a>(service: &'a Service, query: &Query) -> Result<&'a ServicePort, QueryError> {
    if service.external_name.is_some() {
        return Err(QueryError::NoServiceAddress(service.name.clone()));
    }
    dialled_port(service, query).ok_or_else(|| QueryError::NoServicePort(service.name.clone()))
}

/// a Service that has no address yet is resolved by its port alone, and so is a headless one, whose clients dial the
/// pods.
fn unassigned(
    facts: Facts<'_>,
    source: &End,
    service: &Service,
    port: &ServicePort,
) -> Destination {
    if service.cluster_ip == ClusterIp::Headless {
        let backends = headless(facts, service, port, source);
        return Destination::Headless(service.name.clone(), backends);
    }
    let scope = match service.traffic.internal {
        TrafficPolicy::Local => source.whereabouts(facts.cluster),
        TrafficPolicy::Cluster => Scope::Cluster,
    };
    through(facts, service, port, None, scope)
}

/// OB-13, Q-7: every backend by each family that the source speaks, and once if nothing is known of its address.
fn headless(facts: Facts<'_>, service: &Service, port: &ServicePort, source: &End) -> Vec<Backend> {
    let mut families = Family::ALL
        .into_iter()
        .filter(|family| source.can_speak(*family));
    let of = |family| backends(facts, service, port, Some(family), Scope::Cluster);
    let mut found = families.next().map(of).unwrap_or_default();
    let further = families.flat_map(of);
    found.extend(further.filter(|backend| backend.end.has_address()));
    found
}

fn through(
    facts: Facts<'_>,
    service: &Service,
    port: &ServicePort,
    family: Option<Family>,
    scope: Scope<'_>,
) -> Destination {
    let backends = backends(facts, service, port, family, scope);
    Destination::Service(service.name.clone(), family, backends)
}
