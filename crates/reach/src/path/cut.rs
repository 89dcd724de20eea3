//! The fewest rules whose removal leaves no way.
//!
//! Every cut breaks the shortest way, so it removes one of the rules that allow the connections of that way: trying
//! each of these, then each of those of the way that is left, finds every cut. Tried are one rule, then two, and so on.

use std::collections::BTreeSet;
use std::fmt;

use ringfence_model::{Because, Cluster, Direction, DirectionDecision, Source};
use ringfence_policy::{Change, Engine};

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The rules in order; no fewer would do. Empty if there is no way to begin with.
    pub rules: Vec<RemovedRule>,
}

/// Why there is no cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Uncut {
    /// No rule allows this way: nothing isolates its ends, so policies have to be added, not rules taken away.
    NoRule(Vec<Step>),
    /// Taking away as many rules as were tried leaves ways; one is here.
    TooMany {
        /// How many rules were taken away at most.
        tried: usize,
        /// A way that is there now.
        way: Vec<Step>,
    },
}

/// How many rules are taken away at most.
const MOST: usize = 4;

/// How many sets of rules are tried at most.
const ATTEMPTS: usize = 4_000;

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
    let mut search = Search {
        engine,
        groups,
        sources,
        destinations,
        attempts: 0,
        seen: BTreeSet::new(),
    };
    let Some(way) = search.way(&BTreeSet::new()) else {
        return Ok(Cut { rules: Vec::new() });
    };
    if rules_of(&way, &BTreeSet::new()).is_empty() {
        return Err(Uncut::NoRule(way));
    }
    for most in 1..=MOST {
        search.seen.clear();
        if let Some(rules) = search.within(most, &BTreeSet::new(), &way) {
            return Ok(Cut {
                rules: rules.into_iter().collect(),
            });
        }
        if search.attempts >= ATTEMPTS {
            let tried = most.saturating_sub(1);
            return Err(Uncut::TooMany { tried, way });
        }
    }
    Err(Uncut::TooMany { tried: MOST, way })
}

struct Search<'a, G> {
    engine: &'a Engine,
    groups: &'a G,
    sources: &'a BTreeSet<Unit>,
    destinations: &'a BTreeSet<Unit>,
    attempts: usize,
    /// Sets of rules whose removal was tried in this round.
    seen: BTreeSet<BTreeSet<RemovedRule>>,
}

impl<G: Fn(&Engine) -> Groups> Search<'_, G> {
    /// The shortest way that is left without `removed`.
    fn way(&mut self, removed: &BTreeSet<RemovedRule>) -> Option<Vec<Step>> {
        self.attempts += 1;
        let engine = without(self.engine, removed);
        let groups = (self.groups)(&engine);
        shortest(&engine, &groups, self.sources, self.destinations)
    }

    /// A cut that contains `removed`, without which `way` is left, and at most `more` rules beside it.
    fn within(
        &mut self,
        more: usize,
        removed: &BTreeSet<RemovedRule>,
        way: &[Step],
    ) -> Option<BTreeSet<RemovedRule>> {
        for rule in rules_of(way, removed) {
            let mut wider = removed.clone();
            wider.insert(rule);
            if self.attempts >= ATTEMPTS || !self.seen.insert(wider.clone()) {
                continue;
            }
            let Some(left) = self.way(&wider) else {
                return Some(wider);
            };
            if more > 1
                && let Some(found) = self.within(more - 1, &wider, &left)
            {
                return Some(found);
            }
        }
        None
    }
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

/// The rules that allow the connections of `way`, by their places before `removed` were taken away.
fn rules_of(way: &[Step], removed: &BTreeSet<RemovedRule>) -> BTreeSet<RemovedRule> {
    let connections = way
        .iter()
        .flat_map(|step| &step.evidence.answer.connections);
    let decisions = connections.flat_map(|connection| [&connection.egress, &connection.ingress]);
    let rules = decisions.flat_map(allowing);
    rules.map(|rule| restored(rule, removed)).collect()
}

fn allowing(decision: &DirectionDecision) -> Vec<RemovedRule> {
    match &decision.because {
        Because::Rules { allowed_by } => allowed_by
            .iter()
            .map(|rule| RemovedRule {
                policy: MutatedPolicy::Network(rule.policy.name.clone()),
                place: place(rule.direction, rule.index),
                source: rule.source.clone(),
            })
            .collect(),
        Because::ClusterRule(rule) => vec![RemovedRule {
            policy: MutatedPolicy::Cluster(rule.policy.clone()),
            place: place(rule.direction, rule.index),
            source: rule.source.clone(),
        }],
        Because::NoSubject
        | Because::Loopback
        | Because::OwnAddress
        | Because::LocalNode { .. }
        | Because::OwnService { .. }
        | Because::NoRuleMatched { .. }
        | Because::AddressUnknown { .. }
        | Because::NotIsolated => Vec::new(),
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
