//! Mistakes in one NetworkPolicy.

use ringfence_model::{
    Direction, NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule, PortMatch, Source,
};
use ringfence_net::PortRange;

use super::{Mutant, MutatedPolicy, Mutation, RulePlace};

pub(super) fn mutants(policy: &NetworkPolicy) -> Vec<Mutant> {
    let isolating: Vec<Direction> = Direction::ALL
        .into_iter()
        .filter(|direction| policy.isolates(*direction))
        .collect();
    let of_policy = |mutation| mutant(policy, mutation, policy.source.as_ref());
    let mut found = Vec::new();
    if let [_, _] = isolating.as_slice() {
        let dropped = isolating.iter().copied().map(Mutation::IsolationDropped);
        found.extend(dropped.map(of_policy));
    }
    if !isolating.is_empty() {
        found.push(of_policy(Mutation::PolicyDropped));
    }
    for direction in isolating {
        for (index, rule) in policy.rules(direction).iter().enumerate() {
            let place = RulePlace { direction, index };
            let mistakes = of_rule(rule, place).into_iter();
            found.extend(mistakes.map(|mutation| mutant(policy, mutation, rule.source.as_ref())));
        }
    }
    found
}

/// Each mistake in `rule`, which stands at `place`. To drop the only item of a list is another mistake than to drop one of
/// several: nothing would be left, which means everything.
fn of_rule(rule: &PolicyRule, place: RulePlace) -> Vec<Mutation> {
    let mut found = vec![Mutation::RuleDropped(place)];
    if !rule.peers.is_empty() {
        found.push(Mutation::PeersRemoved(place));
    }
    if !rule.ports.is_empty() {
        found.push(Mutation::PortsRemoved(place));
    }
    for (item, peer) in rule.peers.iter().enumerate() {
        if rule.peers.len() > 1 {
            found.push(Mutation::PeerDropped(place, item));
        }
        if has_except(peer) {
            found.push(Mutation::ExceptRemoved(place, item));
        }
    }
    for (item, port) in rule.ports.iter().enumerate() {
        if rule.ports.len() > 1 {
            found.push(Mutation::PortDropped(place, item));
        }
        if extended(port).is_some() {
            found.push(Mutation::EndPortExtended(place, item));
        }
    }
    found
}

/// The policy with the mistake; `None` if it is gone, or if it has no such part.
pub(super) fn changed(policy: &NetworkPolicy, mutation: &Mutation) -> Option<NetworkPolicy> {
    let mut changed = policy.clone();
    match mutation {
        Mutation::PolicyDropped | Mutation::ActionChanged(..) | Mutation::PrioritySwapped(_) => {
            return None;
        }
        Mutation::IsolationDropped(Direction::Ingress) => changed.isolates_ingress = false,
        Mutation::IsolationDropped(Direction::Egress) => changed.isolates_egress = false,
        Mutation::RuleDropped(place) => {
            let rules = rules_mut(&mut changed, place.direction);
            without(rules, place.index)?;
        }
        Mutation::PeersRemoved(place) => rule_mut(&mut changed, *place)?.peers.clear(),
        Mutation::PortsRemoved(place) => rule_mut(&mut changed, *place)?.ports.clear(),
        Mutation::PeerDropped(place, item) => {
            without(&mut rule_mut(&mut changed, *place)?.peers, *item)?;
        }
        Mutation::PortDropped(place, item) => {
            without(&mut rule_mut(&mut changed, *place)?.ports, *item)?;
        }
        Mutation::ExceptRemoved(place, item) => {
            match rule_mut(&mut changed, *place)?.peers.get_mut(*item)? {
                PolicyPeer::IpBlock(block) => block.except.clear(),
                PolicyPeer::Pods(_) => return None,
            }
        }
        Mutation::EndPortExtended(place, item) => {
            let port = rule_mut(&mut changed, *place)?.ports.get_mut(*item)?;
            *port = extended(port)?;
        }
    }
    Some(changed)
}

const fn rules_mut(policy: &mut NetworkPolicy, direction: Direction) -> &mut Vec<PolicyRule> {
    match direction {
        Direction::Ingress => &mut policy.ingress,
        Direction::Egress => &mut policy.egress,
    }
}

fn rule_mut(policy: &mut NetworkPolicy, place: RulePlace) -> Option<&mut PolicyRule> {
    rules_mut(policy, place.direction).get_mut(place.index)
}

/// Takes the item at `index` out; `None` if there is none.
fn without<T>(items: &mut Vec<T>, index: usize) -> Option<T> {
    (index < items.len()).then(|| items.remove(index))
}

const fn has_except(peer: &PolicyPeer) -> bool {
    match peer {
        PolicyPeer::IpBlock(block) => !block.except.is_empty(),
        PolicyPeer::Pods(_) => false,
    }
}

fn extended(port: &PolicyPort) -> Option<PolicyPort> {
    match &port.port {
        PortMatch::Range(range) => Some(PolicyPort {
            port: PortMatch::Range(without_end(*range)?),
            ..port.clone()
        }),
        PortMatch::Any | PortMatch::Name(_) => None,
    }
}

/// NP-32: a range with an end, and not a single port.
pub(super) fn without_end(range: PortRange) -> Option<PortRange> {
    let has_end = range.first() < range.last() && range.last() < u16::MAX;
    has_end.then(|| PortRange::new(range.first(), u16::MAX).ok())?
}

/// All but the item at `index`; `None` if nothing would be left, which is another mistake.
pub(super) fn fewer<T: Clone>(items: &[T], index: usize) -> Option<Vec<T>> {
    let kept = items
        .iter()
        .enumerate()
        .filter(|(place, _)| *place != index);
    let kept: Vec<T> = kept.map(|(_, item)| item.clone()).collect();
    (!kept.is_empty()).then_some(kept)
}

/// The items with `by` in place of the one at `index`.
pub(super) fn replaced<T: Clone>(items: &[T], index: usize, by: T) -> Vec<T> {
    let mut items = items.to_vec();
    if let Some(item) = items.get_mut(index) {
        *item = by;
    }
    items
}

fn mutant(policy: &NetworkPolicy, mutation: Mutation, source: Option<&Source>) -> Mutant {
    Mutant {
        policy: MutatedPolicy::Network(policy.name.clone()),
        mutation,
        source: source.cloned(),
    }
}
