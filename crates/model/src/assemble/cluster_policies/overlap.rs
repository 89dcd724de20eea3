//! Whether one connection can match rules of two cluster-scoped policies, as far as the rules by themselves tell (rule AM-13).

use crate::{
    ClusterPeer, ClusterPolicy, ClusterPort, ClusterRule, Direction, LabelSelector, PodScope,
};

/// Whether a rule of `one` and a rule of `other` can match the same connection in `direction` and do not do the same to it.
pub(super) fn may_contradict(
    one: &ClusterPolicy,
    other: &ClusterPolicy,
    direction: Direction,
) -> bool {
    any_pair(
        one.rules(direction),
        other.rules(direction),
        |first, second| first.action != second.action && may_meet(first, second),
    )
}

fn may_meet(one: &ClusterRule, other: &ClusterRule) -> bool {
    let every_port = one.ports.is_empty() || other.ports.is_empty();
    (every_port || any_pair(&one.ports, &other.ports, ports_may_meet))
        && any_pair(&one.peers, &other.peers, peers_may_meet)
}

fn any_pair<T>(one: &[T], other: &[T], mut is_meant: impl FnMut(&T, &T) -> bool) -> bool {
    one.iter()
        .any(|first| other.iter().any(|second| is_meant(first, second)))
}

/// A name may be any port of any protocol (rule CN-33).
fn ports_may_meet(one: &ClusterPort, other: &ClusterPort) -> bool {
    match (one, other) {
        (ClusterPort::Range(protocol, ports), ClusterPort::Range(other, others)) => {
            protocol == other && ports.intersection(*others).is_some()
        }
        (ClusterPort::Name(_), _) | (_, ClusterPort::Name(_)) => true,
    }
}

/// What has an address of pods may be in any network, and so may a name's; a pod of the pod network is at no node's address.
fn peers_may_meet(one: &ClusterPeer, other: &ClusterPeer) -> bool {
    use ClusterPeer::{DomainNames, Networks, Nodes, Pods, Unrecognized};
    match (one, other) {
        (Pods(scope), Pods(other)) => scopes_may_meet(scope, other),
        (Nodes(nodes), Nodes(others)) => nodes.may_meet(others),
        (Pods(_), Nodes(_)) | (Nodes(_), Pods(_)) => false,
        (Networks(networks), Networks(others)) => any_pair(networks, others, |first, second| {
            first.contains(second) || second.contains(first)
        }),
        (Networks(_) | DomainNames(_) | Unrecognized, _)
        | (_, Networks(_) | DomainNames(_) | Unrecognized) => true,
    }
}

fn scopes_may_meet(one: &PodScope, other: &PodScope) -> bool {
    selectors_may_meet(one.namespaces.as_ref(), other.namespaces.as_ref())
        && selectors_may_meet(one.pods.as_ref(), other.pods.as_ref())
}

/// No selector is every label (rule CN-4).
fn selectors_may_meet(one: Option<&LabelSelector>, other: Option<&LabelSelector>) -> bool {
    let both = one.zip(other);
    both.is_none_or(|(one, other)| one.may_meet(other))
}
