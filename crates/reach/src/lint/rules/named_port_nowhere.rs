//! RF021: a port's name that no destination has, so that the item matches nothing (rules NP-34, NP-35).

use ringfence_model::{Direction, PolicyPeer};
use ringfence_net::Protocol;

use crate::lint::context::{Context, PodGroup};
use crate::lint::peer::Fate;
use crate::lint::port::named;
use crate::lint::problem::{Problem, RuleSite};
use crate::lint::words;

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    context
        .named_ports()
        .filter_map(|(site, index, name, protocol)| problem(context, site, index, name, protocol))
        .collect()
}

fn problem(
    context: &Context<'_>,
    site: RuleSite<'_>,
    index: usize,
    name: &str,
    protocol: Protocol,
) -> Option<Problem> {
    let place = site.port(index);
    if is_addresses_alone(site) {
        let message = format!(
            "`{name}` matches nothing: only pods have names for ports, and the peers are addresses"
        );
        return Some(place.problem(message).with_help("write the port's number"));
    }
    let destinations = destinations(context, site)?;
    let has = |protocol: Protocol| {
        let mut ports = destinations.iter().map(|group| group.ports);
        ports.any(|ports| named(ports, name, protocol).next().is_some())
    };
    if has(protocol) || destinations.is_empty() {
        return None;
    }
    let message = format!(
        "`{name}` matches nothing: no container of {} has a port of this name for {protocol}",
        words::pods(&destinations)
    );
    let help = match Protocol::ALL.into_iter().find(|protocol| has(*protocol)) {
        Some(other) => format!("it has one for {other}: write `protocol: {other}`"),
        None => "name the port in the pod's `containerPort`, or write its number here".to_owned(),
    };
    Some(place.problem(message).with_help(help))
}

fn is_addresses_alone(site: RuleSite<'_>) -> bool {
    let peers = &site.rule.peers;
    let is_block = |peer: &PolicyPeer| matches!(peer, PolicyPeer::IpBlock(_));
    site.direction == Direction::Egress && !peers.is_empty() && peers.iter().all(is_block)
}

/// The pods whose ports have names here; `None` if the manifests do not tell.
fn destinations<'c, 'a>(
    context: &'c Context<'a>,
    site: RuleSite<'_>,
) -> Option<Vec<&'c PodGroup<'a>>> {
    if site.direction == Direction::Ingress {
        return Some(context.selected(site.policy));
    }
    let mut destinations = Vec::new();
    for (index, peer) in site.peers() {
        if let PolicyPeer::Pods(peer) = peer {
            let selector = peer.namespaces.as_ref();
            let own = &site.policy.name.namespace;
            let place = site.peer(index);
            let known = context
                .peer_site(&place)
                .is_some_and(|found| found.fate != Fate::Unknown);
            if !known || !context.knows_pods_of(selector, own) {
                return None;
            }
            destinations.extend(context.peers(peer, own));
        }
    }
    (!site.rule.peers.is_empty()).then_some(destinations)
}
