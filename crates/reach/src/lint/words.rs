//! How lints name things.

use std::fmt;

use ringfence_model::{LabelSelector, Pod, Query, Requirement, SelectorOperator};

use super::context::PodGroup;

/// How many of a list are named.
const NAMED: usize = 2;

/// `a`, `a and b`, `a, b and 3 more`.
pub(super) fn list<T: fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    let mut texts: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    texts.dedup();
    let more = texts.len().saturating_sub(NAMED);
    match (texts.as_slice(), more) {
        ([first, second, ..], 1..) => format!("{first}, {second} and {more} more"),
        ([first, second], _) => format!("{first} and {second}"),
        _ => texts.concat(),
    }
}

/// `a`, `a or b`, `a, b or one of 3 more`.
pub(super) fn any_of<T: fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    let texts: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    let more = texts.len().saturating_sub(NAMED);
    match (texts.as_slice(), more) {
        ([first, second, ..], 1..) => format!("{first}, {second} or one of {more} more"),
        ([first, second], _) => format!("{first} or {second}"),
        _ => texts.concat(),
    }
}

/// The names of the pods of `groups`.
pub(super) fn pods(groups: &[&PodGroup<'_>]) -> String {
    let pods = groups.iter().flat_map(|group| &group.pods);
    let mut names: Vec<&Pod> = pods.copied().collect();
    names.sort_by(|a, b| a.name.cmp(&b.name));
    list(names.iter().map(|pod| &pod.name))
}

/// `tcp/80 from shop/web to shop/db`
pub(super) fn connection(query: &Query) -> String {
    let protocol = query.protocol.as_policy();
    let what = match (protocol, query.port) {
        (Some(protocol), Some(port)) => format!("{}/{port}", protocol.name().to_lowercase()),
        (Some(_) | None, _) => "icmp".to_owned(),
    };
    format!("{what} from {} to {}", query.source, query.destination)
}

/// A selector as `kubectl --selector` takes it: `app=web,tier in (a,b),!old`; `{}` if it selects everything.
pub(super) fn selector(selector: &LabelSelector) -> String {
    let labels = selector.match_labels.iter();
    let labels = labels.map(|(key, value)| format!("{key}={value}"));
    let expressions = selector.match_expressions.iter().map(requirement);
    let parts: Vec<String> = labels.chain(expressions).collect();
    if parts.is_empty() {
        return "{}".to_owned();
    }
    parts.join(",")
}

fn requirement(requirement: &Requirement) -> String {
    let Requirement {
        key,
        operator,
        values,
    } = requirement;
    let values = values.join(",");
    match operator {
        SelectorOperator::In => format!("{key} in ({values})"),
        SelectorOperator::NotIn => format!("{key} notin ({values})"),
        SelectorOperator::Exists => key.clone(),
        SelectorOperator::DoesNotExist => format!("!{key}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_end_in_a_number() {
        assert_eq!(list(["a"]), "a");
        assert_eq!(list(["a", "b"]), "a and b");
        assert_eq!(list(["a", "b", "c", "d"]), "a, b and 2 more");
    }
}
