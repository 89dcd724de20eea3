//! Mistakes in one cluster-scoped policy.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use ringfence_model::{
    Cluster, ClusterAction, ClusterPeer, ClusterPolicy, ClusterPort, ClusterRule, Direction,
    PodScope, Source,
};

use super::network::{fewer, replaced, without_end};
use super::{Changed, Mutant, MutatedPolicy, Mutation, RulePlace};

/// A mistake, and what it leaves of the policies.
type Made = (Mutant, Vec<Changed>);

pub(super) fn mutants(cluster: &Cluster, policy: &ClusterPolicy) -> Vec<Mutant> {
    let all = all(cluster, policy).into_iter();
    all.map(|(mutant, _)| mutant).collect()
}

/// The policies with a mistake in `policy`. The API bounds how much a policy of the cluster holds, so that each is made again.
pub(super) fn changed(
    cluster: &Cluster,
    policy: &ClusterPolicy,
    mutation: &Mutation,
) -> Vec<Changed> {
    let mut all = all(cluster, policy).into_iter();
    let made = all.find(|(mutant, _)| mutant.mutation == *mutation);
    made.map_or_else(Vec::new, |(_, changed)| changed)
}

fn all(cluster: &Cluster, policy: &ClusterPolicy) -> Vec<Made> {
    let mut found = vec![mutant(
        policy,
        Mutation::PolicyDropped,
        policy.source.as_ref(),
        None,
    )];
    found.extend(swapped(cluster, policy));
    for direction in Direction::ALL {
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
fn rules(rule: &ClusterRule, place: RulePlace) -> Vec<(Mutation, ClusterRule)> {
    let mut found = Vec::new();
    for action in [
        ClusterAction::Accept,
        ClusterAction::Deny,
        ClusterAction::Pass,
    ] {
        if action != rule.action {
            let changed = ClusterRule {
                action,
                ..rule.clone()
            };
            found.push((Mutation::ActionChanged(place, action), changed));
        }
    }
    let everybody = everybody(place.direction);
    if rule.peers != everybody {
        found.push((Mutation::PeersRemoved(place), with_peers(rule, everybody)));
    }
    if !rule.ports.is_empty() {
        found.push((Mutation::PortsRemoved(place), with_ports(rule, Vec::new())));
    }
    for item in 0..rule.peers.len() {
        if let Some(fewer) = fewer(&rule.peers, item) {
            found.push((Mutation::PeerDropped(place, item), with_peers(rule, fewer)));
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

/// CN-30, CN-34: who can be named in this direction, all of them. The default block of a family is all of it.
fn everybody(direction: Direction) -> Vec<ClusterPeer> {
    let pods = ClusterPeer::Pods(PodScope::default());
    let everywhere = [IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())];
    match direction {
        Direction::Ingress => vec![pods],
        Direction::Egress => vec![pods, ClusterPeer::Networks(everywhere.to_vec())],
    }
}

fn with_peers(rule: &ClusterRule, peers: Vec<ClusterPeer>) -> ClusterRule {
    ClusterRule {
        peers,
        ..rule.clone()
    }
}

fn with_ports(rule: &ClusterRule, ports: Vec<ClusterPort>) -> ClusterRule {
    ClusterRule {
        ports,
        ..rule.clone()
    }
}

fn extended(port: &ClusterPort) -> Option<ClusterPort> {
    match port {
        ClusterPort::Range(protocol, range) => {
            without_end(*range).map(|range| ClusterPort::Range(*protocol, range))
        }
        ClusterPort::Name(_) => None,
    }
}

/// CN-21: the policy changes places with the next one of its tier that has another priority.
fn swapped(cluster: &Cluster, policy: &ClusterPolicy) -> Option<Made> {
    let later = cluster.cluster_policies.values().filter(|other| {
        other.tier == policy.tier && other.priority.is_some() && other.priority > policy.priority
    });
    let own = policy.priority?;
    let next = later.min_by_key(|other| (other.priority, &other.name))?;
    let (mut first, mut second) = (policy.clone(), next.clone());
    first.priority = next.priority;
    second.priority = Some(own);
    let mutation = Mutation::PrioritySwapped(next.name.clone());
    let (mutant, mut changed) = mutant(policy, mutation, policy.source.as_ref(), Some(first));
    changed.push(Changed::Cluster(next.name.clone(), Some(second)));
    Some((mutant, changed))
}

fn without_rule(policy: &ClusterPolicy, place: RulePlace, rule: &ClusterRule) -> Made {
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
    policy: &ClusterPolicy,
    place: RulePlace,
    mutation: Mutation,
    rule: ClusterRule,
) -> Made {
    let source = rule.source.clone();
    let rules = replaced(policy.rules(place.direction), place.index, rule);
    let changed = with_rules(policy, place.direction, rules);
    mutant(policy, mutation, source.as_ref(), Some(changed))
}

fn with_rules(
    policy: &ClusterPolicy,
    direction: Direction,
    rules: Vec<ClusterRule>,
) -> ClusterPolicy {
    let mut changed = policy.clone();
    match direction {
        Direction::Ingress => changed.ingress = rules,
        Direction::Egress => changed.egress = rules,
    }
    changed
}

fn mutant(
    policy: &ClusterPolicy,
    mutation: Mutation,
    source: Option<&Source>,
    changed: Option<ClusterPolicy>,
) -> Made {
    let mutant = Mutant {
        policy: MutatedPolicy::Cluster(policy.name.clone()),
        mutation,
        source: source.cloned(),
    };
    let changed = Changed::Cluster(policy.name.clone(), changed);
    (mutant, vec![changed])
}
