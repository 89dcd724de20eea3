//! A few connections that a rule matches, to ask the engine about before anything is proven at length.

use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::{
    ClusterPeer, ContainerPort, Direction, DirectionDecision, Endpoint, ObjectName, PolicyPeer,
    Query,
};
use ringfence_net::ConnectionSet;
use ringfence_policy::Engine;

use super::cluster_site::{ClusterSite, as_peer};
use super::context::{Context, PodGroup};
use super::port::{cluster_connections, connections_to};
use super::problem::RuleSite;
use crate::matrix::pair;

/// How many pods of a kind are tried.
const TRIED: usize = 4;

/// An address that is nobody's, for rules that match everybody.
pub(super) const SOMEBODY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

/// Connections that `site` matches by itself, of several pods and peers if there are any.
pub(super) fn samples<'s>(
    context: &'s Context<'_>,
    site: RuleSite<'s>,
) -> impl Iterator<Item = Query> + 's {
    let subjects = context.selected(site.policy);
    let subjects: Vec<_> = spread(&subjects).copied().collect();
    let peers = peers(context, site);
    subjects.into_iter().flat_map(move |subject| {
        let connections = |declared: &[ContainerPort]| connections_to(site.rule, declared);
        let queries = peers.iter().map(move |peer| {
            let sample = sample(site.direction, subject, peer, connections);
            sample.or_else(|| alone(site, subject, peer))
        });
        queries.flatten().collect::<Vec<Query>>()
    })
}

/// Connections that `site` matches by itself, of several pods and peers if there are any.
pub(super) fn cluster_samples(context: &Context<'_>, site: ClusterSite<'_>) -> Vec<Query> {
    let subjects = context.in_scope(&site.policy.subject);
    let peers = cluster_peers(context, site);
    let mut samples = Vec::new();
    for subject in spread(&subjects) {
        for peer in &peers {
            let connections = |declared: &[ContainerPort]| cluster_connections(site.rule, declared);
            samples.extend(sample(site.direction, subject, peer, connections));
        }
    }
    samples
}

/// Some of `groups`, from all over.
pub(super) fn spread<T>(groups: &[T]) -> impl Iterator<Item = &T> {
    let step = groups.len().div_ceil(TRIED).max(1);
    groups.iter().step_by(step)
}

