//! Random clusters: single answers field for field, and connectivity between classes by every member and every port
//! worth trying.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_model::{
    Cluster, Connection, DirectionVerdict, Endpoint, Party, Pod, Query, QueryError,
};
use ringfence_policy::{ClassId, ClassKind, ClassSet, Engine, Reach, Row, SharedFamily};
use ringfence_reference::answer;
use ringfence_testkit::flows;
use ringfence_testkit::random::Random;

use crate::features::{Asked, FEATURES};
use crate::twist;

const CLUSTERS: u64 = 300;

/// So many questions about each feature a run asks at least.
const QUESTIONS: usize = 20_000;

#[test]
fn twenty_thousand_answers_about_each_feature_are_those_of_the_reference() {
    let mut counts = [0; FEATURES.len()];
    for seed in 0..700 {
        let cluster = twist::cluster(seed);
        let flows = flows::sample(&cluster, 1_000, &mut Random::new(seed));
        ask(seed, &cluster, &flows, &mut counts);
    }
    for seed in 0..1_000 {
        let cluster = twist::forgetful(seed);
        let mut flows = flows::sample(&cluster, 4_000, &mut Random::new(seed));
        flows.retain(|flow| is_pod(&flow.source) && is_pod(&flow.destination));
        ask(seed, &cluster, &flows, &mut counts);
    }
    let named = FEATURES.map(|(feature, _)| feature);
    let too_few = named.into_iter().zip(counts);
    let too_few: Vec<_> = too_few.filter(|(_, count)| *count < QUESTIONS).collect();
    assert!(too_few.is_empty(), "too few questions about {too_few:?}");
}

fn is_pod(endpoint: &Endpoint) -> bool {
    matches!(endpoint, Endpoint::Pod(_))
}

/// Asks these questions, and counts what they are about.
fn ask(seed: u64, cluster: &Cluster, flows: &[Query], counts: &mut [usize; FEATURES.len()]) {
    let engine = Engine::new(cluster.clone());
    for flow in flows {
        let expected = answer(cluster, flow);
        assert_eq!(engine.answer(flow), expected, "seed {seed}: {flow:?}");
        let asked = Asked {
            cluster,
            flow,
            answer: &expected,
        };
        for (count, (_, is_about)) in counts.iter_mut().zip(FEATURES) {
            *count += usize::from(is_about(&asked));
        }
    }
}

/// Rows, columns and the whole are the same connectivity in other forms.
#[test]
fn rows_and_columns_hold_what_is_between_classes() {
    for seed in 0..CLUSTERS {
        let engine = Engine::new(twist::cluster(seed));
        let classes: Vec<ClassId> = engine.classes().map(|(class, _)| class).collect();
        let mut whole: BTreeMap<ClassId, Row> = BTreeMap::new();
        engine.for_each_row(|sources, row| {
            for source in sources.iter() {
                assert!(
                    whole.insert(source, row.clone()).is_none(),
                    "seed {seed}: {source} twice"
                );
            }
        });
        assert!(
            whole.keys().eq(&BTreeSet::from_iter(classes.clone())),
            "seed {seed}"
        );
        let columns: Vec<Row> = classes.iter().map(|class| engine.column(*class)).collect();
        for from in &classes {
            assert_eq!(
                Some(&engine.row(*from)),
                whole.get(from),
                "seed {seed}: row of {from}"
            );
            for (to, column) in classes.iter().zip(&columns) {
                let reach = engine.between(*from, *to);
                assert_eq!(
                    whole.get(from).map(|row| row.reach(*to)).as_ref(),
                    Some(&reach),
                    "seed {seed}: {from} to {to}"
                );
                assert_eq!(
                    column.reach(*from),
                    reach,
                    "seed {seed}: column of {to} from {from}"
                );
            }
        }
    }
}

#[test]
fn connectivity_is_what_the_reference_says_of_every_pair() {
    let mut compared = 0;
    for seed in 0..CLUSTERS {
        let cluster = twist::cluster(seed);
        compared += compare(seed, &cluster, &Engine::new(cluster.clone()));
    }
    assert!(compared > 50_000, "only {compared} questions compared");
}

