//! Rules: from a question to its answer.

use std::collections::BTreeSet;

use ringfence_model::{
    Answer, Because, Cluster, Connection, Direction, DirectionDecision, DirectionVerdict,
    HostReason, ObjectName, Outcome, Party, Query, QueryError,
};

use crate::destination::{Destination, destination, no_common_family, source};
use crate::direction::{Attempt, Dialled, decide};
use crate::host;
use crate::host_port;
use crate::party::Candidate;
use crate::resolve::{NoCommonFamily, check_addresses, common_family};
use crate::service::Backend;

/// Answers `query`: may this connection be opened, and why?
///
/// # Errors
/// [`QueryError`] if the question makes no sense for this cluster; an error is never a verdict.
pub fn answer(cluster: &Cluster, query: &Query) -> Result<Answer, QueryError> {
    check_port(query)?;
    check_addresses(cluster)?;
    let from = source(cluster, query)?;
    match destination(cluster, query, &from)? {
        Destination::Party(to) => {
            let dialled = Dialled {
                protocol: query.protocol,
                port: query.port,
                via_service: false,
            };
            let connection = connect(cluster, query, &from, &to, dialled)?;
            let outcome = outcome_of_one(&connection);
            Ok(Answer {
                outcome,
                service: None,
                connections: vec![connection],
            })
        }
        Destination::HostPort(door) => {
            let connection = host_port::enter(cluster, query, &from, &door)?;
            let outcome = outcome_of_one(&connection);
            Ok(Answer {
                outcome,
                service: None,
                connections: vec![connection],
            })
        }
        Destination::Pods(name, pods) => to_each(cluster, query, name, (&from, &pods), false),
        Destination::Service(name, family, backends) => {
            let from = family.map_or(from.clone(), |family| from.restricted_to(family));
            to_each(cluster, query, name, (&from, &backends), true)
        }
    }
}

/// Q-8, OB-13: to each backend of a Service, through its address or without it.
fn to_each(
    cluster: &Cluster,
    query: &Query,
    service: ObjectName,
    (from, backends): (&Candidate, &[Backend]),
    via_service: bool,
) -> Result<Answer, QueryError> {
    let connections = backends.iter().map(|backend| {
        let dialled = Dialled {
            protocol: query.protocol,
            port: Some(backend.port),
            via_service,
        };
        let from = backend.via.as_ref().unwrap_or(from);
        connect(cluster, query, from, &backend.candidate, dialled)
    });
    let connections = connections.collect::<Result<Vec<Connection>, QueryError>>()?;
    let outcome = outcome_of_service(&connections);
    Ok(Answer {
        outcome,
        service: Some(service),
        connections,
    })
}

/// TCP, UDP and SCTP have a port from 1 to 65535, other protocols have none.
fn check_port(query: &Query) -> Result<(), QueryError> {
    match (query.protocol.as_policy(), query.port) {
        (Some(_), None) => Err(QueryError::PortMissing(query.protocol)),
        (Some(_), Some(0)) => Err(QueryError::PortZero),
        (None, Some(_)) => Err(QueryError::PortUnexpected(query.protocol)),
        (Some(_), Some(_)) | (None, None) => Ok(()),
    }
}

/// chooses the family and judges both ends, the second even if the first refuses.
fn connect(
    cluster: &Cluster,
    query: &Query,
    source: &Candidate,
    destination: &Candidate,
    dialled: Dialled,
) -> Result<Connection, QueryError> {
    let stays_inside = matches!(destination.in_family(None), Party::Loopback(_));
    let family = match common_family(source, destination) {
        Ok(family) => family,
        Err(NoCommonFamily) if stays_inside => None,
        Err(NoCommonFamily) => return Err(no_common_family(query)),
    };
    let (source, destination) = (source.in_family(family), destination.in_family(family));
    Ok(Connection {
        egress: judge(cluster, Direction::Egress, &source, &destination, dialled),
        ingress: judge(cluster, Direction::Ingress, &destination, &source, dialled),
        protocol: dialled.protocol,
        port: dialled.port,
        entry: None,
        source,
        destination,
    })
}

/// an end that is no live pod of the pod network has no policy, but a node may have a firewall (rule HF-2). NP-61: nor
/// has loopback.
pub(crate) fn judge(
    cluster: &Cluster,
    direction: Direction,
    own: &Party,
    peer: &Party,
    dialled: Dialled,
) -> DirectionDecision {
    let allowed = |because: Because| DirectionDecision {
        direction,
        subject: own.clone(),
        verdict: DirectionVerdict::Allow,
        passed: Vec::new(),
        because,
        audited: None,
    };
    if [own, peer]
        .iter()
        .any(|end| matches!(end, Party::Loopback(_)))
    {
        return allowed(Because::Loopback);
    }
    let subject = match own {
        Party::Pod { name, .. } => cluster.pods.get(name),
        Party::Node { .. } | Party::Other(_) | Party::Loopback(_) => None,
    };
    let unprotected = || {
        let host = match direction {
            Direction::Ingress => host::decide(cluster, own, peer, dialled),
            Direction::Egress => None,
        };
        host.unwrap_or_else(|| allowed(Because::NoSubject))
    };
    subject.map_or_else(unprotected, |subject| {
        decide(&Attempt {
            cluster,
            direction,
            subject,
            own,
            peer,
            dialled,
            strict: false,
        })
    })
}

/// the outcome of a single connection.
fn outcome_of_one(connection: &Connection) -> Outcome {
    match connection.verdict() {
        DirectionVerdict::Allow => Outcome::Allow,
        DirectionVerdict::Deny => Outcome::Deny,
        DirectionVerdict::Unknown => Outcome::Unknown {
            missing: missing(&[connection]),
        },
    }
}

/// all allow, all deny, mixed, or nobody there. Backends known to disagree are enough for "mixed".
fn outcome_of_service(connections: &[Connection]) -> Outcome {
    let with = |verdict: DirectionVerdict| -> Vec<&Connection> {
        connections
            .iter()
            .filter(|connection| connection.verdict() == verdict)
            .collect()
    };
    let allowed = with(DirectionVerdict::Allow);
    let denied = with(DirectionVerdict::Deny);
    let unknown = with(DirectionVerdict::Unknown);
    match (allowed.is_empty(), denied.is_empty(), unknown.is_empty()) {
        (true, true, true) => Outcome::NoEndpoints,
        (false, true, true) => Outcome::Allow,
        (true, false, true) => Outcome::Deny,
        (false, false, _) => Outcome::Partial,
        (_, _, false) => Outcome::Unknown {
            missing: missing(&unknown),
        },
    }
}

/// AM-22: whose addresses the undecided directions depend on.
fn missing(connections: &[&Connection]) -> BTreeSet<String> {
    let directions = connections
        .iter()
        .flat_map(|found| [&found.egress, &found.ingress]);
    directions
        .filter_map(|decision| match &decision.because {
            Because::AddressUnknown { of, .. }
            | Because::Host(HostReason::AddressUnknown { of, .. }) => Some(of.to_string()),
            Because::NoSubject
            | Because::Host(_)
            | Because::Loopback
            | Because::OwnAddress
            | Because::ClusterRule(_)
            | Because::LocalNode { .. }
            | Because::OwnService { .. }
            | Because::Rules { .. }
            | Because::NoRuleMatched { .. }
            | Because::NotIsolated => None,
        })
        .collect()
}
