use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ringfence_model::{Direction, Endpoint};
use ringfence_net::{ConnectionSet, Protocol};
use ringfence_policy::Engine;
use ringfence_testkit::builder::{
    block, cluster, labels, name, pod, pods, policy, ports, rule, tcp,
};
use ringfence_testkit::generate::{self, Shape};

use super::bench::{apply, changes};
use super::judged::Likeness;
use super::*;
use crate::assertion::mutation::anchor::anchored;
use crate::assertion::mutation::footprint::{Asked, Footprint};
use crate::assertion::{Claim, mutants, questions};

/// A web tier that clients reach on one port, and a database behind it.
fn shop() -> Cluster {
    let app = |value: &str| labels(&[("app", value)]);
    cluster()
        .with(pod("a/client").label("app", "client").address("10.0.0.1"))
        .with(
            pod("a/web")
                .label("app", "web")
                .address("10.0.0.2")
                .port("http", tcp(8080)),
        )
        .with(pod("a/other").label("app", "other").address("10.0.0.3"))
        .with(
            policy("a/web")
                .select(app("web"))
                .ingress(rule().peer(pods(app("client"))).port(tcp(8080))),
        )
        .build()
}

fn asked(expected: Expected, from: &str, to: &str, port: u16) -> (Expected, Query) {
    let query = Query {
        source: Endpoint::Pod(name(from)),
        destination: Endpoint::Pod(name(to)),
        protocol: Protocol::Tcp.into(),
        port: Some(port),
    };
    (expected, query)
}

fn tried(cluster: &Cluster, asked: &[(Expected, Query)]) -> Mutations {
    mutate(cluster, asked, mutants(cluster), || {})
}

fn shown(found: &Mutations) -> Vec<String> {
    let one = |(mutant, missed): (&Mutant, &Missed)| {
        let Suggestion {
            expected,
            source,
            destination,
            protocol,
            port,
        } = &missed.suggestion;
        format!(
            "{}: {expected} {} -> {} {}/{}",
            mutant.change(),
            end(source),
            end(destination),
            protocol.0,
            port.unwrap_or_default()
        )
    };
    found.missed().map(one).collect()
}

fn end(end: &super::super::SuggestedEnd) -> String {
    match end {
        super::super::SuggestedEnd::Endpoint(endpoint) => endpoint.to_string(),
        super::super::SuggestedEnd::Workload {
            namespace,
            workload,
        } => {
            format!("{namespace}/{}/{}", workload.kind, workload.name)
        }
    }
}

#[test]
fn without_assertions_every_mistake_that_matters_is_missed_and_one_assertion_suggested() {
    let found = tried(&shop(), &[]);
    assert_eq!(
        (found.noticed(), found.harmless(), found.percent()),
        (0, 0, 0)
    );
    assert_eq!(
        shown(&found),
        [
            "without the policy: deny a/client -> a/web 6/80",
            "without ingress[0]: allow a/client -> a/web 6/8080",
            "ingress[0] without `from`: deny a/other -> a/web 6/8080",
            "ingress[0] without `ports`: deny a/client -> a/web 6/80",
        ]
    );
}

#[test]
fn what_is_suggested_notices() {
    let asked = [
        asked(Expected::Deny, "a/other", "a/web", 8080),
        asked(Expected::Allow, "a/client", "a/web", 8080),
        asked(Expected::Deny, "a/client", "a/web", 80),
    ];
    let found = tried(&shop(), &asked);
    assert_eq!(
        (found.noticed(), found.harmless(), found.missed().count()),
        (4, 0, 0)
    );
    assert_eq!(tried(&shop(), &asked[..2]).percent(), 75);
}

#[test]
fn a_mistake_that_changes_nothing_is_harmless() {
    let mut cluster = shop();
    let all = policy("a/all")
        .select(labels(&[("app", "web")]))
        .ingress(rule())
        .build();
    cluster.network_policies.insert(all.name.clone(), all);
    let found = tried(&cluster, &[]);
    let about: Vec<String> = found
        .missed()
        .map(|(mutant, _)| mutant.to_string())
        .collect();
    assert_eq!(
        about,
        [
            "NetworkPolicy a/all: without the policy",
            "NetworkPolicy a/all: without ingress[0]"
        ]
    );
    assert_eq!(found.harmless(), 4);
}

