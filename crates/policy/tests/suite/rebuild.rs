//! Changes that touch so much that the engine makes everything anew instead of following them.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use ringfence_model::{NetworkPolicy, Pod};
use ringfence_policy::{Change, Class, ClassId, Engine, Row};
use ringfence_testkit::builder::{
    block, cluster, labels, name, namespace, namespaces, pod, policy, rule,
};

/// Workloads with two pods each, in the two halves of blocks of 256 addresses.
const WORKLOADS: usize = 300;

fn halves_of_workloads() -> impl Iterator<Item = Pod> {
    (0..WORKLOADS).flat_map(|number| {
        [("a", 1), ("b", 129)].map(|(half, first)| {
            let address = format!("10.0.{}.{}", number / 100, first + number % 100);
            let pod = pod(&format!("many/{half}-{number}"));
            pod.label("number", &number.to_string())
                .address(&address)
                .build()
        })
    })
}

/// One class for each workload, and a target; all of it judged.
fn engine() -> Engine {
    let target = pod("default/target").address("10.1.0.1");
    let many = namespace("many", &[("team", "a")]);
    let from_team = rule().peer(namespaces(labels(&[("team", "b")])));
    let teams = policy("default/from-team").ingress(from_team);
    let mut cluster = cluster().with(target).with(many).with(teams).build();
    let pods = halves_of_workloads().map(|pod| (pod.name.clone(), pod));
    cluster.pods.extend(pods);
    let engine = Engine::new(cluster);
    engine.for_each_row(|_, _| {});
    engine
}

/// From the lower halves alone: every class of a workload falls into two.
fn from_lower_halves() -> NetworkPolicy {
    let blocks = (0..WORKLOADS.div_ceil(100)).map(|space| format!("10.0.{space}.0/25"));
    let halves = blocks.fold(rule(), |rule, cidr| rule.peer(block(&cidr, &[])));
    policy("default/halves").ingress(halves).build()
}

/// Every class with its number, and every row: an engine that has followed a change numbers classes as they came.
fn all(engine: &Engine) -> Vec<(ClassId, Class, Row)> {
    let classes = engine.classes();
    classes
        .map(|(id, class)| (id, class.clone(), engine.row(id)))
        .collect()
}

fn is_as_made_from_scratch(engine: &Engine) -> bool {
    all(engine) == all(&Engine::new(engine.cluster().clone()))
}

fn target_hears(engine: &Engine, source: &str) -> bool {
    let class = |text| engine.class_of_pod(&name(text)).unwrap();
    !engine
        .between(class(source), class("default/target"))
        .is_none()
}

#[test]
fn a_block_that_splits_very_many_classes() {
    let mut engine = engine();
    let class = |engine: &Engine, text| engine.class_of_pod(&name(text));
    assert_eq!(class(&engine, "many/a-7"), class(&engine, "many/b-7"));
    engine.apply(Change::SetNetworkPolicy(from_lower_halves()));
    assert!(is_as_made_from_scratch(&engine));
    for number in [0, 7, WORKLOADS - 1] {
        assert!(target_hears(&engine, &format!("many/a-{number}")));
        assert!(!target_hears(&engine, &format!("many/b-{number}")));
    }
    engine.apply(Change::RemoveNetworkPolicy(name("default/halves")));
    assert!(is_as_made_from_scratch(&engine));
    assert_eq!(class(&engine, "many/a-7"), class(&engine, "many/b-7"));
    assert!(!target_hears(&engine, "many/a-7"));
}

/// And what comes after it is followed again.
#[test]
fn a_namespace_of_very_many_classes_with_other_labels() {
    let mut engine = engine();
    assert!(!target_hears(&engine, "many/a-7"));
    engine.apply(Change::SetNamespace(namespace("many", &[("team", "b")])));
    assert!(is_as_made_from_scratch(&engine));
    assert!(target_hears(&engine, "many/a-7"));
    let late = pod("many/late").label("number", "7").address("10.0.0.127");
    engine.apply(Change::SetPod(late.build()));
    assert!(target_hears(&engine, "many/late"));
    assert!(is_as_made_from_scratch(&engine));
}

/// A change that touches little is followed: what was known keeps its number.
#[test]
fn a_small_change_is_no_reason() {
    let mut engine = engine();
    let first = pod("default/another")
        .label("app", "first")
        .address("10.1.0.2");
    engine.apply(Change::SetPod(first.build()));
    assert!(!is_as_made_from_scratch(&engine));
}
