//! What an answer rests on besides the policies.

mod host_pod;
mod host_port;
mod own_node;

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{
    Cluster, ClusterIp, ClusterPeer, Connection, Direction, Endpoint, LabelSelector,
    METADATA_NAME_LABEL, NetworkPolicy, ObjectName, Party, Pod, PolicyPeer, Service,
};
use ringfence_policy::Engine;
use ringfence_reach::assertion::services;
use ringfence_reach::entry::Entries;
use serde::Serialize;

use super::judge::Judged;
use super::ports;
use super::question::Question;
use crate::inputs::endpoint::{EndpointArgument, WellKnown};
use crate::inputs::manifests::LoadedManifests;
use crate::inputs::resolve::{mentioned, nameless, namesake, served, translated, unmentioned};
use crate::output::doubt::Doubt;

/// A thing to know before relying on the answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Warning {
    /// The rule of the specification.
    pub(super) rule: &'static str,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl From<Doubt> for Warning {
    fn from(doubt: Doubt) -> Self {
        Self {
            rule: doubt.rule,
            message: doubt.message,
            help: Some(doubt.help),
        }
    }
}

pub(super) fn warnings(
    question: &Question,
    engine: &Engine,
    manifests: &LoadedManifests,
    judged: &[Judged],
) -> Vec<Warning> {
    let cluster = engine.cluster();
    let mut found: BTreeSet<Warning> = BTreeSet::new();
    found.extend(manifests.caveat().map(left_out));
    let ends = [&question.source, &question.destination].into_iter();
    let known = mentioned(&manifests.cluster);
    let unmentioned = ends.filter_map(|end| unmentioned(&known, end));
    found.extend(unmentioned.map(of_unmentioned));
    let namesakes = question
        .typed()
        .filter_map(|(end, text)| namesake(cluster, text, end));
    found.extend(namesakes.map(of_namesake));
    found.extend(masked(engine, judged).map(Warning::from));
    let mut asked_for = BTreeSet::new();
    for one in judged {
        let sources = std::slice::from_ref(&one.way.source);
        let nameless = nameless(
            cluster,
            &question.destination,
            sources,
            &one.way.destination,
        );
        found.extend(nameless.map(of_nameless));
        found.extend(not_served(cluster, one));
        found.extend(host_port::homeless(cluster, one));
        found.extend(of_api_server(cluster, question, &one.way.destination));
        let dialled = one.answer.service.as_ref();
        let dialled = dialled.and_then(|name| cluster.services.get(name));
        let headless = dialled.filter(|service| service.cluster_ip == ClusterIp::Headless);
        for connection in &one.answer.connections {
            found.extend(headless.and_then(|service| not_translated(service, one, connection)));
            // Thousands of addresses ask for the labels of the same pods.
            let (source, destination) = (&connection.source, &connection.destination);
            let pods = [source, destination].map(|end| pod(cluster, end).map(|pod| &pod.name));
            if asked_for.insert(pods) {
                found.extend(namespaces(cluster, connection));
            }
            found.extend(host_port::led_on(connection));
            found.extend(own_node::closed(engine, connection));
            found.extend(host_pod::denied(engine, connection));
            found.extend(dialled.and_then(|service| allows_service(cluster, service, connection)));
        }
    }
    found.into_iter().collect()
}

/// OB-19: of each Service one client in whose place a node may be seen.
fn masked(engine: &Engine, judged: &[Judged]) -> impl Iterator<Item = Doubt> {
    let entries = Entries::new(engine);
    let mut found: BTreeMap<&ObjectName, Doubt> = BTreeMap::new();
    for one in judged {
        if let Some(service) = &one.answer.service
            && !found.contains_key(service)
            && let Some(masked) = entries.masked(&one.query, &one.answer)
        {
            found.insert(service, Doubt::of_entry(&masked));
        }
    }
    found.into_values()
}

