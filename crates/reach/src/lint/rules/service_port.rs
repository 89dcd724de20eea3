//! RF020: a rule with the port of a Service, where rules see the port of its pods (rule NP-33).

use std::collections::BTreeSet;

use ringfence_model::{
    Direction, PolicyPeer, PolicyPort, PortMatch, Service, ServicePort, TargetPort,
};

use crate::lint::context::{Context, PodGroup};
use crate::lint::port::{connections_to, declares, named};
use crate::lint::problem::{Problem, RuleSite};
use crate::lint::words;

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    context
        .rules()
        .flat_map(|site| site.ports().map(move |(index, port)| (site, index, port)))
        .filter_map(|(site, index, port)| problem(context, site, index, port))
        .collect()
}

fn problem(
    context: &Context<'_>,
    site: RuleSite<'_>,
    index: usize,
    item: &PolicyPort,
) -> Option<Problem> {
    let port = single(item)?;
    let destinations = destinations(context, site);
    if declares(&destinations, item.protocol, port) {
        return None;
    }
    let services = context.cluster.services.values();
    let (service, meant) = services
        .filter_map(|service| Some((service, meant(site, service, item, &destinations)?)))
        .next()?;
    let targets = words::list(meant.iter());
    let message = format!(
        "port {port} is the one of Service {}; its pods listen on {targets}, and rules see the pod's port",
        service.name
    );
    let help = format!("write `port: {targets}`");
    Some(site.port(index).problem(message).with_help(help))
}

fn single(item: &PolicyPort) -> Option<u16> {
    match &item.port {
        PortMatch::Range(range) if range.first() == range.last() => Some(range.first()),
        PortMatch::Range(_) | PortMatch::Any | PortMatch::Name(_) => None,
    }
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

/// The ports behind the port of `service` that `item` names, if the rule lets none of them through.
fn meant(
    site: RuleSite<'_>,
    service: &Service,
    item: &PolicyPort,
    destinations: &[&PodGroup<'_>],
) -> Option<BTreeSet<u16>> {
    let port = service
        .ports
        .iter()
        .find(|one| one.protocol == item.protocol && Some(one.port) == single(item))?;
    let behind = destinations
        .iter()
        .filter(|group| is_behind(service, group));
    let mut targets = BTreeSet::new();
    for group in behind {
        let target = target(port, group)?;
        let allowed = connections_to(site.rule, group.ports);
        if allowed.ports(item.protocol).contains(target) {
            return None;
        }
        targets.insert(target);
    }
    (!targets.is_empty()).then_some(targets)
}

fn is_behind(service: &Service, group: &PodGroup<'_>) -> bool {
    let has = |(key, value): (&String, &String)| group.labels.get(key) == Some(value);
    service.name.namespace == group.namespace
        && !service.selector.is_empty()
        && service.selector.iter().all(has)
}

/// Rule OB-11.
fn target(port: &ServicePort, group: &PodGroup<'_>) -> Option<u16> {
    match &port.target {
        TargetPort::Number(number) => Some(*number),
        TargetPort::Name(name) => named(group.ports, name, port.protocol).next(),
    }
}
