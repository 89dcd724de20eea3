use std::collections::BTreeSet;

use serde::Serialize;

use super::{ElementListing, Found, Placed, PlacedRule, RuleListing, Trace, purpose};
use crate::Origin;

/// What stands behind an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Behind<'a> {
    /// The object.
    pub object: Found<'a>,
    /// What it is for.
    pub purpose: String,
    /// The policy rules, sorted; none where the object is the same whatever policies there are.
    pub causes: Vec<&'a Origin>,
    /// The host firewalls, or rules of them, sorted: `HostFirewall workers ingress[0]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub firewalls: Vec<&'a str>,
}

impl<'a> Trace<'a> {
    /// What stands behind `object`.
    #[must_use]
    pub fn behind(&self, object: Found<'a>) -> Behind<'a> {
        let mut causes = BTreeSet::new();
        let purpose = match object {
            Found::Set { set } => {
                self.set_causes(set, &mut causes);
                purpose::of_set(set).to_owned()
            }
            Found::Element(placed) => {
                causes.extend(self.element_causes(placed));
                purpose::of_set(placed.set).to_owned()
            }
            Found::Chain { chain } => {
                self.chain_causes(chain, &mut causes);
                self.chain_purpose(chain)
            }
            Found::Rule(rule) => {
                self.rule_causes(rule, &mut causes);
                self.rule_purpose(rule)
            }
        };
        Behind {
            object,
            purpose,
            causes: causes.into_iter().collect(),
            firewalls: self.firewalls(object).into_iter().collect(),
        }
    }

    /// Those of its elements, or of the sets that it looks up.
    fn firewalls(&self, object: Found<'a>) -> BTreeSet<&'a str> {
        let of_set = |set: &str| self.listing.sets.get(set).map(|set| &set.elements);
        let of_rule = |rule: &'a RuleListing| rule.sets.iter().filter_map(|set| of_set(set));
        let elements: Vec<&'a ElementListing> = match object {
            Found::Element(placed) => vec![placed.element],
            Found::Set { set } => of_set(set).into_iter().flatten().collect(),
            Found::Rule(placed) => of_rule(placed.rule).flatten().collect(),
            Found::Chain { chain } => {
                let rules = self.listing.rules_of(chain);
                rules.flat_map(|it| of_rule(it.rule)).flatten().collect()
            }
        };
        let elements = elements.into_iter();
        elements
            .flat_map(|it| it.firewalls.iter().map(String::as_str))
            .collect()
    }

    /// Its own causes; of an element that gives a class those of the entries about the class.
    fn element_causes(&self, placed: Placed<'a>) -> BTreeSet<&'a Origin> {
        let own = placed.element.causes.iter();
        let given = placed.element.class.filter(|_| own.len() == 0);
        let judging = given.and_then(|class| self.judging.get(&class));
        let judging = judging.into_iter().flatten();
        own.chain(judging.flat_map(|it| &it.element.causes))
            .collect()
    }

    fn set_causes(&self, set: &str, causes: &mut BTreeSet<&'a Origin>) {
        let Some((set, listed)) = self.listing.sets.get_key_value(set) else {
            return;
        };
        for element in &listed.elements {
            causes.extend(self.element_causes(Placed { set, element }));
        }
    }

    fn chain_causes(&self, chain: &str, causes: &mut BTreeSet<&'a Origin>) {
        self.leading_causes(chain, causes);
        for rule in self.listing.rules_of(chain) {
            for set in &rule.rule.sets {
                self.set_causes(set, causes);
            }
        }
    }

    /// Those of the sets that it looks up; of the end of a chain those that lead into the chain.
    fn rule_causes(&self, rule: PlacedRule<'a>, causes: &mut BTreeSet<&'a Origin>) {
        for set in &rule.rule.sets {
            self.set_causes(set, causes);
        }
        if self.is_end(rule) {
            self.leading_causes(rule.chain, causes);
        }
    }

    /// Those of the elements whose verdict leads into the chain, or into one that ends with it.
    fn leading_causes(&self, chain: &str, causes: &mut BTreeSet<&'a Origin>) {
        let rules = self.listing.rules().filter(|rule| self.is_end(*rule));
        let callers = rules.filter(|rule| rule.rule.chains.iter().any(|to| to == chain));
        let callers = callers.map(|rule| rule.chain);
        for chain in callers.chain([chain]) {
            let leading = self.leading.get(chain).into_iter().flatten();
            causes.extend(leading.flat_map(|placed| &placed.element.causes));
        }
    }

    fn is_end(&self, rule: PlacedRule<'_>) -> bool {
        let chain = self.listing.chains.get(rule.chain);
        let last = chain.and_then(|chain| chain.rules.len().checked_sub(1));
        rule.rule.sets.is_empty() && last == Some(rule.position)
    }

    fn chain_purpose(&self, chain: &str) -> String {
        let base = self.listing.chains.get(chain);
        if let Some(base) = base.and_then(|chain| chain.base.as_ref()) {
            return format!("{base} the same whatever policies there are");
        }
        let calls = self.calls(chain);
        if calls.is_empty() {
            return "called by no rule or element".to_owned();
        }
        format!("called by {}", calls.join(", "))
    }

    fn calls(&self, chain: &str) -> Vec<String> {
        let elements = self.leading.get(chain).into_iter().flatten();
        let sets: BTreeSet<&str> = elements.map(|placed| placed.set).collect();
        let rules = self.listing.rules();
        let rules = rules.filter(|rule| rule.rule.chains.iter().any(|to| to == chain));
        let rules: BTreeSet<&str> = rules.map(|rule| rule.chain).collect();
        let sets = sets.into_iter().map(|set| format!("elements of {set}"));
        sets.chain(rules.into_iter().map(|chain| format!("chain {chain}")))
            .collect()
    }

    fn rule_purpose(&self, rule: PlacedRule<'a>) -> String {
        let sets: Vec<String> = rule
            .rule
            .sets
            .iter()
            .map(|set| format!("{set}: {}", purpose::of_set(set)))
            .collect();
        if !sets.is_empty() {
            return sets.join("; ");
        }
        let mut causes = BTreeSet::new();
        self.rule_causes(rule, &mut causes);
        if !causes.is_empty() {
            return "what becomes of what no element has decided".to_owned();
        }
        "the same whatever policies there are".to_owned()
    }
}
