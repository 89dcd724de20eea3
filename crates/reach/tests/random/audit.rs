//! The posture of random clusters: what is shown is true, what holds holds, and nothing empty raises the score.

use std::collections::BTreeSet;

use ringfence_model::{
    Cluster, Documents, Endpoint, LabelSelector, NetworkPolicy, ObjectName, Outcome, PolicyRule,
    Query,
};
use ringfence_net::Protocol;
use ringfence_reach::audit::{Audit, GapKind, Options, Principle, Subject, audit};
use ringfence_reach::workload::{Member, Unit, by_workload};
use ringfence_testkit::flows;
use ringfence_testkit::generate::Shape;

use crate::support::cluster;

const SEEDS: u64 = 120;

fn measured(cluster: &Cluster) -> Audit {
    let subject = Subject {
        cluster,
        objects: &[],
        documents: &Documents::default(),
        guards: &[],
    };
    audit(&subject, &Options::default())
}

fn clusters() -> impl Iterator<Item = (u64, Cluster)> {
    (0..SEEDS).flat_map(|seed| {
        let shapes = [Shape::FULL, Shape::EVERYTHING];
        shapes.map(|shape| (seed, cluster(seed, shape)))
    })
}

#[test]
fn what_is_shown_is_what_the_reference_says() {
    let (mut certain, mut kinds) = (BTreeSet::new(), BTreeSet::new());
    for (seed, cluster) in clusters() {
        let audit = measured(&cluster);
        for finding in audit.findings() {
            assert!(!finding.gaps.is_empty(), "seed {seed}: {finding:?}");
            for gap in &finding.gaps {
                let is_connection =
                    !matches!(gap.kind, GapKind::HostNetwork { .. } | GapKind::Admission);
                assert_eq!(gap.shown.is_some(), is_connection, "seed {seed}: {gap:?}");
                let Some(shown) = &gap.shown else {
                    continue;
                };
                let (protocol, port) = (shown.query.protocol, shown.query.port);
                assert!(
                    gap.connections.allows(protocol, port),
                    "seed {seed}: {gap:?}"
                );
                let said = ringfence_reference::answer(audit.engine().cluster(), &shown.query);
                assert_eq!(said.as_ref(), Ok(&shown.answer), "seed {seed}");
                let is_allowed = shown.answer.outcome == Outcome::Allow;
                // Of these the witness may be sure, and what it is compared with or counted among not.
                let of_many = matches!(gap.kind, GapKind::Namespace(_) | GapKind::Clients { .. });
                let is_sure = gap.is_certain || (of_many && is_allowed);
                assert_eq!(is_allowed, is_sure, "seed {seed}: {gap:?}");
                certain.insert(gap.is_certain);
                kinds.insert((finding.principle, std::mem::discriminant(&gap.kind)).0);
            }
        }
    }
    assert_eq!(certain.len(), 2);
    assert_eq!(kinds.len(), 5, "{kinds:?}");
}

/// Who of the cluster on the stage is no part of the real one.
fn strangers(audit: &Audit, cluster: &Cluster) -> Vec<ObjectName> {
    let all = audit.engine().cluster().pods.values();
    let unknown = all.filter(|pod| pod.labels.is_empty() && pod.workload.is_none());
    let unknown = unknown.filter(|pod| !cluster.pods.contains_key(&pod.name));
    unknown.map(|pod| pod.name.clone()).collect()
}

fn failing(audit: &Audit, principle: Principle) -> BTreeSet<&Unit> {
    let findings = audit
        .findings()
        .filter(|found| found.principle == principle);
    findings.map(|found| &found.unit).collect()
}

/// What may be worth trying: the flows' ports, and those of nothing in particular.
fn queries(cluster: &Cluster, source: &Endpoint, destination: &Endpoint) -> Vec<Query> {
    let of_flows = flows::all(cluster).into_iter();
    let mut ports: BTreeSet<_> = of_flows.map(|flow| (flow.protocol, flow.port)).collect();
    ports.insert((Protocol::Tcp.into(), Some(40_001)));
    let query = |(protocol, port)| Query {
        source: source.clone(),
        destination: destination.clone(),
        protocol,
        port,
    };
    ports.into_iter().map(query).collect()
}

fn is_shut(cluster: &Cluster, queries: Vec<Query>) -> bool {
    queries.iter().all(|query| {
        let answer = ringfence_reference::answer(cluster, query);
        answer.is_err() || answer.is_ok_and(|answer| answer.outcome == Outcome::Deny)
    })
}

