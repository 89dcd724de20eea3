//! Random clusters: what the tables do is what the specification says.

use ringfence_compile::Enforcement;
use ringfence_reference::answer;
use ringfence_ruleset::{Table, Value, validate};
use ringfence_testkit::compare::disagreement;
use ringfence_testkit::decider::{ReferenceDecider, Verdict};
use ringfence_testkit::flows::{self, ProbeFlow};
use ringfence_testkit::generate::{Shape, cluster};
use ringfence_testkit::random::Random;

use crate::evaluated::{EvaluatedDecider, judge};
use crate::world::World;

const CLUSTERS: u64 = 2500;
const FLOWS: usize = 150;

fn sample(cluster: &ringfence_model::Cluster, seed: u64) -> Vec<ProbeFlow> {
    let mut random = Random::new(seed ^ 0x5eed);
    flows::sample(cluster, FLOWS, &mut random)
}

#[test]
fn tables_do_what_the_specification_says() {
    let mut evaluated = EvaluatedDecider::new(Enforcement::On);
    let mut seen = [0_usize; 6];
    for seed in 0..CLUSTERS {
        let shape = if seed % 2 == 0 {
            Shape::WIRED
        } else {
            Shape::WIRED_EVERYTHING
        };
        let cluster = cluster(seed, shape);
        let flows = sample(&cluster, seed);
        if let Some(found) = disagreement(&mut ReferenceDecider, &mut evaluated, &cluster, &flows) {
            panic!("seed {seed}, flow {:?}\n{found}", found.flow);
        }
        for flow in &flows {
            let answer = answer(&cluster, flow);
            let judged = answer.map(|answer| judge(evaluated.world(&cluster), flow, &answer));
            let Ok(judged) = judged else {
                continue;
            };
            let verdict = judged.unwrap_or(Verdict::Unknown);
            seen[Verdict::ALL.iter().position(|own| *own == verdict).unwrap()] += 1;
        }
    }
    assert!(seen[..4].iter().all(|count| *count > 500), "{seen:?}");
}

#[test]
fn tables_are_valid() {
    for seed in 0..300 {
        let world = World::new(&cluster(seed, Shape::EVERYTHING), Enforcement::On);
        for (node, compiled) in &world.nodes {
            assert_eq!(
                validate(&compiled.table),
                Ok(()),
                "seed {seed}, node {node}"
            );
            let leading = leading(&compiled.table);
            assert_eq!(leading, Vec::<String>::new(), "seed {seed}, node {node}");
        }
    }
}

/// The elements of judging maps that name a chain, at which the kernel validates the whole table, beside those that lead pods
/// to policies in audit mode.
fn leading(table: &Table) -> Vec<String> {
    let judging = ["egress", "ingress", "selves"];
    let sets = table.sets.iter();
    let sets = sets.filter(|(name, _)| judging.iter().any(|stem| name.starts_with(stem)));
    let elements = sets.flat_map(|(name, set)| set.elements.values().map(move |it| (name, it)));
    let named = elements.filter_map(|(name, element)| match &element.value {
        Value::Verdict(verdict) => Some((name, verdict.chain()?)),
        Value::Member | Value::Data(_) => None,
    });
    let unexpected = named.filter(|(_, chain)| {
        let chain = chain.trim_end_matches(['4', '6']);
        !chain.ends_with("-both") && !chain.ends_with("-audit")
    });
    let told = unexpected.map(|(name, chain)| format!("{name} {chain}"));
    told.collect()
}
