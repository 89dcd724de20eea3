//! Which rules a node can afford.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{Cluster, ClusterTier};
use ringfence_net::Family;

use super::clause::clauses;
use super::cost::{Cost, costs, subjects};
use super::entry::elements;
use super::grant::grants;
use super::{Group, RuleKey, groups};
use crate::class::{Classes, Terms};
use crate::peer::Peers;
use crate::{Bound, Limits, RefusedRule};

/// The isolated pods of this node with the rules that fit, and the others by name.
pub(crate) struct Admitted<'a> {
    pub(crate) groups: Vec<Group<'a>>,
    pub(crate) terms: Terms<'a>,
    pub(crate) classes: Classes,
    /// Sorted.
    pub(crate) refused: Vec<RefusedRule>,
}

/// Takes in the rules of all policies on this node, but those that one rule may not cost, and then the costliest
/// until the others fit together. The pods stay isolated (rules NP-2, AM-21).
pub(crate) fn admit<'a>(cluster: &'a Cluster, peers: &Peers<'a>, limits: Limits) -> Admitted<'a> {
    let mut groups = groups(cluster, peers);
    let costs = costs(&groups, peers, limits.elements_per_rule);
    let mut refused = BTreeMap::new();
    let mut rest: Vec<(u64, RuleKey<'a>)> = Vec::new();
    for (key, cost) in &costs {
        if cost.address > limits.elements_per_rule {
            refused.insert(*key, refusal(*key, cost, Bound::Rule, limits));
        } else {
            rest.push((cost.node, *key));
        }
    }
    rest.sort_unstable();
    let mut without = refused.keys().copied().collect();
    let (terms, classes) = match fit(&mut groups, peers, &without, limits) {
        Some(fitting) => fitting,
        None => {
            let kept = most_that_fit(&mut groups, peers, &rest, &without, limits);
            for (_, key) in rest.iter().skip(kept) {
                if let Some(cost) = costs.get(key) {
                    refused.insert(*key, refusal(*key, cost, Bound::Node, limits));
                }
            }
            without = refused.keys().copied().collect();
            without_rules(&mut groups, peers, &without, limits)
        }
    };
    Admitted {
        groups,
        terms,
        classes,
        refused: refused.into_values().collect(),
    }
}

/// What is left when the costly rules are out. If even that did not fit, nobody would be let through.
fn without_rules<'a>(
    groups: &mut [Group<'a>],
    peers: &Peers<'a>,
    refused: &BTreeSet<RuleKey<'a>>,
    limits: Limits,
) -> (Terms<'a>, Classes) {
    let fitting = fit(groups, peers, refused, limits);
    fitting.unwrap_or_else(|| {
        groups.iter_mut().for_each(Group::close);
        Default::default()
    })
}

fn refusal(key: RuleKey<'_>, cost: &Cost<'_>, bound: Bound, limits: Limits) -> RefusedRule {
    let (owner, direction, rule) = key;
    let (elements, limit) = match bound {
        Bound::Rule => (cost.address, limits.elements_per_rule),
        Bound::Node => (cost.node, limits.elements_per_node),
    };
    RefusedRule {
        policy: owner.name(),
        direction,
        rule,
        source: cost.source.clone(),
        closes: cost.closes,
        bound,
        elements,
        limit,
    }
}

/// How many of `rest`, from the cheapest on, fit together: a rule more never makes the others cheaper.
fn most_that_fit<'a>(
    groups: &mut [Group<'a>],
    peers: &Peers<'a>,
    rest: &[(u64, RuleKey<'a>)],
    refused: &BTreeSet<RuleKey<'a>>,
    limits: Limits,
) -> usize {
    let (mut fits, mut exceeds) = (0, rest.len());
    while exceeds.saturating_sub(fits) > 1 {
        let middle = fits.midpoint(exceeds);
        let costly = rest.iter().skip(middle).map(|(_, key)| *key);
        let without = refused.iter().copied().chain(costly).collect();
        if fit(groups, peers, &without, limits).is_some() {
            fits = middle;
        } else {
            exceeds = middle;
        }
    }
    fits
}

/// Gives `groups` their rules but those in `refused`, if these fit together.
fn fit<'a>(
    groups: &mut [Group<'a>],
    peers: &Peers<'a>,
    refused: &BTreeSet<RuleKey<'a>>,
    limits: Limits,
) -> Option<(Terms<'a>, Classes)> {
    let mut terms = Terms::default();
    for group in groups.iter_mut() {
        group.before = clauses(group, ClusterTier::Admin, peers, refused, &mut terms);
        group.rules = grants(group, peers, refused, &mut terms);
        group.after = clauses(group, ClusterTier::Baseline, peers, refused, &mut terms);
    }
    let overlap = Family::ALL.map(|family| terms.overlap(family));
    let overlap = overlap.into_iter().fold(0, u64::saturating_add);
    if overlap > limits.elements_per_node {
        return None;
    }
    let classes = Classes::new(&terms, peers);
    let all = groups
        .iter()
        .map(|group| elements(group, &terms, &classes, &subjects(group, peers)))
        .fold(0, u64::saturating_add);
    (all <= limits.elements_per_node).then_some((terms, classes))
}