#[test]
fn where_a_default_denies_no_stranger_gets_through() {
    let mut held = [0, 0];
    for (seed, cluster) in clusters().filter(|(seed, _)| seed % 4 == 0) {
        let audit = measured(&cluster);
        let stage = audit.engine().cluster();
        let strangers = strangers(&audit, &cluster);
        let directions = [Principle::DefaultDenyIngress, Principle::DefaultDenyEgress];
        for (place, principle) in directions.into_iter().enumerate() {
            let failing = failing(&audit, principle);
            for pod in cluster.pods.values().filter(|pod| pod.is_on_pod_network()) {
                if failing.contains(&by_workload(&Member::Pod(pod))) {
                    continue;
                }
                held[place] += 1;
                for stranger in &strangers {
                    let foreign = !cluster.namespaces.contains_key(&stranger.namespace);
                    if !foreign && stranger.namespace != pod.name.namespace {
                        continue;
                    }
                    let ends = [stranger, &pod.name].map(|name| Endpoint::Pod(name.clone()));
                    let [stranger, pod] = ends;
                    let mut queries = if place == 0 {
                        queries(&cluster, &stranger, &pod)
                    } else {
                        queries(&cluster, &pod, &stranger)
                    };
                    queries.retain(|query| place == 0 || query.port != Some(53));
                    let case = format!("seed {seed}: {principle:?} {stranger} {pod}");
                    assert!(is_shut(stage, queries), "{case}");
                }
            }
        }
    }
    assert!(held.iter().all(|held| *held > 10), "{held:?}");
}

fn score(cluster: &Cluster) -> u64 {
    measured(cluster)
        .score()
        .map_or(0, |score| score.millionths())
}

fn with(cluster: &Cluster, policies: impl IntoIterator<Item = NetworkPolicy>) -> Cluster {
    let mut cluster = cluster.clone();
    for policy in policies {
        cluster.network_policies.insert(policy.name.clone(), policy);
    }
    cluster
}

fn for_every_pod(namespace: &str, rules: &[PolicyRule]) -> NetworkPolicy {
    NetworkPolicy {
        name: ObjectName::new(namespace, "zz-added"),
        pod_selector: LabelSelector::default(),
        isolates_ingress: true,
        isolates_egress: true,
        ingress: rules.to_vec(),
        egress: rules.to_vec(),
        source: None,
    }
}

/// A rule without peers and ports matches everything.
const EVERYTHING: PolicyRule = PolicyRule {
    peers: Vec::new(),
    ports: Vec::new(),
    source: None,
};

#[test]
fn nothing_empty_raises_the_score() {
    for (seed, cluster) in clusters() {
        let before = score(&cluster);
        let namespaces: Vec<&String> = cluster.namespaces.keys().collect();
        let nobody = LabelSelector {
            match_labels: [("nobody".to_owned(), "has-it".to_owned())].into(),
            match_expressions: Vec::new(),
        };
        let idle = namespaces.iter().map(|namespace| NetworkPolicy {
            pod_selector: nobody.clone(),
            ..for_every_pod(namespace, &[])
        });
        let idle = with(&cluster, idle.collect::<Vec<_>>());
        assert_eq!(score(&idle), before, "seed {seed}: selects nothing");
        let open = namespaces
            .iter()
            .map(|name| for_every_pod(name, &[EVERYTHING]));
        let open = with(&cluster, open.collect::<Vec<_>>());
        assert!(score(&open) <= before, "seed {seed}: allows all");
        let again = cluster.network_policies.values().map(|policy| {
            let name = format!("{}-again", policy.name.name);
            NetworkPolicy {
                name: ObjectName::new(&policy.name.namespace, name),
                ..policy.clone()
            }
        });
        let twice = with(&cluster, again.collect::<Vec<_>>());
        assert_eq!(score(&twice), before, "seed {seed}: twice");
    }
}

/// Somebody else's selector that selects nothing may speak of anything: blocks, namespaces, the strangers' own.
#[test]
fn what_a_policy_for_nobody_speaks_of_changes_nothing() {
    for (seed, cluster) in clusters() {
        let others = crate::support::cluster(seed + 500, Shape::FULL);
        let idle = others.network_policies.into_values().map(|mut policy| {
            policy.name.namespace = "nowhere".to_owned();
            policy.name.name = format!("of-{}", policy.name.name);
            policy
        });
        let idle = with(&cluster, idle.collect::<Vec<_>>());
        assert_eq!(score(&idle), score(&cluster), "seed {seed}");
    }
}

#[test]
fn denying_never_lowers_a_principle() {
    for (seed, cluster) in clusters() {
        let before = measured(&cluster);
        let namespaces = cluster.namespaces.keys();
        let denied = namespaces.map(|name| for_every_pod(name, &[]));
        let after = measured(&with(&cluster, denied.collect::<Vec<_>>()));
        for (before, after) in before.principles().iter().zip(after.principles()) {
            assert!(
                after.holds >= before.holds,
                "seed {seed}: {before:?} {after:?}"
            );
            assert_eq!(after.measured(), before.measured(), "seed {seed}");
        }
    }
}

#[test]
fn more_replicas_weigh_nothing() {
    let mut tried = 0;
    for (seed, mut cluster) in clusters() {
        // Without addresses, which would make a replica a pod of its own.
        let pods = cluster.pods.values_mut();
        pods.for_each(|pod| pod.addresses.clear());
        let before = score(&cluster);
        let mut pods = cluster.pods.values();
        let Some(mut replica) = pods.find(|pod| pod.workload.is_some()).cloned() else {
            continue;
        };
        replica.name.name = "zz-replica".to_owned();
        cluster.pods.insert(replica.name.clone(), replica);
        assert_eq!(score(&cluster), before, "seed {seed}");
        tried += 1;
    }
    assert!(tried > 100, "{tried}");
}
