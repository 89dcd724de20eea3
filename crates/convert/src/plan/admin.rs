//! ClusterNetworkPolicies of the Admin tier.

use std::num::NonZeroUsize;

use ipnet::IpNet;
use ringfence_model::{
    ClusterAction, ClusterPeer, ClusterPolicy, ClusterPolicyKind, ClusterPolicyName, ClusterPort,
    ClusterRule, ClusterTier, Direction, PodScope, PolicyPort, PortMatch,
};
use ringfence_net::{Family, PortRange};

use super::placement::Placed;
use super::{field, is_refused, written};
use crate::block;
use crate::conversion::{Conversion, Converted, KubernetesPolicy, origin};
use crate::input::Given;
use crate::ladder::{Action, Ladder, Peer, Peers, Policy, Rule};
use crate::term::{Scope, selector};

/// How many rules, peers, networks and protocols may stand in one list.
const MOST: NonZeroUsize = NonZeroUsize::new(25).unwrap();

/// The highest priority.
const LAST: usize = 1000;

pub(super) fn write(
    given: &Given<'_>,
    ladder: &Ladder,
    placed: &[Vec<Placed>; 2],
    conversion: &mut Conversion,
) {
    let mut written = Vec::new();
    for (index, rung) in ladder.rungs.iter().enumerate() {
        let Some(policy) = ladder.policies.get(rung.policy) else {
            continue;
        };
        if !is_refused(given, policy) {
            let [egress, ingress] = Direction::ALL.map(|direction| rules(placed, index, direction));
            written.extend(
                policies(policy, &ingress, &egress)
                    .into_iter()
                    .map(|made| (policy, made)),
            );
        }
    }
    let step = (LAST / written.len().max(1)).min(10);
    for (place, (policy, made)) in written.into_iter().enumerate() {
        keep(given, policy, made, (place + 1) * step, conversion);
    }
}

/// The rules of the rung at `index` that stand in the Admin tier.
fn rules(placed: &[Vec<Placed>; 2], index: usize, direction: Direction) -> Vec<ClusterRule> {
    let [egress, ingress] = placed;
    let of_direction = match direction {
        Direction::Ingress => ingress,
        Direction::Egress => egress,
    };
    let mine = of_direction
        .iter()
        .filter(|one| one.rung == index && one.admin);
    mine.flat_map(|one| cluster_rules(&one.rule, direction))
        .collect()
}

/// The policies of one rung, without name and priority.
fn policies(
    policy: &Policy,
    ingress: &[ClusterRule],
    egress: &[ClusterRule],
) -> Vec<ClusterPolicy> {
    let most = MOST.get();
    let chunks = ingress.len().max(egress.len()).div_ceil(most);
    let chunk = |rules: &[ClusterRule], index: usize| {
        rules
            .iter()
            .skip(index * most)
            .take(most)
            .cloned()
            .collect()
    };
    let mut made = Vec::new();
    for scope in &policy.subject {
        made.extend((0..chunks).map(|index| ClusterPolicy {
            name: ClusterPolicyName {
                kind: ClusterPolicyKind::ClusterNetworkPolicy,
                name: String::new(),
            },
            tier: ClusterTier::Admin,
            priority: None,
            subject: pods(scope),
            ingress: chunk(ingress, index),
            egress: chunk(egress, index),
            judges_host_pods: false,
            source: None,
        }));
    }
    made
}

fn keep(
    given: &Given<'_>,
    policy: &Policy,
    made: ClusterPolicy,
    priority: usize,
    conversion: &mut Conversion,
) {
    let Some(written) = written(given, policy) else {
        return;
    };
    let Some(priority) = u16::try_from(priority)
        .ok()
        .filter(|_| priority > 0 && priority <= LAST)
    else {
        field(written, "spec").refuse(
            "is one of more than 1000 policies with an order, and there are 1000 priorities",
            "join policies of the same pods",
        );
        return;
    };
    let wanted = match &policy.namespace {
        Some(namespace) => format!("{namespace}-{}", policy.name),
        None => policy.name.clone(),
    };
    let name = ClusterPolicyName {
        name: conversion.name("", &wanted),
        ..made.name.clone()
    };
    conversion.objects.push(Converted {
        policy: KubernetesPolicy::Cluster(ClusterPolicy {
            name,
            priority: Some(priority),
            ..made
        }),
        origin: origin(written),
    });
}

/// `rule` as one rule, or as several with the same action where its lists are too long.
fn cluster_rules(rule: &Rule, direction: Direction) -> Vec<ClusterRule> {
    let peers = peers(&rule.peers, direction);
    let ports: Vec<ClusterPort> = rule.ports.iter().map(port).collect();
    let mut port_lists: Vec<&[ClusterPort]> = ports.chunks(MOST.get()).collect();
    if port_lists.is_empty() {
        port_lists.push(&[]);
    }
    let mut rules = Vec::new();
    for peers in peers.chunks(MOST.get()) {
        rules.extend(port_lists.iter().map(|ports| ClusterRule {
            name: None,
            action: action(rule.action),
            peers: peers.to_vec(),
            ports: ports.to_vec(),
            source: None,
        }));
    }
    rules
}

const fn action(action: Action) -> ClusterAction {
    match action {
        Action::Allow => ClusterAction::Accept,
        Action::Deny => ClusterAction::Deny,
        Action::Pass => ClusterAction::Pass,
    }
}

/// For ingress, everybody is every pod: addresses are left to NetworkPolicies (rule CN-36).
fn peers(peers: &Peers, direction: Direction) -> Vec<ClusterPeer> {
    let Peers::Of(some) = peers else {
        return match direction {
            Direction::Ingress => vec![ClusterPeer::Pods(PodScope::default())],
            Direction::Egress => {
                vec![ClusterPeer::Networks(
                    Family::ALL.map(block::everything).to_vec(),
                )]
            }
        };
    };
    let mut found = Vec::new();
    let mut networks: Vec<IpNet> = Vec::new();
    for peer in some {
        match peer {
            Peer::Pods(scope) => found.push(ClusterPeer::Pods(pods(scope))),
            Peer::Block(block) => networks.extend(block::parts(block)),
        }
    }
    let lists = networks.chunks(MOST.get());
    found.extend(lists.map(|list| ClusterPeer::Networks(list.to_vec())));
    found
}

fn pods(scope: &Scope) -> PodScope {
    let namespaces = (!scope.namespaces.is_empty()).then(|| selector(&scope.namespaces));
    let pods = (!scope.pods.is_empty()).then(|| selector(&scope.pods));
    PodScope { namespaces, pods }
}

/// Names are refused before.
fn port(port: &PolicyPort) -> ClusterPort {
    match &port.port {
        PortMatch::Any => ClusterPort::Range(port.protocol, PortRange::VALID),
        PortMatch::Range(range) => ClusterPort::Range(port.protocol, *range),
        PortMatch::Name(name) => ClusterPort::Name(name.clone()),
    }
}
