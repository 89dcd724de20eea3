//! Laws that hold whatever the policies say, tried on the reference with random clusters.

use ringfence_model::{
    Cluster, Direction, LabelSelector, Labels, METADATA_NAME_LABEL, NetworkPolicy, ObjectName,
    PolicyPeer, PolicyRule,
};
use ringfence_testkit::builder::policy;
use ringfence_testkit::decider::{Decider, ReferenceDecider, Verdict};
use ringfence_testkit::flows::{self, ProbeFlow};
use ringfence_testkit::generate::{Shape, cluster};
use ringfence_testkit::random::Random;
use ringfence_testkit::render;

const SEEDS: u64 = 250;

fn verdict(cluster: &Cluster, flow: &ProbeFlow) -> Verdict {
    ReferenceDecider.decide(cluster, flow).verdict
}

/// Checks `law` on flows of random clusters and of what `change` makes of them.
/// Returns how many verdicts changed, so that a law which nothing put to the test can be told.
fn for_all(
    change: impl Fn(&Cluster, &mut Random) -> Cluster,
    law: impl Fn(Verdict, Verdict) -> bool,
) -> usize {
    let mut changed = 0;
    for seed in 0..SEEDS {
        let mut random = Random::new(seed);
        let before = cluster(seed, Shape::FULL);
        let after = change(&before, &mut random);
        for flow in flows::sample(&before, 60, &mut random) {
            let (old, new) = (verdict(&before, &flow), verdict(&after, &flow));
            let case = || render::case("before", &before, &[(flow.clone(), old)]);
            assert!(law(old, new), "seed {seed}: {old} became {new}\n{}", case());
            changed += usize::from(old != new);
        }
    }
    changed
}

fn each_selector(cluster: &mut Cluster, change: &mut dyn FnMut(&mut LabelSelector)) {
    for policy in cluster.network_policies.values_mut() {
        change(&mut policy.pod_selector);
        for peer in policy
            .ingress
            .iter_mut()
            .chain(&mut policy.egress)
            .flat_map(|rule| &mut rule.peers)
        {
            match peer {
                PolicyPeer::IpBlock(_) => {}
                PolicyPeer::Pods(peer) => {
                    peer.namespaces
                        .iter_mut()
                        .chain(&mut peer.pods)
                        .for_each(&mut *change);
                }
            }
        }
    }
}

/// The name label is Kubernetes' own and keeps its name (rule NP-18).
fn renamed(labels: &Labels) -> Labels {
    let pairs = labels.iter();
    pairs
        .map(|(key, value)| {
            if key == METADATA_NAME_LABEL {
                (key.clone(), value.clone())
            } else {
                (format!("x-{key}"), format!("{value}-x"))
            }
        })
        .collect()
}

#[test]
fn consistent_renaming_of_labels_changes_nothing() {
    let rename = |cluster: &Cluster, _: &mut Random| {
        let mut cluster = cluster.clone();
        for pod in cluster.pods.values_mut() {
            pod.labels = renamed(&pod.labels);
        }
        for namespace in cluster.namespaces.values_mut() {
            namespace.labels = renamed(&namespace.labels);
        }
        for service in cluster.services.values_mut() {
            service.selector = renamed(&service.selector);
        }
        each_selector(&mut cluster, &mut |selector| {
            selector.match_labels = renamed(&selector.match_labels);
            for requirement in &mut selector.match_expressions {
                if requirement.key != METADATA_NAME_LABEL {
                    requirement.key = format!("x-{}", requirement.key);
                    requirement
                        .values
                        .iter_mut()
                        .for_each(|value| value.push_str("-x"));
                }
            }
        });
        cluster
    };
    assert_eq!(for_all(rename, |old, new| old == new), 0);
}

#[test]
fn order_of_policies_rules_peers_and_ports_does_not_matter() {
    let reorder = |cluster: &Cluster, random: &mut Random| {
        let mut cluster = cluster.clone();
        let mut policies: Vec<NetworkPolicy> = std::mem::take(&mut cluster.network_policies)
            .into_values()
            .collect();
        random.shuffle(&mut policies);
        for (place, mut policy) in policies.into_iter().enumerate() {
            policy.name.name = format!("renamed-{place}");
            for rules in [&mut policy.ingress, &mut policy.egress] {
                random.shuffle(rules);
                for rule in rules {
                    random.shuffle(&mut rule.peers);
                    random.shuffle(&mut rule.ports);
                }
            }
            cluster.network_policies.insert(policy.name.clone(), policy);
        }
        cluster
    };
    assert_eq!(for_all(reorder, |old, new| old == new), 0);
}