/// Rules NP-40, CN-34: ends that have addresses of both families meet in both.
#[test]
fn in_the_second_family_too_connectivity_is_what_the_reference_says() {
    let (mut compared, mut different) = (0, 0);
    for seed in 0..CLUSTERS {
        let cluster = twist::cluster(seed);
        let engine = Engine::new(cluster.clone());
        for flow in questions(seed, &cluster, &engine) {
            let Some((reach, second)) = in_second_family(&engine, &flow) else {
                continue;
            };
            let Some(expected) = expected(&cluster, &second) else {
                continue;
            };
            let case = format!("seed {seed}: {second:?}\n{reach:?}");
            assert_eq!(named(&cluster, &flow), named(&cluster, &second), "{case}");
            assert_eq!(verdict(&reach, &second), expected, "{case}");
            compared += 1;
            if self::expected(&cluster, &flow).is_some_and(|first| first != expected) {
                let families = engine.shared_families();
                assert!(families.contains(&SharedFamily::Second), "{case}");
                different += 1;
            }
        }
    }
    assert!(compared > 1_000, "only {compared} questions compared");
    assert!(different > 30, "only {different} are different");
}

/// The same question in the other family that both ends have, and what may be opened in it.
fn in_second_family(engine: &Engine, flow: &Query) -> Option<(Reach, Query)> {
    let shared = SharedFamily::Second;
    let (source, destination) = engine.ends_in(shared, &flow.source, &flow.destination)?;
    let from = class_of(engine, &flow.source)?;
    let to = class_of(engine, &flow.destination)?;
    let second = Query {
        source,
        destination,
        ..flow.clone()
    };
    Some((engine.between_in(shared, from, to).unwrap(), second))
}

/// Who the ends are, whatever their addresses.
fn named(cluster: &Cluster, flow: &Query) -> Vec<String> {
    let connections = answer(cluster, flow).unwrap().connections;
    let ends = connections
        .into_iter()
        .flat_map(|found| [found.source, found.destination]);
    ends.map(|end| match end {
        Party::Pod { name, .. } => name.to_string(),
        Party::Node { name, .. } => name.unwrap_or_default(),
        Party::Other(address) | Party::Loopback(address) => address.to_string(),
    })
    .collect()
}

#[test]
fn rows_and_columns_of_the_second_family_hold_what_is_between_classes() {
    let mut cells = 0;
    for seed in 0..CLUSTERS {
        let engine = Engine::new(twist::cluster(seed));
        let shared = SharedFamily::Second;
        let classes: ClassSet = engine.classes().map(|(class, _)| class).collect();
        let mut rows: BTreeMap<ClassId, Row> = BTreeMap::new();
        let mut columns: BTreeMap<ClassId, Row> = BTreeMap::new();
        engine.for_each_row_in(shared, &classes, |sources, row| {
            rows.extend(sources.iter().map(|source| (source, row.clone())));
        });
        engine.for_each_column_in(shared, &classes, |destinations, column| {
            columns.extend(destinations.iter().map(|class| (class, column.clone())));
        });
        for from in classes.iter() {
            for to in classes.iter() {
                let reach = engine.between_in(shared, from, to);
                let of = |rows: &BTreeMap<ClassId, Row>, one: ClassId, other: ClassId| {
                    rows.get(&one)
                        .map_or_else(Reach::none, |row| row.reach(other))
                };
                let between = reach.clone().unwrap_or_else(Reach::none);
                assert_eq!(of(&rows, from, to), between, "seed {seed}: {from} to {to}");
                assert_eq!(
                    of(&columns, to, from),
                    between,
                    "seed {seed}: {from} to {to}"
                );
                cells += usize::from(reach.is_some());
            }
        }
    }
    assert!(cells > 1_000, "only {cells} cells");
}

/// Compares what the engine says of classes with the reference's answers; returns the number of questions.
fn compare(seed: u64, cluster: &Cluster, engine: &Engine) -> usize {
    let mut reaches: BTreeMap<(ClassId, ClassId), Reach> = BTreeMap::new();
    let mut compared = 0;
    for flow in questions(seed, cluster, engine) {
        let (Some(from), Some(to)) = (
            class_of(engine, &flow.source),
            class_of(engine, &flow.destination),
        ) else {
            continue;
        };
        let reach = reaches
            .entry((from, to))
            .or_insert_with(|| engine.between(from, to));
        assert!(
            reach.allowed.is_disjoint(&reach.unknown),
            "seed {seed}: {reach:?}"
        );
        let Some(expected) = expected(cluster, &flow) else {
            continue;
        };
        assert_eq!(
            verdict(reach, &flow),
            expected,
            "seed {seed}: {flow:?}\n{reach:?}"
        );
        compared += 1;
    }
    compared
}

