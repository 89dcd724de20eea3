//! Rules: one question and its answer, with an index behind it.

mod block;
mod destination;
mod direction;
mod end;
mod host;
mod host_port;
mod outcome;
mod peer;
mod port;
mod service;
mod tiers;

use std::net::IpAddr;

use ringfence_model::{
    Answer, Because, Cluster, Connection, Direction, DirectionDecision, DirectionVerdict,
    ObjectName, Party, Query, QueryError,
};
use ringfence_net::IpProtocol;

use crate::index::Index;
pub(crate) use destination::targets;
use destination::{Destination, find_destination, find_source};
use direction::{Attempt, decide};
use end::End;
use service::Backend;

/// Where answers are looked up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) index: &'a Index,
}

/// From where a connection to a Service comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceClient {
    /// From a pod, or from a node.
    Inside,
    /// From elsewhere.
    Outside,
}

/// Where a port of a Service leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceTargets {
    /// Addresses and ports of the backends.
    pub ends: Vec<(IpAddr, u16)>,
    /// Whether they are those of one node alone (rules OB-18, OB-19).
    pub are_local: bool,
}

/// What is dialled, after a Service's target port is resolved.
#[derive(Clone, Copy, Debug)]
struct Dialled {
    protocol: IpProtocol,
    port: Option<u16>,
    /// Whether it is reached through a Service address (rules Q-8, AM-4).
    via_service: bool,
}

pub(crate) fn answer(facts: Facts<'_>, query: &Query) -> Result<Answer, QueryError> {
    check_port(query)?;
    facts.index.pods.check(facts.cluster)?;
    let source = find_source(facts, query)?;
    match find_destination(facts, query, &source)? {
        Destination::End(end) => {
            let connection = connect(facts, query, &source, &end, dialled_directly(query))?;
            Ok(Answer {
                outcome: outcome::of_one(&connection),
                service: None,
                connections: vec![connection],
            })
        }
        Destination::HostPort(door) => {
            let connection = door.connect(facts, query, &source)?;
            Ok(Answer {
                outcome: outcome::of_one(&connection),
                service: None,
                connections: vec![connection],
            })
        }
        Destination::Headless(name, backends) => {
            behind(facts, query, name, (&source, &backends), false)
        }
        Destination::Service(name, family, backends) => {
            let source = source.restricted_to(family);
            behind(facts, query, name, (&source, &backends), true)
        }
    }
}

/// the connections to everybody behind a Service, through its address or without it.
fn behind(
    facts: Facts<'_>,
    query: &Query,
    service: ObjectName,
    (source, backends): (&End, &[Backend]),
    via_service: bool,
) -> Result<Answer, QueryError> {
    let connections = backends.iter().map(|backend| {
        let dialled = Dialled {
            port: Some(backend.port),
            via_service,
            ..dialled_directly(query)
        };
        let source = backend.via.as_ref().unwrap_or(source);
        connect(facts, query, source, &backend.end, dialled)
    });
    let connections: Vec<Connection> = connections.collect::<Result<_, _>>()?;
    Ok(Answer {
        outcome: outcome::of_service(&connections),
        service: Some(service),
        connections,
    })
}

fn dialled_directly(query: &Query) -> Dialled {
    Dialled {
        protocol: query.protocol,
        port: query.port,
        via_service: false,
    }
}

/// TCP, UDP and SCTP have a port from 1 to 65535, other protocols have none.
fn check_port(query: &Query) -> Result<(), QueryError> {
    let has_ports = query.protocol.as_policy().is_some();
    match query.port {
        None if has_ports => Err(QueryError::PortMissing(query.protocol)),
        Some(0) if has_ports => Err(QueryError::PortZero),
        Some(_) if !has_ports => Err(QueryError::PortUnexpected(query.protocol)),
        Some(_) | None => Ok(()),
    }
}

/// chooses the family and judges both ends, the second even if the first refuses.
fn connect(
    facts: Facts<'_>,
    query: &Query,
    source: &End,
    destination: &End,
    dialled: Dialled,
) -> Result<Connection, QueryError> {
    let family = match source.common_family(destination) {
        Ok(family) => family,
        Err(_) if destination.is_loopback() => None,
        Err(_) => return Err(no_common_family(query)),
    };
    let source = source.in_family(family);
    let destination = destination.in_family(family);
    Ok(Connection {
        egress: judge(facts, Direction::Egress, &source, &destination, dialled),
        ingress: judge(facts, Direction::Ingress, &destination, &source, dialled),
        protocol: dialled.protocol,
        port: dialled.port,
        entry: None,
        source,
        destination,
    })
}

/// an end that is no live pod of the pod network has no policy, but a node may have a firewall (rule HF-2). NP-61: nor
/// has loopback.
fn judge(
    facts: Facts<'_>,
    direction: Direction,
    own: &Party,
    peer: &Party,
    dialled: Dialled,
) -> DirectionDecision {
    let is_loopback = |party: &Party| matches!(party, Party::Loopback(_));
    let because = if is_loopback(own) || is_loopback(peer) {
        Because::Loopback
    } else if let Some(attempt) = Attempt::new(facts, direction, own, peer, dialled) {
        return decide(&attempt);
    } else if let Some(decision) = host::decide(facts, direction, own, peer, dialled) {
        return decision;
    } else {
        Because::NoSubject
    };
    DirectionDecision {
        direction,
        subject: own.clone(),
        verdict: DirectionVerdict::Allow,
        passed: Vec::new(),
        because,
        audited: None,
    }
}

/// an error, never a verdict.
fn no_common_family(query: &Query) -> QueryError {
    QueryError::NoCommonFamily(query.source.clone(), query.destination.clone())
}