#[test]
fn duplicate_policies_rules_and_peers_change_nothing() {
    let duplicate = |cluster: &Cluster, _: &mut Random| {
        let mut cluster = cluster.clone();
        for policy in cluster.network_policies.clone().into_values() {
            let mut twin = policy.clone();
            twin.name = ObjectName::new(
                &*policy.name.namespace,
                format!("{}-twin", policy.name.name),
            );
            for rules in [&mut twin.ingress, &mut twin.egress] {
                let again: Vec<PolicyRule> = rules.clone();
                rules.extend(again);
                for rule in rules {
                    rule.peers.extend(rule.peers.clone());
                    rule.ports.extend(rule.ports.clone());
                }
            }
            cluster.network_policies.insert(twin.name.clone(), twin);
        }
        cluster
    };
    assert_eq!(for_all(duplicate, |old, new| old == new), 0);
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

fn a_rule(random: &mut Random) -> Option<PolicyRule> {
    let donor = cluster(random.bits(), Shape::FULL);
    let policies = donor.network_policies.values();
    let mut rules: Vec<PolicyRule> = policies
        .flat_map(|policy| Direction::ALL.map(|way| policy.rules(way).to_vec()))
        .flatten()
        .collect();
    random.shuffle(&mut rules);
    rules.pop()
}

#[test]
fn adding_a_rule_to_an_isolated_direction_never_removes_connectivity() {
    let add = |cluster: &Cluster, random: &mut Random| {
        let mut cluster = cluster.clone();
        for policy in cluster.network_policies.values_mut() {
            policy.ingress.extend(a_rule(random));
            policy.egress.extend(a_rule(random));
        }
        cluster
    };
    let changed = for_all(add, |old, new| openness(old) <= openness(new));
    assert!(changed > 100, "only {changed} verdicts changed");
}

#[test]
fn removing_a_rule_never_adds_connectivity() {
    let remove = |cluster: &Cluster, random: &mut Random| {
        let mut cluster = cluster.clone();
        for policy in cluster.network_policies.values_mut() {
            for rules in [&mut policy.ingress, &mut policy.egress] {
                let place = random.below(rules.len());
                if place < rules.len() {
                    rules.remove(place);
                }
            }
        }
        cluster
    };
    let changed = for_all(remove, |old, new| openness(old) >= openness(new));
    assert!(changed > 100, "only {changed} verdicts changed");
}

#[test]
fn a_policy_without_rules_never_adds_connectivity() {
    let isolate = |cluster: &Cluster, random: &mut Random| {
        let names: Vec<&ObjectName> = cluster.pods.keys().collect();
        let namespace = random.pick(&names).map(|name| name.namespace.clone());
        let types = random
            .pick(&[Direction::Ingress, Direction::Egress])
            .copied();
        let added = policy(&format!("{}/added", namespace.unwrap())).types(&[types.unwrap()]);
        let mut cluster = cluster.clone();
        let added = added.build();
        cluster.network_policies.insert(added.name.clone(), added);
        cluster
    };
    let changed = for_all(isolate, |old, new| openness(old) >= openness(new));
    assert!(changed > 100, "only {changed} verdicts changed");
}

#[test]
fn a_rule_for_everything_opens_its_direction() {
    let open = |cluster: &Cluster, _: &mut Random| {
        let mut cluster = cluster.clone();
        for policy in cluster.network_policies.values_mut() {
            let everything = PolicyRule {
                peers: vec![],
                ports: vec![],
                source: None,
            };
            policy.ingress.push(everything.clone());
            policy.egress.push(everything);
        }
        cluster
    };
    let changed = for_all(open, |_, new| match new {
        Verdict::Allow | Verdict::NoEndpoints | Verdict::Error => true,
        Verdict::Deny | Verdict::Partial | Verdict::Unknown => false,
    });
    assert!(changed > 100, "only {changed} verdicts changed");
}

#[test]
fn rules_of_a_direction_without_isolation_are_inert() {
    let drop_inert = |cluster: &Cluster, _: &mut Random| {
        let mut cluster = cluster.clone();
        for policy in cluster.network_policies.values_mut() {
            if !policy.isolates_ingress {
                policy.ingress.clear();
            }
            if !policy.isolates_egress {
                policy.egress.clear();
            }
        }
        cluster
    };
    assert_eq!(for_all(drop_inert, |old, new| old == new), 0);
}

#[test]
fn a_finished_pod_might_as_well_not_exist() {
    let forget = |cluster: &Cluster, _: &mut Random| {
        let mut cluster = cluster.clone();
        cluster.pods.retain(|_, pod| pod.is_live());
        cluster
    };
    assert_eq!(for_all(forget, |old, new| old == new), 0);
}

#[test]
fn one_policy_is_its_rules_apart() {
    let split = |cluster: &Cluster, _: &mut Random| {
        let mut cluster = cluster.clone();
        for policy in std::mem::take(&mut cluster.network_policies).into_values() {
            for part in single_rules(&policy) {
                cluster.network_policies.insert(part.name.clone(), part);
            }
        }
        cluster
    };
    assert_eq!(for_all(split, |old, new| old == new), 0);
}

/// The policy without rules, which isolates, and one policy for each of its rules (rule NP-5).
fn single_rules(policy: &NetworkPolicy) -> Vec<NetworkPolicy> {
    let empty = NetworkPolicy {
        ingress: vec![],
        egress: vec![],
        ..policy.clone()
    };
    let ingress = policy.ingress.iter();
    let ingress = ingress.map(|rule| NetworkPolicy {
        ingress: vec![rule.clone()],
        ..empty.clone()
    });
    let egress = policy.egress.iter();
    let egress = egress.map(|rule| NetworkPolicy {
        egress: vec![rule.clone()],
        ..empty.clone()
    });
    let mut parts: Vec<NetworkPolicy> = std::iter::once(empty.clone())
        .chain(ingress)
        .chain(egress)
        .collect();
    for (place, part) in parts.iter_mut().enumerate() {
        part.name.name = format!("{}-{place}", part.name.name);
    }
    parts
}
