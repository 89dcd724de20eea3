//! What the engine's answers cost in large clusters, each beside the plain way to the same answer.
//!
//! With the argument `huge` 100,000 pods as well.

use std::hint::black_box;
use std::time::Duration;

use ringfence_benches::{Case, Growing, measure, time};
use ringfence_model::{Cluster, Endpoint, NetworkPolicy, ObjectName, Query};
use ringfence_net::{IpProtocol, Protocol};
use ringfence_policy::{Change, ClassId, ClassKind, ClassSet, Engine};
use ringfence_reference::answer;
use ringfence_testkit::scale::{Size, cluster, distinct, open};

const RUNS: usize = 5;

/// Pairs that the reference is asked about, to project from: an answer takes it seconds.
const SAMPLE: usize = 2;

/// Policies that are changed, spread over the cluster.
const CHANGES: usize = 40;

fn main() {
    let usual = Growing::new("Usual", Size::LARGE, |size| cluster(1, size));
    measure(&usual, RUNS, &cases());
    drop(usual);
    let unlike = Growing::new("No two pods alike, half of it open", Size::LARGE, |size| {
        distinct(open(cluster(1, size)))
    });
    measure(&unlike, RUNS, &cases());
    drop(unlike);
    let one = Size {
        namespaces: 1,
        ..Size::LARGE
    };
    let crowded = Growing::alone("No two pods alike, all in one namespace", one, |size| {
        distinct(cluster(1, size))
    });
    measure(&crowded, RUNS, &cases());
    drop(crowded);
    if std::env::args().any(|argument| argument == "huge") {
        huge();
    }
}

fn cases() -> Vec<Case<'static, Cluster>> {
    vec![
        Case {
            what: "all connectivity, all ports",
            goal: Some(Duration::from_secs(1)),
            ours: &from_scratch,
            baseline: "reference, one port, each pair of classes, projected",
            plain: &by_the_reference,
        },
        Case {
            what: "all connectivity, all ports",
            goal: Some(Duration::from_secs(1)),
            ours: &from_scratch,
            baseline: "engine, pair by pair of classes, projected",
            plain: &pair_by_pair,
        },
        Case {
            what: "one question with reasons, engine made for it",
            goal: Some(Duration::from_millis(100)),
            ours: &new_and_one_answer,
            baseline: "reference",
            plain: &one_by_the_reference,
        },
        Case {
            what: "one more question with reasons",
            goal: None,
            ours: &one_more_answer,
            baseline: "reference",
            plain: &one_by_the_reference,
        },
        Case {
            what: "one policy changed, its pods judged again: slowest of 40",
            goal: Some(Duration::from_millis(10)),
            ours: &slowest_change,
            baseline: "all from scratch",
            plain: &from_scratch,
        },
    ]
}

/// Too large to be doubled.
fn huge() {
    let subject = Growing::alone("Huge", Size::HUGE, |size| cluster(1, size));
    let case = Case {
        what: "all connectivity, all ports",
        goal: Some(Duration::from_secs(10)),
        ours: &from_scratch,
        baseline: "engine, pair by pair of classes, projected",
        plain: &pair_by_pair,
    };
    measure(&subject, 3, &[case]);
}

fn from_scratch(cluster: &Cluster) -> Duration {
    let cluster = cluster.clone();
    let (taken, engine) = time(|| {
        let engine = Engine::new(cluster);
        every_row(&engine);
        engine
    });
    drop(engine);
    taken
}

fn every_row(engine: &Engine) {
    let mut connected = 0;
    engine.for_each_row(|sources, row| {
        let destinations: usize = row.cells.iter().map(|(_, classes)| classes.len()).sum();
        connected += sources.len() * destinations;
    });
    black_box(connected);
}

/// With all of it judged already, which favours the baseline.
fn pair_by_pair(cluster: &Cluster) -> Duration {
    let engine = Engine::new(cluster.clone());
    every_row(&engine);
    let classes: Vec<ClassId> = engine.classes().map(|(id, _)| id).collect();
    let some: Vec<ClassId> = spread(&classes, 500);
    let (taken, ()) = time(|| {
        for from in &some {
            for to in &some {
                black_box(engine.between(*from, *to));
            }
        }
    });
    projected(taken, some.len() * some.len(), classes.len())
}

