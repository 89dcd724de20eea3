use std::collections::BTreeMap;

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
