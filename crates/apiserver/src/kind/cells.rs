//! What several kinds show in the same way.

use serde_json::Value;

use super::Column;
use crate::object;
use crate::time::{Timestamp, age};

/// `Age`, the last narrow column of nearly every kind.
pub(crate) fn age_column() -> Column {
    Column::new("Age", |object, now| {
        since(
            object::text(object, &["metadata", "creationTimestamp"]),
            now,
        )
    })
}

/// How long ago a time was.
pub(super) fn since(time: &str, now: Timestamp) -> Value {
    Timestamp::parse(time).map_or_else(
        || "<unknown>".into(),
        |time| age(now.seconds_since(time)).into(),
    )
}

/// The number at `path`, 0 if there is none.
pub(crate) fn count(object: &Value, path: &[&str]) -> Value {
    object::number(object, path).unwrap_or_default().into()
}

/// `Containers`, `Images` and `Selector` of a workload, with `-o wide`.
pub(crate) fn containers() -> [Column; 3] {
    [
        Column::new("Containers", |object, _| container_field(object, "name")).wide(),
        Column::new("Images", |object, _| container_field(object, "image")).wide(),
        Column::new("Selector", |object, _| {
            selector_text(object::at(object, &["spec", "selector"])).into()
        })
        .wide(),
    ]
}

fn container_field(object: &Value, field: &str) -> Value {
    let path = ["spec", "template", "spec", "containers"];
    let containers = object::items(object, &path).iter();
    let names: Vec<&str> = containers
        .map(|item| object::text(item, &[field]))
        .collect();
    names.join(",").into()
}

/// A label selector in one line; `<none>` for one that selects all.
pub(crate) fn selector_text(selector: Option<&Value>) -> String {
    let Some(selector) = selector else {
        return "<none>".to_owned();
    };
    let labels = selector.get("matchLabels").and_then(Value::as_object);
    let mut parts: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    parts.sort();
    parts.extend(
        object::items(selector, &["matchExpressions"])
            .iter()
            .map(expression),
    );
    if parts.is_empty() {
        "<none>".to_owned()
    } else {
        parts.join(",")
    }
}

fn expression(requirement: &Value) -> String {
    let key = object::text(requirement, &["key"]);
    let values = object::items(requirement, &["values"]).iter();
    let values: Vec<&str> = values.filter_map(Value::as_str).collect();
    let values = values.join(",");
    match object::text(requirement, &["operator"]) {
        "In" => format!("{key} in ({values})"),
        "NotIn" => format!("{key} notin ({values})"),
        "DoesNotExist" => format!("!{key}"),
        _ => key.to_owned(),
    }
}

/// Whether a condition of the status says `True`.
pub(crate) fn conditions(object: &Value, condition: &str) -> bool {
    object::items(object, &["status", "conditions"])
        .iter()
        .any(|item| {
            object::text(item, &["type"]) == condition && object::text(item, &["status"]) == "True"
        })
}