/// Rule NP-40: a block of IPv6 means the pods that have addresses of both families, too.
#[test]
fn a_mistake_that_matters_in_one_family_is_not_harmless() {
    let dual = |name: &str, four: &str, six: &str| pod(name).address(four).address(six);
    let cluster = cluster()
        .with(dual("a/mon", "10.0.0.1", "fd00::1"))
        .with(dual("b/web", "10.0.0.2", "fd00::2"))
        .with(policy("b/web").ingress(rule().peer(block("fd00::1/128", &[]))))
        .build();
    let found = tried(&cluster, &[]);
    assert_eq!(found.harmless(), 0, "{:?}", shown(&found));
    let rule = "without ingress[0]: allow a/mon -> fd00::2 6/80";
    assert!(
        shown(&found).contains(&rule.to_owned()),
        "{:?}",
        shown(&found)
    );
}

#[test]
fn addresses_are_suggested_where_no_pod_shows_it() {
    let cluster = cluster()
        .with(pod("a/web").address("10.0.0.2"))
        .with(
            policy("a/web").types(&[Direction::Egress]).egress(
                rule()
                    .peer(block("192.0.2.0/24", &["192.0.2.128/25"]))
                    .port(ports(Protocol::Tcp, 80, 90)),
            ),
        )
        .build();
    let found = tried(&cluster, &[]);
    let except = shown(&found)
        .into_iter()
        .find(|text| text.contains("except"))
        .unwrap();
    assert!(except.contains("deny a/web -> 192.0.2."), "{except}");
}

/// Every suggestion notices its mistake, and no mistake that a connection could show is called harmless.
#[test]
fn mistakes_in_random_clusters_are_told_apart() {
    let (mut missed, mut harmless, mut unobservable) = (0, 0, 0);
    for seed in 0..40 {
        let cluster = generate::cluster(seed, Shape::FULL);
        let plain = Engine::new(cluster.clone());
        let every = every_question(&cluster);
        for mutant in mutants(&cluster) {
            let found = mutate(&cluster, &[], [mutant.clone()], || {});
            let mut changed = plain.clone();
            apply(&mut changed, changes(&cluster, &mutant));
            let certain = |engine: &Engine, query: &Query| {
                let outcome = engine.answer(query).ok()?.outcome;
                let both = [Expected::Allow, Expected::Deny];
                both.into_iter()
                    .find(|expected| Claim::holds(*expected, &outcome))
            };
            let shows = |query: &Query| {
                let before = certain(&plain, query);
                before.is_some() && before != certain(&changed, query)
            };
            match &found.tried[0].fate {
                Fate::Missed(found) => {
                    assert!(shows(&found.witness), "seed {seed}: {mutant}");
                    let queries = found.suggestion.queries(&cluster);
                    assert!(queries.contains(&found.witness), "seed {seed}: {mutant}");
                    missed += 1;
                }
                fate @ (Fate::Harmless | Fate::Unobservable) => {
                    let witness = every.iter().find(|query| shows(query));
                    assert_eq!(witness, None, "seed {seed}: {mutant}");
                    harmless += usize::from(*fate == Fate::Harmless);
                    unobservable += usize::from(*fate == Fate::Unobservable);
                }
                Fate::Noticed { .. } => panic!("nothing was asked"),
            }
        }
    }
    assert!(
        missed > 500 && harmless > 1000 && unobservable < 100,
        "{missed} {harmless} {unobservable}"
    );
}

