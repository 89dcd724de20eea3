//! What the compiler makes is what the policies ask, for all packets.

use ringfence_compile::Enforcement;
use ringfence_model::{Cluster, Distribution, Hints};
use ringfence_testkit::generate::{Shape, cluster};
use ringfence_testkit::random::Random;
use ringfence_verify::{Report, verify};

use crate::world::{nodes, nodes_with};

const CLUSTERS: u64 = 80;

fn shape(seed: u64) -> Shape {
    if seed.is_multiple_of(2) {
        Shape::WIRED
    } else {
        Shape::WIRED_EVERYTHING
    }
}

fn first(report: &Report) -> String {
    let found = report.differences.iter().take(3);
    let texts = found.map(|it| format!("{}: {}\n{it:#?}", it.hook, it.packet));
    texts.collect::<Vec<_>>().join("\n")
}

#[test]
fn compiled_tables_are_equal_to_the_policies() {
    let mut pairs = 0;
    for seed in 0..CLUSTERS {
        let cluster = cluster(seed, shape(seed));
        for node in nodes(&cluster) {
            let report = verify(&node.table, &cluster, &node.wiring).unwrap();
            let name = &node.wiring.node;
            assert!(report.is_equal(), "seed {seed}, {name}: {}", first(&report));
            pairs += report.coverage.class_pairs;
        }
    }
    assert!(
        pairs > 1000,
        "policies were asked about {pairs} pairs alone"
    );
}

#[test]
fn tables_that_enforce_nothing_are_equal_to_no_policies() {
    for seed in 0..20 {
        let cluster = cluster(seed, shape(seed));
        for node in nodes_with(&cluster, Enforcement::Off) {
            let report = verify(&node.table, &cluster, &node.wiring).unwrap();
            assert!(report.is_equal(), "seed {seed}: {}", first(&report));
        }
    }
}

/// The rules that report what policies in audit mode would deny, each taken out.
#[test]
fn a_table_that_keeps_silent_about_audit_mode_is_found() {
    let mut found = 0;
    for seed in 0..CLUSTERS {
        let cluster = cluster(seed, Shape::WIRED_EVERYTHING);
        for node in nodes(&cluster) {
            let mut table = node.table.clone();
            let chains = table.chains.iter_mut();
            let reports = chains.filter(|(name, _)| name.starts_with("report-audit-"));
            reports.for_each(|(_, chain)| chain.rules.clear());
            assert_ne!(table, node.table);
            let report = verify(&table, &cluster, &node.wiring).unwrap();
            assert!(report.is_equal() || cluster.has_audited(), "seed {seed}");
            let silent = report
                .differences
                .iter()
                .filter(|it| it.kernel == "not reported");
            found += silent.count();
        }
    }
    assert!(found > 50, "{found}");
}

/// Zones for nodes, preferences for Services, hints for endpoints.
fn spread_over_zones(cluster: &mut Cluster, random: &mut Random) {
    let zones = ["a", "b", "a"].map(str::to_owned);
    for node in cluster.nodes.values_mut() {
        let zone = random.pick(&zones).cloned().filter(|_| random.chance(85));
        let label = zone.map(|zone| ("topology.kubernetes.io/zone".to_owned(), zone));
        node.labels.extend(label);
    }
    let nodes = ["n1", "n2"].map(str::to_owned);
    let preferences = [Distribution::SameZone, Distribution::SameNode];
    for service in cluster.services.values_mut() {
        service.traffic.distribution = *random.pick(&preferences).unwrap();
        let mut names = |all: &[String]| -> Vec<String> {
            let name = random.pick(all).cloned();
            name.filter(|_| random.chance(85)).into_iter().collect()
        };
        for endpoint in &mut service.endpoints {
            endpoint.hints = Hints {
                zones: names(&zones),
                nodes: names(&nodes),
            };
        }
    }
}

#[test]
fn tables_that_prefer_near_backends_are_equal() {
    let mut preferred = 0;
    for seed in 0..CLUSTERS {
        let plain = cluster(seed, shape(seed));
        let mut cluster = plain.clone();
        spread_over_zones(&mut cluster, &mut Random::new(seed));
        for (node, plain) in nodes(&cluster).into_iter().zip(nodes(&plain)) {
            let report = verify(&node.table, &cluster, &node.wiring).unwrap();
            let name = &node.wiring.node;
            assert!(report.is_equal(), "seed {seed}, {name}: {}", first(&report));
            if plain.table != node.table {
                preferred += 1;
                let report = verify(&plain.table, &cluster, &node.wiring).unwrap();
                assert!(
                    !report.is_equal(),
                    "seed {seed}, {name}: nobody is preferred"
                );
            }
        }
    }
    assert!(preferred > 5, "{preferred}");
}
