//! Label selectors as objects hold them.

use ringfence_apiserver::object::{at, items, text};
use serde_json::Value;

/// Whether `object` has the labels that a `matchLabels`, `matchExpressions` selector asks for. One that is absent or empty
/// selects nothing: workloads must say what is theirs.
pub(crate) fn matches(selector: Option<&Value>, object: &Value) -> bool {
    let Some(selector) = selector else {
        return false;
    };
    let labels = at(selector, &["matchLabels"]);
    let expressions = items(selector, &["matchExpressions"]);
    let wanted = labels
        .and_then(Value::as_object)
        .map_or(0, serde_json::Map::len);
    wanted + expressions.len() > 0
        && has_labels(labels, object)
        && expressions
            .iter()
            .all(|one| holds(one, label(object, text(one, &["key"]))))
}

/// Whether `object` has all of these labels.
pub(crate) fn has_labels(wanted: Option<&Value>, object: &Value) -> bool {
    let wanted = wanted.and_then(Value::as_object).into_iter().flatten();
    let mut wanted = wanted.map(|(key, value)| (key, value.as_str().unwrap_or_default()));
    wanted.all(|(key, value)| label(object, key) == Some(value))
}

/// Whether a requirement of `key`, `operator` and `values` holds for a value. An operator that is not known never does.
pub(crate) fn holds(requirement: &Value, value: Option<&str>) -> bool {
    let listed = || {
        let values = items(requirement, &["values"]);
        value.is_some_and(|value| values.iter().any(|one| one == value))
    };
    match text(requirement, &["operator"]) {
        "In" => listed(),
        "NotIn" => !listed(),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        _ => false,
    }
}

pub(crate) fn label<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    at(object, &["metadata", "labels", key]).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_requirements_must_hold_and_none_selects_nothing() {
        let object = json!({"metadata": {"labels": {"app": "web", "tier": "front"}}});
        let expression = |operator, values: &[&str]| json!({"matchExpressions": [{"key": "app", "operator": operator, "values": values}]});
        for (selector, expected) in [
            (json!({}), false),
            (json!({"matchLabels": {}}), false),
            (json!({"matchLabels": {"app": "web"}}), true),
            (
                json!({"matchLabels": {"app": "web", "tier": "back"}}),
                false,
            ),
            (json!({"matchLabels": {"zone": "a"}}), false),
            (expression("In", &["db", "web"]), true),
            (expression("NotIn", &["db", "web"]), false),
            (expression("NotIn", &["db"]), true),
            (expression("Exists", &[]), true),
            (expression("DoesNotExist", &[]), false),
            (expression("Near", &["web"]), false),
        ] {
            assert_eq!(matches(Some(&selector), &object), expected, "{selector}");
        }
        assert!(!matches(None, &object));
    }
}