/// Of connections that are alike one speaks for all, whatever the mistake.
#[test]
fn connections_that_are_alike_come_out_alike() {
    let mut compared = 0;
    for seed in 0..20 {
        let cluster = doubled(generate::cluster(seed, Shape::TIERED));
        let plain = anchored(&cluster);
        let mut alike: BTreeMap<Likeness, Vec<Query>> = BTreeMap::new();
        for query in every_question(&cluster) {
            if let Some(likeness) = Likeness::of(&plain, &query) {
                alike.entry(likeness).or_default().push(query);
            }
        }
        alike.retain(|_, queries| queries.len() > 1);
        for mutant in mutants(&cluster) {
            let mut changed = plain.clone();
            apply(&mut changed, changes(&cluster, &mutant));
            for queries in alike.values() {
                let outcomes = queries.iter().map(|query| {
                    let answer = changed.answer(query);
                    let both = [Expected::Allow, Expected::Deny];
                    both.map(|expected| {
                        let answer = answer.as_ref();
                        answer.is_ok_and(|answer| Claim::holds(expected, &answer.outcome))
                    })
                });
                let outcomes: Vec<[bool; 2]> = outcomes.collect();
                let first = outcomes[0];
                let differing = outcomes.iter().position(|one| *one != first);
                assert_eq!(differing, None, "seed {seed}: {mutant}\n{queries:?}");
                compared += 1;
            }
        }
    }
    assert!(compared > 1000, "{compared}");
}

/// What a mistake cannot touch comes out as without it; else a mistake would be missed that is noticed.
#[test]
fn a_mistake_changes_nothing_that_it_does_not_touch() {
    let (mut left, mut touched) = (0, 0);
    for seed in 0..30 {
        let cluster = generate::cluster(seed, Shape::FULL);
        let plain = Engine::new(cluster.clone());
        let every = every_question(&cluster);
        for mutant in mutants(&cluster) {
            let footprint = Footprint::of(&cluster, &mutant);
            let directions = mutant.mutation.directions();
            let mut changed = plain.clone();
            apply(&mut changed, changes(&cluster, &mutant));
            for query in &every {
                let Ok(before) = plain.answer(query) else {
                    continue;
                };
                let mut ends = before.connections.iter().flat_map(|connection| {
                    let asked = move |direction: &Direction| Asked::of(*direction, connection);
                    directions.iter().map(asked)
                });
                if ends.any(|asked| footprint.has(&asked)) {
                    touched += 1;
                    continue;
                }
                let after = changed.answer(query).map(|answer| answer.outcome);
                assert_eq!(
                    after,
                    Ok(before.outcome),
                    "seed {seed}: {mutant}\n{query:?}"
                );
                left += 1;
            }
        }
    }
    assert!(left > 10_000 && touched > 10_000, "{left} {touched}");
}

/// With a second pod beside each, elsewhere in the same block of 128 addresses.
fn doubled(mut cluster: Cluster) -> Cluster {
    let twins = cluster.pods.values().map(|pod| {
        let mut twin = pod.clone();
        twin.name.name.push_str("-twin");
        for address in &mut twin.addresses {
            *address = match *address {
                IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits() ^ 64).into(),
                IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() ^ 64).into(),
            };
        }
        (twin.name.clone(), twin)
    });
    let twins: Vec<_> = twins.collect();
    cluster.pods.extend(twins);
    cluster
}

/// A question for each way between pods and addresses, and each part of the ports.
fn every_question(cluster: &Cluster) -> Vec<Query> {
    let pods = cluster.pods.keys().cloned().map(Endpoint::Pod);
    let nodes = cluster.nodes.keys().cloned().map(Endpoint::Node);
    let addresses = ["203.0.113.9", "10.0.9.9", "2001:db8::9"];
    let addresses = addresses.map(|text| Endpoint::Address(text.parse().unwrap()));
    let ends: Vec<Endpoint> = pods.chain(nodes).chain(addresses).collect();
    let mut found = Vec::new();
    for (source, destination) in ends
        .iter()
        .flat_map(|from| ends.iter().map(move |to| (from, to)))
    {
        let claim = Claim {
            expected: Expected::Allow,
            source: source.clone(),
            destination: destination.clone(),
            connections: ConnectionSet::all(),
        };
        found.extend(
            questions(cluster, &claim)
                .into_iter()
                .map(|asked| asked.query),
        );
    }
    found
}
