//! Tries connections on packets, and asks the specification about the same ones.

use std::collections::BTreeMap;
use std::net::IpAddr;

use anyhow::Context as _;
use ringfence_lab::control::client::{Client, Origin};
use ringfence_lab::control::protocol::Place;
use ringfence_model::{Cluster, ObjectName};
use ringfence_model::{Endpoint, Outcome, Query};
use ringfence_net::Protocol;
use ringfence_reference::answer;
use ringfence_standin::probe::{ProbeOutcome, ProbeProtocol, ProbeReport, ProbeRequest};

use super::report::{Check, Passage};
use crate::clock::now;
use crate::commands::show;

/// Longer than any answer in a lab takes, short enough that a story of denials stays bearable.
const PATIENCE_MS: u64 = 700;
/// Requests to a name wait for the name first.
const PATIENCE_FOR_NAMES_MS: u64 = 900;

/// One thing to try.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    pub(crate) from: Origin,
    /// What it is called.
    pub(crate) label: String,
    pub(crate) target: Target,
    pub(crate) expected: Option<Passage>,
}

/// Where a trial leads.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// A page of a Service by name, as curl asks for it.
    Page(ObjectName),
    /// A Service by name.
    Service(ObjectName, u16),
    /// A pod's address.
    Pod(ObjectName, Protocol, u16),
    /// Any address.
    Address(IpAddr, u16),
    /// The cluster's DNS, asked for a name.
    Name(String),
    /// A name of the outside world.
    OutsideName(String, IpAddr, u16),
}

fn dns_service() -> ObjectName {
    ObjectName::new("kube-system", "kube-dns")
}

/// Tries everything at once; the results are in the order of `trials`.
pub(crate) fn measure(client: &Client, trials: &[Trial]) -> anyhow::Result<Vec<Check>> {
    let mut cluster = client.cluster()?;
    // Nodes enforce what is tried out; answers are about what is confirmed (rule HF-4).
    if let Some(tried) = cluster.trials(now()) {
        cluster.host_firewalls = tried.firewalls;
    }
    let mut by_origin: BTreeMap<String, (Origin, Vec<(usize, ProbeRequest)>)> = BTreeMap::new();
    for (index, trial) in trials.iter().enumerate() {
        let entry = by_origin.entry(origin_name(&trial.from));
        let group = entry.or_insert_with(|| (trial.from.clone(), Vec::new()));
        group.1.push((index, request(&cluster, &trial.target)?));
    }
    let mut reports =
        std::thread::scope(|scope| -> anyhow::Result<BTreeMap<usize, ProbeReport>> {
            let running: Vec<_> = by_origin
                .values()
                .map(|(origin, group)| {
                    scope.spawn(move || {
                        let requests: Vec<_> =
                            group.iter().map(|(_, request)| request.clone()).collect();
                        let reports = client.probe(origin, &requests)?;
                        Ok(group
                            .iter()
                            .map(|(index, _)| *index)
                            .zip(reports)
                            .collect::<Vec<_>>())
                    })
                })
                .collect();
            let mut reports = BTreeMap::new();
            for group in running {
                let group: anyhow::Result<Vec<_>> = group
                    .join()
                    .map_err(|_| anyhow::anyhow!("a probing thread panicked"))?;
                reports.extend(group?);
            }
            Ok(reports)
        })?;
    trials
        .iter()
        .enumerate()
        .map(|(index, trial)| {
            let report = reports.remove(&index).context("a trial without report")?;
            check(&cluster, trial, &report)
        })
        .collect()
}

fn check(cluster: &Cluster, trial: &Trial, report: &ProbeReport) -> anyhow::Result<Check> {
    let (predicted, because) = predict(cluster, &trial.from, &trial.target)?;
    Ok(Check {
        from: origin_name(&trial.from),
        to: trial.label.clone(),
        expected: trial.expected,
        predicted,
        because,
        measured: passage(&report.outcome),
        outcome: show::outcome(&report.outcome),
        duration_ms: report.duration_ms,
        agreed: false,
    }
    .settle())
}

/// A refusal comes from the other end: the way there is open. A name that cannot be asked for is a closed way to DNS.
pub(crate) fn passage(outcome: &ProbeOutcome) -> Option<Passage> {
    match outcome {
        ProbeOutcome::Reached { .. } | ProbeOutcome::Refused => Some(Passage::Open),
        ProbeOutcome::TimedOut | ProbeOutcome::DnsFailed { .. } => Some(Passage::Closed),
        ProbeOutcome::Other { .. } => None,
    }
}

