use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Labels of an object, by key.
pub type Labels = BTreeMap<String, String>;

/// A Kubernetes label selector: all requirements must hold (rule NP-20). Without any it matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LabelSelector {
    /// `matchLabels` as written.
    pub match_labels: Labels,
    /// `matchExpressions` as written.
    pub match_expressions: Vec<Requirement>,
}

/// One item of `matchExpressions`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// How it is compared.
    pub operator: SelectorOperator,
    /// Values for `In` and `NotIn`, empty otherwise.
    pub values: Vec<String>,
}

/// The operators of label selectors (rules NP-21, V-14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SelectorOperator {
    /// Key present and its value listed.
    In,
    /// Key absent, or its value not listed.
    NotIn,
    /// Key present.
    Exists,
    /// Key absent.
    DoesNotExist,
}

impl LabelSelector {
    /// Whether `labels` satisfy every requirement (rules NP-20 to NP-23).
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        self.match_labels
            .iter()
            .all(|(key, value)| labels.get(key) == Some(value))
            && self
                .match_expressions
                .iter()
                .all(|requirement| requirement.matches(labels))
    }

    /// Whether the selector has no requirement and so matches everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.match_labels.is_empty() && self.match_expressions.is_empty()
    }

    /// Every requirement; a pair of `matchLabels` is one of a single value (rule NP-20).
    #[must_use]
    pub fn requirements(&self) -> Vec<Requirement> {
        let pairs = self.match_labels.iter();
        let pairs = pairs.map(|(key, value)| Requirement {
            key: key.clone(),
            operator: SelectorOperator::In,
            values: vec![value.clone()],
        });
        let expressions = self.match_expressions.iter().cloned();
        pairs.chain(expressions).collect()
    }

    /// A key whose requirements no labels can meet (rule NP-23).
    #[must_use]
    pub fn contradiction(&self) -> Option<String> {
        contradiction(self.requirements())
    }

    /// Whether labels are conceivable that both satisfy.
    #[must_use]
    pub fn may_meet(&self, other: &Self) -> bool {
        let mut both = self.requirements();
        both.extend(other.requirements());
        contradiction(both).is_none()
    }
}

impl Requirement {
    /// Whether `labels` satisfy this requirement (rule NP-21).
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        match self.operator {
            SelectorOperator::In => value.is_some_and(|value| self.values.contains(value)),
            SelectorOperator::NotIn => !value.is_some_and(|value| self.values.contains(value)),
            SelectorOperator::Exists => value.is_some(),
            SelectorOperator::DoesNotExist => value.is_none(),
        }
    }
}

/// A key of which `requirements` ask what no labels have.
fn contradiction(requirements: Vec<Requirement>) -> Option<String> {
    let mut by_key: BTreeMap<String, Vec<Requirement>> = BTreeMap::new();
    for requirement in requirements {
        by_key
            .entry(requirement.key.clone())
            .or_default()
            .push(requirement);
    }
    let mut keys = by_key.into_iter();
    keys.find(|(key, requirements)| contradicts(key, requirements))
        .map(|(key, _)| key)
}

/// Whether no value of `key`, nor its absence, meets all of `requirements`, which are about it.
fn contradicts(key: &str, requirements: &[Requirement]) -> bool {
    let listed = requirements
        .iter()
        .flat_map(|requirement| &requirement.values);
    let listed: BTreeSet<String> = listed.cloned().collect();
    // No listed value stands for all the others; a label value is never that long.
    let other = "~".repeat(64);
    let mut values = listed.into_iter().chain([other]).map(Some).chain([None]);
    !values.any(|value| {
        let labels = value.map(|value| (key.to_owned(), value));
        let labels: Labels = labels.into_iter().collect();
        requirements
            .iter()
            .all(|requirement| requirement.matches(&labels))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(
        pairs: &[(&str, &str)],
        expressions: &[(&str, SelectorOperator, &[&str])],
    ) -> LabelSelector {
        let pairs = pairs.iter();
        let expression =
            |(key, operator, values): &(&str, SelectorOperator, &[&str])| Requirement {
                key: (*key).to_owned(),
                operator: *operator,
                values: values.iter().map(|value| (*value).to_owned()).collect(),
            };
        LabelSelector {
            match_labels: pairs
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            match_expressions: expressions.iter().map(expression).collect(),
        }
    }

    #[test]
    fn contradictions_are_found_and_nothing_else() {
        use SelectorOperator::{DoesNotExist, Exists, In, NotIn};
        let contradicts =
            |pairs: &[(&str, &str)], expressions: &[(&str, SelectorOperator, &[&str])]| {
                selector(pairs, expressions).contradiction().is_some()
            };
        assert!(contradicts(&[("a", "x")], &[("a", NotIn, &["x"])]));
        assert!(contradicts(&[("a", "x")], &[("a", DoesNotExist, &[])]));
        assert!(contradicts(&[], &[("a", In, &["x"]), ("a", In, &["y"])]));
        assert!(contradicts(
            &[],
            &[("a", Exists, &[]), ("a", DoesNotExist, &[])]
        ));
        assert!(!contradicts(
            &[("a", "x")],
            &[("a", NotIn, &["y"]), ("a", Exists, &[])]
        ));
        assert!(!contradicts(
            &[],
            &[("a", NotIn, &["x"]), ("a", Exists, &[])]
        ));
        assert!(!contradicts(
            &[],
            &[("a", NotIn, &["x"]), ("a", DoesNotExist, &[])]
        ));
        assert!(!contradicts(&[("a", "")], &[("b", DoesNotExist, &[])]));
    }

    #[test]
    fn selectors_meet_unless_they_ask_the_opposite() {
        use SelectorOperator::{DoesNotExist, In, NotIn};
        let web = selector(&[("app", "web")], &[]);
        assert!(web.may_meet(&web) && web.may_meet(&selector(&[("tier", "x")], &[])));
        assert!(web.may_meet(&selector(&[], &[("app", In, &["db", "web"])])));
        assert!(!web.may_meet(&selector(&[("app", "db")], &[])));
        assert!(!web.may_meet(&selector(&[], &[("app", NotIn, &["web"])])));
        assert!(!selector(&[], &[("app", DoesNotExist, &[])]).may_meet(&web));
    }
}
