//! Any sequence of changes leads to an engine that says what one made from the changed cluster says.

use std::collections::BTreeSet;

use ringfence_model::{Cluster, Direction, Endpoint};
use ringfence_policy::{Change, ClassId, ClassKind, Engine, Reach};
use ringfence_testkit::flows;
use ringfence_testkit::random::Random;

use crate::twist;

const SEQUENCES: u64 = 30;
const CHANGES: usize = 40;

#[test]
fn changes_lead_to_what_is_made_anew() {
    for seed in 0..SEQUENCES {
        let mut random = Random::new(seed ^ 0x5eed);
        let mut engine = Engine::new(twist::cluster(seed));
        warm_up(&engine);
        for step in 0..CHANGES {
            let change = change(&mut random, engine.cluster());
            let described = format!("seed {seed}, step {step}: {change:?}");
            engine.apply(change);
            compare(&mut random, &engine, &described);
        }
    }
}

/// Has everything judged, so that what a change leaves as it was shows.
fn warm_up(engine: &Engine) {
    for (class, _) in engine.classes() {
        drop(engine.row(class));
    }
}

fn compare(random: &mut Random, changed: &Engine, described: &str) {
    let anew = Engine::new(changed.cluster().clone());
    let ends = ends(&anew);
    assert_eq!(ends, self::ends(changed), "{described}");
    for from in &ends {
        for to in &ends {
            assert_eq!(
                between(changed, from, to),
                between(&anew, from, to),
                "{described}\nfrom {from} to {to}"
            );
        }
        let row = |engine: &Engine| rows(engine, from, &ends);
        assert_eq!(row(changed), row(&anew), "{described}\nrow of {from}");
    }
    for flow in flows::sample(changed.cluster(), 10, random) {
        assert_eq!(
            changed.answer(&flow),
            anew.answer(&flow),
            "{described}\n{flow:?}"
        );
    }
}

/// Somebody of every class: pods, nodes, and the ends of the ranges of addresses.
fn ends(engine: &Engine) -> BTreeSet<Endpoint> {
    let mut ends = BTreeSet::new();
    for (_, class) in engine.classes() {
        match &class.kind {
            ClassKind::Pods { members, .. } => {
                ends.extend(members.iter().cloned().map(Endpoint::Pod));
            }
            kind @ ClassKind::Node { .. } => ends.extend(kind.node()),
            ClassKind::Addresses { ranges, .. } => {
                let both = ranges.iter().flat_map(|(first, last)| [*first, *last]);
                ends.extend(both.map(Endpoint::Address));
            }
        }
    }
    ends
}

fn class_of(engine: &Engine, end: &Endpoint) -> Option<ClassId> {
    match end {
        Endpoint::Pod(name) => engine.class_of_pod(name),
        Endpoint::Node(name) => engine.class_of_node(name),
        Endpoint::Address(address) => Some(engine.class_of_address(*address)),
        Endpoint::Service(_) => None,
    }
}

/// Both directions, and both together.
fn between(engine: &Engine, from: &Endpoint, to: &Endpoint) -> Option<[Reach; 3]> {
    let (from, to) = (class_of(engine, from)?, class_of(engine, to)?);
    Some([
        engine.one_way(Direction::Egress, from, to),
        engine.one_way(Direction::Ingress, to, from),
        engine.between(from, to),
    ])
}

fn rows(engine: &Engine, from: &Endpoint, ends: &BTreeSet<Endpoint>) -> Vec<Option<Reach>> {
    let row = class_of(engine, from).map(|from| engine.row(from));
    let reach = |to| Some(row.as_ref()?.reach(class_of(engine, to)?));
    ends.iter().map(reach).collect()
}

/// An object of another random cluster, often under the name of one that is there; or one that goes.
fn change(random: &mut Random, cluster: &Cluster) -> Change {
    let other = twist::cluster(random.bits());
    loop {
        let drawn = if random.chance(30) {
            removal(random, cluster)
        } else {
            replacement(random, &other)
        };
        if let Some(change) = drawn {
            return change;
        }
    }
}

fn removal(random: &mut Random, cluster: &Cluster) -> Option<Change> {
    let kind = random.below(6);
    Some(match kind {
        0 => Change::RemovePod(picked(random, cluster.pods.keys())?),
        1 => Change::RemoveNamespace(picked(random, cluster.namespaces.keys())?),
        2 => Change::RemoveNode(picked(random, cluster.nodes.keys())?),
        3 => Change::RemoveService(picked(random, cluster.services.keys())?),
        4 => Change::RemoveNetworkPolicy(picked(random, cluster.network_policies.keys())?),
        _ => Change::RemoveClusterPolicy(picked(random, cluster.cluster_policies.keys())?),
    })
}

fn replacement(random: &mut Random, other: &Cluster) -> Option<Change> {
    let kind = random.below(8);
    Some(match kind {
        0 | 1 => Change::SetPod(picked(random, other.pods.values())?),
        2 => Change::SetNamespace(picked(random, other.namespaces.values())?),
        3 => Change::SetNode(picked(random, other.nodes.values())?),
        4 => Change::SetService(picked(random, other.services.values())?),
        5 | 6 => Change::SetNetworkPolicy(picked(random, other.network_policies.values())?),
        _ => Change::SetClusterPolicy(picked(random, other.cluster_policies.values())?),
    })
}

fn picked<'a, T: Clone + 'a>(random: &mut Random, items: impl Iterator<Item = &'a T>) -> Option<T> {
    let items: Vec<&T> = items.collect();
    random.pick(&items).map(|item| (*item).clone())
}
