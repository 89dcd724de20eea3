//! Rules: from a question to its answer.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use ringfence_model::{Cluster, ClusterIp, Direction, ObjectName, Service, ServicePort};
use ringfence_net::{Family, IpProtocol};

use crate::direction::{Attempt, decide};
use crate::explain::{Because, DirectionDecision, DirectionVerdict};
use crate::resolve::{
    Candidate, NoCommonFamily, Party, at_address, candidate, check_addresses, common_family,
};
use crate::service::{Backend, backends, cluster_addresses, service_port, serving};
use crate::{Endpoint, Query, QueryError};

/// What comes of a connection attempt (rule Q-13). Only allow and deny are verdicts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Both ends let it pass.
    Allow,
    /// One end refuses it.
    Deny,
    /// The Service sends it to backends that do not agree (rule Q-8).
    Partial,
    /// The Service has nobody to send it to (rule Q-8).
    NoEndpoints,
    /// It depends on addresses that are not known (rule AM-22).
    Unknown {
        /// Whose addresses, as the explanation names them.
        missing: BTreeSet<String>,
    },
}

/// The outcome, and each connection that it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What comes of the attempt.
    pub outcome: Outcome,
    /// The Service that was dialled, if one was (rule Q-8).
    pub service: Option<ObjectName>,
    /// One connection; for a Service one for each backend, in order of name.
    pub connections: Vec<Connection>,
}

/// One connection after Service addresses are resolved, judged at both ends (rule Q-9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Who opens it.
    pub source: Party,
    /// Who accepts it.
    pub destination: Party,
    /// Its IP protocol.
    pub protocol: IpProtocol,
    /// The port it reaches, after a Service's target port is resolved (rule NP-33).
    pub port: Option<u16>,
    /// What the source's policies say.
    pub egress: DirectionDecision,
    /// What the destination's policies say.
    pub ingress: DirectionDecision,
}

impl Connection {
    /// Q-9, NP-7: both ends must let it pass; a refusal outweighs what is not known.
    #[must_use]
    pub fn verdict(&self) -> DirectionVerdict {
        self.egress.verdict.min(self.ingress.verdict)
    }
}

