//! RF034: a rule of a cluster-scoped policy that never decides, since earlier ones of its tiers do (rule CN-21), proven by the engine.

use ringfence_model::{
    Because, Cluster, ClusterAction, ClusterPeer, ClusterPolicy, ClusterRuleRef, Direction,
    DirectionDecision,
};
use ringfence_policy::{Change, Engine};

use crate::lint::cluster_site::{ClusterSite, as_peer, cluster_rules};
use crate::lint::context::Context;
use crate::lint::problem::Problem;
use crate::lint::proof::Trial;
use crate::lint::quotient::Quotient;
use crate::lint::sample::{cluster_samples, decision};

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    if context.cluster.cluster_policies.is_empty() {
        return Vec::new();
    }
    let cluster = context.cluster.clone();
    let engine = Engine::new(without_policies(cluster));
    let trial = Trial::of_namespace(
        &Quotient::of(without_policies(context.thinned().clone())),
        "",
    );
    let rules = context.cluster_policies().flat_map(cluster_rules);
    rules
        .filter(|site| !site.rule.peers.contains(&ClusterPeer::Unrecognized))
        .filter_map(|site| problem(context, &engine, &trial, site))
        .collect()
}

/// NetworkPolicies hide the Baseline tier from the pods that they isolate, and may go tomorrow.
fn without_policies(mut cluster: Cluster) -> Cluster {
    cluster.network_policies.clear();
    cluster
}

fn problem(
    context: &Context<'_>,
    engine: &Engine,
    trial: &Trial,
    site: ClusterSite<'_>,
) -> Option<Problem> {
    let samples = cluster_samples(context, site).into_iter();
    let decisions = samples.filter_map(|query| decision(engine, &query, site.direction));
    let decisions: Vec<DirectionDecision> = decisions.collect();
    let before = decisions.iter().find_map(decided_by)?;
    let met = decisions.iter().any(|decision| is_met(site, decision));
    if met || is_ever_met(trial, site) {
        return None;
    }
    let message =
        format!("this rule never decides: for all that it matches {before} does before it");
    let help = "put it before that rule, give its policy a lower `priority` number, or remove it";
    Some(site.place().problem(message).with_help(help))
}

/// The rule that decides, or sends on past the rest of its tier.
fn decided_by(decision: &DirectionDecision) -> Option<&ClusterRuleRef> {
    let passed = decision.passed.first();
    passed.or(match &decision.because {
        Because::ClusterRule(rule) => Some(rule),
        Because::NoSubject
        | Because::Host(_)
        | Because::Loopback
        | Because::OwnAddress
        | Because::LocalNode { .. }
        | Because::OwnService { .. }
        | Because::Rules { .. }
        | Because::NoRuleMatched { .. }
        | Because::AddressUnknown { .. }
        | Because::NotIsolated => None,
    })
}

fn is_met(site: ClusterSite<'_>, decision: &DirectionDecision) -> bool {
    let decides = decided_by(decision).is_some_and(|rule| site.is(rule));
    decides || decision.passed.iter().any(|rule| site.is(rule))
}

/// Whether it makes a difference for anybody if the rule accepts or denies.
fn is_ever_met(trial: &Trial, site: ClusterSite<'_>) -> bool {
    let mut accepting = Trial::new(
        trial
            .after([with_action(site, ClusterAction::Accept)])
            .into_cluster(),
    );
    if site
        .peers()
        .all(|(_, peer)| matches!(peer, ClusterPeer::Networks(_)))
    {
        accepting.retain_addressed();
    }
    let denying = accepting.after([with_action(site, ClusterAction::Deny)]);
    let scope = as_peer(&site.policy.subject);
    let subjects = accepting.pods(|pod| trial.cluster().peer_matches(&scope, "", pod));
    accepting
        .difference(&denying, site.direction, &subjects)
        .is_some()
}

fn with_action(site: ClusterSite<'_>, action: ClusterAction) -> Change {
    let mut policy: ClusterPolicy = site.policy.clone();
    let rules = match site.direction {
        Direction::Ingress => &mut policy.ingress,
        Direction::Egress => &mut policy.egress,
    };
    if let Some(rule) = rules.get_mut(site.index) {
        rule.action = action;
    }
    Change::SetClusterPolicy(policy)
}
