//! Sequences of cluster states: the kernel that takes each difference holds what a fresh start would write. The histories
//! of the compiler itself are beside it, in `compiler/tests.rs`.

use ringfence_compile::Enforcement;
use ringfence_model::Cluster;
use ringfence_ruleset::{Operation, Table, apply, diff};
use ringfence_testkit::generate::{Shape, cluster};
use ringfence_testkit::random::Random;
use ringfence_testkit::shrink::smaller_clusters;

use crate::world::compile_node;

/// How often a sequence changed the table in place, and how often it replaced it.
#[derive(Default)]
struct Count {
    updates: usize,
    replacements: usize,
}

fn step(state: &mut Option<Table>, cluster: &Cluster, count: &mut Count) {
    let compiled = compile_node(cluster, "n1", Enforcement::On);
    let operations = diff(state.as_ref(), &compiled.table);
    apply(state, &operations).unwrap();
    assert_eq!(state.as_ref(), Some(&compiled.table));
    if operations.contains(&Operation::DeleteTable) {
        count.replacements += 1;
    } else {
        count.updates += 1;
    }
}

/// From one cluster by small steps to nothing much.
fn descent(seed: u64) -> Vec<Cluster> {
    let mut random = Random::new(seed);
    let mut states = vec![cluster(seed, Shape::EVERYTHING)];
    while states.len() < 12 {
        let smaller = smaller_clusters(states.last().unwrap());
        let Some(next) = random.pick(&smaller) else {
            break;
        };
        states.push(next.clone());
    }
    states
}

#[test]
fn any_sequence_of_states_ends_where_a_fresh_start_does() {
    let mut count = Count::default();
    for seed in 0..50 {
        let forth = descent(seed);
        let mut back = forth.clone();
        back.reverse();
        let other = descent(seed + 1_000_000);
        let with_gaps: Vec<Cluster> = forth
            .iter()
            .flat_map(|state| [Cluster::default(), state.clone()])
            .collect();
        let mut state = None;
        for cluster in [forth, back, other, with_gaps].concat() {
            step(&mut state, &cluster, &mut count);
        }
    }
    let Count {
        updates,
        replacements,
    } = count;
    assert!(
        updates > 1300 && replacements * 10 < updates,
        "{updates} updates, {replacements} replacements"
    );
}

#[test]
fn the_same_state_again_changes_nothing() {
    for seed in 0..100 {
        let cluster = cluster(seed, Shape::EVERYTHING);
        let first = compile_node(&cluster, "n1", Enforcement::On);
        let again = compile_node(&cluster.clone(), "n1", Enforcement::On);
        assert_eq!(first, again);
        assert_eq!(diff(Some(&first.table), &again.table), []);
    }
}
