//! Laws of cluster-scoped policies that hold whatever they say, tried on the reference with random clusters.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ringfence_model::{
    Cluster, ClusterPeer, ClusterPolicy, ClusterRule, ClusterTier, Direction, Endpoint, ObjectName,
};
use ringfence_reference::answer;
use ringfence_testkit::builder::{accept, address, admin, deny, every_pod, pass, policy};
use ringfence_testkit::decider::{Decider, ReferenceDecider, Verdict};
use ringfence_testkit::flows::{self, ProbeFlow};
use ringfence_testkit::generate::{Shape, cluster};
use ringfence_testkit::random::Random;
use ringfence_testkit::render;

const SEEDS: u64 = 150;

fn verdict(cluster: &Cluster, flow: &ProbeFlow) -> Verdict {
    ReferenceDecider.decide(cluster, flow).verdict
}

/// Checks `law` on flows of random clusters and of what `change` makes of them; returns how many verdicts changed.
fn for_all(
    mut prepare: impl FnMut(&mut Cluster),
    change: impl Fn(&mut Cluster),
    law: impl Fn(Verdict, Verdict) -> bool,
) -> usize {
    let mut changed = 0;
    for seed in 0..SEEDS {
        let mut before = cluster(seed, Shape::EVERYTHING);
        prepare(&mut before);
        let mut after = before.clone();
        change(&mut after);
        for flow in flows::sample(&before, 60, &mut Random::new(seed)) {
            let (old, new) = (verdict(&before, &flow), verdict(&after, &flow));
            let case = || render::case("before", &before, &[(flow.clone(), old)]);
            assert!(law(old, new), "seed {seed}: {old} became {new}\n{}", case());
            changed += usize::from(old != new);
        }
    }
    changed
}

fn equal(old: Verdict, new: Verdict) -> bool {
    old == new
}

fn as_drawn(_: &mut Cluster) {}

fn each_policy(cluster: &mut Cluster, change: impl FnMut(&mut ClusterPolicy)) {
    cluster.cluster_policies.values_mut().for_each(change);
}

#[test]
fn a_rule_is_its_peers_and_ports_one_after_the_other() {
    let split = |cluster: &mut Cluster| {
        each_policy(cluster, |policy| {
            for rules in [&mut policy.ingress, &mut policy.egress] {
                *rules = rules.iter().flat_map(single_items).collect();
            }
        });
    };
    assert_eq!(for_all(as_drawn, split, equal), 0);
}

/// A rule for each peer, or for each port; not if a peer of unknown kind speaks for the whole rule (rule CN-38).
fn single_items(rule: &ClusterRule) -> Vec<ClusterRule> {
    if rule.peers.contains(&ClusterPeer::Unrecognized) {
        return vec![rule.clone()];
    }
    let of_peers = rule.peers.iter().map(|peer| ClusterRule {
        peers: vec![peer.clone()],
        ..rule.clone()
    });
    let of_ports = |part: ClusterRule| -> Vec<ClusterRule> {
        let ports = part.ports.iter().map(|port| ClusterRule {
            ports: vec![port.clone()],
            ..part.clone()
        });
        if part.ports.is_empty() {
            vec![part]
        } else {
            ports.collect()
        }
    };
    of_peers.flat_map(of_ports).collect()
}

#[test]
fn a_policy_is_its_rules_one_after_the_other() {
    let split = |cluster: &mut Cluster| {
        for policy in std::mem::take(&mut cluster.cluster_policies).into_values() {
            for part in single_rules(&policy) {
                cluster.cluster_policies.insert(part.name.clone(), part);
            }
        }
    };
    assert_eq!(for_all(as_drawn, split, equal), 0);
}

fn single_rules(policy: &ClusterPolicy) -> Vec<ClusterPolicy> {
    let length = policy.ingress.len().max(policy.egress.len());
    let part = |place: usize| {
        let mut part = policy.clone();
        part.name.name = format!("{}-{place}", policy.name.name);
        part.ingress = policy.ingress.get(place).cloned().into_iter().collect();
        part.egress = policy.egress.get(place).cloned().into_iter().collect();
        part
    };
    (0..length).map(part).collect()
}

