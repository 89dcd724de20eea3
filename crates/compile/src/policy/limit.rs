//! Which rules a node can afford (rule AM-21).

use std::collections::{BTreeMap, BTreeSet};

use ringfence_net::Family;

use super::RuleKey;
use super::cost::{Cost, costs};
use super::judged::{Judged, Policies, Touched, World};
use crate::{Bound, Limits, RefusedRule};

/// What is left out because all rules together cost too much.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Excess {
    /// The costliest rules.
    pub(super) rules: BTreeSet<RuleKey>,
    /// Whether even the rest is too much, so that nobody is let through.
    pub(super) closes: bool,
}

impl Policies {
    /// Counts the costs of stale groups anew. The groups of rules that are refused now, or are not any more, become
    /// stale.
    pub(super) fn take_costs(&mut self, world: World<'_>) {
        self.fetch(world.cluster);
        let mut touched: BTreeSet<RuleKey> = BTreeSet::new();
        for id in self.stale.clone() {
            let Some(judged) = self.get(id) else { continue };
            let new = if judged.has_members() {
                let group = super::Group::new(&judged.key, &self.network, &self.of_cluster);
                let limit = world.limits.elements_per_rule;
                costs(&group, &judged.key.ports, world.cluster, limit)
            } else {
                BTreeMap::new()
            };
            if let Some(judged) = self.get_mut(id) {
                touched.extend(new.keys().cloned());
                let old = std::mem::replace(&mut judged.costs, new);
                touched.extend(old.into_keys());
            }
        }
        for key in touched {
            let is_costly = self.cost(&key).address() > world.limits.elements_per_rule;
            let has_changed = if is_costly {
                self.costly.insert(key.clone())
            } else {
                self.costly.remove(&key)
            };
            if has_changed {
                let groups: Vec<_> = self.of_policy(&key.0).map(|(id, _)| id).collect();
                self.stale.extend(groups);
            }
        }
        self.fetch(world.cluster);
    }

    /// The cost of a rule for all its groups.
    fn cost(&self, key: &RuleKey) -> Cost {
        let mut total = Cost::default();
        for (_, judged) in self.of_policy(&key.0) {
            if let Some(cost) = judged.costs.get(key) {
                total.add(cost, judged.count_subjects());
            }
        }
        total
    }

    /// Leaves the costliest rules out until the others fit together. The pods stay isolated (rules NP-2, AM-21).
    pub(super) fn stay_within(&mut self, world: World<'_>, fits: bool) {
        if fits && self.excess == Excess::default() {
            return;
        }
        let excess = self.excess_of(world);
        if fits && excess == self.excess {
            return;
        }
        self.excess = excess;
        self.stale = self.groups().map(|(id, _)| id).collect();
        self.fetch(world.cluster);
        self.take_in(world, BTreeSet::new());
    }

    fn excess_of(&self, world: World<'_>) -> Excess {
        let fit = |rules: &BTreeSet<RuleKey>| self.fit(world, rules);
        if fit(&BTreeSet::new()) {
            return Excess::default();
        }
        let keys: BTreeSet<&RuleKey> = self.groups().flat_map(|(_, it)| it.costs.keys()).collect();
        let keys = keys.into_iter().filter(|key| !self.costly.contains(*key));
        let mut rest: Vec<(u64, RuleKey)> =
            keys.map(|key| (self.cost(key).node, key.clone())).collect();
        rest.sort_unstable();
        let from = |kept: usize| rest.iter().skip(kept).map(|(_, key)| key.clone()).collect();
        // A rule more never makes the others cheaper.
        let (mut kept, mut exceeds) = (0, rest.len());
        while exceeds.saturating_sub(kept) > 1 {
            let middle = kept.midpoint(exceeds);
            if fit(&from(middle)) {
                kept = middle;
            } else {
                exceeds = middle;
            }
        }
        let rules = from(kept);
        Excess {
            closes: !fit(&rules),
            rules,
        }
    }

    /// Whether what is left without these rules, and without the costly ones, fits together.
    fn fit(&self, world: World<'_>, without: &BTreeSet<RuleKey>) -> bool {
        let mut trial = Self::default();
        trial.costly.clone_from(&self.costly);
        trial.excess.rules.clone_from(without);
        trial.take_up(world, Touched::everything(world))
    }

    /// The rules that are left out, sorted.
    pub(super) fn refused(&self, limits: Limits) -> Vec<RefusedRule> {
        let by_rule = self.costly.iter().map(|key| (key, Bound::Rule));
        let by_node = self.excess.rules.iter().map(|key| (key, Bound::Node));
        let all: BTreeMap<&RuleKey, Bound> = by_rule.chain(by_node).collect();
        let refusal = |(key, bound): (&RuleKey, Bound)| {
            let cost = self.cost(key);
            let (elements, limit) = match bound {
                Bound::Rule => (cost.address(), limits.elements_per_rule),
                Bound::Node => (cost.node, limits.elements_per_node),
            };
            let (policy, direction, rule) = key.clone();
            RefusedRule {
                policy,
                direction,
                rule,
                source: cost.source,
                closes: cost.closes,
                bound,
                elements,
                limit,
            }
        };
        all.into_iter().map(refusal).collect()
    }
}

impl Judged {
    /// How many addresses of each family the members have.
    pub(super) fn count_subjects(&self) -> [u64; 2] {
        Family::ALL.map(|family| {
            let subjects = self.subjects.iter();
            subjects.filter(|ip| Family::of(**ip) == family).count() as u64
        })
    }
}
