use std::collections::BTreeSet;

use ringfence_model::PolicyName;
use serde::Serialize;

use super::{Placed, PlacedRule, Trace, part_key};
use crate::Origin;

/// What a policy became on a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyTrace<'a> {
    /// The policy.
    pub policy: &'a PolicyName,
    /// Its isolation and its rules, egress first.
    pub parts: Vec<PartTrace<'a>>,
}

/// What one rule, or the isolation, became.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PartTrace<'a> {
    /// Which rule.
    #[serde(flatten)]
    pub part: Origin,
    /// How many packets its elements have judged, where they count: one for a new connection, more if it is not answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packets: Option<u64>,
    /// The elements that stand for it, by set and key.
    pub elements: Vec<Placed<'a>>,
    /// The elements that put addresses into the classes that those elements are about.
    pub classes: Vec<Placed<'a>>,
    /// The rules of chains that look those elements up, and where they lead.
    pub rules: Vec<PlacedRule<'a>>,
}

impl PolicyTrace<'_> {
    /// Whether nothing on this node comes from the policy.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.iter().all(|part| part.elements.is_empty())
    }
}

impl<'a> Trace<'a> {
    /// What `policy` became; `None` if the cluster has none of this name and nothing in the table comes from one.
    #[must_use]
    pub fn policy(&self, policy: &PolicyName) -> Option<PolicyTrace<'a>> {
        let policy = self.policies().into_iter().find(|known| *known == policy)?;
        let parts = self.parts(policy).into_iter();
        Some(PolicyTrace {
            policy,
            parts: parts.map(|part| self.part(part)).collect(),
        })
    }

    /// The parts that the cluster knows, then those that only the table knows.
    fn parts(&self, policy: &PolicyName) -> Vec<Origin> {
        let known = self.listing.policies.get(policy);
        let mut parts: Vec<Origin> = known.cloned().unwrap_or_default();
        let causes = self.by_part.values().filter_map(|placed| placed.first());
        let causes = causes.flat_map(|placed| &placed.element.causes);
        let own: BTreeSet<&Origin> = causes.filter(|cause| cause.policy == *policy).collect();
        for cause in own {
            if !parts.iter().any(|part| part_key(part) == part_key(cause)) {
                parts.push(cause.clone());
            }
        }
        parts
    }

    fn part(&self, part: Origin) -> PartTrace<'a> {
        let key = (&part.policy, part.direction, part.rule);
        let elements = self.by_part.get(&key).cloned().unwrap_or_default();
        PartTrace {
            classes: self.classes(&elements),
            rules: self.rules_about(&elements),
            packets: packets(&elements),
            elements,
            part,
        }
    }

    fn classes(&self, elements: &[Placed<'a>]) -> Vec<Placed<'a>> {
        let numbers: BTreeSet<u32> = elements.iter().filter_map(|it| it.element.class).collect();
        let members = numbers
            .iter()
            .filter_map(|class| self.classified.get(class));
        members.flatten().copied().collect()
    }

    fn rules_about(&self, elements: &[Placed<'a>]) -> Vec<PlacedRule<'a>> {
        let sets: BTreeSet<&str> = elements.iter().map(|placed| placed.set).collect();
        let chains = elements.iter().filter_map(|it| it.element.chain.as_deref());
        let chains: BTreeSet<&str> = chains.collect();
        let readers = sets.into_iter().filter_map(|set| self.readers.get(set));
        let ends = chains.into_iter().flat_map(|chain| self.end_of(chain));
        let mut rules: Vec<PlacedRule<'a>> = readers.flatten().copied().chain(ends).collect();
        rules.sort_unstable();
        rules.dedup();
        rules
    }

    /// The last rule of a chain, and the chains that it leads to: what is so where no element decides.
    fn end_of(&self, chain: &str) -> Vec<PlacedRule<'a>> {
        let Some(end) = self.listing.rules_of(chain).last() else {
            return Vec::new();
        };
        let further = end.rule.chains.iter();
        let further = further.flat_map(|chain| self.listing.rules_of(chain));
        [end].into_iter().chain(further).collect()
    }
}

fn packets(elements: &[Placed<'_>]) -> Option<u64> {
    let counted = elements.iter().filter_map(|placed| placed.element.packets);
    counted.reduce(u64::saturating_add)
}
