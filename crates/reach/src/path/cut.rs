//! The fewest rules whose removal leaves no way.
//!
//! Every cut has one of the rules that allow the connections of a way, or that passed them over a later deny (rule CN-25).
//! From the ways found so far follow the fewest rules that break all of them; the way that is left without these is found
//! next, until there is none.

use std::collections::BTreeSet;
use std::fmt;

use ringfence_model::{
    Because, Cluster, ClusterAction, ClusterRuleRef, Direction, DirectionDecision, ObjectName,
    RuleRef, Source,
};
use ringfence_policy::{Change, Engine};

use super::hitting::smallest_hitting;
use super::{Step, shortest};
use crate::assertion::{MutatedPolicy, RulePlace};
use crate::workload::{Groups, Unit};

/// A rule to take away, by its place in the policies as they are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RemovedRule {
    /// The policy.
    pub policy: MutatedPolicy,
    /// Where the rule stands in it.
    pub place: RulePlace,
    /// Where the rule was written.
    pub source: Option<Source>,
}

/// Rules without which there is no way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// The rules in order; no fewer would do, unless taking a `Pass` rule away opens a way that was closed. Empty if there
    /// is no way to begin with.
    pub rules: Vec<RemovedRule>,
    /// NetworkPolicies that are left without rules for egress, in order: they isolate for it as before only if their
    /// `policyTypes` name Egress (rule NP-3).
    pub without_egress: Vec<ObjectName>,
}

/// Why there is no cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Uncut {
    /// No rule allows this way: nothing isolates its ends, so policies have to be added, not rules taken away.
    NoRule(Vec<Step>),
    /// Fewer rules than this do not do, and which do was not found among as many ways as were looked at.
    TooMany {
        /// How many rules leave a way, whichever are taken.
        tried: usize,
        /// A way that is then left.
        way: Vec<Step>,
    },
}

/// How many ways are looked for at most.
const MOST_WAYS: usize = 1_000;

/// The fewest rules whose removal leaves no way from any of `sources` to any of `destinations`.
///
/// # Errors
/// [`Uncut`] if removing rules does not help, or at least not that few.
pub fn cut(
    engine: &Engine,
    groups: &impl Fn(&Engine) -> Groups,
    sources: &BTreeSet<Unit>,
    destinations: &BTreeSet<Unit>,
) -> Result<Cut, Uncut> {
    let left = |removed: &BTreeSet<RemovedRule>| {
        let engine = without(engine, removed);
        shortest(&engine, &groups(&engine), sources, destinations)
    };
    let mut removed = BTreeSet::new();
    let mut ways = Vec::new();
    while let Some(way) = left(&removed) {
        let rules = rules_of(&way, &removed);
        if rules.is_empty() {
            return Err(Uncut::NoRule(way));
        }
        ways.push(rules);
        let fewest = (ways.len() <= MOST_WAYS).then(|| smallest_hitting(&ways));
        removed = fewest.flatten().ok_or(Uncut::TooMany {
            tried: removed.len().saturating_sub(1),
            way,
        })?;
    }
    Ok(Cut {
        without_egress: without_egress(engine.cluster(), &removed),
        rules: removed.into_iter().collect(),
    })
}

/// The NetworkPolicies that isolate for egress and of whose egress rules `removed` leaves none.
fn without_egress(cluster: &Cluster, removed: &BTreeSet<RemovedRule>) -> Vec<ObjectName> {
    let policies = cluster.network_policies.values();
    let emptied = policies.filter(|policy| {
        let of_egress = removed.iter().filter(|rule| {
            rule.place.direction == Direction::Egress
                && matches!(&rule.policy, MutatedPolicy::Network(name) if *name == policy.name)
        });
        let all = policy.egress.len();
        policy.isolates_egress && all > 0 && of_egress.count() == all
    });
    emptied.map(|policy| policy.name.clone()).collect()
}

/// The engine of the cluster without `removed`.
fn without(engine: &Engine, removed: &BTreeSet<RemovedRule>) -> Engine {
    let mut changed = engine.clone();
    for change in changes(engine.cluster(), removed) {
        changed.apply(change);
    }
    changed
}

