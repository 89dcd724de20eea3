//! What policies in audit mode would deny is reported, that and nothing else (rule AU-4), and costs nobody else anything.

use std::collections::BTreeSet;

use ringfence_compile::Enforcement;
use ringfence_model::{Answer, Direction, DirectionDecision, DirectionVerdict, Party};
use ringfence_reference::answer;
use ringfence_testkit::flows;
use ringfence_testkit::generate::{Shape, cluster};
use ringfence_testkit::random::Random;

use crate::evaluated::judge;
use crate::world::{World, node_of};

const CLUSTERS: u64 = 2000;

/// What must be reported of the one connection of an answer. `None` where no packet could tell, or where a node reaches its
/// own pod: no rule stands between them.
fn expected(world: &World, answer: &Answer) -> Option<BTreeSet<Direction>> {
    let [connection] = answer.connections.as_slice() else {
        return None;
    };
    if let (Party::Node { name, .. }, Party::Pod { name: pod, .. }) =
        (&connection.source, &connection.destination)
        && name.as_deref() == Some(node_of(&world.cluster.pods[pod]))
    {
        return None;
    }
    let would_deny = |decision: &DirectionDecision| {
        let audited = decision.audited.as_ref();
        audited.is_some_and(|it| it.decision.verdict == DirectionVerdict::Deny)
    };
    let (egress, ingress) = (&connection.egress, &connection.ingress);
    let mut found = BTreeSet::new();
    if would_deny(egress) {
        found.insert(Direction::Egress);
    }
    if would_deny(ingress) && egress.verdict == DirectionVerdict::Allow {
        found.insert(Direction::Ingress);
    }
    Some(found)
}

#[test]
fn tables_report_what_would_be_denied() {
    let mut seen = [0_usize; 3];
    for seed in 0..CLUSTERS {
        let cluster = cluster(seed, Shape::WIRED_EVERYTHING);
        if !cluster.has_audited() {
            continue;
        }
        let world = World::new(&cluster, Enforcement::On);
        for flow in flows::sample(&cluster, 150, &mut Random::new(seed)) {
            let Ok(answer) = answer(&cluster, &flow) else {
                continue;
            };
            let Some(expected) = expected(&world, &answer) else {
                continue;
            };
            world.take_audited();
            if judge(&world, &flow, &answer).is_none() {
                continue;
            }
            let found = world.take_audited();
            assert_eq!(found, expected, "seed {seed}, {flow:?}: {answer}");
            seen[found.len()] += 1;
        }
    }
    assert!(
        seen[0] > 10_000 && seen[1] > 1_000 && seen[2] > 10,
        "{seen:?}"
    );
}

#[test]
fn a_cluster_without_audit_mode_holds_nothing_for_it() {
    for seed in 0..200 {
        let cluster = cluster(seed, Shape::WIRED_EVERYTHING).all_enforced();
        let world = World::new(&cluster, Enforcement::On);
        for compiled in world.nodes.values() {
            let table = compiled.table.to_string();
            assert!(!table.contains("jump egress-audit"), "{table}");
            assert!(!table.contains("jump ingress-both"), "{table}");
            let sets = compiled.table.sets.iter();
            let mut audits = sets.filter(|(name, _)| name.contains("-audit-"));
            assert!(audits.all(|(_, set)| set.elements.is_empty()));
        }
    }
}
