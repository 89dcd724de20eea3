//! Connections that are opened in a lab.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_lab::cluster::system::dns_pod_name;
use ringfence_lab::control::client::{Client, Origin};
use ringfence_lab::control::protocol::Place;
use ringfence_lab::plan::{OUTSIDE_V4, OUTSIDE_V6, UNDERLAY_V4, UNDERLAY_V6};
use ringfence_model::{Answer, Connection, Endpoint, Outcome, Party, Query};
use ringfence_net::{IpProtocol, Protocol};
use ringfence_policy::Engine;
use ringfence_standin::probe::{ProbeOutcome, ProbeProtocol, ProbeReport, ProbeRequest};

use super::super::targets::targets;

/// Longer than any answer in a lab takes, short enough that many denials stay bearable.
const PATIENCE_MS: u64 = 700;
/// For connections that should pass: a machine may be busy.
const LONG_PATIENCE_MS: u64 = 3000;
/// For those of them that got no answer, when nothing else is tried any more.
const LAST_PATIENCE_MS: u64 = 10_000;
const DNS_PORT: u16 = 53;

/// One connection to open.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    origin: Origin,
    request: ProbeRequest,
}

impl Attempt {
    fn with_patience(&self, timeout_ms: u64) -> Self {
        let mut attempt = self.clone();
        attempt.request.timeout_ms = timeout_ms;
        attempt
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    Open,
    Closed,
    /// The attempt itself failed.
    Failed(String),
}

/// The connection of `query`; to a Service as such, and to each pod behind it as `answer` knows them.
pub(super) fn attempts(
    engine: &Engine,
    query: &Query,
    answer: &Answer,
) -> Result<Vec<Attempt>, String> {
    let cluster = engine.cluster();
    let origin = origin(&query.source)?;
    let patience = match answer.outcome {
        Outcome::Allow => LONG_PATIENCE_MS,
        Outcome::Deny | Outcome::Partial | Outcome::NoEndpoints | Outcome::Unknown { .. } => {
            PATIENCE_MS
        }
    };
    let port = query.port.ok_or_else(|| no_probe(query.protocol))?;
    let targets = targets(cluster, query, port, answer)?.into_iter();
    let attempts = targets.map(|target| {
        Ok(Attempt {
            origin: from(&origin, target.address)?,
            request: ProbeRequest {
                target: target.address.to_string(),
                port: target.port,
                protocol: protocol(query.protocol, target.port, target.ends)?,
                timeout_ms: patience,
            },
        })
    });
    attempts.collect()
}

fn origin(source: &Endpoint) -> Result<Origin, String> {
    match source {
        Endpoint::Pod(name) => Ok(Origin::Pod(name.clone())),
        Endpoint::Node(name) => Ok(Origin::Place(Place::Node(name.clone()))),
        Endpoint::Address(_) => Ok(Origin::Place(Place::Outside)),
        Endpoint::Service(name) => Err(format!("Service {name} opens no connections")),
    }
}

/// `origin`, if there is a way from it. Trying does not tell: the error that a router sends back is rationed, and a socket
/// may miss it; without it, what has no way looks like what is denied.
fn from(origin: &Origin, target: IpAddr) -> Result<Origin, String> {
    match origin {
        Origin::Place(Place::Outside) if !is_seen_from_outside(target) => Err(format!(
            "the host outside of a lab has a way to nodes alone, and {target} is none"
        )),
        Origin::Place(Place::Outside | Place::Node(_)) | Origin::Pod(_) => Ok(origin.clone()),
    }
}

/// Only the networks of the nodes and of that host have a router in common.
fn is_seen_from_outside(target: IpAddr) -> bool {
    let networks = [
        IpNet::V4(UNDERLAY_V4),
        IpNet::V6(UNDERLAY_V6),
        IpNet::V4(OUTSIDE_V4),
        IpNet::V6(OUTSIDE_V6),
    ];
    networks.iter().any(|network| network.contains(&target))
}

/// What is said to those at the `ends`: only DNS servers answer questions, and other pods in a lab answer anything else.
fn protocol(protocol: IpProtocol, port: u16, ends: &[Connection]) -> Result<ProbeProtocol, String> {
    match (protocol.as_policy(), port) {
        (Some(Protocol::Tcp), _) => Ok(ProbeProtocol::Tcp),
        (Some(Protocol::Udp), DNS_PORT) if ends.iter().all(may_serve_names) => {
            Ok(ProbeProtocol::Dns {
                name: "kubernetes.default.svc.cluster.local".to_owned(),
            })
        }
        (Some(Protocol::Udp), _) => Ok(ProbeProtocol::Udp),
        (Some(Protocol::Sctp), _) | (None, _) => Err(no_probe(protocol)),
    }
}

fn may_serve_names(end: &Connection) -> bool {
    match &end.destination {
        Party::Pod { name, .. } => *name == dns_pod_name(),
        Party::Node { .. } | Party::Other(_) | Party::Loopback(_) => true,
    }
}

fn no_probe(protocol: IpProtocol) -> String {
    match protocol.as_policy() {
        Some(protocol) => format!("a lab opens no {protocol} connections"),
        None => "a lab opens connections of TCP and UDP only".to_owned(),
    }
}

/// Opens all of them; the passages are in the order of `attempts`. Those that should pass and get no answer are tried once
/// more: else whatever keeps a machine busy could be taken for a denial.
pub(super) fn try_all(client: &Client, attempts: &[Attempt]) -> anyhow::Result<Vec<Passage>> {
    let mut passages = try_once(client, attempts)?;
    let in_doubt = passages.iter_mut().zip(attempts);
    let in_doubt = in_doubt.filter(|(passage, attempt)| {
        **passage == Passage::Closed && attempt.request.timeout_ms == LONG_PATIENCE_MS
    });
    let (passages_in_doubt, again): (Vec<&mut Passage>, Vec<Attempt>) = in_doubt
        .map(|(passage, attempt)| (passage, attempt.with_patience(LAST_PATIENCE_MS)))
        .unzip();
    let found = try_once(client, &again)?;
    passages_in_doubt
        .into_iter()
        .zip(found)
        .for_each(|(passage, found)| *passage = found);
    Ok(passages)
}

/// Opens all of them at once, those from one place by one process.
fn try_once(client: &Client, attempts: &[Attempt]) -> anyhow::Result<Vec<Passage>> {
    let mut groups: BTreeMap<String, Vec<(usize, &Attempt)>> = BTreeMap::new();
    for (place, attempt) in attempts.iter().enumerate() {
        let origin = format!("{:?}", attempt.origin);
        groups.entry(origin).or_default().push((place, attempt));
    }
    let mut found: BTreeMap<usize, Passage> = BTreeMap::new();
    std::thread::scope(|scope| -> anyhow::Result<()> {
        let running: Vec<_> = groups
            .values()
            .map(|group| scope.spawn(move || try_group(client, group)))
            .collect();
        for group in running {
            let passages = group.join();
            found.extend(passages.map_err(|_| anyhow::anyhow!("a probing thread panicked"))??);
        }
        Ok(())
    })?;
    Ok(found.into_values().collect())
}

fn try_group(
    client: &Client,
    group: &[(usize, &Attempt)],
) -> anyhow::Result<Vec<(usize, Passage)>> {
    let Some((_, first)) = group.first() else {
        return Ok(Vec::new());
    };
    let requests: Vec<ProbeRequest> = group
        .iter()
        .map(|(_, attempt)| attempt.request.clone())
        .collect();
    let reports = client.probe(&first.origin, &requests)?;
    anyhow::ensure!(reports.len() == group.len(), "a probe gave no report");
    let places = group.iter().map(|(place, _)| *place);
    Ok(places.zip(reports.iter().map(passage)).collect())
}

/// A refusal comes from the other end: the way there is open.
fn passage(report: &ProbeReport) -> Passage {
    match &report.outcome {
        ProbeOutcome::Reached { .. } | ProbeOutcome::Refused => Passage::Open,
        ProbeOutcome::TimedOut => Passage::Closed,
        ProbeOutcome::DnsFailed { reason } | ProbeOutcome::Other { reason } => {
            Passage::Failed(format!("the attempt failed: {reason}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use ringfence_testkit::builder::{cluster, name, pod, service, udp};

    use super::*;

    #[test]
    fn questions_for_names_are_for_dns_servers() {
        let dns = service("kube-system/kube-dns").select("app", "dns");
        let web = service("a/web").select("app", "web").address("10.96.0.1");
        let cluster = cluster()
            .with(pod("a/client").address("10.0.0.1"))
            .with(pod("a/web").label("app", "web").address("10.0.0.2"))
            .with(pod("a/web-2").label("app", "web").address("10.0.0.3"))
            .with(web.port(udp(53), 5353))
            .with(
                pod("kube-system/ringfence-dns")
                    .label("app", "dns")
                    .address("10.0.0.4"),
            )
            .with(dns.address("10.96.0.10").port(udp(53), 53))
            .build();
        let engine = Engine::new(cluster);
        let pod = |text: &str| Endpoint::Pod(name(text));
        for (destination, of_names) in [
            (Endpoint::Service(name("a/web")), false),
            (pod("a/web"), false),
            (pod("kube-system/ringfence-dns"), true),
            (Endpoint::Service(name("kube-system/kube-dns")), true),
            (Endpoint::Address("169.254.20.10".parse().unwrap()), true),
        ] {
            let query = Query {
                source: pod("a/client"),
                destination,
                protocol: Protocol::Udp.into(),
                port: Some(DNS_PORT),
            };
            let answer = engine.answer(&query).unwrap();
            let found = attempts(&engine, &query, &answer).unwrap();
            let is_dns = |it: &Attempt| matches!(it.request.protocol, ProbeProtocol::Dns { .. });
            assert!(
                found.iter().all(|it| is_dns(it) == of_names),
                "{query:?}: {found:?}"
            );
        }
    }

    #[test]
    fn from_outside_there_is_a_way_to_nodes_alone() {
        let outside = Origin::Place(Place::Outside);
        for node in ["172.18.0.3", "fd00:172:18::3", "203.0.113.10"] {
            let node = node.parse().unwrap();
            assert_eq!(from(&outside, node), Ok(outside.clone()));
        }
        for target in ["10.244.1.2", "10.96.0.1"] {
            let found = from(&outside, target.parse().unwrap());
            let reason = "the host outside of a lab has a way to nodes alone, and";
            assert_eq!(found, Err(format!("{reason} {target} is none")));
        }
        let node = Origin::Place(Place::Node("worker".to_owned()));
        assert!(from(&node, "10.244.1.2".parse().unwrap()).is_ok());
    }
}
