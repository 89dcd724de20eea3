//! The corpus must notice mistakes about cluster-scoped policies and about endpoints: each of these, made on purpose,
//! fails at least one row of `corpus/cluster-policy`, or of `corpus/endpoints`.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod endpoints;
mod peers;
mod ports;
mod rules;
mod tiers;

use std::path::Path;

use ringfence_model::{Cluster, ClusterAction, ClusterPeer, ClusterPolicy, ClusterRule, Query};
use ringfence_testkit::corpus::row::Row;
use ringfence_testkit::corpus::{cluster_policy_directory, endpoints_directory, scenarios};
use ringfence_testkit::decider::{Decider, ReferenceDecider};

/// A mistake as what it makes of a cluster and of a question.
type Mistake = fn(&mut Cluster, &mut Query);

type Named = (&'static str, Mistake);

/// Those about tiers.
fn all() -> impl Iterator<Item = &'static Named> {
    let lists = [
        tiers::MISTAKES,
        rules::MISTAKES,
        peers::MISTAKES,
        ports::MISTAKES,
    ];
    lists.into_iter().flatten()
}

fn each_policy(cluster: &mut Cluster, change: impl FnMut(&mut ClusterPolicy)) {
    cluster.cluster_policies.values_mut().for_each(change);
}

fn each_rule(cluster: &mut Cluster, mut change: impl FnMut(&mut ClusterRule)) {
    each_policy(cluster, |policy| {
        let rules = policy.ingress.iter_mut().chain(&mut policy.egress);
        rules.for_each(&mut change);
    });
}

/// Leaves the rules that `kept` accepts.
fn retain_rules(cluster: &mut Cluster, kept: fn(&ClusterRule) -> bool) {
    each_policy(cluster, |policy| {
        policy.ingress.retain(kept);
        policy.egress.retain(kept);
    });
}

/// A rule that denies whatever comes (rule CN-38).
fn deny_all() -> ClusterRule {
    ClusterRule {
        name: None,
        action: ClusterAction::Deny,
        peers: vec![ClusterPeer::Unrecognized],
        ports: Vec::new(),
        source: None,
    }
}

/// How many rows of `directory` have another verdict once the mistake is made.
fn noticed(directory: &Path, mistake: Mistake) -> usize {
    let scenarios = scenarios(directory).unwrap();
    let verdicts = scenarios.iter().flat_map(|scenario| {
        let wrong = |row: &&Row| {
            let (mut cluster, mut query) = (scenario.cluster.clone(), row.flow.clone());
            mistake(&mut cluster, &mut query);
            ReferenceDecider.decide(&cluster, &query).verdict != row.verdict
        };
        scenario.rows.iter().filter(wrong)
    });
    verdicts.count()
}

fn missed<'a>(directory: &Path, mistakes: impl Iterator<Item = &'a Named>) -> Vec<&'a str> {
    let missed = mistakes.filter(|(_, mistake)| noticed(directory, *mistake) == 0);
    missed.map(|(name, _)| *name).collect()
}

#[test]
fn every_mistake_about_tiers_is_noticed() {
    let missed = missed(&cluster_policy_directory(), all());
    assert!(missed.is_empty(), "no row notices: {}", missed.join("; "));
}

#[test]
fn every_mistake_about_endpoints_is_noticed() {
    let missed = missed(&endpoints_directory(), endpoints::MISTAKES.iter());
    assert!(missed.is_empty(), "no row notices: {}", missed.join("; "));
}

#[test]
fn without_a_mistake_no_row_fails() {
    assert_eq!(noticed(&cluster_policy_directory(), |_, _| {}), 0);
    assert_eq!(noticed(&endpoints_directory(), |_, _| {}), 0);
}
