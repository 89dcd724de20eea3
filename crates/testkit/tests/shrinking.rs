//! The shrinker must find the core of an artificial bug.

use ringfence_model::{Cluster, Direction, PolicyPeer};
use ringfence_testkit::compare::disagreement;
use ringfence_testkit::decider::{Decider, Decision, ReferenceDecider};
use ringfence_testkit::flows::{self, ProbeFlow};
use ringfence_testkit::generate::{Shape, cluster};
use ringfence_testkit::random::Random;

/// Forgets the holes of address blocks (rule NP-41).
struct ForgetsExcept;

impl Decider for ForgetsExcept {
    fn name(&self) -> &str {
        "forgets except"
    }

    fn decide(&mut self, cluster: &Cluster, flow: &ProbeFlow) -> Decision {
        let mut cluster = cluster.clone();
        for policy in cluster.network_policies.values_mut() {
            let rules = policy.ingress.iter_mut().chain(&mut policy.egress);
            for peer in rules.flat_map(|rule| &mut rule.peers) {
                match peer {
                    PolicyPeer::IpBlock(block) => block.except.clear(),
                    PolicyPeer::Pods(_) => {}
                }
            }
        }
        ReferenceDecider.decide(&cluster, flow)
    }
}

#[test]
fn a_bug_shrinks_to_its_core() {
    let found: Vec<_> = (0..400)
        .filter_map(|seed| {
            let cluster = cluster(seed, Shape::FULL);
            let flows = flows::sample(&cluster, 40, &mut Random::new(seed));
            disagreement(&mut ReferenceDecider, &mut ForgetsExcept, &cluster, &flows)
        })
        .collect();
    assert!(found.len() >= 5, "the bug was met {} times", found.len());
    for disagreement in found {
        let cluster = &disagreement.cluster;
        let policies: Vec<_> = cluster.network_policies.values().collect();
        let [policy] = policies.as_slice() else {
            panic!("one policy is enough\n{disagreement}");
        };
        let rules = Direction::ALL.map(|way| policy.rules(way)).concat();
        assert_eq!(rules.len(), 1, "one rule is enough\n{disagreement}");
        let [PolicyPeer::IpBlock(block)] = rules[0].peers.as_slice() else {
            panic!("one block is enough\n{disagreement}");
        };
        assert_eq!(block.except.len(), 1, "{disagreement}");
        assert!(rules[0].ports.is_empty(), "{disagreement}");
        assert!(policy.pod_selector.is_empty(), "{disagreement}");
        assert!(cluster.pods.len() <= 2, "{disagreement}");
    }
}

#[test]
fn deciders_that_agree_have_no_disagreement() {
    let cluster = cluster(1, Shape::FULL);
    let flows = flows::all(&cluster);
    let found = disagreement(
        &mut ReferenceDecider,
        &mut ReferenceDecider,
        &cluster,
        &flows,
    );
    assert!(found.is_none());
}
