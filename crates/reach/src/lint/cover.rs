//! Whether one rule matches whatever another one matches, whichever pods there are.

use ipnet::IpNet;
use ringfence_model::{
    IpBlock, LabelSelector, Labels, PeerSelector, PolicyPeer, PolicyPort, PolicyRule, PortMatch,
    Requirement, SelectorOperator,
};
use ringfence_net::PortSet;

/// Whether `wide` matches all that `narrow` matches; both are of policies in a namespace with the labels `own`.
pub(super) fn covers(wide: &PolicyRule, narrow: &PolicyRule, own: &Labels) -> bool {
    let peer_covered = |peer: &PolicyPeer| wide.peers.iter().any(|by| covers_peer(by, peer, own));
    let port_covered = |port: &PolicyPort| covers_port(&wide.ports, port);
    let peers =
        wide.peers.is_empty() || !narrow.peers.is_empty() && narrow.peers.iter().all(peer_covered);
    let ports = || {
        wide.ports.is_empty() || !narrow.ports.is_empty() && narrow.ports.iter().all(port_covered)
    };
    peers && ports()
}

fn covers_peer(wide: &PolicyPeer, narrow: &PolicyPeer, own: &Labels) -> bool {
    match (wide, narrow) {
        (PolicyPeer::Pods(wide), PolicyPeer::Pods(narrow)) => covers_pods(wide, narrow, own),
        (PolicyPeer::IpBlock(wide), PolicyPeer::IpBlock(narrow)) => covers_block(wide, narrow),
        (PolicyPeer::Pods(_), PolicyPeer::IpBlock(_))
        | (PolicyPeer::IpBlock(_), PolicyPeer::Pods(_)) => false,
    }
}

fn covers_pods(wide: &PeerSelector, narrow: &PeerSelector, own: &Labels) -> bool {
    let namespaces = match (&wide.namespaces, &narrow.namespaces) {
        (None, None) => true,
        (None, Some(_)) => false,
        (Some(wide), None) => wide.matches(own),
        (Some(wide), Some(narrow)) => implies(narrow, wide),
    };
    let everything = LabelSelector::default();
    let pods = |peer: &PeerSelector| peer.pods.clone().unwrap_or_else(|| everything.clone());
    namespaces && implies(&pods(narrow), &pods(wide))
}

fn covers_block(wide: &IpBlock, narrow: &IpBlock) -> bool {
    let holds = |outer: &IpNet, inner: &IpNet| outer.contains(inner);
    let apart = |a: &IpNet, b: &IpNet| !holds(a, b) && !holds(b, a);
    let harmless = |hole: &IpNet| {
        apart(hole, &narrow.cidr) || narrow.except.iter().any(|except| holds(except, hole))
    };
    holds(&wide.cidr, &narrow.cidr) && wide.except.iter().all(harmless)
}

/// Whether some of `wide` together match every port that `narrow` does.
fn covers_port(wide: &[PolicyPort], narrow: &PolicyPort) -> bool {
    let same_protocol = wide.iter().filter(|port| port.protocol == narrow.protocol);
    let none = PortSet::empty();
    let numbers = same_protocol
        .clone()
        .fold(none, |set, port| set.union(&numbers(&port.port)));
    match &narrow.port {
        PortMatch::Any | PortMatch::Range(_) => self::numbers(&narrow.port).is_subset(&numbers),
        PortMatch::Name(_) => {
            let mut names = same_protocol.map(|port| &port.port);
            numbers.is_all() || names.any(|port| *port == narrow.port)
        }
    }
}

fn numbers(port: &PortMatch) -> PortSet {
    match port {
        PortMatch::Any => PortSet::all(),
        PortMatch::Range(range) => PortSet::from_range(*range),
        PortMatch::Name(_) => PortSet::empty(),
    }
}

/// Whether everything that `narrow` selects is selected by `wide`. May say no where a closer look would say yes.
pub(super) fn implies(narrow: &LabelSelector, wide: &LabelSelector) -> bool {
    let given = narrow.requirements();
    wide.requirements().iter().all(|wanted| {
        let mut same_key = given.iter().filter(|one| one.key == wanted.key);
        same_key.any(|one| entails(one, wanted))
    })
}

fn entails(given: &Requirement, wanted: &Requirement) -> bool {
    use SelectorOperator::{DoesNotExist, Exists, In, NotIn};
    let listed = |value: &String| wanted.values.contains(value);
    match (given.operator, wanted.operator) {
        (In, In) => given.values.iter().all(listed),
        (In, NotIn) => !given.values.iter().any(listed),
        (In | Exists, Exists) | (DoesNotExist, DoesNotExist | NotIn) => true,
        (NotIn, NotIn) => wanted
            .values
            .iter()
            .all(|value| given.values.contains(value)),
        (In | Exists | NotIn, DoesNotExist)
        | (NotIn | Exists | DoesNotExist, In)
        | (NotIn | DoesNotExist, Exists)
        | (Exists, NotIn) => false,
    }
}

#[cfg(test)]
mod tests;
