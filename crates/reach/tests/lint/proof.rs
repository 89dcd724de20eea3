//! What lints claim to be proven is put to the reference, which shares no code with the engine.

use std::collections::BTreeMap;

use ringfence_model::{
    Cluster, ClusterAction, ClusterPolicyName, Direction, Documents, ObjectKey, ObjectKind,
    ObjectName, Outcome, QueryError,
};
use ringfence_policy::Engine;
use ringfence_reach::lint::{Finding, Subject, check};
use ringfence_reference::answer;
use ringfence_testkit::flows::sample;
use ringfence_testkit::generate::{Shape, cluster};
use ringfence_testkit::random::Random;

const SEEDS: u64 = 120;
const FLOWS: usize = 400;

fn findings(cluster: &Cluster) -> Vec<Finding> {
    let report = check(&Subject {
        engine: &Engine::new(cluster.clone()),
        objects: &[],
        documents: &Documents::default(),
        diagnostics: &[],
        default_namespace: "default",
    });
    report.findings
}

/// Direction and index of the rule at `spec.ingress[2]`.
fn rule_of(finding: &Finding) -> Option<(Direction, usize)> {
    let path = finding.diagnostic.path.as_deref()?.strip_prefix("spec.")?;
    let (direction, index) = path.strip_suffix(']')?.split_once('[')?;
    let direction = match direction {
        "ingress" => Direction::Ingress,
        _ => Direction::Egress,
    };
    Some((direction, index.parse().ok()?))
}

/// Rules by policy and direction, the last first.
type Rules = BTreeMap<(ObjectName, Direction), Vec<usize>>;

/// What may go at once.
fn removable(findings: &[Finding]) -> Rules {
    let mut rules = Rules::new();
    for finding in findings
        .iter()
        .filter(|one| matches!(one.id(), Some("RF028" | "RF029" | "RF031")))
    {
        let object = finding.object.as_ref().unwrap();
        if let (Some((direction, index)), Some(namespace)) = (rule_of(finding), &object.namespace) {
            let name = ObjectName::new(namespace, &object.name);
            rules.entry((name, direction)).or_default().push(index);
        }
    }
    rules
}

fn without(cluster: &Cluster, rules: &Rules) -> Cluster {
    let mut cluster = cluster.clone();
    for ((name, direction), indexes) in rules {
        let policy = cluster.network_policies.get_mut(name).unwrap();
        let list = match direction {
            Direction::Ingress => &mut policy.ingress,
            Direction::Egress => &mut policy.egress,
        };
        let mut place = 0;
        list.retain(|_| {
            place += 1;
            !indexes.contains(&(place - 1))
        });
    }
    cluster
}

/// The outcomes of many flows are the same in both. What is unknown in one may be known in the other: rules that depend on
/// the same unknown address are judged as if they did not.
fn assert_same(seed: u64, before: &Cluster, after: &Cluster) {
    for flow in sample(before, FLOWS, &mut Random::new(seed)) {
        let outcome = |cluster: &Cluster| answer(cluster, &flow).map(|answer| answer.outcome);
        let (before, after) = (outcome(before), outcome(after));
        let unknown = |outcome: &Result<Outcome, QueryError>| {
            matches!(outcome, Ok(Outcome::Unknown { .. } | Outcome::Partial))
        };
        if !unknown(&before) && !unknown(&after) {
            assert_eq!(before, after, "seed {seed}, {flow:?}");
        }
    }
}

#[test]
fn rules_that_could_go_change_nothing_when_they_do() {
    let mut gone = 0;
    for seed in 0..SEEDS {
        let before = cluster(seed, Shape::TIERED);
        let rules = removable(&findings(&before));
        gone += rules.values().map(Vec::len).sum::<usize>();
        assert_same(seed, &before, &without(&before, &rules));
    }
    assert!(
        gone > 10,
        "{gone} rules in {SEEDS} clusters are too few to tell anything"
    );
}

#[test]
fn policies_without_a_say_change_nothing_when_they_are_opened() {
    let mut opened = 0;
    for seed in 0..SEEDS {
        let before = cluster(seed, Shape::TIERED);
        let mut after = before.clone();
        for finding in findings(&before)
            .iter()
            .filter(|one| one.id() == Some("RF031"))
        {
            let moot = finding.diagnostic.path.as_deref() == Some("spec.podSelector");
            let object = finding.object.as_ref().filter(|_| moot);
            let Some(ObjectKey {
                kind: ObjectKind::NetworkPolicy,
                namespace: Some(namespace),
                name,
            }) = object
            else {
                continue;
            };
            let policy = after
                .network_policies
                .get_mut(&ObjectName::new(namespace, name))
                .unwrap();
            if finding.diagnostic.message.contains("about ingress") {
                policy.isolates_ingress = false;
            } else {
                policy.isolates_egress = false;
            }
            opened += 1;
        }
        // A pod that no policy isolates is judged by the Baseline tier, which has nothing left to decide either.
        assert_same(seed, &before, &after);
    }
    assert!(opened > 0, "no policy in {SEEDS} clusters is overridden");
}

#[test]
fn shadowed_rules_may_do_anything() {
    let mut turned = 0;
    for seed in 0..SEEDS {
        let before = cluster(seed, Shape::TIERED);
        let mut after = before.clone();
        for finding in findings(&before)
            .iter()
            .filter(|one| one.id() == Some("RF034"))
        {
            let (direction, index) = rule_of(finding).unwrap();
            let object = finding.object.as_ref().unwrap();
            let name: ClusterPolicyName =
                format!("{}/{}", object.kind, object.name).parse().unwrap();
            let policy = after.cluster_policies.get_mut(&name).unwrap();
            let rules = match direction {
                Direction::Ingress => &mut policy.ingress,
                Direction::Egress => &mut policy.egress,
            };
            rules[index].action = match rules[index].action {
                ClusterAction::Accept | ClusterAction::Pass => ClusterAction::Deny,
                ClusterAction::Deny => ClusterAction::Accept,
            };
            turned += 1;
        }
        assert_same(seed, &before, &after);
    }
    assert!(
        turned > 5,
        "{turned} rules in {SEEDS} clusters are too few to tell anything"
    );
}
