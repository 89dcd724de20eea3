//! Labels that a selector selects.

use std::collections::BTreeMap;

use ringfence_model::{Labels, Requirement, SelectorOperator};

/// The fewest labels that meet all of `requirements`; of values that are listed the first that will do, and `unnamed` where any
/// will. `None` if they contradict each other.
pub(crate) fn fitting(requirements: &[Requirement], unnamed: &str) -> Option<Labels> {
    let mut by_key: BTreeMap<&str, Vec<&Requirement>> = BTreeMap::new();
    for requirement in requirements {
        by_key
            .entry(&requirement.key)
            .or_default()
            .push(requirement);
    }
    let mut labels = Labels::new();
    for (key, requirements) in by_key {
        labels.extend(fitting_label(key, &requirements, unnamed)?);
    }
    Some(labels)
}

/// With at most one label.
fn fitting_label(key: &str, requirements: &[&Requirement], unnamed: &str) -> Option<Labels> {
    let listed = || requirements.iter().flat_map(|one| &one.values);
    let wanted = requirements
        .iter()
        .filter(|one| one.operator == SelectorOperator::In);
    let wanted = wanted.flat_map(|one| &one.values).cloned();
    let numbered = (2..).map(|number: usize| format!("{unnamed}-{number}"));
    let mut unlisted = std::iter::once(unnamed.to_owned()).chain(numbered);
    let unlisted = unlisted.find(|value| !listed().any(|known| known == value));
    let values = wanted.chain(unlisted).map(Some);
    let labels = std::iter::once(None).chain(values).map(|value| {
        let label = value.map(|value| (key.to_owned(), value));
        label.into_iter().collect::<Labels>()
    });
    let mut fitting = labels.filter(|labels| requirements.iter().all(|one| one.matches(labels)));
    fitting.next()
}

#[cfg(test)]
mod tests {
    use SelectorOperator::{DoesNotExist, Exists, In, NotIn};

    use super::*;

    fn of(requirements: &[(&str, SelectorOperator, &[&str])]) -> Option<String> {
        let requirements = requirements.iter();
        let requirements: Vec<Requirement> = requirements
            .map(|(key, operator, values)| Requirement {
                key: (*key).to_owned(),
                operator: *operator,
                values: values.iter().map(|value| (*value).to_owned()).collect(),
            })
            .collect();
        let labels = fitting(&requirements, "any")?;
        let labels = labels.iter().map(|(key, value)| format!("{key}={value}"));
        Some(labels.collect::<Vec<_>>().join(","))
    }

    #[test]
    fn labels_are_the_fewest_that_fit() {
        let found = |text: &str| Some(text.to_owned());
        assert_eq!(of(&[]), found(""));
        assert_eq!(of(&[("a", In, &["x", "y"])]), found("a=x"));
        assert_eq!(
            of(&[("a", Exists, &[]), ("b", NotIn, &["x"])]),
            found("a=any")
        );
        assert_eq!(
            of(&[("a", Exists, &[]), ("a", NotIn, &["any"])]),
            found("a=any-2")
        );
        assert_eq!(
            of(&[("a", In, &["x", "y"]), ("a", NotIn, &["x"])]),
            found("a=y")
        );
        assert_eq!(of(&[("a", In, &["x"]), ("a", DoesNotExist, &[])]), None);
        assert_eq!(of(&[("a", DoesNotExist, &[])]), found(""));
    }
}
