//! Rules CN-2 to CN-4 and CN-30 to CN-38: what a rule of a cluster-scoped policy matches.

use ipnet::IpNet;
use ringfence_model::{
    Cluster, ClusterAction, ClusterPeer, ClusterPort, ClusterRule, Direction, DomainName,
    LabelSelector, Match, Party, Pod, PodScope,
};

use crate::block::contains;
use crate::direction::Attempt;
use crate::domain::is_name;
use crate::peer::{namespace_labels, selects_or_absent};
use crate::resolve::{canonical, is_subject};
use crate::selector::selects;
use crate::whereabouts::{Unaddressed, unaddressed};

/// CN-30: a peer and a port must match. CN-31: no port item admits every protocol, ICMP too.
/// CN-38: a peer of unknown kind closes the rule: Accept matches nothing, Deny and Pass everything.
pub(crate) fn rule_matches(rule: &ClusterRule, attempt: &Attempt<'_>) -> Match {
    if has_unrecognized_peer(rule) {
        return match rule.action {
            ClusterAction::Accept => Match::No,
            ClusterAction::Deny | ClusterAction::Pass => Match::Yes,
        };
    }
    let peers = if is_everywhere(rule, attempt.direction) {
        Match::Yes
    } else {
        Match::any(rule.peers.iter().map(|peer| peer_matches(peer, attempt)))
    };
    let port = rule.ports.is_empty() || rule.ports.iter().any(|port| port_matches(port, attempt));
    peers.and(Match::from(port))
}

/// CN-38: whether the rule speaks of peers that this version cannot judge.
pub(crate) fn has_unrecognized_peer(rule: &ClusterRule) -> bool {
    rule.peers.contains(&ClusterPeer::Unrecognized)
}

/// CN-2: live pods of the pod network alone. CN-3, CN-4: without selector every namespace, every pod.
pub(crate) fn is_in_scope(scope: &PodScope, cluster: &Cluster, pod: &Pod) -> bool {
    let namespace = namespace_labels(cluster, &pod.name.namespace);
    is_subject(pod)
        && selects_or_absent(scope.namespaces.as_ref(), &namespace)
        && selects_or_absent(scope.pods.as_ref(), &pod.labels)
}

/// AM-22: what has any address is in one of two networks that are each all of a family. CN-36: ingress knows none.
fn is_everywhere(rule: &ClusterRule, direction: Direction) -> bool {
    let networks = rule.peers.iter().flat_map(|peer| match peer {
        ClusterPeer::Networks(networks) => networks.as_slice(),
        ClusterPeer::Pods(_)
        | ClusterPeer::Nodes(_)
        | ClusterPeer::DomainNames(_)
        | ClusterPeer::Unrecognized => &[],
    });
    let whole = networks.filter(|network| network.prefix_len() == 0);
    let (v4, v6): (Vec<&IpNet>, Vec<&IpNet>) = whole.partition(|one| one.addr().is_ipv4());
    direction == Direction::Egress && !v4.is_empty() && !v6.is_empty()
}

/// CN-36: ingress knows pods alone.
fn peer_matches(peer: &ClusterPeer, attempt: &Attempt<'_>) -> Match {
    match (peer, attempt.direction) {
        (ClusterPeer::Pods(scope), Direction::Ingress | Direction::Egress) => {
            Match::from(is_pod_in_scope(scope, attempt))
        }
        (ClusterPeer::Networks(networks), Direction::Egress) => in_one_of(networks, attempt),
        (ClusterPeer::Nodes(selector), Direction::Egress) => {
            in_one_of(&addresses_of_nodes(selector, attempt.cluster), attempt)
        }
        (ClusterPeer::DomainNames(names), Direction::Egress) => {
            in_one_of(&addresses_of_names(names, attempt.cluster), attempt)
        }
        (
            ClusterPeer::Networks(_) | ClusterPeer::Nodes(_) | ClusterPeer::DomainNames(_),
            Direction::Ingress,
        )
        | (ClusterPeer::Unrecognized, Direction::Ingress | Direction::Egress) => Match::No,
    }
}

/// CN-2: nodes, host pods and other addresses are no pods.
fn is_pod_in_scope(scope: &PodScope, attempt: &Attempt<'_>) -> bool {
    let Party::Pod { name, .. } = attempt.peer else {
        return false;
    };
    let peer = attempt.cluster.pods.get(name);
    peer.is_some_and(|peer| is_in_scope(scope, attempt.cluster, peer))
}

/// CN-34, CN-35, CN-37: the destination's address is compared, whoever has it.
/// AM-22: each comparison with an address that is not known stays open; where there is nothing to compare, none does.
fn in_one_of(networks: &[IpNet], attempt: &Attempt<'_>) -> Match {
    Match::any(networks.iter().map(|network| match attempt.peer.address() {
        Some(address) => Match::from(contains(*network, address)),
        None => unaddressed(Unaddressed::of(attempt), &[*network], |address| {
            contains(*network, address)
        }),
    }))
}

/// CN-35, AM-18: the addresses in the status of the nodes with matching labels; pods on them have others.
pub(crate) fn addresses_of_nodes(selector: &LabelSelector, cluster: &Cluster) -> Vec<IpNet> {
    let nodes = cluster.nodes.values();
    let selected = nodes.filter(|node| selects(selector, &node.labels));
    selected
        .flat_map(|node| canonical(&node.addresses))
        .map(IpNet::from)
        .collect()
}

/// CN-37, AM-19: the addresses that are known of the names; nothing is looked up.
fn addresses_of_names(names: &[DomainName], cluster: &Cluster) -> Vec<IpNet> {
    let known = cluster.domain_addresses.iter();
    let meant = known.filter(|(known, _)| names.iter().any(|name| is_name(name, known)));
    meant
        .flat_map(|(_, addresses)| canonical(addresses))
        .map(IpNet::from)
        .collect()
}

/// CN-32: an item speaks of its own protocol and numbers alone. CN-31: other protocols have no item.
fn port_matches(item: &ClusterPort, attempt: &Attempt<'_>) -> bool {
    let dialled = attempt.dialled;
    match item {
        ClusterPort::Range(protocol, range) => dialled.port.is_some_and(|port| {
            dialled.protocol.0 == protocol.number() && range.first() <= port && port <= range.last()
        }),
        ClusterPort::Name(name) => named_port_matches(name, attempt),
    }
}

/// CN-33: the destination pod declares the name with the very protocol and number. NP-35: nobody else declares any.
fn named_port_matches(name: &str, attempt: &Attempt<'_>) -> bool {
    let Party::Pod { name: pod, .. } = attempt.destination() else {
        return false;
    };
    let dialled = attempt.dialled;
    attempt.cluster.pods.get(pod).is_some_and(|pod| {
        pod.ports.iter().any(|declared| {
            declared.name.as_deref() == Some(name)
                && declared.protocol.number() == dialled.protocol.0
                && Some(declared.port) == dialled.port
        })
    })
}
