//! An object of a cluster as a text that `model` loads, without what changes from second to second or is long.

use ringfence_model::{Input, OF_CLUSTER};
use serde_json::{Map, Value};

use crate::list::Listed;
use crate::yaml;

/// What of `metadata` is kept.
const METADATA: [&str; 6] = [
    "name",
    "namespace",
    "labels",
    "annotations",
    "ownerReferences",
    "deletionTimestamp",
];
/// What of `status` is kept: where pods and nodes are, and how they do.
const STATUS: [&str; 8] = [
    "phase",
    "podIP",
    "podIPs",
    "hostIP",
    "hostIPs",
    "conditions",
    "addresses",
    "loadBalancer",
];
/// The last manifest once more, as `kubectl apply` leaves it.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The objects that were listed, each a text by itself.
pub(crate) fn manifests(listed: Listed) -> Vec<Input> {
    let api_version = listed.kind.api_version(listed.version);
    let kind = listed.kind.object.name();
    let items = listed.items.into_iter();
    items
        .map(|item| manifest(&api_version, kind, item))
        .collect()
}

fn manifest(api_version: &str, kind: &str, item: Value) -> Input {
    let mut item = item;
    let item = item.as_object_mut().map(std::mem::take).unwrap_or_default();
    Input {
        name: format!("{OF_CLUSTER}{kind} {}", name(&item)),
        text: yaml::document(&typed(api_version, kind, item)),
    }
}

/// `NAMESPACE/NAME`, or `NAME` of an object of the whole cluster.
fn name(item: &Map<String, Value>) -> String {
    let metadata = item.get("metadata");
    let text = |key| metadata?.get(key)?.as_str();
    let name = text("name").unwrap_or_default();
    text("namespace").map_or_else(
        || name.to_owned(),
        |namespace| format!("{namespace}/{name}"),
    )
}

/// Items of lists say no kind.
fn typed(api_version: &str, kind: &str, item: Map<String, Value>) -> Value {
    let mut object = Map::new();
    object.insert("apiVersion".to_owned(), api_version.into());
    object.insert("kind".to_owned(), kind.into());
    let content = item
        .into_iter()
        .filter(|(key, _)| key != "apiVersion" && key != "kind");
    for (key, value) in content {
        match key.as_str() {
            "metadata" => object.insert(key, metadata(value)),
            "status" => object.insert(key, status(value)),
            _ => object.insert(key, value),
        };
    }
    if object.get("status").is_some_and(is_empty) {
        object.shift_remove("status");
    }
    Value::Object(object)
}

fn metadata(mut metadata: Value) -> Value {
    keep(&mut metadata, &METADATA);
    if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
        annotations.shift_remove(LAST_APPLIED);
    }
    metadata
}

fn status(mut status: Value) -> Value {
    keep(&mut status, &STATUS);
    if let Some(Value::Array(conditions)) = status.get_mut("conditions") {
        let is_ready = |found: &Value| found.get("type").and_then(Value::as_str) == Some("Ready");
        conditions.retain(is_ready);
        for condition in conditions {
            keep(condition, &["type", "status"]);
        }
    }
    if let Value::Object(fields) = &mut status {
        fields.retain(|_, value| !is_empty(value));
    }
    status
}

fn keep(value: &mut Value, keys: &[&str]) {
    if let Value::Object(fields) = value {
        fields.retain(|key, _| keys.contains(&key.as_str()));
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_policy_does_not_depend_on_is_left_out() {
        let item = json!({
            "metadata": {
                "name": "web", "namespace": "shop", "uid": "1", "managedFields": [{}],
                "annotations": {LAST_APPLIED: "{}", "a": "b"},
            },
            "spec": {"nodeName": "n"},
            "status": {
                "phase": "Running", "podIP": "10.0.0.1", "containerStatuses": [{}],
                "conditions": [{"type": "Ready", "status": "True", "lastProbeTime": null}, {"type": "Initialized"}],
            },
        });
        let input = manifest("v1", "Pod", item);
        assert_eq!(input.name, "cluster: Pod shop/web");
        let expected = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  namespace: shop\n  annotations:\n    a: b\n\
                        spec:\n  nodeName: \"n\"\nstatus:\n  phase: Running\n  podIP: \"10.0.0.1\"\n  conditions:\n  - type: Ready\n    status: \"True\"\n";
        assert_eq!(input.text, expected);
    }

    #[test]
    fn an_object_of_the_whole_cluster_has_no_namespace_in_its_name() {
        let input = manifest(
            "v1",
            "Node",
            json!({"metadata": {"name": "n1"}, "status": {}}),
        );
        assert_eq!(input.name, "cluster: Node n1");
        assert!(!input.text.contains("status"));
    }
}
