//! Label selectors, one requirement at a time.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{Cluster, LabelSelector, Labels, Requirement, SelectorOperator};

use super::words;

/// Every requirement of `selector`; a pair of `matchLabels` is one of a single value (rule NP-20).
pub(super) fn requirements(selector: &LabelSelector) -> Vec<Requirement> {
    let pairs = selector.match_labels.iter();
    let pairs = pairs.map(|(key, value)| Requirement {
        key: key.clone(),
        operator: SelectorOperator::In,
        values: vec![value.clone()],
    });
    let expressions = selector.match_expressions.iter().cloned();
    pairs.chain(expressions).collect()
}

/// Those that only an object with the label can meet.
pub(super) fn positive(selector: &LabelSelector) -> Vec<Requirement> {
    let mut all = requirements(selector);
    all.retain(|requirement| match requirement.operator {
        SelectorOperator::In | SelectorOperator::Exists => true,
        SelectorOperator::NotIn | SelectorOperator::DoesNotExist => false,
    });
    all
}

/// A key whose requirements no labels can meet (rule NP-23).
pub(super) fn contradiction(selector: &LabelSelector) -> Option<String> {
    let mut by_key: BTreeMap<String, Vec<Requirement>> = BTreeMap::new();
    for requirement in requirements(selector) {
        by_key
            .entry(requirement.key.clone())
            .or_default()
            .push(requirement);
    }
    let contradicts = |key: &String, requirements: &[Requirement]| {
        let listed = requirements
            .iter()
            .flat_map(|requirement| &requirement.values);
        let listed: BTreeSet<String> = listed.cloned().collect();
        // No listed value stands for all the others; a label value is never that long.
        let other = "~".repeat(64);
        let values = listed.into_iter().chain([other]).map(Some).chain([None]);
        !values.into_iter().any(|value| {
            let labels: Labels = value
                .map(|value| (key.clone(), value))
                .into_iter()
                .collect();
            requirements
                .iter()
                .all(|requirement| requirement.matches(&labels))
        })
    };
    let mut keys = by_key.iter();
    keys.find(|(key, requirements)| contradicts(key, requirements))
        .map(|(key, _)| key.clone())
}

/// Whether `selector` needs a label that controllers add, of which manifests do not tell the value (rule OB-10).
pub(super) fn asks_controllers(cluster: &Cluster, selector: &LabelSelector) -> bool {
    let needed = positive(selector);
    needed.iter().any(|one| cluster.is_unknowable(&one.key))
}

/// A key that `selector` needs and none of `all` has.
pub(super) fn missing_key<'a>(
    selector: &LabelSelector,
    all: impl Iterator<Item = &'a Labels> + Clone,
) -> Option<String> {
    let mut keys = positive(selector)
        .into_iter()
        .map(|requirement| requirement.key);
    keys.find(|key| !all.clone().any(|labels| labels.contains_key(key)))
}

/// Why none of `all`, the labels of each `what`, satisfies `selector`.
pub(super) fn why_none<'a>(
    selector: &LabelSelector,
    what: &str,
    all: impl Iterator<Item = &'a Labels> + Clone,
) -> String {
    if let Some(key) = missing_key(selector, all.clone()) {
        return format!("no {what} has the label `{key}`");
    }
    let unmet = |requirement: &Requirement| !all.clone().any(|labels| requirement.matches(labels));
    match positive(selector).into_iter().find(unmet) {
        Some(Requirement { key, .. }) => {
            let values: BTreeSet<&str> = all
                .filter_map(|labels| labels.get(&key))
                .map(String::as_str)
                .collect();
            let values = values.iter().map(|value| format!("`{value}`"));
            format!(
                "`{key}` is {} on every {what} that has it",
                words::any_of(values)
            )
        }
        None => format!("no {what} meets all of `{}`", words::selector(selector)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn selector(
        pairs: &[(&str, &str)],
        expressions: &[(&str, SelectorOperator, &[&str])],
    ) -> LabelSelector {
        let expression =
            |(key, operator, values): &(&str, SelectorOperator, &[&str])| Requirement {
                key: (*key).to_owned(),
                operator: *operator,
                values: values.iter().map(|value| (*value).to_owned()).collect(),
            };
        LabelSelector {
            match_labels: labels(pairs),
            match_expressions: expressions.iter().map(expression).collect(),
        }
    }

    #[test]
    fn contradictions_are_found_and_nothing_else() {
        use SelectorOperator::{DoesNotExist, Exists, In, NotIn};
        let contradicts =
            |pairs: &[(&str, &str)], expressions: &[(&str, SelectorOperator, &[&str])]| {
                contradiction(&selector(pairs, expressions)).is_some()
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
    fn the_reason_names_what_is_nearest() {
        let all = [
            labels(&[("app", "web"), ("tier", "x")]),
            labels(&[("app", "db")]),
        ];
        let why = |pairs: &[(&str, &str)]| why_none(&selector(pairs, &[]), "pod", all.iter());
        assert_eq!(why(&[("role", "x")]), "no pod has the label `role`");
        assert_eq!(
            why(&[("app", "api")]),
            "`app` is `db` or `web` on every pod that has it"
        );
        assert_eq!(
            why(&[("app", "db"), ("tier", "x")]),
            "no pod meets all of `app=db,tier=x`"
        );
    }
}
