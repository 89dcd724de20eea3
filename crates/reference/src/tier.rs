//! Rules CN-10 and CN-20 to CN-27: the tiers before and after NetworkPolicy.

use ringfence_model::{
    Because, ClusterAction, ClusterPolicy, ClusterPolicyKind, ClusterRule, ClusterRuleRef,
    ClusterTier, Direction, DirectionVerdict, Match,
};

use crate::cluster_rule::{has_unrecognized_peer, is_in_scope, rule_matches};
use crate::course::Course;
use crate::direction::{Attempt, conclude};

/// Q-10 steps 2 and 4: what a tier makes of an attempt that goes on as `rest` after it.
///
/// Told from its end: without a matching rule it is `rest` (CN-10, CN-27); each rule before then is asked whether
/// it comes in between (CN-21).
pub(crate) fn tier(attempt: &Attempt<'_>, tier: ClusterTier, rest: &Course) -> Course {
    let rules = rules_of_tier(attempt, tier);
    let from_last = rules.into_iter().rev();
    from_last.fold(rest.clone(), |otherwise, (policy, index, rule)| {
        let reference = reference(policy, attempt.direction, index, rule);
        match rule_matches(rule, attempt) {
            Match::No => otherwise,
            Match::Yes => taken(attempt, rule, &reference, rest),
            Match::Unknown => {
                let taken = taken(attempt, rule, &reference, rest);
                otherwise.unless(reference, &taken)
            }
        }
    })
}

/// CN-23, CN-24: Accept and Deny are final in this direction. CN-25: Pass leaves the tier.
/// CN-38: a peer of unknown kind makes Pass deny.
fn taken(
    attempt: &Attempt<'_>,
    rule: &ClusterRule,
    reference: &ClusterRuleRef,
    rest: &Course,
) -> Course {
    let decided = |verdict: DirectionVerdict| {
        let because = Because::ClusterRule(reference.clone());
        Course::certain(conclude(attempt, verdict, because))
    };
    match rule.action {
        ClusterAction::Accept => decided(DirectionVerdict::Allow),
        ClusterAction::Deny => decided(DirectionVerdict::Deny),
        ClusterAction::Pass if has_unrecognized_peer(rule) => decided(DirectionVerdict::Deny),
        ClusterAction::Pass => rest.clone().after_passing(reference.clone()),
    }
}

/// CN-21: the rules in this direction of the tier's objects that select the pod, in the order they are asked.
fn rules_of_tier<'a>(
    attempt: &Attempt<'a>,
    tier: ClusterTier,
) -> Vec<(&'a ClusterPolicy, usize, &'a ClusterRule)> {
    let policies = attempt.cluster.cluster_policies.values();
    let mut selecting: Vec<&ClusterPolicy> = policies
        .filter(|policy| policy.tier == tier)
        .filter(|policy| is_in_scope(&policy.subject, attempt.cluster, attempt.subject))
        .collect();
    selecting.sort_by_key(|policy| precedence(policy));
    let rules = selecting.into_iter().flat_map(|policy| {
        let rules = rules_in(policy, attempt.direction).iter().enumerate();
        rules.map(move |(index, rule)| (policy, index, rule))
    });
    rules.collect()
}

/// CN-21: ascending priority. AM-20: then ClusterNetworkPolicy before AdminNetworkPolicy; without priority, last.
/// CN-22, AM-13: then the name, by its bytes.
fn precedence(policy: &ClusterPolicy) -> (bool, Option<u16>, ClusterPolicyKind, &str) {
    (
        policy.priority.is_none(),
        policy.priority,
        policy.name.kind,
        &policy.name.name,
    )
}

/// CN-21: the two lists have nothing to do with each other.
fn rules_in(policy: &ClusterPolicy, direction: Direction) -> &[ClusterRule] {
    match direction {
        Direction::Ingress => &policy.ingress,
        Direction::Egress => &policy.egress,
    }
}

fn reference(
    policy: &ClusterPolicy,
    direction: Direction,
    index: usize,
    rule: &ClusterRule,
) -> ClusterRuleRef {
    ClusterRuleRef {
        policy: policy.name.clone(),
        tier: policy.tier,
        direction,
        index,
        name: rule.name.clone(),
        action: rule.action,
        source: rule.source.clone(),
    }
}
