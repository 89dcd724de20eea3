//! Rules, OB-13, OB-18, OB-19, OB-24 and HF-8: where a question leads.

use std::net::IpAddr;

use ringfence_model::{
    Cluster, ClusterIp, DirectionVerdict, Endpoint, ObjectName, Party, Query, QueryError, Service,
    ServicePort, TrafficPolicy,
};
use ringfence_net::Family;

use crate::direction::Dialled;
use crate::host;
use crate::host_port::{Door, door};
use crate::node::named_node;
use crate::party::Candidate;
use crate::resolve::{NoCommonFamily, at_address, candidate, common_family};
use crate::service::{
    Backend, Scope, at_nodes, backends, cluster_addresses, lists, service_port, serving,
};

/// the source; a Service address is an ordinary address on this side.
pub(crate) fn source(cluster: &Cluster, query: &Query) -> Result<Candidate, QueryError> {
    match &query.source {
        Endpoint::Service(name) => Err(QueryError::ServiceAsSource(name.clone())),
        Endpoint::Address(address) if address.to_canonical().is_loopback() => {
            Err(QueryError::LoopbackSource(*address))
        }
        endpoint @ (Endpoint::Address(_) | Endpoint::Pod(_) | Endpoint::Node(_)) => {
            candidate(cluster, endpoint)
        }
    }
}

/// Where a query leads: to one party, or through a Service to its backends.
pub(crate) enum Destination {
    Party(Candidate),
    /// To a pod, by a port of its node (rule OB-24).
    HostPort(Door),
    /// With the family that the Service's address decides, if it has one (rule Q-7).
    Service(ObjectName, Option<Family>, Vec<Backend>),
    /// To the pods of a headless Service, without anything in between (rule OB-13).
    Pods(ObjectName, Vec<Backend>),
}

/// the destination.
pub(crate) fn destination(
    cluster: &Cluster,
    query: &Query,
    source: &Candidate,
) -> Result<Destination, QueryError> {
    match &query.destination {
        Endpoint::Service(name) => named_service(cluster, query, source, name),
        Endpoint::Address(address) => dialled(cluster, query, source, address.to_canonical()),
        endpoint @ (Endpoint::Pod(_) | Endpoint::Node(_)) => {
            let to = candidate(cluster, endpoint)?;
            let Party::Node { .. } = &to.party else {
                return Ok(Destination::Party(to));
            };
            let family = common_family(source, &to).ok().flatten();
            let address = family.and_then(|family| to.in_family(Some(family)).address());
            let found = address.and_then(|address| at_node(cluster, query, source, &to, address));
            Ok(found.unwrap_or_else(|| node_itself(cluster, query, source, to)))
        }
    }
}

/// OB-24: a node, unless its port leads to a pod.
fn node_itself(
    cluster: &Cluster,
    query: &Query,
    source: &Candidate,
    node: Candidate,
) -> Destination {
    match door(cluster, query, source, &node) {
        Some(door) => Destination::HostPort(door),
        None => Destination::Party(node),
    }
}

/// OB-19: what is dialled is a port that a Service has at the addresses of nodes. HF-8: `dialled`, the node, lets in those
/// from outside first.
fn at_node(
    cluster: &Cluster,
    query: &Query,
    source: &Candidate,
    dialled: &Candidate,
    address: IpAddr,
) -> Option<Destination> {
    let family = Family::of(address);
    let (service, port) = at_nodes(cluster, query, family)?;
    let mut nodes = cluster.nodes.values();
    let entry = nodes.find(|node| lists(&node.addresses, address))?;
    let from_outside = matches!(source.party, Party::Other(_));
    if from_outside && is_shut(cluster, query, source, &dialled.in_family(Some(family))) {
        return None;
    }
    let scope = match service.traffic.external {
        TrafficPolicy::Local if from_outside => Scope::On(Some(&entry.name)),
        TrafficPolicy::Local | TrafficPolicy::Cluster => Scope::Everywhere,
    };
    let mut behind = backends(cluster, service, port, Some(family), scope);
    if from_outside {
        let via = named_node(cluster, &entry.name).map(|node| node.restricted_to(family));
        for backend in &mut behind {
            if is_elsewhere(cluster, &backend.candidate.party, &entry.name) {
                backend.via.clone_from(&via);
            }
        }
    }
    let name = service.name.clone();
    Some(Destination::Service(name, Some(family), behind))
}

/// HF-8: whether a firewall of `node` refuses the port itself.
fn is_shut(cluster: &Cluster, query: &Query, source: &Candidate, node: &Party) -> bool {
    let dialled = Dialled {
        protocol: query.protocol,
        port: query.port,
        via_service: false,
    };
    let judged = host::decide(cluster, node, &source.party, dialled);
    judged.is_some_and(|judged| judged.verdict == DirectionVerdict::Deny)
}

