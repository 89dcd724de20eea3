//! Rules NP-10 to NP-18 and NP-40 to NP-44: peers.

use std::net::IpAddr;

use ringfence_model::{
    Cluster, IpBlock, LabelSelector, Labels, METADATA_NAME_LABEL, Match, Party, PeerSelector, Pod,
    PolicyPeer, PolicyRule,
};

use crate::block::covers;
use crate::direction::Attempt;
use crate::resolve::is_subject;
use crate::selector::selects;
use crate::whereabouts::{Unaddressed, unaddressed};

/// NP-10: no item matches every peer, other addresses too; else one item must match.
pub(crate) fn peers_match(rule: &PolicyRule, attempt: &Attempt<'_>) -> Match {
    if rule.peers.is_empty() {
        return Match::Yes;
    }
    // AM-22: what has any address has one of these.
    let everything_of = |is_of: fn(&IpAddr) -> bool| {
        rule.peers.iter().any(|item| match item {
            PolicyPeer::IpBlock(IpBlock { cidr, except }) => {
                except.is_empty() && cidr.prefix_len() == 0 && is_of(&cidr.addr())
            }
            PolicyPeer::Pods(_) => false,
        })
    };
    if everything_of(IpAddr::is_ipv4) && everything_of(IpAddr::is_ipv6) {
        return Match::Yes;
    }
    Match::any(rule.peers.iter().map(|item| peer_matches(item, attempt)))
}

/// NP-11: an item is a block or a selection of pods.
fn peer_matches(item: &PolicyPeer, attempt: &Attempt<'_>) -> Match {
    match item {
        PolicyPeer::IpBlock(block) => block_matches(block, attempt),
        PolicyPeer::Pods(selector) => Match::from(selector_matches(selector, attempt)),
    }
}

/// NP-42: whatever the peer is, its address is compared; AM-22: an address that is not known leaves it open.
fn block_matches(block: &IpBlock, attempt: &Attempt<'_>) -> Match {
    match attempt.peer.address() {
        Some(address) => Match::from(covers(block, address)),
        None => {
            let ends = [&[block.cidr], block.except.as_slice()].concat();
            unaddressed(Unaddressed::of(attempt), &ends, |address| {
                covers(block, address)
            })
        }
    }
}

/// NP-12, NP-13, NP-14: the namespace and the pod must both match.
/// NP-16, NP-53: nodes, host pods, finished pods and other addresses are no pods.
fn selector_matches(selector: &PeerSelector, attempt: &Attempt<'_>) -> bool {
    let Party::Pod { name, .. } = attempt.peer else {
        return false;
    };
    attempt.cluster.pods.get(name).is_some_and(|peer| {
        is_subject(peer)
            && namespace_matches(selector, attempt, peer)
            && selects_or_absent(selector.pods.as_ref(), &peer.labels)
    })
}

/// NP-12: without `namespaceSelector` the policy's own namespace. NP-13: with it, every namespace it selects.
fn namespace_matches(selector: &PeerSelector, attempt: &Attempt<'_>, peer: &Pod) -> bool {
    match &selector.namespaces {
        None => peer.name.namespace == attempt.subject.name.namespace,
        Some(namespaces) => selects(
            namespaces,
            &namespace_labels(attempt.cluster, &peer.name.namespace),
        ),
    }
}

/// NP-13, NP-15: a selector that is absent or null asks for nothing.
pub(crate) fn selects_or_absent(selector: Option<&LabelSelector>, labels: &Labels) -> bool {
    selector.is_none_or(|selector| selects(selector, labels))
}

/// NP-17, NP-18: the namespace's own labels, its name label set whatever the manifest says;
/// a namespace without object has this label alone (OB-4).
pub(crate) fn namespace_labels(cluster: &Cluster, namespace: &str) -> Labels {
    let mut labels = cluster
        .namespaces
        .get(namespace)
        .map_or_else(Labels::new, |found| found.labels.clone());
    labels.insert(METADATA_NAME_LABEL.to_owned(), namespace.to_owned());
    labels
}
