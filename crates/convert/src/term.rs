//! Requirements on labels that hold together, and what they exclude.

use std::collections::BTreeMap;

use ringfence_model::{
    LabelSelector, Labels, METADATA_NAME_LABEL, Requirement, SelectorOperator, check_label,
};

use crate::written::Field;

/// Pods by the labels of their namespace and their own; all requirements hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) namespaces: Vec<Requirement>,
    pub(crate) pods: Vec<Requirement>,
}

impl Scope {
    /// Whether some pod may be in both.
    pub(crate) fn may_meet(&self, other: &Self) -> bool {
        let both = |one: &[Requirement], two: &[Requirement]| is_possible(&[one, two].concat());
        both(&self.namespaces, &other.namespaces) && both(&self.pods, &other.pods)
    }

    /// The only namespaces it speaks of, if it names them and asks nothing else of them.
    pub(crate) fn namespace_names(&self) -> Option<&[String]> {
        match self.namespaces.as_slice() {
            [only] if only.key == METADATA_NAME_LABEL && only.operator == SelectorOperator::In => {
                Some(&only.values)
            }
            _ => None,
        }
    }
}

/// That a namespace has this name (rule NP-18).
pub(crate) fn named(namespace: &str) -> Requirement {
    Requirement {
        key: METADATA_NAME_LABEL.to_owned(),
        operator: SelectorOperator::In,
        values: vec![namespace.to_owned()],
    }
}

/// Whether `labels` satisfy every requirement.
pub(crate) fn holds(term: &[Requirement], labels: &Labels) -> bool {
    term.iter().all(|requirement| requirement.matches(labels))
}

/// `scope` without what says nothing; `None` if no pod can be in it. Labels that no object may have are refused at `at`.
pub(crate) fn possible(mut scope: Scope, at: &Field<'_>) -> Option<Scope> {
    let clean = |part: &mut Vec<Requirement>| {
        part.retain(|one| !is_always_so(one));
        part.sort();
        part.dedup();
        part.iter().for_each(|one| check(one, at));
        is_possible(part)
    };
    let possible = clean(&mut scope.namespaces) & clean(&mut scope.pods);
    let impossible = scope.namespaces.iter().any(is_never_so);
    (possible && !impossible).then_some(scope)
}

/// Every namespace has a name.
fn is_always_so(requirement: &Requirement) -> bool {
    requirement.key == METADATA_NAME_LABEL && requirement.operator == SelectorOperator::Exists
}

fn is_never_so(requirement: &Requirement) -> bool {
    requirement.key == METADATA_NAME_LABEL && requirement.operator == SelectorOperator::DoesNotExist
}

/// Refuses labels that no Kubernetes object may have, so that no selector may name them.
fn check(requirement: &Requirement, at: &Field<'_>) {
    let none = [String::new()];
    let values = if requirement.values.is_empty() {
        &none
    } else {
        requirement.values.as_slice()
    };
    for value in values {
        if let Err(error) = check_label(&requirement.key, value) {
            at.refuse(
                &format!("asks for a label that Kubernetes does not have: {error}"),
                "correct the key or the value",
            );
            return;
        }
    }
}

/// Whether labels could satisfy every requirement. Keys do not depend on each other, so each is looked at by itself.
pub(crate) fn is_possible(term: &[Requirement]) -> bool {
    let mut keys: BTreeMap<&str, Vec<&Requirement>> = BTreeMap::new();
    for requirement in term {
        keys.entry(&requirement.key).or_default().push(requirement);
    }
    keys.values().all(|of_key| key_is_possible(of_key))
}

fn key_is_possible(term: &[&Requirement]) -> bool {
    let accepts = |value: Option<&str>| term.iter().all(|requirement| accepts(requirement, value));
    let listed = |operator| term.iter().filter(move |one| one.operator == operator);
    let mut values = listed(SelectorOperator::In).flat_map(|one| &one.values);
    accepts(None)
        || values.any(|value| accepts(Some(value)))
        || listed(SelectorOperator::In).next().is_none() && of_another_value(term)
}

/// Whether a value that nobody lists would do.
fn of_another_value(term: &[&Requirement]) -> bool {
    let absent = |one: &&Requirement| one.operator == SelectorOperator::DoesNotExist;
    !term.iter().any(absent)
}

fn accepts(requirement: &Requirement, value: Option<&str>) -> bool {
    let listed = |value| requirement.values.iter().any(|one| one == value);
    match requirement.operator {
        SelectorOperator::In => value.is_some_and(listed),
        SelectorOperator::NotIn => !value.is_some_and(listed),
        SelectorOperator::Exists => value.is_some(),
        SelectorOperator::DoesNotExist => value.is_none(),
    }
}

/// The requirements as Kubernetes writes them.
pub(crate) fn selector(term: &[Requirement]) -> LabelSelector {
    let mut selector = LabelSelector::default();
    for requirement in term {
        match requirement.values.as_slice() {
            [value]
                if requirement.operator == SelectorOperator::In
                    && !selector.match_labels.contains_key(&requirement.key) =>
            {
                let key = requirement.key.clone();
                selector.match_labels.insert(key, value.clone());
            }
            _ => selector.match_expressions.push(requirement.clone()),
        }
    }
    selector
}

/// The requirements of `selector`.
pub(crate) fn requirements(selector: &LabelSelector) -> Vec<Requirement> {
    let labels = selector
        .match_labels
        .iter()
        .map(|(key, value)| Requirement {
            key: key.clone(),
            operator: SelectorOperator::In,
            values: vec![value.clone()],
        });
    labels
        .chain(selector.match_expressions.iter().cloned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(key: &str, operator: SelectorOperator, values: &[&str]) -> Requirement {
        Requirement {
            key: key.to_owned(),
            operator,
            values: values.iter().map(|&value| value.to_owned()).collect(),
        }
    }

    #[test]
    fn what_no_labels_satisfy_is_impossible() {
        use SelectorOperator::{DoesNotExist, Exists, In, NotIn};
        let impossible = [
            vec![one("a", In, &["x"]), one("a", In, &["y"])],
            vec![one("a", In, &["x"]), one("a", NotIn, &["x", "y"])],
            vec![one("a", In, &["x"]), one("a", DoesNotExist, &[])],
            vec![one("a", Exists, &[]), one("a", DoesNotExist, &[])],
            vec![one("a", In, &[])],
        ];
        for term in impossible {
            assert!(!is_possible(&term), "{term:?}");
        }
        let possible = [
            vec![one("a", In, &["x"]), one("b", In, &["y"])],
            vec![one("a", NotIn, &["x"]), one("a", DoesNotExist, &[])],
            vec![one("a", NotIn, &["x"]), one("a", Exists, &[])],
            vec![one("a", In, &["x", "y"]), one("a", NotIn, &["x"])],
        ];
        for term in possible {
            assert!(is_possible(&term), "{term:?}");
        }
    }
}