/// Questions between pods, nodes and addresses that are nobody's, examples of every class of addresses among them.
fn questions(seed: u64, cluster: &Cluster, engine: &Engine) -> Vec<Query> {
    let mut flows = flows::sample(cluster, 500, &mut Random::new(seed));
    flows.retain(|flow| speaks_of_classes(cluster, &flow.source));
    flows.retain(|flow| speaks_of_classes(cluster, &flow.destination));
    let dialled: Vec<_> = flows
        .iter()
        .map(|flow| (flow.protocol, flow.port))
        .collect();
    for example in examples(engine) {
        for pod in cluster.pods.values() {
            let pod = Endpoint::Pod(pod.name.clone());
            for (protocol, port) in dialled.iter().take(3) {
                let question = |source: &Endpoint, destination: &Endpoint| Query {
                    source: source.clone(),
                    destination: destination.clone(),
                    protocol: *protocol,
                    port: *port,
                };
                flows.extend([question(&pod, &example), question(&example, &pod)]);
            }
        }
    }
    flows
}

/// Not Services; nor addresses of pods and nodes, which may be others than those they would use by themselves.
fn speaks_of_classes(cluster: &Cluster, endpoint: &Endpoint) -> bool {
    match endpoint {
        Endpoint::Pod(_) | Endpoint::Node(_) => true,
        Endpoint::Service(_) => false,
        Endpoint::Address(address) => {
            let pods = cluster.pods.values();
            let mut of_pods = pods.flat_map(|pod| &pod.addresses);
            !of_pods.any(|own| own.to_canonical() == address.to_canonical())
        }
    }
}

fn examples(engine: &Engine) -> Vec<Endpoint> {
    let examples = engine.classes().filter_map(|(_, class)| match class.kind {
        ClassKind::Addresses { example, .. } => Some(Endpoint::Address(example)),
        ClassKind::Pods { .. } | ClassKind::Node { .. } => None,
    });
    examples.collect()
}

/// Of a node with addresses of both families the name alone may mean either.
const fn is_meant_by_name(kind: &ClassKind) -> bool {
    match kind {
        ClassKind::Node { by_name, .. } => *by_name,
        ClassKind::Pods { .. } | ClassKind::Addresses { .. } => false,
    }
}

fn class_of(engine: &Engine, endpoint: &Endpoint) -> Option<ClassId> {
    match endpoint {
        Endpoint::Pod(name) => engine.class_of_pod(name),
        Endpoint::Node(name) => {
            let class = engine.class_of_node(name)?;
            is_meant_by_name(&engine.class(class).kind).then_some(class)
        }
        Endpoint::Address(address) => Some(engine.class_of_address(*address)),
        Endpoint::Service(_) => None,
    }
}

/// What the reference says, where classes are meant to say the same: not of a pod and itself (NP-60), of a pod and its
/// own node (NP-50), or of a Service.
pub(crate) fn expected(cluster: &Cluster, flow: &Query) -> Option<DirectionVerdict> {
    let answer = match answer(cluster, flow) {
        Ok(answer) => answer,
        Err(QueryError::NoCommonFamily(..)) => return Some(DirectionVerdict::Deny),
        Err(_) => return None,
    };
    let connection = answer.connections.first()?;
    (answer.service.is_none() && is_general(cluster, connection)).then(|| connection.verdict())
}

fn is_general(cluster: &Cluster, connection: &Connection) -> bool {
    match (&connection.source, &connection.destination) {
        (Party::Pod { name: from, .. }, Party::Pod { name: to, .. }) => from != to,
        (Party::Node { name, address, .. }, Party::Pod { name: pod, .. }) => {
            let pod = cluster.pods.get(pod);
            !pod.is_some_and(|pod| is_local(cluster, pod, name.as_deref(), *address))
        }
        _ => true,
    }
}

/// Q-5, NP-50.
fn is_local(cluster: &Cluster, pod: &Pod, name: Option<&str>, address: Option<IpAddr>) -> bool {
    let object = pod.node.iter().filter_map(|name| cluster.nodes.get(name));
    let on_node = cluster
        .pods
        .values()
        .filter(|other| other.is_live() && pod.node.is_some() && other.node == pod.node);
    let addresses = object.flat_map(|node| &node.addresses);
    let addresses = addresses.chain(on_node.flat_map(|pod| &pod.host_addresses));
    let mut local = addresses.chain(&pod.host_addresses);
    (name.is_some() && name == pod.node.as_deref())
        || local.any(|own| Some(own.to_canonical()) == address)
}

pub(crate) fn verdict(reach: &Reach, flow: &Query) -> DirectionVerdict {
    if reach.allowed.allows(flow.protocol, flow.port) {
        DirectionVerdict::Allow
    } else if reach.unknown.allows(flow.protocol, flow.port) {
        DirectionVerdict::Unknown
    } else {
        DirectionVerdict::Deny
    }
}
