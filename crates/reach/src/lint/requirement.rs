//! Label selectors, one requirement at a time.

use std::collections::BTreeSet;

use ringfence_model::{
    Cluster, LabelSelector, Labels, METADATA_NAME_LABEL, Requirement, SelectorOperator,
};

use super::words;

/// Those that only an object with the label can meet.
pub(super) fn positive(selector: &LabelSelector) -> Vec<Requirement> {
    let mut all = selector.requirements();
    all.retain(|requirement| match requirement.operator {
        SelectorOperator::In | SelectorOperator::Exists => true,
        SelectorOperator::NotIn | SelectorOperator::DoesNotExist => false,
    });
    all
}

/// Whether `selector` of namespaces selects all: each has the label with its own name (rule NP-18).
pub(super) fn is_every_namespace(selector: &LabelSelector) -> bool {
    let mut requirements = selector.requirements().into_iter();
    requirements.all(|requirement| {
        requirement.key == METADATA_NAME_LABEL && requirement.operator == SelectorOperator::Exists
    })
}

/// A key of which `selector` asks what no namespace has: each has the label with its own name (rules NP-18, NP-23).
pub(super) fn namespace_contradiction(selector: &LabelSelector) -> Option<String> {
    let mut selector = selector.clone();
    selector.match_expressions.push(Requirement {
        key: METADATA_NAME_LABEL.to_owned(),
        operator: SelectorOperator::Exists,
        values: Vec::new(),
    });
    selector.contradiction()
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

    fn selector(pairs: &[(&str, &str)]) -> LabelSelector {
        LabelSelector {
            match_labels: labels(pairs),
            match_expressions: Vec::new(),
        }
    }

    #[test]
    fn the_reason_names_what_is_nearest() {
        let all = [
            labels(&[("app", "web"), ("tier", "x")]),
            labels(&[("app", "db")]),
        ];
        let why = |pairs: &[(&str, &str)]| why_none(&selector(pairs), "pod", all.iter());
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
