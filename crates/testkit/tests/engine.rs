//! The engine beside the reference: on every row of the corpus, and between classes at the edges of all that it names.
//! Random questions are put to both in the engine's own tests.

use std::collections::BTreeSet;

use ringfence_model::{
    Answer, Cluster, Connection, Direction, DirectionVerdict, Endpoint, Party, Query, QueryError,
};
use ringfence_net::{IpProtocol, Protocol};
use ringfence_policy::{Class, ClassId, ClassKind, Engine, Reach};
use ringfence_reference::answer;
use ringfence_testkit::compare::difference;
use ringfence_testkit::corpus::every_scenario;
use ringfence_testkit::generate::{Shape, cluster};
use ringfence_testkit::random::Random;

const SEEDS: u64 = 120;

fn engine_of(cluster: &Cluster) -> impl FnMut(&Query) -> Result<Answer, QueryError> + use<> {
    let engine = Engine::new(cluster.clone());
    move |query| engine.answer(query)
}

#[test]
fn every_row_of_the_corpus_has_the_same_answer_field_for_field() {
    for scenario in every_scenario().unwrap() {
        let queries: Vec<Query> = scenario.rows.iter().map(|row| row.flow.clone()).collect();
        let found = difference(engine_of, &scenario.cluster, &queries);
        assert!(found.is_none(), "{}\n{}", scenario.name, found.unwrap());
    }
}

/// Connections at and beside both ends of every range that the engine names, port 1 and the last, and ICMP.
fn edges(reach: &Reach) -> BTreeSet<(IpProtocol, Option<u16>)> {
    let sets = [&reach.allowed, &reach.unknown];
    let ranges = sets.into_iter().flat_map(|set| set.iter());
    let of_ranges = ranges.flat_map(|(protocol, ports)| {
        let edges = ports.ranges().iter().flat_map(|range| {
            let (first, last) = (range.first(), range.last());
            [first.saturating_sub(1), first, last, last.saturating_add(1)]
        });
        edges.map(move |port| (protocol, port))
    });
    let ends = Protocol::ALL
        .into_iter()
        .flat_map(|protocol| [(protocol, 1), (protocol, u16::MAX)]);
    let dialled = of_ranges.chain(ends).filter(|(_, port)| *port != 0);
    dialled
        .map(|(protocol, port)| (protocol.into(), Some(port)))
        .chain([(IpProtocol::ICMP, None)])
        .collect()
}

/// Somebody of the class; the second one for the destination, so that a class meets itself without a pod doing so.
fn member(class: &Class, second: bool) -> Option<Endpoint> {
    match &class.kind {
        ClassKind::Pods { members, .. } => {
            let member = if second {
                members.last()
            } else {
                members.first()
            };
            member.cloned().map(Endpoint::Pod)
        }
        kind @ ClassKind::Node { .. } => kind.node(),
        ClassKind::Addresses { example, .. } => Some(Endpoint::Address(*example)),
    }
}

fn verdict(reach: &Reach, (protocol, port): (IpProtocol, Option<u16>)) -> DirectionVerdict {
    if reach.allowed.allows(protocol, port) {
        DirectionVerdict::Allow
    } else if reach.unknown.allows(protocol, port) {
        DirectionVerdict::Unknown
    } else {
        DirectionVerdict::Deny
    }
}

/// The connection between them; `None` where classes do not speak of it: nobody is there, or it is a pod and itself
/// (rule NP-60), a pod and its node (rule NP-50), or a Service's address.
fn connection(cluster: &Cluster, query: &Query) -> Option<Connection> {
    let answer = answer(cluster, query).ok()?;
    let connection = answer.connections.into_iter().next()?;
    let is_itself = connection.source == connection.destination;
    let from_node = matches!(connection.source, Party::Node { .. });
    (answer.service.is_none() && !is_itself && !from_node).then_some(connection)
}

#[test]
fn connectivity_is_exact_at_its_edges() {
    let (mut compared, mut unknown) = (0, 0);
    for seed in 0..SEEDS {
        let cluster = cluster(seed, Shape::EVERYTHING);
        let engine = Engine::new(cluster.clone());
        let mut classes: Vec<(ClassId, &Class)> = engine.classes().collect();
        Random::new(seed).shuffle(&mut classes);
        classes.truncate(16);
        for (from, source) in &classes {
            for (to, destination) in &classes {
                let (Some(source), Some(destination)) =
                    (member(source, false), member(destination, true))
                else {
                    continue;
                };
                let between = engine.between(*from, *to);
                let one_way = Direction::ALL.map(|direction| match direction {
                    Direction::Egress => engine.one_way(direction, *from, *to),
                    Direction::Ingress => engine.one_way(direction, *to, *from),
                });
                for (protocol, port) in edges(&between) {
                    let query = Query {
                        source: source.clone(),
                        destination: destination.clone(),
                        protocol,
                        port,
                    };
                    let Some(expected) = connection(&cluster, &query) else {
                        continue;
                    };
                    let dialled = (protocol, port);
                    let found = (
                        verdict(&between, dialled),
                        one_way.each_ref().map(|reach| verdict(reach, dialled)),
                    );
                    let decisions = [&expected.egress, &expected.ingress];
                    let expected = (
                        expected.verdict(),
                        decisions.map(|decision| decision.verdict),
                    );
                    assert_eq!(found, expected, "seed {seed}: {query:?}\n{between:?}");
                    compared += 1;
                    unknown += usize::from(expected.0 == DirectionVerdict::Unknown);
                }
            }
        }
    }
    assert!(
        compared > 50_000 && unknown > 150,
        "{compared} compared, {unknown} unknown"
    );
}