#[test]
fn only_the_order_of_priorities_matters() {
    let spread = |cluster: &mut Cluster| {
        each_policy(cluster, |policy| {
            policy.priority = policy.priority.map(|priority| priority * 7 + 3);
        });
    };
    assert_eq!(for_all(as_drawn, spread, equal), 0);
}

#[test]
fn a_pass_behind_everything_changes_nothing() {
    let add = |cluster: &mut Cluster| {
        let last = admin("zz-last", 2000)
            .ingress(pass().pods(every_pod()))
            .egress(pass().pods(every_pod()).networks(&["0.0.0.0/0", "::/0"]))
            .build();
        cluster.cluster_policies.insert(last.name.clone(), last);
    };
    assert_eq!(for_all(as_drawn, add, equal), 0);
}

/// Every pod isolated in both directions.
fn isolate(cluster: &mut Cluster) {
    for namespace in cluster.namespaces.keys() {
        let closed = policy(&format!("{namespace}/closed")).types(&Direction::ALL);
        let closed = closed.build();
        cluster.network_policies.insert(closed.name.clone(), closed);
    }
}

#[test]
fn baseline_is_silent_where_everything_is_isolated() {
    let forget = |cluster: &mut Cluster| {
        let policies = &mut cluster.cluster_policies;
        policies.retain(|_, policy| policy.tier == ClusterTier::Admin);
    };
    assert_eq!(for_all(isolate, forget, equal), 0);
    assert!(for_all(as_drawn, forget, |_, _| true) > 100);
}

#[test]
fn what_stands_behind_a_certain_decision_is_silent() {
    let decide_first = |cluster: &mut Cluster| {
        each_policy(cluster, |policy| {
            policy.priority = policy.priority.map(|priority| priority + 1);
        });
        let first = admin("first", 0).egress(deny().peer(ClusterPeer::Unrecognized));
        let first = first.build();
        cluster.cluster_policies.insert(first.name.clone(), first);
    };
    let forget = |cluster: &mut Cluster| {
        each_policy(cluster, |policy| {
            if policy.priority != Some(0) {
                policy.egress.clear();
            }
        });
        for policy in cluster.network_policies.values_mut() {
            policy.isolates_egress = false;
        }
    };
    assert_eq!(for_all(decide_first, forget, equal), 0);
    assert!(for_all(as_drawn, forget, |_, _| true) > 100);
}

/// How much a verdict lets pass; `None` where there is nothing to compare.
fn openness(verdict: Verdict) -> Option<u8> {
    match verdict {
        Verdict::Deny => Some(0),
        Verdict::Partial | Verdict::Unknown => Some(1),
        Verdict::Allow => Some(2),
        Verdict::NoEndpoints | Verdict::Error => None,
    }
}

#[test]
fn deny_in_front_never_opens_and_accept_in_front_never_closes() {
    let front = |rule: fn() -> ClusterRule| {
        move |cluster: &mut Cluster| {
            each_policy(cluster, |policy| {
                policy.ingress.insert(0, rule());
                policy.egress.insert(0, rule());
            });
        }
    };
    let denied = front(|| deny().pods(every_pod()).build());
    let changed = for_all(as_drawn, denied, |old, new| openness(old) >= openness(new));
    assert!(changed > 100, "only {changed} verdicts changed");
    let accepted = front(|| accept().pods(every_pod()).build());
    let changed = for_all(as_drawn, accepted, |old, new| {
        openness(old) <= openness(new)
    });
    assert!(changed > 100, "only {changed} verdicts changed");
}

/// Addresses of nobody, in and beside the blocks that random policies use.
const NEW: [&str; 9] = [
    "10.0.1.77",
    "10.0.2.77",
    "10.7.7.7",
    "203.0.113.77",
    "198.51.100.77",
    "192.168.0.77",
    "192.0.2.77",
    "fd00:10:1::77",
    "2001:db8::77",
];

