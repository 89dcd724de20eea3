//! What the compiler makes is what the policies ask, for all packets.

use ringfence_compile::Enforcement;
use ringfence_testkit::generate::{Shape, cluster};
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
