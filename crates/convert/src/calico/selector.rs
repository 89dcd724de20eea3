//! Calico's selector language: its syntax, and its meaning as alternatives of requirements.

mod alternatives;
mod lexer;
mod parser;
#[cfg(test)]
mod tests;

use ringfence_model::{Requirement, SelectorOperator};

pub(super) use alternatives::alternatives;
pub(super) use parser::parse;

/// The label that every endpoint of a namespace has, with its name.
pub(super) const NAMESPACE: &str = "projectcalico.org/namespace";

/// What stands before the labels of namespaces and of service accounts where they are labels of endpoints.
pub(super) const OF_NAMESPACE: &str = "pcns.";
pub(super) const OF_ACCOUNT: &str = "pcsa.";

/// A selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Selector {
    /// `all()`.
    All,
    /// `global()`: whatever is in no namespace.
    Global,
    /// A comparison of one label.
    Label(Requirement),
    Not(Box<Self>),
    And(Vec<Self>),
    Or(Vec<Self>),
}

/// Why a selector cannot be converted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SelectorError {
    pub(super) why: String,
    pub(super) instead: String,
}

impl SelectorError {
    fn new(why: impl Into<String>, instead: &str) -> Self {
        Self {
            why: why.into(),
            instead: instead.to_owned(),
        }
    }
}

impl Selector {
    /// As the selector of namespaces, in terms of the labels of the endpoints in them.
    pub(super) fn of_namespaces(self) -> Self {
        let is_in_one = |operator| Self::Label(requirement(NAMESPACE, operator, Vec::new()));
        match self {
            Self::All => is_in_one(SelectorOperator::Exists),
            Self::Global => is_in_one(SelectorOperator::DoesNotExist),
            Self::Label(label) => Self::Label(Requirement {
                key: format!("{OF_NAMESPACE}{}", label.key),
                ..label
            }),
            Self::Not(inner) => Self::Not(Box::new(inner.of_namespaces())),
            Self::And(parts) => Self::And(parts.into_iter().map(Self::of_namespaces).collect()),
            Self::Or(parts) => Self::Or(parts.into_iter().map(Self::of_namespaces).collect()),
        }
    }

    /// Everything in the namespace called `name`.
    pub(super) fn within(name: &str) -> Self {
        let values = vec![name.to_owned()];
        Self::Label(requirement(NAMESPACE, SelectorOperator::In, values))
    }
}

fn requirement(key: &str, operator: SelectorOperator, values: Vec<String>) -> Requirement {
    let key = key.to_owned();
    Requirement {
        key,
        operator,
        values,
    }
}