/// AM-22: an answer that is certain without an address is the answer with whatever address the pod gets.
#[test]
fn a_certain_answer_holds_for_every_address() {
    let (mut certain, mut open, mut told) = (0, 0, 0);
    for seed in 0..10 * SEEDS {
        let mut before = cluster(seed, Shape::TIERED);
        // Which backends a Service has depends on addresses too, and by other rules.
        before.services.clear();
        let mut pods = before.pods.values().filter(|pod| !pod.host_network);
        let missing = pods.find(|pod| pod.addresses.is_empty());
        let Some(name) = missing.map(|pod| pod.name.clone()) else {
            continue;
        };
        let mut flows = flows::all(&before);
        let named = Endpoint::Pod(name.clone());
        flows.retain(|flow| flow.source == named || flow.destination == named);
        Random::new(seed).shuffle(&mut flows);
        for flow in flows.iter().take(60) {
            let old = verdict(&before, flow);
            let silent = Cluster {
                pod_blocks: BTreeSet::new(),
                ..before.clone()
            };
            told += usize::from(verdict(&silent, flow) != old);
            let found = with_addresses(&before, &name, flow);
            match old {
                Verdict::Allow | Verdict::Deny => {
                    certain += found.len();
                    let case = || render::case("before", &before, &[(flow.clone(), old)]);
                    let same = found.iter().all(|new| *new == old);
                    assert!(same, "seed {seed}: {old} became {found:?}\n{}", case());
                }
                Verdict::Unknown => open += usize::from(found.len() > 1),
                Verdict::Partial | Verdict::NoEndpoints | Verdict::Error => {}
            }
        }
    }
    assert!(
        certain > 1000 && open > 20 && told > 20,
        "{certain} certain, {open} open, {told} because of the blocks of pods"
    );
}

/// Addresses that the pod may get: in each block that pods get addresses from the ends of it, and of the blocks that policies
/// name in it. Where no block of a family is given, any of that family.
fn possible(before: &Cluster) -> Vec<IpAddr> {
    let (blocks, named) = (&before.pod_blocks, before.named_blocks());
    let is_given = |address: &IpAddr| blocks.iter().any(|block| block.contains(address));
    let says_nothing = |address: &IpAddr| {
        let mut blocks = blocks.iter();
        !blocks.any(|block| block.addr().is_ipv4() == address.is_ipv4())
    };
    let ends = blocks.iter().chain(&named);
    let ends = ends.flat_map(|block| [block.network(), block.broadcast()]);
    let ends = ends.filter(is_given);
    let new = NEW.iter().map(|text| address(text));
    let pods = before.pods.values();
    let pods = pods.flat_map(|pod| pod.addresses.iter().chain(&pod.host_addresses));
    let nodes = before.nodes.values().flat_map(|node| &node.addresses);
    let taken: BTreeSet<IpAddr> = pods.chain(nodes).copied().collect();
    new.filter(|new| is_given(new) || says_nothing(new))
        .chain(ends)
        .filter(|address| !taken.contains(address))
        .collect()
}

/// The verdicts with each new address of the family that was spoken without one (rule Q-7); errors say nothing.
fn with_addresses(before: &Cluster, name: &ObjectName, flow: &ProbeFlow) -> BTreeSet<Verdict> {
    let spoken = answer(before, flow).ok().and_then(|answer| {
        let connection = answer.connections.into_iter().next()?;
        let ends = [
            connection.source.address(),
            connection.destination.address(),
        ];
        ends.into_iter().flatten().next()
    });
    let mut of_family = possible(before);
    // Where neither end tells the family, pods have one that a block is of.
    let is_given = |given: &IpAddr| {
        let mut blocks = before.pod_blocks.iter();
        blocks.any(|block| block.contains(given))
    };
    let is_free = spoken.is_some() || before.pod_blocks.is_empty();
    of_family.retain(|given| is_free || is_given(given));
    // Somebody else's address would make the pod another end of the connection.
    let ends = [&flow.source, &flow.destination];
    of_family.retain(|given| !ends.contains(&&Endpoint::Address(*given)));
    let of_family = of_family.into_iter();
    let of_family =
        of_family.filter(|given| spoken.is_none_or(|spoken| spoken.is_ipv4() == given.is_ipv4()));
    let verdicts = of_family.map(|given| {
        let mut after = before.clone();
        if let Some(pod) = after.pods.get_mut(name) {
            pod.addresses = vec![given];
        }
        verdict(&after, flow)
    });
    verdicts
        .filter(|verdict| *verdict != Verdict::Error)
        .collect()
}
