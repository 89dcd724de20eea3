//! The comparison can fail: without enforcement, without one element, with a specification misread.

use std::collections::BTreeMap;

use ringfence_compile::{Compiled, Enforcement, ObjectRef};
use ringfence_conformance::bench::{Bench, differs, differs_from_reference};
use ringfence_conformance::evaluated::Evaluated;
use ringfence_conformance::kernel::{compile_all, without};
use ringfence_conformance::plan::NodeId;
use ringfence_conformance::question::packet;
use ringfence_model::Cluster;
use ringfence_testkit::decider::{Decider as _, ReferenceDecider, Verdict};
use ringfence_testkit::flows::{self, ProbeFlow};
use ringfence_testkit::random::Random;

use crate::mistakes::MISTAKES;
use crate::run::Seeds;

/// Flows that an element decides, to be tried with packets.
const DECIDED: usize = 20;

/// Every flow that policies refuse passes once they are not enforced, and nothing else changes.
pub(crate) fn without_enforcement_every_refusal_is_gone() {
    let mut bench = Bench::new();
    let mut contradictions = 0;
    for (seed, cluster, flows) in Seeds::exactly(200).clusters() {
        let compiled = bench.load(&cluster, Enforcement::Off);
        for observed in bench.observe(&cluster, &compiled, &flows) {
            let expected = ReferenceDecider.decide(&cluster, &observed.flow).verdict;
            let refused = matches!(expected, Verdict::Deny | Verdict::Partial);
            let differs = differs_from_reference(&cluster, &observed);
            assert_eq!(differs, refused, "seed {seed}, {observed:?}");
            contradictions += usize::from(refused);
        }
    }
    println!("{contradictions} refusals are gone");
    assert!(contradictions > 3000, "{contradictions}");
}

/// One element that a policy causes is taken out of the kernel's table: flows that it decides change their fate.
pub(crate) fn without_one_element_flows_change() {
    let mut bench = Bench::new();
    let mut random = Random::new(0xe1e);
    let (mut drawn, mut decisive, mut changed) = (0, 0, 0);
    for (seed, cluster, _) in Seeds::exactly(300).clusters() {
        // Elements of policies in audit mode decide nothing.
        let cluster = cluster.all_enforced();
        let compiled = bench.load(&cluster, Enforcement::On);
        let Some((node, object)) = draw(&compiled, &mut random) else {
            continue;
        };
        drawn += 1;
        let less = without(&compiled, node, &object);
        let flows = decided(&cluster, &compiled, &less, &mut random);
        decisive += usize::from(!flows.is_empty());
        bench.kernel.load(&less);
        for observed in bench.observe(&cluster, &less, &flows) {
            assert_eq!(observed.kernel, observed.evaluated, "seed {seed}");
            assert!(
                differs(&cluster, &observed),
                "seed {seed}: {object:?} {observed:?}"
            );
            changed += 1;
        }
    }
    println!("{decisive} of {drawn} elements decide some flow, {changed} flows changed");
    assert!(
        decisive * 2 > drawn && decisive > 100,
        "{decisive} of {drawn}"
    );
}

/// An element that a policy causes, on one of the nodes.
fn draw(compiled: &BTreeMap<NodeId, Compiled>, random: &mut Random) -> Option<(NodeId, ObjectRef)> {
    let all: Vec<(NodeId, ObjectRef)> = compiled
        .iter()
        .flat_map(|(node, compiled)| {
            compiled
                .origins
                .keys()
                .map(|object| (*node, object.clone()))
        })
        .collect();
    random.pick(&all).cloned()
}

/// Some of the flows that meet another fate in `less`.
fn decided(
    cluster: &Cluster,
    compiled: &BTreeMap<NodeId, Compiled>,
    less: &BTreeMap<NodeId, Compiled>,
    random: &mut Random,
) -> Vec<ProbeFlow> {
    let (whole, less) = (
        Evaluated::new(cluster, compiled),
        Evaluated::new(cluster, less),
    );
    let mut flows = flows::all(cluster);
    random.shuffle(&mut flows);
    let decided = flows.into_iter().filter(|flow| {
        packet(cluster, flow).is_some_and(|(from, opening)| {
            whole.fates(from, &opening) != less.fates(from, &opening)
        })
    });
    decided.take(DECIDED).collect()
}

/// Each misreading of the specification contradicts what the kernel does.
pub(crate) fn every_misreading_is_noticed() {
    let mut bench = Bench::new();
    let mut noticed = vec![0_usize; MISTAKES.len()];
    for (_, cluster, flows) in Seeds::exactly(500).clusters() {
        let compiled = bench.load(&cluster, Enforcement::On);
        let observed = bench.observe(&cluster, &compiled, &flows);
        for ((_, misread), noticed) in MISTAKES.iter().zip(&mut noticed) {
            let mut misread_cluster = cluster.clone();
            misread(&mut misread_cluster);
            let contradicting = observed
                .iter()
                .filter(|observed| differs_from_reference(&misread_cluster, observed));
            *noticed += contradicting.count();
        }
    }
    report(&noticed);
    for ((name, _), noticed) in MISTAKES.iter().zip(noticed) {
        assert!(noticed > 0, "nobody noticed: {name}");
    }
}

fn report(noticed: &[usize]) {
    for ((name, _), noticed) in MISTAKES.iter().zip(noticed) {
        println!("{noticed:8} {name}");
    }
}

/// The same mistakes in the compiler: its tables contradict the specification, and the kernel does as they say.
/// Except for the local node: no table knows it, packets from there pass other hooks (rule NP-50).
pub(crate) fn every_mistake_of_a_compiler_is_noticed() {
    let mut bench = Bench::new();
    let mut noticed = vec![0_usize; MISTAKES.len()];
    for (seed, cluster, flows) in Seeds::exactly(100).clusters() {
        let enforced = cluster.all_enforced();
        for ((name, misread), noticed) in MISTAKES.iter().zip(&mut noticed) {
            // A policy in audit mode hides what else is misread of it.
            let cluster = if name.starts_with("AU") {
                cluster.clone()
            } else {
                enforced.clone()
            };
            let mut misread_cluster = cluster.clone();
            misread(&mut misread_cluster);
            if misread_cluster == cluster {
                continue;
            }
            let compiled = compile_all(&cluster, &misread_cluster, Enforcement::On);
            bench.install(&cluster, &compiled);
            for observed in bench.observe(&cluster, &compiled, &flows) {
                assert_eq!(
                    observed.kernel, observed.evaluated,
                    "seed {seed}, {observed:?}"
                );
                *noticed += usize::from(differs(&cluster, &observed));
            }
        }
    }
    report(&noticed);
    for ((name, _), noticed) in MISTAKES.iter().zip(noticed) {
        let expected = !name.starts_with("NP-50");
        assert_eq!(noticed > 0, expected, "{name}");
    }
}