/// V-25.
fn left_out(caveat: String) -> Warning {
    Warning {
        rule: "V-25",
        message: caveat,
        help: Some("correct what is refused, and ask again".to_owned()),
    }
}

/// OB-4: a namespace that nobody gave, and that nothing is in.
const fn of_unmentioned(message: String) -> Warning {
    Warning {
        rule: "OB-4",
        message,
        help: None,
    }
}

/// a namespace that is called as a kind is.
const fn of_namesake(message: String) -> Warning {
    Warning {
        rule: "Q-2",
        message,
        help: None,
    }
}

/// NP-34: a pod of which only labels are given.
const fn of_nameless(message: String) -> Warning {
    Warning {
        rule: "NP-34",
        message,
        help: None,
    }
}

/// at another port a Service's address is an address like any other, and nobody has it.
fn not_served(cluster: &Cluster, asked: &Judged) -> Option<Warning> {
    let (Endpoint::Address(address), None) = (&asked.way.destination, &asked.answer.service) else {
        return None;
    };
    let is_other = |found: &Connection| matches!(found.destination, Party::Other(_));
    if !asked.answer.connections.iter().all(is_other) {
        return None;
    }
    let services = services(cluster, &asked.way.destination);
    let service = services.first()?;
    let port = ports::dialled(asked.query.protocol, asked.query.port);
    Some(Warning {
        rule: "Q-8",
        message: format!(
            "{address} is an address of svc/{}, which does not serve {port}: it is judged as any other address, and nobody answers there",
            service.name
        ),
        help: Some(served(service)),
    })
}

/// NP-33: rules see the port that the API server listens on.
fn of_api_server(cluster: &Cluster, question: &Question, end: &Endpoint) -> Option<Warning> {
    if question.destination != EndpointArgument::WellKnown(WellKnown::ApiServer) {
        return None;
    }
    let message = translated(cluster, end, question.port.as_slice())?;
    Some(Warning {
        rule: "NP-33",
        message,
        help: None,
    })
}

/// OB-13: nobody translates the port of a headless Service.
fn not_translated(service: &Service, asked: &Judged, connection: &Connection) -> Option<Warning> {
    let port = connection
        .port
        .filter(|_| connection.port != asked.query.port)?;
    Some(Warning {
        rule: "OB-13",
        message: format!(
            "svc/{} is headless, so nothing translates its port: clients must dial {port} at {}",
            service.name, connection.destination
        ),
        help: None,
    })
}

/// AM-23, OB-4: namespaces that nobody gave, as far as a selector asks for their labels.
fn namespaces(cluster: &Cluster, connection: &Connection) -> Vec<Warning> {
    let (source, destination) = (&connection.source, &connection.destination);
    let ends = [
        (Direction::Egress, source, destination),
        (Direction::Ingress, destination, source),
    ];
    let asked = ends.into_iter().flat_map(|(direction, subject, peer)| {
        let subject = pod(cluster, subject);
        subject.map_or_else(BTreeSet::new, |subject| {
            asked_for_labels(cluster, direction, subject, pod(cluster, peer))
        })
    });
    asked
        .filter(|name| is_made_up(cluster, name))
        .map(made_up)
        .collect()
}

fn pod<'a>(cluster: &'a Cluster, party: &Party) -> Option<&'a Pod> {
    match party {
        Party::Pod { name, .. } => cluster.pods.get(name),
        Party::Node { .. } | Party::Other(_) | Party::Loopback(_) => None,
    }
}

/// The policies that isolate the pod.
fn isolating<'a>(
    cluster: &'a Cluster,
    direction: Direction,
    pod: &'a Pod,
) -> impl Iterator<Item = &'a NetworkPolicy> {
    cluster
        .policies_selecting(pod)
        .filter(move |policy| policy.isolates(direction))
}