/// One TCP port, asked of pairs of classes of pods.
fn by_the_reference(cluster: &Cluster) -> Duration {
    let engine = Engine::new(cluster.clone());
    let members: Vec<Endpoint> = engine
        .classes()
        .filter_map(|(_, class)| match &class.kind {
            ClassKind::Pods { members, .. } => members.first().cloned().map(Endpoint::Pod),
            ClassKind::Node { .. } | ClassKind::Addresses { .. } => None,
        })
        .collect();
    let sources = spread(&members, SAMPLE);
    let destinations: Vec<_> = members.iter().rev().cloned().collect();
    let destinations = spread(&destinations, SAMPLE);
    let (taken, ()) = time(|| {
        for (source, destination) in sources.iter().zip(&destinations) {
            black_box(answer(cluster, &question(source, destination)).is_ok());
        }
    });
    projected(taken, sources.len(), members.len())
}

/// At most `count` of `items`, from everywhere among them.
fn spread<T: Clone>(items: &[T], count: usize) -> Vec<T> {
    let step = items.len().div_ceil(count).max(1);
    items.iter().step_by(step).cloned().collect()
}

/// What all pairs of `classes` would take if `pairs` of them took `taken`.
fn projected(taken: Duration, pairs: usize, classes: usize) -> Duration {
    let [pairs, classes] = [pairs.max(1), classes].map(|count| count as f64);
    taken.mul_f64(classes * classes / pairs)
}

fn question(source: &Endpoint, destination: &Endpoint) -> Query {
    Query {
        source: source.clone(),
        destination: destination.clone(),
        protocol: IpProtocol::from(Protocol::Tcp),
        port: Some(8080),
    }
}

/// The last pod asks the first one.
fn one_question(cluster: &Cluster) -> Option<Query> {
    let mut pods = cluster.pods.keys().cloned().map(Endpoint::Pod);
    let (first, last) = (pods.next()?, pods.next_back()?);
    Some(question(&last, &first))
}

fn new_and_one_answer(cluster: &Cluster) -> Duration {
    let query = one_question(cluster);
    let cluster = cluster.clone();
    let (taken, made) = time(|| {
        let engine = Engine::new(cluster);
        let answer = query.map(|query| engine.answer(&query));
        (engine, answer)
    });
    drop(black_box(made));
    taken
}

fn one_more_answer(cluster: &Cluster) -> Duration {
    let query = one_question(cluster);
    let engine = Engine::new(cluster.clone());
    let ask = || query.as_ref().map(|query| engine.answer(query));
    black_box(ask());
    time(|| black_box(ask())).0
}

fn one_by_the_reference(cluster: &Cluster) -> Duration {
    let query = one_question(cluster);
    time(|| black_box(query.map(|query| answer(cluster, &query)))).0
}

/// Policies lose their last rules and get them back.
fn slowest_change(cluster: &Cluster) -> Duration {
    let mut engine = Engine::new(cluster.clone());
    every_row(&engine);
    let policies: Vec<&NetworkPolicy> = cluster.network_policies.values().collect();
    let mut slowest = Duration::ZERO;
    for policy in spread(&policies, CHANGES) {
        let mut poorer = policy.clone();
        poorer.ingress.pop();
        poorer.egress.pop();
        for changed in [poorer, policy.clone()] {
            let (taken, ()) = time(|| change(&mut engine, changed));
            slowest = slowest.max(taken);
        }
    }
    slowest
}

/// Changes a policy, and judges every row and column of what it selects.
fn change(engine: &mut Engine, policy: NetworkPolicy) {
    let name = policy.name.clone();
    engine.apply(Change::SetNetworkPolicy(policy));
    let selected = selected(engine, &name);
    engine.for_each_row_of(&selected, |_, row| {
        black_box(row.cells.len());
    });
    engine.for_each_column_of(&selected, |_, column| {
        black_box(column.cells.len());
    });
}

/// The classes of the pods that a policy selects.
fn selected(engine: &Engine, policy: &ObjectName) -> ClassSet {
    let cluster = engine.cluster();
    let selector = cluster
        .network_policies
        .get(policy)
        .map(|found| &found.pod_selector);
    let pods = cluster.pods.range(ObjectName::new(&policy.namespace, "")..);
    let pods = pods.take_while(|(name, _)| name.namespace == policy.namespace);
    pods.filter(|(_, pod)| selector.is_some_and(|selector| selector.matches(&pod.labels)))
        .filter_map(|(name, _)| engine.class_of_pod(name))
        .collect()
}