fn changes(cluster: &Cluster, removed: &BTreeSet<RemovedRule>) -> Vec<Change> {
    let policies: BTreeSet<&MutatedPolicy> = removed.iter().map(|rule| &rule.policy).collect();
    let changed = policies.into_iter().filter_map(|name| {
        let kept = |direction, index| {
            let place = RulePlace { direction, index };
            !removed
                .iter()
                .any(|rule| rule.policy == *name && rule.place == place)
        };
        match name {
            MutatedPolicy::Network(name) => {
                let mut policy = cluster.network_policies.get(name)?.clone();
                retain(&mut policy.ingress, |index| kept(Direction::Ingress, index));
                retain(&mut policy.egress, |index| kept(Direction::Egress, index));
                Some(Change::SetNetworkPolicy(policy))
            }
            MutatedPolicy::Cluster(name) => {
                let mut policy = cluster.cluster_policies.get(name)?.clone();
                retain(&mut policy.ingress, |index| kept(Direction::Ingress, index));
                retain(&mut policy.egress, |index| kept(Direction::Egress, index));
                Some(Change::SetClusterPolicy(policy))
            }
        }
    });
    changed.collect()
}

fn retain<T>(items: &mut Vec<T>, kept: impl Fn(usize) -> bool) {
    let mut index = 0;
    items.retain(|_| {
        index += 1;
        kept(index - 1)
    });
}

/// The rules that allow or pass the connections of `way`, by their places before `removed` were taken away.
fn rules_of(way: &[Step], removed: &BTreeSet<RemovedRule>) -> BTreeSet<RemovedRule> {
    let connections = way
        .iter()
        .flat_map(|step| &step.evidence.answer.connections);
    let decisions = connections.flat_map(|connection| [&connection.egress, &connection.ingress]);
    let rules = decisions.flat_map(allowing);
    rules.map(|rule| restored(rule, removed)).collect()
}

/// The rules that allow or pass what `decision` is about, or may where it is not known.
fn allowing(decision: &DirectionDecision) -> Vec<RemovedRule> {
    let mut rules: Vec<_> = decision.passed.iter().map(of_cluster_policy).collect();
    match &decision.because {
        Because::Rules { allowed_by } => rules.extend(allowed_by.iter().map(of_network_policy)),
        Because::ClusterRule(rule) => rules.push(of_cluster_policy(rule)),
        Because::AddressUnknown {
            cluster_rules,
            rules: unknown,
            ..
        } => {
            let cluster_rules = cluster_rules.iter();
            let others = cluster_rules.filter(|rule| rule.action != ClusterAction::Deny);
            rules.extend(others.map(of_cluster_policy));
            rules.extend(unknown.iter().map(of_network_policy));
        }
        Because::NoSubject
        | Because::Host(_)
        | Because::Loopback
        | Because::OwnAddress
        | Because::LocalNode { .. }
        | Because::OwnService { .. }
        | Because::NoRuleMatched { .. }
        | Because::NotIsolated => {}
    }
    rules
}

fn of_network_policy(rule: &RuleRef) -> RemovedRule {
    RemovedRule {
        policy: MutatedPolicy::Network(rule.policy.name.clone()),
        place: place(rule.direction, rule.index),
        source: rule.source.clone(),
    }
}

fn of_cluster_policy(rule: &ClusterRuleRef) -> RemovedRule {
    RemovedRule {
        policy: MutatedPolicy::Cluster(rule.policy.clone()),
        place: place(rule.direction, rule.index),
        source: rule.source.clone(),
    }
}

const fn place(direction: Direction, index: usize) -> RulePlace {
    RulePlace { direction, index }
}

/// `rule`, found where `removed` were gone, with the place that it has where they are not.
fn restored(mut rule: RemovedRule, removed: &BTreeSet<RemovedRule>) -> RemovedRule {
    let gone: BTreeSet<usize> = removed
        .iter()
        .filter(|other| {
            other.policy == rule.policy && other.place.direction == rule.place.direction
        })
        .map(|other| other.place.index)
        .collect();
    let mut places = (0..).filter(|index| !gone.contains(index));
    rule.place.index = places.nth(rule.place.index).unwrap_or_default();
    rule
}

impl fmt::Display for RemovedRule {
    /// `NetworkPolicy shop/db ingress[0]`, without where it was written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.policy, self.place)
    }
}