/// OB-19: whether packets leave `node` on their way to `backend`.
fn is_elsewhere(cluster: &Cluster, backend: &Party, node: &str) -> bool {
    match backend {
        Party::Pod { name, .. } => {
            let pod = cluster.pods.get(name);
            pod.and_then(|pod| pod.node.as_deref()) != Some(node)
        }
        Party::Node { name, .. } => name.as_deref() != Some(node),
        Party::Other(_) => true,
        Party::Loopback(_) => false,
    }
}

/// pods and nodes come before Services. Q-8: a Service without this port is an other address.
/// the Service address fixes the family, whether or not there is a backend.
fn dialled(
    cluster: &Cluster,
    query: &Query,
    source: &Candidate,
    address: IpAddr,
) -> Result<Destination, QueryError> {
    let found = at_address(cluster, address);
    if let Party::Node { .. } = &found.party {
        let is_spoken = common_family(source, &found).is_ok();
        let served = is_spoken.then(|| at_node(cluster, query, source, &found, address));
        let served = served.flatten();
        return Ok(served.unwrap_or_else(|| node_itself(cluster, query, source, found)));
    }
    let is_other = matches!(found.in_family(None), Party::Other(_));
    let Some((service, port)) = serving(cluster, address, query).filter(|_| is_other) else {
        return Ok(Destination::Party(found));
    };
    common_family(source, &found).map_err(|NoCommonFamily| no_common_family(query))?;
    let scope = match service.traffic.internal {
        TrafficPolicy::Local if lists(cluster_addresses(service), address) => here(cluster, source),
        TrafficPolicy::Local | TrafficPolicy::Cluster => Scope::Everywhere,
    };
    let family = Some(Family::of(address));
    Ok(through(cluster, service, port, family, scope))
}

/// OB-18: the node of the source. Nobody knows at which node somebody from outside comes in.
fn here<'a>(cluster: &'a Cluster, source: &'a Candidate) -> Scope<'a> {
    match &source.party {
        Party::Pod { name, .. } => {
            let pod = cluster.pods.get(name);
            Scope::On(pod.and_then(|pod| pod.node.as_deref()))
        }
        Party::Node { name, .. } => Scope::On(name.as_deref()),
        Party::Other(_) | Party::Loopback(_) => Scope::Everywhere,
    }
}

/// a Service by name stands for its first cluster address of a family that the source has, at a port that it serves.
/// One that has no address is resolved by its port alone; OB-13: of a headless one the pods are dialled.
fn named_service(
    cluster: &Cluster,
    query: &Query,
    source: &Candidate,
    name: &ObjectName,
) -> Result<Destination, QueryError> {
    let found = cluster.services.get(name);
    let service = found.ok_or_else(|| QueryError::NoSuchEndpoint(query.destination.clone()))?;
    if service.external_name.is_some() {
        return Err(QueryError::NoServiceAddress(name.clone()));
    }
    let Some(port) = service_port(service, query) else {
        return Err(QueryError::NoServicePort(name.clone()));
    };
    let addresses = cluster_addresses(service);
    if addresses.is_empty() {
        return Ok(unassigned_service(cluster, source, service, port));
    }
    let fits = |address: &&IpAddr| source.can_speak(Family::of(address.to_canonical()));
    let address = addresses
        .iter()
        .find(fits)
        .ok_or_else(|| no_common_family(query))?;
    dialled(cluster, query, source, address.to_canonical())
}

fn unassigned_service(
    cluster: &Cluster,
    source: &Candidate,
    service: &Service,
    port: &ServicePort,
) -> Destination {
    let scope = match service.traffic.internal {
        TrafficPolicy::Local => here(cluster, source),
        TrafficPolicy::Cluster => Scope::Everywhere,
    };
    match service.cluster_ip {
        ClusterIp::Headless => {
            let pods = pods_behind(cluster, service, port, source);
            Destination::Pods(service.name.clone(), pods)
        }
        ClusterIp::Unassigned | ClusterIp::Assigned(_) => {
            through(cluster, service, port, None, scope)
        }
    }
}

/// OB-13: whom the name of a headless Service stands for, by each family that `source` speaks. One whose address is not
/// known is there once (rule AM-22).
fn pods_behind(
    cluster: &Cluster,
    service: &Service,
    port: &ServicePort,
    source: &Candidate,
) -> Vec<Backend> {
    let mut found: Vec<Backend> = Vec::new();
    for family in Family::ALL.into_iter().filter(|it| source.can_speak(*it)) {
        let is_first = found.is_empty();
        let of_family = backends(cluster, service, port, Some(family), Scope::Everywhere);
        let addressed = |backend: &Backend| !backend.candidate.addresses.is_empty();
        let kept = of_family.into_iter();
        found.extend(kept.filter(|backend| is_first || addressed(backend)));
    }
    found
}

fn through(
    cluster: &Cluster,
    service: &Service,
    port: &ServicePort,
    family: Option<Family>,
    scope: Scope<'_>,
) -> Destination {
    Destination::Service(
        service.name.clone(),
        family,
        backends(cluster, service, port, family, scope),
    )
}

/// an error, never a verdict.
pub(crate) fn no_common_family(query: &Query) -> QueryError {
    QueryError::NoCommonFamily(query.source.clone(), query.destination.clone())
}
