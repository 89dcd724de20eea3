//! The answer for machines. Fields are added, and never renamed or given another meaning.

mod direction;

use std::collections::BTreeMap;

use ringfence_model::{Cluster, Party};
use ringfence_net::ConnectionSet;
use serde::Serialize;

use super::fix::{Fixes, Remedy};
use super::judge::Group;
use super::reason::Reason;
use super::story::Story;
use super::warning::Warning;
use crate::inputs::port::PortArgument;
use direction::Direction;

/// Rules that are listed for a direction, unless everything is to be shown: thousands for each of many refused connections are
/// more than anybody reads.
const MOST_RULES: usize = 100;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    verdict: &'static str,
    source: String,
    destination: String,
    /// `TCP`, `UDP`, `SCTP`, or the number of another protocol; null where every port is asked about.
    protocol: Option<String>,
    /// Null where not one port by number is asked about.
    port: Option<u16>,
    /// By verdict, the ports that were asked about.
    ports: BTreeMap<&'static str, &'a ConnectionSet>,
    /// The Service that every connection goes through.
    service: Option<String>,
    /// Whose address has to be known, where the verdict is `unknown`.
    missing: &'a [String],
    connections: Vec<Connection<'a>>,
    /// Why a Service leads to nobody.
    no_endpoints: Vec<Nobody<'a>>,
    warnings: &'a [Warning],
    /// With `--fix`: what would turn the answer around.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<Fixes<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Connection<'a> {
    verdict: &'static str,
    source: String,
    source_address: Option<String>,
    destination: String,
    destination_address: Option<String>,
    service: Option<String>,
    protocol: String,
    /// The port that is reached, after a Service's target port; of several the lowest.
    port: Option<u16>,
    /// The port of a node that was dialled, where it leads to a pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    host_port: Option<HostPort>,
    /// The ports that were asked about.
    asked: &'a ConnectionSet,
    /// How many ways this one stands for, which no policy tells apart.
    alike: usize,
    egress: Direction,
    ingress: Direction,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HostPort {
    node: String,
    node_address: Option<String>,
    port: u16,
}

#[derive(Serialize)]
struct Nobody<'a> {
    reason: &'a str,
    notes: &'a [String],
    help: &'a [String],
}

pub(super) fn json(
    story: &Story<'_>,
    remedy: Option<&Remedy>,
    cluster: &Cluster,
    all: bool,
) -> anyhow::Result<String> {
    let most_rules = if all { usize::MAX } else { MOST_RULES };
    let question = story.question;
    let (protocol, port) = match &question.port {
        Some(PortArgument::Numbers(protocol, range)) => (
            Some(protocol.to_string()),
            (range.first() == range.last()).then_some(range.first()),
        ),
        Some(PortArgument::Named(protocol, _)) => (Some(protocol.to_string()), None),
        Some(PortArgument::Portless(protocol)) => (Some(protocol.0.to_string()), None),
        None => (None, None),
    };
    let ports = story.ports.iter();
    let answer = Answer {
        verdict: story.verdict.word(),
        source: question.source.to_string(),
        destination: question.destination.to_string(),
        protocol,
        port,
        ports: ports
            .map(|(verdict, ports)| (verdict.word(), ports))
            .collect(),
        service: service(story),
        missing: &story.missing,
        connections: connections(story, cluster, most_rules),
        no_endpoints: story.nobody.iter().map(nobody).collect(),
        warnings: &story.warnings,
        fix: remedy.map(Fixes::new),
    };
    Ok(serde_json::to_string_pretty(&answer)?)
}

fn service(story: &Story<'_>) -> Option<String> {
    let mut names = story.services.iter();
    let first = names.next()?;
    names.next().is_none().then(|| first.to_string())
}

fn nobody(reason: &Reason) -> Nobody<'_> {
    Nobody {
        reason: &reason.title,
        notes: &reason.notes,
        help: &reason.help,
    }
}

fn connections<'a>(
    story: &'a Story<'_>,
    cluster: &Cluster,
    most_rules: usize,
) -> Vec<Connection<'a>> {
    let groups = story.chapters.iter().map(|chapter| &chapter.group);
    groups
        .flat_map(|group| {
            let of_ends = move |connection, alike| {
                let mut found = of_ends(group, cluster, connection, alike);
                found.egress.keep(most_rules);
                found.ingress.keep(most_rules);
                found
            };
            let first = of_ends(group.connection.clone(), group.alike);
            let others = group.others.iter().map(move |other| {
                let connection = ringfence_model::Connection {
                    source: other.source.clone(),
                    destination: other.destination.clone(),
                    ..group.connection.clone()
                };
                of_ends(connection, other.alike)
            });
            [first].into_iter().chain(others)
        })
        .collect()
}

fn of_ends<'a>(
    group: &'a Group,
    cluster: &Cluster,
    connection: ringfence_model::Connection,
    alike: usize,
) -> Connection<'a> {
    let ringfence_model::Connection {
        source,
        destination,
        protocol,
        port,
        entry,
        egress,
        ingress,
    } = &connection;
    let address = |party: &Party| party.address().map(|address| address.to_string());
    Connection {
        verdict: super::verdict::Verdict::from(connection.verdict()).word(),
        source: source.to_string(),
        source_address: address(source),
        destination: destination.to_string(),
        destination_address: address(destination),
        service: group.service.as_ref().map(ToString::to_string),
        protocol: protocol
            .as_policy()
            .map_or_else(|| protocol.0.to_string(), |known| known.to_string()),
        port: *port,
        host_port: entry.as_ref().map(|entry| HostPort {
            node: entry.node.to_string(),
            node_address: address(&entry.node),
            port: entry.port,
        }),
        asked: &group.asked,
        alike,
        egress: Direction::new(cluster, &connection, egress),
        ingress: Direction::new(cluster, &connection, ingress),
    }
}
