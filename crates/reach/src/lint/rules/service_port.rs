//! RF020: a rule with the port of a Service, where rules see the port of its pods (rules NP-33, CN-32).

use std::collections::BTreeSet;

use ringfence_model::{
    ClusterPeer, ClusterPort, ContainerPort, Direction, PolicyPeer, PortMatch, Service, TargetPort,
};
use ringfence_net::{ConnectionSet, PortRange, Protocol};

use crate::lint::cluster_site::{ClusterSite, as_peer, cluster_rules};
use crate::lint::context::{Context, PodGroup};
use crate::lint::port::{cluster_connections, connections_to, declares};
use crate::lint::problem::{Place, Problem, RuleSite};
use crate::lint::service::{is_behind, is_target, near, target};
use crate::lint::words;

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let rules = context.rules();
    let rules = rules.flat_map(|site| of_rule(context, site));
    let cluster = context.cluster_policies().flat_map(cluster_rules);
    let cluster = cluster.flat_map(|site| of_cluster_rule(context, site));
    rules.chain(cluster).collect()
}

/// One port of a rule, by number.
struct Item {
    place: Place,
    protocol: Protocol,
    port: u16,
}

fn of_rule(context: &Context<'_>, site: RuleSite<'_>) -> Vec<Problem> {
    let items = site.ports().filter_map(|(index, item)| match &item.port {
        PortMatch::Range(range) => Some(Item {
            place: site.port(index),
            protocol: item.protocol,
            port: single(*range)?,
        }),
        PortMatch::Any | PortMatch::Name(_) => None,
    });
    let destinations = destinations(context, site);
    let allowed = |declared: &[ContainerPort]| connections_to(site.rule, declared);
    items
        .filter_map(|item| problem(context, item, &destinations, allowed))
        .collect()
}

fn of_cluster_rule(context: &Context<'_>, site: ClusterSite<'_>) -> Vec<Problem> {
    let items = site.ports().filter_map(|(index, item)| match item {
        ClusterPort::Range(protocol, range) => Some(Item {
            place: site.port(index),
            protocol: *protocol,
            port: single(*range)?,
        }),
        ClusterPort::Name(_) => None,
    });
    let destinations = cluster_destinations(context, site);
    let matched = |declared: &[ContainerPort]| cluster_connections(site.rule, declared);
    items
        .filter_map(|item| problem(context, item, &destinations, matched))
        .collect()
}

fn problem(
    context: &Context<'_>,
    item: Item,
    destinations: &[&PodGroup<'_>],
    matched: impl Fn(&[ContainerPort]) -> ConnectionSet,
) -> Option<Problem> {
    let Item {
        place,
        protocol,
        port,
    } = item;
    if declares(destinations, protocol, port) || is_target(context, destinations, protocol, port) {
        return None;
    }
    let mut services = near(context, destinations).into_iter();
    let (service, meant, target) = services.find_map(|service| {
        let (meant, target) = meant(service, protocol, port, destinations, &matched)?;
        Some((service, meant, target))
    })?;
    let targets = words::list(meant.iter());
    let message = format!(
        "port {port} is the one of Service {}; its pods listen on {targets}, and rules see the pod's port",
        service.name
    );
    let help = match target {
        TargetPort::Name(name) if meant.len() > 1 => {
            format!("write the port's name, `{name}`, which is {targets} on these pods")
        }
        TargetPort::Name(_) | TargetPort::Number(_) => format!("write `port: {targets}`"),
    };
    Some(place.problem(message).with_help(help))
}

fn single(range: PortRange) -> Option<u16> {
    (range.first() == range.last()).then_some(range.first())
}

/// The pods whose ports the rule is about: those selected, or those named as peers.
fn destinations<'c, 'a>(context: &'c Context<'a>, site: RuleSite<'_>) -> Vec<&'c PodGroup<'a>> {
    if site.direction == Direction::Ingress {
        return context.selected(site.policy);
    }
    let namespace = &site.policy.name.namespace;
    let peers = site.rule.peers.iter();
    peers
        .flat_map(|peer| match peer {
            PolicyPeer::Pods(peer) => context.peers(peer, namespace),
            PolicyPeer::IpBlock(_) => Vec::new(),
        })
        .collect()
}

/// The same for a rule of a cluster-scoped policy.
fn cluster_destinations<'c, 'a>(
    context: &'c Context<'a>,
    site: ClusterSite<'_>,
) -> Vec<&'c PodGroup<'a>> {
    if site.direction == Direction::Ingress {
        return context.in_scope(&site.policy.subject);
    }
    let peers = site.rule.peers.iter();
    peers
        .flat_map(|peer| match peer {
            ClusterPeer::Pods(scope) => context.peers(&as_peer(scope), ""),
            ClusterPeer::Networks(_)
            | ClusterPeer::Nodes(_)
            | ClusterPeer::DomainNames(_)
            | ClusterPeer::Unrecognized => Vec::new(),
        })
        .collect()
}

/// The ports behind `port` of `service`, and how it says them, if the rule matches none of them.
fn meant<'s>(
    service: &'s Service,
    protocol: Protocol,
    port: u16,
    destinations: &[&PodGroup<'_>],
    matched: impl Fn(&[ContainerPort]) -> ConnectionSet,
) -> Option<(BTreeSet<u16>, &'s TargetPort)> {
    let mut ports = service.ports.iter();
    let port = ports.find(|one| one.protocol == protocol && one.port == port)?;
    let behind = destinations
        .iter()
        .filter(|group| is_behind(service, group));
    let mut targets = BTreeSet::new();
    for group in behind {
        let target = target(port, group)?;
        if matched(group.ports).ports(protocol).contains(target) {
            return None;
        }
        targets.insert(target);
    }
    (!targets.is_empty()).then_some((targets, &port.target))
}