fn request(cluster: &Cluster, target: &Target) -> anyhow::Result<ProbeRequest> {
    let name =
        |service: &ObjectName| format!("{}.{}.svc.cluster.local", service.name, service.namespace);
    let by_name = |target: String, port, protocol| ProbeRequest {
        target,
        port,
        protocol,
        timeout_ms: PATIENCE_FOR_NAMES_MS,
    };
    let by_address = |address: IpAddr, port, protocol| ProbeRequest {
        target: address.to_string(),
        port,
        protocol,
        timeout_ms: PATIENCE_MS,
    };
    let page = || ProbeProtocol::Http {
        path: "/".to_owned(),
    };
    Ok(match target {
        Target::Page(service) => by_name(name(service), 80, page()),
        Target::Service(service, port) => by_name(name(service), *port, ProbeProtocol::Tcp),
        Target::Pod(pod, protocol, port) => {
            let pod = cluster
                .pods
                .get(pod)
                .with_context(|| format!("no pod {pod}"))?;
            let address = pod
                .addresses
                .first()
                .with_context(|| format!("{} has no address", pod.name))?;
            let protocol = match (protocol, *port) {
                (Protocol::Udp, 53) => ProbeProtocol::Dns {
                    name: "kubernetes.default.svc.cluster.local".to_owned(),
                },
                (Protocol::Udp, _) => ProbeProtocol::Udp,
                (Protocol::Tcp | Protocol::Sctp, _) => ProbeProtocol::Tcp,
            };
            by_address(*address, *port, protocol)
        }
        Target::Address(address, port) => by_address(*address, *port, ProbeProtocol::Tcp),
        Target::Name(name) => {
            let dns = cluster
                .services
                .get(&dns_service())
                .context("no DNS Service")?;
            let ringfence_model::ClusterIp::Assigned(addresses) = &dns.cluster_ip else {
                anyhow::bail!("the DNS Service has no address")
            };
            let address = addresses
                .first()
                .context("the DNS Service has no address")?;
            by_address(*address, 53, ProbeProtocol::Dns { name: name.clone() })
        }
        Target::OutsideName(name, _, port) => by_name(name.clone(), *port, page()),
    })
}

/// What the specification says, and its reasons where it refuses.
pub(crate) fn predict(
    cluster: &Cluster,
    from: &Origin,
    target: &Target,
) -> anyhow::Result<(Passage, Vec<String>)> {
    let source = endpoint(from);
    let query = |destination, protocol: Protocol, port| Query {
        source: source.clone(),
        destination,
        protocol: protocol.into(),
        port: Some(port),
    };
    let dns = || query(Endpoint::Service(dns_service()), Protocol::Udp, 53);
    let queries = match target {
        Target::Page(service) => {
            vec![
                dns(),
                query(Endpoint::Service(service.clone()), Protocol::Tcp, 80),
            ]
        }
        Target::Service(service, port) => {
            vec![
                dns(),
                query(Endpoint::Service(service.clone()), Protocol::Tcp, *port),
            ]
        }
        Target::Pod(pod, protocol, port) => {
            vec![query(Endpoint::Pod(pod.clone()), *protocol, *port)]
        }
        Target::Address(address, port) => {
            vec![query(Endpoint::Address(*address), Protocol::Tcp, *port)]
        }
        Target::Name(_) => vec![dns()],
        Target::OutsideName(_, address, port) => {
            vec![
                dns(),
                query(Endpoint::Address(*address), Protocol::Tcp, *port),
            ]
        }
    };
    let mut reasons = Vec::new();
    for query in queries {
        let found = answer(cluster, &query)
            .with_context(|| format!("{} -> {}: no prediction", query.source, query.destination))?;
        match found.outcome {
            Outcome::Allow => {}
            Outcome::Deny => reasons.extend(reasons_of(&found)),
            Outcome::Partial | Outcome::NoEndpoints | Outcome::Unknown { .. } => anyhow::bail!(
                "{} -> {}: neither allowed nor denied, but {:?}",
                query.source,
                query.destination,
                found.outcome
            ),
        }
    }
    let predicted = if reasons.is_empty() {
        Passage::Open
    } else {
        Passage::Closed
    };
    Ok((predicted, reasons))
}

fn reasons_of(answer: &ringfence_model::Answer) -> Vec<String> {
    let mut reasons: Vec<String> = answer
        .connections
        .iter()
        .flat_map(|connection| [&connection.egress, &connection.ingress])
        .filter(|direction| direction.verdict == ringfence_model::DirectionVerdict::Deny)
        .map(ToString::to_string)
        .collect();
    reasons.dedup();
    reasons
}

fn endpoint(origin: &Origin) -> Endpoint {
    match origin {
        Origin::Pod(pod) => Endpoint::Pod(pod.clone()),
        Origin::Place(Place::Node(name)) => Endpoint::Node(name.clone()),
        Origin::Place(Place::Outside) => {
            let [address, _] = ringfence_lab::plan::OUTSIDE_HOST;
            Endpoint::Address(address)
        }
    }
}

pub(crate) fn origin_name(origin: &Origin) -> String {
    match origin {
        Origin::Pod(pod) => pod.to_string(),
        Origin::Place(Place::Node(name)) => format!("node/{name}"),
        Origin::Place(Place::Outside) => "outside".to_owned(),
    }
}