/// The namespaces of the two ends of which more than the name is asked for.
fn asked_for_labels<'a>(
    cluster: &'a Cluster,
    direction: Direction,
    subject: &'a Pod,
    peer: Option<&'a Pod>,
) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::new();
    let rules = isolating(cluster, direction, subject).flat_map(|found| found.rules(direction));
    let asks = rules.flat_map(|rule| &rule.peers).any(|item| match item {
        PolicyPeer::Pods(selector) => selector.namespaces.as_ref().is_some_and(asks_for_labels),
        PolicyPeer::IpBlock(_) => false,
    });
    if asks || tiers_ask(cluster, direction) {
        names.extend(peer.map(|pod| pod.name.namespace.as_str()));
    }
    let mut policies = cluster.cluster_policies.values();
    let of_subjects = policies.any(|policy| {
        let selector = policy.subject.namespaces.as_ref();
        !policy.rules(direction).is_empty() && selector.is_some_and(asks_for_labels)
    });
    names.extend(of_subjects.then_some(subject.name.namespace.as_str()));
    names
}

/// Whether a peer of a cluster-scoped policy is chosen by labels of its namespace.
fn tiers_ask(cluster: &Cluster, direction: Direction) -> bool {
    let policies = cluster.cluster_policies.values();
    let mut peers = policies
        .flat_map(|policy| policy.rules(direction))
        .flat_map(|rule| &rule.peers);
    peers.any(|peer| match peer {
        ClusterPeer::Pods(scope) => scope.namespaces.as_ref().is_some_and(asks_for_labels),
        ClusterPeer::Networks(_)
        | ClusterPeer::Nodes(_)
        | ClusterPeer::DomainNames(_)
        | ClusterPeer::Unrecognized => false,
    })
}

/// Whether the selector needs to know more of a namespace than its name (rule NP-18).
fn asks_for_labels(selector: &LabelSelector) -> bool {
    let expressions = selector.match_expressions.iter().map(|found| &found.key);
    selector
        .match_labels
        .keys()
        .chain(expressions)
        .any(|key| key != METADATA_NAME_LABEL)
}

fn is_made_up(cluster: &Cluster, name: &str) -> bool {
    let namespace = cluster.namespaces.get(name);
    namespace.is_none_or(|found| found.source.is_none())
}

fn made_up(name: &str) -> Warning {
    Warning {
        rule: "OB-4",
        message: format!(
            "namespace {name} is not given, and a selector that was asked looks at its labels: it is taken to have none but its name"
        ),
        help: Some(format!("give the Namespace {name} with its labels")),
    }
}

/// AM-7: a block that holds the Service's address, and not the address of the pod behind it, allows nothing.
fn allows_service(
    cluster: &Cluster,
    service: &Service,
    connection: &Connection,
) -> Option<Warning> {
    let subject = pod(cluster, &connection.source)?;
    let ClusterIp::Assigned(addresses) = &service.cluster_ip else {
        return None;
    };
    let reached = connection.destination.address();
    let holds_service_alone = |block: &&ipnet::IpNet| {
        addresses.iter().any(|address| block.contains(address))
            && !reached.is_some_and(|address| block.contains(&address))
    };
    let mut policies = isolating(cluster, Direction::Egress, subject);
    let (policy, block) =
        policies.find_map(|policy| Some((policy, blocks(policy).find(holds_service_alone)?)))?;
    Some(Warning {
        rule: "AM-7",
        message: format!(
            "{} allows {block}, where svc/{name} has its address: rules see the pods behind a Service, and never its address",
            policy.name,
            name = service.name
        ),
        help: Some(format!("select the pods behind svc/{}", service.name)),
    })
}

fn blocks(policy: &NetworkPolicy) -> impl Iterator<Item = &ipnet::IpNet> {
    let peers = policy.egress.iter().flat_map(|rule| &rule.peers);
    peers.filter_map(|peer| match peer {
        PolicyPeer::IpBlock(block) => Some(&block.cidr),
        PolicyPeer::Pods(_) => None,
    })
}
