//! Clusters of some hundreds of pods: sets of classes have several words, namespaces several workloads.

use ringfence_model::{Cluster, DirectionVerdict, Endpoint, Query};
use ringfence_net::{IpProtocol, Protocol};
use ringfence_policy::{Change, Engine};
use ringfence_reference::answer;
use ringfence_testkit::random::Random;
use ringfence_testkit::scale::{self, Size};

use crate::agreement::{expected, verdict};

const SIZE: Size = Size {
    namespaces: 12,
    pods: 250,
    policies: 90,
    cluster_policies: 8,
};

fn question(random: &mut Random, cluster: &Cluster) -> Option<Query> {
    let pods: Vec<_> = cluster.pods.keys().collect();
    let outside = [
        "203.0.113.9",
        "198.51.100.20",
        "169.254.169.254",
        "10.9.9.9",
    ];
    let outside: Vec<Endpoint> = outside
        .iter()
        .flat_map(|text| text.parse().map(Endpoint::Address))
        .collect();
    let mut end = || {
        if random.chance(20) {
            return random.pick(&outside).cloned();
        }
        let pod = random.pick(&pods)?;
        Some(Endpoint::Pod((*pod).clone()))
    };
    Some(Query {
        source: end()?,
        destination: end()?,
        protocol: IpProtocol::from(Protocol::Tcp),
        port: random.pick(&[8080, 443, 53, 5432, 9091, 9090, 1]).copied(),
    })
}

#[test]
fn answers_and_connectivity_are_those_of_the_reference() {
    for seed in 0..3 {
        let cluster = scale::cluster(seed, SIZE);
        let engine = Engine::new(cluster.clone());
        let mut random = Random::new(seed);
        for _ in 0..150 {
            let query = question(&mut random, &cluster).unwrap();
            let described = format!("seed {seed}: {query:?}");
            assert_eq!(
                engine.answer(&query),
                answer(&cluster, &query),
                "{described}"
            );
            check_class(&engine, &query, &described);
        }
    }
}

fn check_class(engine: &Engine, query: &Query, described: &str) {
    let class = |end: &Endpoint| match end {
        Endpoint::Pod(name) => engine.class_of_pod(name),
        Endpoint::Address(address) => Some(engine.class_of_address(*address)),
        Endpoint::Node(_) | Endpoint::Service(_) => None,
    };
    let (from, to) = (class(&query.source), class(&query.destination));
    let expected: Option<DirectionVerdict> = expected(engine.cluster(), query);
    if let (Some(from), Some(to), Some(expected)) = (from, to, expected) {
        let reach = engine.between(from, to);
        assert_eq!(verdict(&reach, query), expected, "{described}: {reach:?}");
        assert_eq!(engine.row(from).reach(to), reach, "{described}");
        assert_eq!(engine.column(to).reach(from), reach, "{described}");
    }
}

/// Every kind of object of one cluster moves into another, which has been judged as a whole before.
#[test]
fn many_changes_lead_to_what_is_made_anew() {
    let mut random = Random::new(5);
    let mut engine = Engine::new(scale::cluster(5, SIZE));
    engine.for_each_row(|_, _| {});
    let other = scale::cluster(6, SIZE);
    let pods = other.pods.values().cloned().map(Change::SetPod);
    let policies = other.network_policies.values().cloned();
    let policies = policies.map(Change::SetNetworkPolicy);
    let scoped = other.cluster_policies.keys().cloned();
    let scoped = scoped.map(Change::RemoveClusterPolicy);
    let gone = other
        .namespaces
        .keys()
        .cloned()
        .map(Change::RemoveNamespace);
    let mut changes: Vec<Change> = pods.step_by(3).chain(policies.step_by(2)).collect();
    changes.extend(scoped.chain(gone.step_by(4)));
    random.shuffle(&mut changes);
    for (step, change) in changes.into_iter().enumerate() {
        engine.apply(change);
        if step % 20 == 0 {
            let anew = Engine::new(engine.cluster().clone());
            for _ in 0..500 {
                let query = question(&mut random, engine.cluster()).unwrap();
                let reach = |engine: &Engine| {
                    let class = |end: &Endpoint| match end {
                        Endpoint::Pod(name) => engine.class_of_pod(name),
                        Endpoint::Address(address) => Some(engine.class_of_address(*address)),
                        Endpoint::Node(_) | Endpoint::Service(_) => None,
                    };
                    Some(engine.between(class(&query.source)?, class(&query.destination)?))
                };
                assert_eq!(reach(&engine), reach(&anew), "step {step}: {query:?}");
            }
        }
    }
}