/// One end beside the selected pod.
enum Peer<'c, 'a> {
    Pods(&'c PodGroup<'a>),
    Node(&'a str),
    Address(IpAddr),
}

fn cluster_peers<'c, 'a>(context: &'c Context<'a>, site: ClusterSite<'_>) -> Vec<Peer<'c, 'a>> {
    let mut peers = Vec::new();
    for peer in &site.rule.peers {
        match peer {
            ClusterPeer::Pods(scope) => {
                let groups = context.peers(&as_peer(scope), "");
                peers.extend(spread(&groups).map(|group| Peer::Pods(group)));
            }
            ClusterPeer::Networks(networks) => {
                let ends = networks.iter().flat_map(|network| ends_of(*network));
                peers.extend(ends.map(Peer::Address));
                peers.extend(pods_at(context, networks, |_| true));
            }
            ClusterPeer::Nodes(selector) => {
                let nodes = context.cluster.nodes.values();
                let nodes = nodes.filter(|node| selector.matches(&node.labels));
                peers.extend(nodes.map(|node| Peer::Node(&node.name)));
            }
            ClusterPeer::DomainNames(_) | ClusterPeer::Unrecognized => {}
        }
    }
    peers
}

fn peers<'c, 'a>(context: &'c Context<'a>, site: RuleSite<'_>) -> Vec<Peer<'c, 'a>> {
    if site.rule.peers.is_empty() {
        let all: Vec<&PodGroup<'_>> = context.pods().collect();
        let pods = spread(&all).map(|group| Peer::Pods(group));
        return pods.chain([Peer::Address(SOMEBODY)]).collect();
    }
    let mut peers = Vec::new();
    for peer in &site.rule.peers {
        match peer {
            PolicyPeer::Pods(selector) => {
                let groups = context.peers(selector, &site.policy.name.namespace);
                peers.extend(spread(&groups).map(|group| Peer::Pods(group)));
            }
            PolicyPeer::IpBlock(block) => {
                let free =
                    |address: &IpAddr| !block.except.iter().any(|hole| hole.contains(address));
                let ends = ends_of(block.cidr).into_iter().filter(free);
                peers.extend(ends.map(Peer::Address));
                peers.extend(pods_at(context, &[block.cidr], free));
            }
        }
    }
    peers
}

/// Some of the pods with an address in one of `blocks` that `is_free`; they have names for ports, which other addresses have
/// not (rule NP-35).
fn pods_at<'c, 'a>(
    context: &'c Context<'a>,
    blocks: &[IpNet],
    is_free: impl Fn(&IpAddr) -> bool,
) -> Vec<Peer<'c, 'a>> {
    let groups = context.pods_within(blocks, is_free);
    spread(&groups).map(|group| Peer::Pods(group)).collect()
}

/// The first and the last address.
fn ends_of(cidr: IpNet) -> [IpAddr; 2] {
    [cidr.network(), cidr.broadcast()]
}

fn sample(
    direction: Direction,
    subject: &PodGroup<'_>,
    peer: &Peer<'_, '_>,
    connections: impl Fn(&[ContainerPort]) -> ConnectionSet,
) -> Option<Query> {
    let own = subject.pods.first()?;
    let (other, declared) = match peer {
        Peer::Address(address) => (Endpoint::Address(*address), [].as_slice()),
        Peer::Node(name) => (Endpoint::Node((*name).to_owned()), [].as_slice()),
        Peer::Pods(group) => {
            let other = group.pods.iter().find(|pod| pod.name != own.name)?;
            (Endpoint::Pod(other.name.clone()), group.ports)
        }
    };
    let declared = match direction {
        Direction::Ingress => subject.ports,
        Direction::Egress => declared,
    };
    query(direction, &own.name, other, &connections(declared))
}

/// A connection of the only pod of `subject` to itself, where that is `peer` too and stands for others of its workload that may
/// come: [`as_pair`] has two of them.
fn alone(site: RuleSite<'_>, subject: &PodGroup<'_>, peer: &Peer<'_, '_>) -> Option<Query> {
    let pod = subject.pods.first()?;
    let Peer::Pods(group) = peer else {
        return None;
    };
    let is_only = group.pods.iter().all(|other| other.name == pod.name);
    let end = Endpoint::Pod(pod.name.clone());
    let connections = connections_to(site.rule, subject.ports);
    (is_only && pod.workload.is_some())
        .then(|| query(site.direction, &pod.name, end, &connections))
        .flatten()
}

/// `sample`, and who judges it: of a pod alone to another one like it, in a cluster of the two.
pub(super) fn as_pair(engine: &Engine, sample: &Query) -> Option<(Engine, Query)> {
    if sample.source != sample.destination {
        return None;
    }
    let (engine, other) = pair(engine, &sample.source)?;
    let query = Query {
        destination: other,
        ..sample.clone()
    };
    Some((engine, query))
}

/// How `direction` of `sample` is decided, of a pod alone that of another one like it.
pub(super) fn decision_of_sample(
    engine: &Engine,
    sample: &Query,
    direction: Direction,
) -> Option<DirectionDecision> {
    match as_pair(engine, sample) {
        Some((engine, query)) => decision(&engine, &query, direction),
        None => decision(engine, sample, direction),
    }
}

/// One of `connections` between `subject` and `peer`.
pub(super) fn query(
    direction: Direction,
    subject: &ObjectName,
    peer: Endpoint,
    connections: &ConnectionSet,
) -> Option<Query> {
    let (protocol, port) = connections.witness()?;
    let subject = Endpoint::Pod(subject.clone());
    let (source, destination) = match direction {
        Direction::Ingress => (peer, subject),
        Direction::Egress => (subject, peer),
    };
    Some(Query {
        source,
        destination,
        protocol,
        port,
    })
}

/// How `direction` of `query` is decided.
pub(super) fn decision(
    engine: &Engine,
    query: &Query,
    direction: Direction,
) -> Option<DirectionDecision> {
    let answer = engine.answer(query).ok()?;
    let connection = answer.connections.into_iter().next()?;
    Some(match direction {
        Direction::Ingress => connection.ingress,
        Direction::Egress => connection.egress,
    })
}