/// Answers `query`: may this connection be opened, and why?
///
/// # Errors
/// [`QueryError`] if the question makes no sense for this cluster; an error is never a verdict.
pub fn answer(cluster: &Cluster, query: &Query) -> Result<Answer, QueryError> {
    check_port(query)?;
    check_addresses(cluster)?;
    let source = source(cluster, query)?;
    match destination(cluster, query, &source)? {
        Destination::Party(to) => {
            let connection = connect(cluster, query, &source, &to, query.port, false)?;
            Ok(Answer {
                outcome: outcome_of_one(&connection),
                service: None,
                connections: vec![connection],
            })
        }
        Destination::Service(name, backends) => {
            let connections = backends
                .iter()
                .map(|to| connect(cluster, query, &source, &to.candidate, Some(to.port), true))
                .collect::<Result<Vec<Connection>, QueryError>>()?;
            Ok(Answer {
                outcome: outcome_of_service(&connections),
                service: Some(name),
                connections,
            })
        }
    }
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

/// the source; a Service address is an ordinary address on this side.
fn source(cluster: &Cluster, query: &Query) -> Result<Candidate, QueryError> {
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
enum Destination {
    Party(Candidate),
    Service(ObjectName, Vec<Backend>),
}

/// the destination.
fn destination(
    cluster: &Cluster,
    query: &Query,
    source: &Candidate,
) -> Result<Destination, QueryError> {
    match &query.destination {
        Endpoint::Service(name) => named_service(cluster, query, source, name),
        Endpoint::Address(address) => Ok(dialled(cluster, query, address.to_canonical())),
        endpoint @ (Endpoint::Pod(_) | Endpoint::Node(_)) => {
            candidate(cluster, endpoint).map(Destination::Party)
        }
    }
}

/// pods and nodes come before Services. Q-8: a Service without this port is an other address.
fn dialled(cluster: &Cluster, query: &Query, address: IpAddr) -> Destination {
    let found = at_address(cluster, address);
    let is_other = matches!(found.in_family(None), Party::Other(_));
    match serving(cluster, address, query) {
        Some((service, port)) if is_other => {
            through(cluster, service, port, Some(Family::of(address)))
        }
        Some(_) | None => Destination::Party(found),
    }
}

/// a Service by name stands for its first cluster address of a family that the source has.
/// One that has no address yet is resolved by its port alone; OB-13: a headless one cannot be dialled.
fn named_service(
    cluster: &Cluster,
    query: &Query,
    source: &Candidate,
    name: &ObjectName,
) -> Result<Destination, QueryError> {
    let service = cluster
        .services
        .get(name)
        .ok_or_else(|| QueryError::NoSuchEndpoint(query.destination.clone()))?;
    let addresses = cluster_addresses(service);
    if addresses.is_empty() {
        return unassigned_service(cluster, query, service);
    }
    let fits = |address: &&IpAddr| {
        source.addresses.is_empty()
            || source
                .addresses
                .iter()
                .any(|own| Family::of(*own) == Family::of(**address))
    };
    let address = addresses
        .iter()
        .find(fits)
        .ok_or_else(|| no_common_family(query))?;
    Ok(dialled(cluster, query, address.to_canonical()))
}

fn unassigned_service(
    cluster: &Cluster,
    query: &Query,
    service: &Service,
) -> Result<Destination, QueryError> {
    let dialable = service.cluster_ip == ClusterIp::Unassigned && service.external_name.is_none();
    if !dialable {
        return Err(QueryError::NoServiceAddress(service.name.clone()));
    }
    service_port(service, query)
        .map(|port| through(cluster, service, port, None))
        .ok_or_else(|| QueryError::NoServicePort(service.name.clone()))
}

fn through(
    cluster: &Cluster,
    service: &Service,
    port: &ServicePort,
    family: Option<Family>,
) -> Destination {
    Destination::Service(
        service.name.clone(),
        backends(cluster, service, port, family),
    )
}

/// chooses the family and judges both ends, the second even if the first refuses.
fn connect(
    cluster: &Cluster,
    query: &Query,
    source: &Candidate,
    destination: &Candidate,
    port: Option<u16>,
    via_service: bool,
) -> Result<Connection, QueryError> {
    let stays_inside = matches!(destination.in_family(None), Party::Loopback(_));
    let family = match common_family(source, destination) {
        Ok(family) => family,
        Err(NoCommonFamily) if stays_inside => None,
        Err(NoCommonFamily) => return Err(no_common_family(query)),
    };
    let (from, to) = (source.in_family(family), destination.in_family(family));
    let judge = |direction: Direction| {
        judge_end(
            cluster,
            direction,
            &from,
            &to,
            query.protocol,
            port,
            via_service,
        )
    };
    Ok(Connection {
        egress: judge(Direction::Egress),
        ingress: judge(Direction::Ingress),
        protocol: query.protocol,
        port,
        source: from,
        destination: to,
    })
}

/// an end that is no live pod of the pod network has no policy. NP-61: nor has loopback.
fn judge_end(
    cluster: &Cluster,
    direction: Direction,
    from: &Party,
    to: &Party,
    protocol: IpProtocol,
    port: Option<u16>,
    via_service: bool,
) -> DirectionDecision {
    let (own, peer) = match direction {
        Direction::Egress => (from, to),
        Direction::Ingress => (to, from),
    };
    let allowed = |because: Because| DirectionDecision {
        direction,
        subject: own.clone(),
        verdict: DirectionVerdict::Allow,
        because,
    };
    if matches!(to, Party::Loopback(_)) {
        return allowed(Because::Loopback);
    }
    let subject = match own {
        Party::Pod { name, .. } => cluster.pods.get(name),
        Party::Node { .. } | Party::Other(_) | Party::Loopback(_) => None,
    };
    subject.map_or_else(
        || allowed(Because::NoSubject),
        |subject| {
            decide(&Attempt {
                cluster,
                direction,
                subject,
                own,
                peer,
                protocol,
                port,
                via_service,
            })
        },
    )
}

fn no_common_family(query: &Query) -> QueryError {
    QueryError::NoCommonFamily(query.source.clone(), query.destination.clone())
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
            Because::AddressUnknown { of, .. } => Some(of.to_string()),
            Because::NoSubject
            | Because::Loopback
            | Because::OwnAddress
            | Because::LocalNode { .. }
            | Because::OwnService { .. }
            | Because::Rules { .. }
            | Because::NoRuleMatched { .. }
            | Because::NotIsolated => None,
        })
        .collect()
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allow => f.write_str("allow"),
            Self::Deny => f.write_str("deny"),
            Self::Partial => f.write_str("partial"),
            Self::NoEndpoints => f.write_str("no-endpoints"),
            Self::Unknown { missing } => {
                let names: Vec<&str> = missing.iter().map(String::as_str).collect();
                write!(f, "unknown: no address of {}", names.join(", "))
            }
        }
    }
}

impl fmt::Display for Answer {
    /// The outcome, then each connection with both its ends on lines of their own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.outcome.fmt(f)?;
        for connection in &self.connections {
            write!(f, "\n{connection}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.source, self.destination)?;
        write!(f, "\n  {}\n  {}", self.egress, self.ingress)
    }
}
