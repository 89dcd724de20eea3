use std::collections::BTreeMap;

use ringfence_model::{Cluster, Owner};
use ringfence_net::ConnectionSet;
use ringfence_policy::Engine;
use ringfence_reach::diff::{Kind, Locked, between_locks, difference};
use ringfence_reach::lock::Lock;
use ringfence_reach::workload::{Groups, Outside, Unit, by_workload};
use ringfence_testkit::generate::Shape;

use crate::support::{changed, cluster};

const SEEDS: u64 = 150;

fn lock(cluster: &Cluster) -> Lock {
    lock_with(cluster, &Outside::of(cluster))
}

fn lock_with(cluster: &Cluster, outside: &Outside) -> Lock {
    let engine = Engine::new(cluster.clone());
    let groups = Groups::of(&engine, outside, by_workload);
    Lock::of(&engine, &groups)
}

fn with_imagined(cluster: &Cluster) -> Lock {
    lock(cluster).with_imagined(&Engine::new(cluster.clone()))
}

fn alone(lock: &Lock) -> Locked<'_> {
    Locked {
        lock,
        cluster: None,
        in_common: None,
        stage: None,
    }
}

#[test]
fn locks_survive_their_text() {
    for seed in 0..SEEDS {
        let lock = with_imagined(&cluster(seed, Shape::FULL));
        let text = lock.to_string();
        assert_eq!(
            text.parse::<Lock>().as_ref(),
            Ok(&lock),
            "seed {seed}\n{text}"
        );
        assert!(Lock::is_meant(&text));
    }
}

#[test]
fn nothing_changes_from_a_lock_to_itself() {
    for seed in 0..SEEDS {
        let lock = with_imagined(&cluster(seed, Shape::FULL));
        assert!(between_locks(alone(&lock), alone(&lock)).is_empty());
    }
}

#[test]
fn a_finer_outside_changes_nothing() {
    for seed in 0..SEEDS {
        let before = cluster(seed, Shape::FULL);
        let lock = lock(&before);
        let finer = lock.outside().union(&Outside::of(&changed(&before, seed)));
        let refined = lock.refined(&finer);
        let difference = between_locks(alone(&lock), alone(&refined));
        assert!(difference.pairs.is_empty(), "seed {seed}: {difference:?}");
    }
}

type Changes = BTreeMap<(Unit, Unit, Kind), ConnectionSet>;

fn changes(difference: &ringfence_reach::diff::Difference) -> Changes {
    let mut changes = Changes::new();
    for pair in &difference.pairs {
        for change in pair.changes.iter() {
            let [source, destination] =
                [&pair.source, &pair.destination].map(|unit| Unit::clone(unit));
            let key = (source, destination, change.kind);
            let set = changes.entry(key).or_insert_with(ConnectionSet::none);
            *set = set.union(&change.connections);
        }
    }
    changes
}

/// Of workloads whose pods policies do not tell apart, and that speak one family, cells say everything.
#[test]
fn locks_differ_as_their_clusters_do() {
    let mut compared = 0;
    for seed in 0..SEEDS {
        let mut before = cluster(seed, Shape::WIRED);
        for pod in before.pods.values_mut() {
            pod.workload = None;
            pod.addresses.truncate(1);
        }
        let mut after = before.clone();
        after.network_policies = changed(&before, seed).network_policies;
        let of_clusters = difference(&Engine::new(before.clone()), &Engine::new(after.clone()));
        let outside = Outside::of(&before).union(&Outside::of(&after));
        let (old, new) = (lock_with(&before, &outside), lock_with(&after, &outside));
        let of_locks = between_locks(alone(&old), alone(&new));
        let inside = |(source, destination, _): &(Unit, Unit, Kind)| {
            *source != Unit::Nodes && *destination != Unit::Nodes
        };
        let mut left = changes(&of_clusters);
        let mut right = changes(&of_locks);
        left.retain(|key, _| inside(key));
        right.retain(|key, _| inside(key));
        assert_eq!(left, right, "seed {seed}");
        compared += left.len();
    }
    assert!(compared > 100, "{compared}");
}

/// Of a workload of one pod, which both take as if it had a second.
#[test]
fn locks_and_clusters_agree_on_what_a_single_pod_opens_to_its_like() {
    let mut compared = 0;
    for seed in 0..SEEDS {
        let mut before = cluster(seed, Shape::WIRED);
        for (name, pod) in before.pods.iter_mut() {
            pod.workload = Some(Owner {
                kind: "Deployment".to_owned(),
                name: name.name.clone(),
            });
            pod.addresses.truncate(1);
        }
        let mut after = before.clone();
        after.network_policies = changed(&before, seed).network_policies;
        let of_clusters = difference(&Engine::new(before.clone()), &Engine::new(after.clone()));
        let outside = Outside::of(&before).union(&Outside::of(&after));
        let (old, new) = (lock_with(&before, &outside), lock_with(&after, &outside));
        let of_locks = between_locks(alone(&old), alone(&new));
        let own = |difference| {
            let mut own = changes(difference);
            own.retain(|(source, destination, _), _| source == destination);
            own
        };
        let (left, right) = (own(&of_clusters), own(&of_locks));
        assert_eq!(left, right, "seed {seed}");
        compared += left.len();
    }
    assert!(compared > 20, "{compared}");
}

#[test]
fn a_cluster_shows_what_changed_since_its_lock() {
    let mut shown = 0;
    for seed in 0..SEEDS {
        let before = cluster(seed, Shape::FULL);
        let after = changed(&before, seed);
        let (old, new) = (lock(&before), lock(&after));
        let engine = Engine::new(after.clone());
        let outside = old.outside().union(&new.outside());
        let groups = Groups::of(&engine, &outside, by_workload);
        let now = Locked {
            lock: &new,
            cluster: Some((&engine, &groups)),
            in_common: None,
            stage: None,
        };
        let plain = between_locks(alone(&old), alone(&new));
        let difference = between_locks(alone(&old), now);
        assert_eq!(changes(&plain), changes(&difference), "seed {seed}");
        let changes = difference.pairs.iter().flat_map(|pair| pair.changes.iter());
        shown += changes.filter(|change| change.after.is_some()).count();
    }
    assert!(shown > 100, "{shown}");
}
