//! Mistakes in one NetworkPolicy.

use ringfence_model::{
    Direction, IpBlock, NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule, PortMatch, Source,
};
use ringfence_net::PortRange;

use super::{Changed, Mutant, MutatedPolicy, Mutation, RulePlace};

pub(super) fn mutants(policy: &NetworkPolicy) -> Vec<Mutant> {
    let isolating: Vec<Direction> = Direction::ALL
        .into_iter()
        .filter(|direction| policy.isolates(*direction))
        .collect();
    let mut found = Vec::new();
    if let [_, _] = isolating.as_slice() {
        found.extend(
            isolating
                .iter()
                .map(|direction| without_isolation(policy, *direction)),
        );
    }
    if !isolating.is_empty() {
        found.push(mutant(
            policy,
            Mutation::PolicyDropped,
            policy.source.as_ref(),
            None,
        ));
    }
    for direction in isolating {
        for (index, rule) in policy.rules(direction).iter().enumerate() {
            let place = RulePlace { direction, index };
            found.push(without_rule(policy, place, rule));
            found.extend(
                rules(rule, place)
                    .into_iter()
                    .map(|(mutation, changed)| with_rule(policy, place, mutation, changed)),
            );
        }
    }
    found
}

/// Each mistake in `rule`, which stands at `place`.
fn rules(rule: &PolicyRule, place: RulePlace) -> Vec<(Mutation, PolicyRule)> {
    let mut found = Vec::new();
    if !rule.peers.is_empty() {
        found.push((Mutation::PeersRemoved(place), with_peers(rule, Vec::new())));
    }
    if !rule.ports.is_empty() {
        found.push((Mutation::PortsRemoved(place), with_ports(rule, Vec::new())));
    }
    for (item, peer) in rule.peers.iter().enumerate() {
        if let Some(fewer) = fewer(&rule.peers, item) {
            found.push((Mutation::PeerDropped(place, item), with_peers(rule, fewer)));
        }
        if let Some(peer) = without_except(peer) {
            let peers = replaced(&rule.peers, item, peer);
            found.push((
                Mutation::ExceptRemoved(place, item),
                with_peers(rule, peers),
            ));
        }
    }
    for (item, port) in rule.ports.iter().enumerate() {
        if let Some(fewer) = fewer(&rule.ports, item) {
            found.push((Mutation::PortDropped(place, item), with_ports(rule, fewer)));
        }
        if let Some(port) = extended(port) {
            let ports = replaced(&rule.ports, item, port);
            found.push((
                Mutation::EndPortExtended(place, item),
                with_ports(rule, ports),
            ));
        }
    }
    found
}

fn with_peers(rule: &PolicyRule, peers: Vec<PolicyPeer>) -> PolicyRule {
    PolicyRule {
        peers,
        ..rule.clone()
    }
}

fn with_ports(rule: &PolicyRule, ports: Vec<PolicyPort>) -> PolicyRule {
    PolicyRule {
        ports,
        ..rule.clone()
    }
}

fn without_except(peer: &PolicyPeer) -> Option<PolicyPeer> {
    match peer {
        PolicyPeer::IpBlock(block) if !block.except.is_empty() => {
            let cidr = block.cidr;
            Some(PolicyPeer::IpBlock(IpBlock {
                cidr,
                except: Vec::new(),
            }))
        }
        PolicyPeer::IpBlock(_) | PolicyPeer::Pods(_) => None,
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

fn without_isolation(policy: &NetworkPolicy, direction: Direction) -> Mutant {
    let mut changed = policy.clone();
    match direction {
        Direction::Ingress => changed.isolates_ingress = false,
        Direction::Egress => changed.isolates_egress = false,
    }
    let mutation = Mutation::IsolationDropped(direction);
    mutant(policy, mutation, policy.source.as_ref(), Some(changed))
}

fn without_rule(policy: &NetworkPolicy, place: RulePlace, rule: &PolicyRule) -> Mutant {
    let kept = fewer(policy.rules(place.direction), place.index).unwrap_or_default();
    let changed = with_rules(policy, place.direction, kept);
    mutant(
        policy,
        Mutation::RuleDropped(place),
        rule.source.as_ref(),
        Some(changed),
    )
}

fn with_rule(
    policy: &NetworkPolicy,
    place: RulePlace,
    mutation: Mutation,
    rule: PolicyRule,
) -> Mutant {
    let source = rule.source.clone();
    let rules = replaced(policy.rules(place.direction), place.index, rule);
    let changed = with_rules(policy, place.direction, rules);
    mutant(policy, mutation, source.as_ref(), Some(changed))
}

fn with_rules(
    policy: &NetworkPolicy,
    direction: Direction,
    rules: Vec<PolicyRule>,
) -> NetworkPolicy {
    let mut changed = policy.clone();
    match direction {
        Direction::Ingress => changed.ingress = rules,
        Direction::Egress => changed.egress = rules,
    }
    changed
}

fn mutant(
    policy: &NetworkPolicy,
    mutation: Mutation,
    source: Option<&Source>,
    changed: Option<NetworkPolicy>,
) -> Mutant {
    Mutant {
        policy: MutatedPolicy::Network(policy.name.clone()),
        mutation,
        source: source.cloned(),
        changed: vec![Changed::Network(policy.name.clone(), changed)],
    }
}
