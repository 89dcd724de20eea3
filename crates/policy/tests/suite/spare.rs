//! Rules that are taken away are those without which an engine that is made anew judges nothing otherwise.

use std::collections::BTreeSet;

use ringfence_model::{Cluster, Direction, Endpoint, NetworkPolicy, ObjectName, PolicyRule};
use ringfence_policy::{ClassId, ClassKind, Engine, Reach, SharedFamily};
use ringfence_testkit::generate::{self, Shape};
use ringfence_testkit::random::Random;

use crate::twist;

const CLUSTERS: u64 = 60;

/// A rule as the engine names it.
type Rule = (ObjectName, Direction, usize);

#[test]
fn without_what_is_taken_away_nothing_is_judged_otherwise() {
    let mut counts = [0, 0];
    for seed in 0..CLUSTERS {
        let clusters = [
            generate::cluster(seed, Shape::EVERYTHING),
            twist::cluster(seed),
            twist::forgetful(seed),
        ];
        for cluster in clusters {
            let [taken, kept] = take_all(cluster, seed);
            counts = [counts[0] + taken, counts[1] + kept];
        }
    }
    assert!(counts.iter().all(|count| *count > 200), "{counts:?}");
}

/// Tries every rule in a random order; how many are taken, and how many are not.
fn take_all(cluster: Cluster, seed: u64) -> [usize; 2] {
    let mut rules = rules(&cluster);
    Random::new(seed ^ 0x5ba2e).shuffle(&mut rules);
    let engine = Engine::new(cluster);
    let ends = ends(&engine);
    let is_complete = ends.len() == engine.classes().count();
    let before = judged(&engine, &ends);
    let mut spare = engine.spare_rules();
    let mut gone = BTreeSet::new();
    for rule in &rules {
        let (policy, direction, index) = rule;
        let is_taken = spare.has((policy, *direction, *index));
        gone.insert(rule.clone());
        let after = Engine::new(without(engine.cluster(), &gone));
        let is_same = judged(&after, &ends) == before;
        // What has no name that leads to it cannot be compared, and may be why a rule is kept.
        assert!(
            is_taken == is_same || !is_taken && !is_complete,
            "seed {seed}: {rule:?} is taken: {is_taken}"
        );
        if is_taken {
            spare.take((policy, *direction, *index));
        } else {
            gone.remove(rule);
        }
    }
    [gone.len(), rules.len() - gone.len()]
}

fn rules(cluster: &Cluster) -> Vec<Rule> {
    let policies = cluster.network_policies.values();
    let of_policy = |policy: &NetworkPolicy| {
        let name = policy.name.clone();
        let of_direction =
            |direction| (0..policy.rules(direction).len()).map(move |at| (direction, at));
        let places: Vec<_> = Direction::ALL.into_iter().flat_map(of_direction).collect();
        places
            .into_iter()
            .map(move |(direction, at)| (name.clone(), direction, at))
    };
    policies.flat_map(of_policy).collect()
}

fn without(cluster: &Cluster, gone: &BTreeSet<Rule>) -> Cluster {
    let mut cluster = cluster.clone();
    for policy in cluster.network_policies.values_mut() {
        let name = policy.name.clone();
        for (direction, rules) in [
            (Direction::Ingress, &mut policy.ingress),
            (Direction::Egress, &mut policy.egress),
        ] {
            let old: Vec<PolicyRule> = std::mem::take(rules);
            let left = old.into_iter().enumerate();
            let left = left.filter(|(at, _)| !gone.contains(&(name.clone(), direction, *at)));
            *rules = left.map(|(_, rule)| rule).collect();
        }
    }
    cluster
}

/// One of each class by a name that leads to it.
fn ends(engine: &Engine) -> BTreeSet<Endpoint> {
    let named = engine.classes().filter_map(|(id, class)| {
        let end = match &class.kind {
            ClassKind::Pods { members, .. } => Endpoint::Pod(members.first()?.clone()),
            kind @ ClassKind::Node { .. } => kind.node()?,
            ClassKind::Addresses { example, .. } => Endpoint::Address(*example),
        };
        (class_of(engine, &end) == Some(id)).then_some(end)
    });
    named.collect()
}

fn class_of(engine: &Engine, end: &Endpoint) -> Option<ClassId> {
    match end {
        Endpoint::Pod(name) => engine.class_of_pod(name),
        Endpoint::Node(name) => engine.class_of_node(name),
        Endpoint::Address(address) => Some(engine.class_of_address(*address)),
        Endpoint::Service(_) => None,
    }
}

/// What every end is judged to open to every other, by its own policies.
fn judged(engine: &Engine, ends: &BTreeSet<Endpoint>) -> Vec<Option<Reach>> {
    let classes: Vec<ClassId> = ends
        .iter()
        .filter_map(|end| class_of(engine, end))
        .collect();
    let mut all = Vec::new();
    for direction in Direction::ALL {
        for shared in SharedFamily::ALL {
            for subject in &classes {
                let reach = |peer: &ClassId| engine.one_way_in(shared, direction, *subject, *peer);
                all.extend(classes.iter().map(reach));
            }
        }
    }
    all
}
