//! RF021: a port's name that no destination has, so that the item matches nothing (rules NP-34, NP-35, CN-33).

use ipnet::IpNet;
use ringfence_model::{ClusterPeer, ClusterPort, Direction, PeerSelector, PolicyPeer, PolicyRule};
use ringfence_net::Protocol;

use crate::lint::block::pods_in;
use crate::lint::cluster_site::{ClusterSite, as_peer, cluster_rules};
use crate::lint::context::{Context, PodGroup};
use crate::lint::peer::Fate;
use crate::lint::port::named;
use crate::lint::problem::{Place, Problem, RuleSite};
use crate::lint::words;

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let ports = context.named_ports();
    let ports = ports
        .filter_map(|(site, index, name, protocol)| of_rule(context, site, index, name, protocol));
    let cluster = context.cluster_policies().flat_map(cluster_rules);
    let cluster = cluster.flat_map(|site| of_cluster_rule(context, site));
    ports.chain(cluster).collect()
}

fn of_rule(
    context: &Context<'_>,
    site: RuleSite<'_>,
    index: usize,
    name: &str,
    protocol: Protocol,
) -> Option<Problem> {
    let destinations = destinations(context, site)?;
    let place = site.port(index);
    if destinations.is_empty() {
        let is_to_addresses = site.direction == Direction::Egress && is_blocks_alone(site.rule);
        return is_to_addresses.then(|| to_addresses(place, name));
    }
    let has = |protocol: Protocol| has(&destinations, name, protocol);
    if has(protocol) {
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

/// A name of a cluster-scoped policy is of any protocol (rule CN-33).
fn of_cluster_rule(context: &Context<'_>, site: ClusterSite<'_>) -> Vec<Problem> {
    let names: Vec<(usize, &str)> = site
        .ports()
        .filter_map(|(index, port)| match port {
            ClusterPort::Name(name) => Some((index, name.as_str())),
            ClusterPort::Range(..) => None,
        })
        .collect();
    if names.is_empty() {
        return Vec::new();
    }
    let Some(destinations) = cluster_destinations(context, site) else {
        return Vec::new();
    };
    let problem = |(index, name): (usize, &str)| {
        let place = site.port(index);
        if destinations.is_empty() {
            let is_to_addresses =
                site.direction == Direction::Egress && is_addresses_alone(&site.rule.peers);
            return is_to_addresses.then(|| to_addresses(place, name));
        }
        let mut protocols = Protocol::ALL.into_iter();
        if protocols.any(|protocol| has(&destinations, name, protocol)) {
            return None;
        }
        let message = format!(
            "`{name}` matches nothing: no container of {} has a port of this name",
            words::pods(&destinations)
        );
        let help = "name the port in the pod's `containerPort`, or write its number here";
        Some(place.problem(message).with_help(help))
    };
    names.into_iter().filter_map(problem).collect()
}

fn to_addresses(place: Place, name: &str) -> Problem {
    let message = format!(
        "`{name}` matches nothing: only pods have names for ports, and the peers are other addresses"
    );
    place.problem(message).with_help("write the port's number")
}

fn has(destinations: &[&PodGroup<'_>], name: &str, protocol: Protocol) -> bool {
    let mut ports = destinations.iter().map(|group| group.ports);
    ports.any(|ports| named(ports, name, protocol).next().is_some())
}

fn is_blocks_alone(rule: &PolicyRule) -> bool {
    let is_block = |peer: &PolicyPeer| matches!(peer, PolicyPeer::IpBlock(_));
    !rule.peers.is_empty() && rule.peers.iter().all(is_block)
}

fn is_addresses_alone(peers: &[ClusterPeer]) -> bool {
    let is_address = |peer: &ClusterPeer| match peer {
        ClusterPeer::Networks(_) | ClusterPeer::Nodes(_) => true,
        ClusterPeer::Pods(_) | ClusterPeer::DomainNames(_) | ClusterPeer::Unrecognized => false,
    };
    !peers.is_empty() && peers.iter().all(is_address)
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
        destinations.extend(match peer {
            PolicyPeer::Pods(peer) => peers(
                context,
                peer,
                &site.policy.name.namespace,
                &site.peer(index),
            )?,
            PolicyPeer::IpBlock(block) => pods_in(context, block.cidr, &block.except)?,
        });
    }
    (!site.rule.peers.is_empty()).then_some(destinations)
}

/// The same for a rule of a cluster-scoped policy.
fn cluster_destinations<'c, 'a>(
    context: &'c Context<'a>,
    site: ClusterSite<'_>,
) -> Option<Vec<&'c PodGroup<'a>>> {
    let subject = &site.policy.subject;
    if site.direction == Direction::Ingress {
        let namespaces = as_peer(subject).namespaces;
        let is_known = context.knows_pods_of(namespaces.as_ref(), "");
        return is_known.then(|| context.in_scope(subject));
    }
    let mut destinations = Vec::new();
    for (index, peer) in site.peers() {
        match peer {
            ClusterPeer::Pods(scope) => {
                let found = peers(context, &as_peer(scope), "", &site.peer(index))?;
                destinations.extend(found);
            }
            ClusterPeer::Networks(networks) => {
                let found = networks.iter();
                let found = found.map(|network: &IpNet| pods_in(context, *network, &[]));
                let found: Vec<_> = found.collect::<Option<_>>()?;
                destinations.extend(found.into_iter().flatten());
            }
            ClusterPeer::Nodes(_) => {}
            ClusterPeer::DomainNames(_) | ClusterPeer::Unrecognized => return None,
        }
    }
    Some(destinations)
}

/// The pods that the peer at `place` matches; `None` if the manifests do not tell.
fn peers<'c, 'a>(
    context: &'c Context<'a>,
    peer: &PeerSelector,
    own: &str,
    place: &Place,
) -> Option<Vec<&'c PodGroup<'a>>> {
    let is_known = match &context.peer_site(place)?.fate {
        Fate::Unknown => false,
        Fate::Contradiction | Fate::NamespaceLabelMissing(_) | Fate::NoNamespace => true,
        Fate::Pods
        | Fate::HostPodsAlone
        | Fate::PodLabelMissing(_)
        | Fate::Elsewhere(_)
        | Fate::NoPod => context.knows_pods_of(peer.namespaces.as_ref(), own),
    };
    is_known.then(|| context.peers(peer, own))
}
