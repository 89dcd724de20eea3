//! Manifests as JSON values, which is how the API takes them.

use ringfence_model::{Input, LoadOptions, ObjectKey, ObjectKind};
use serde_json::Value;

/// The documents of manifests, of the kinds that a lab knows, each in its namespace. Those of lists are apart.
pub(super) fn read(inputs: &[Input], namespace: &str) -> Vec<(ObjectKey, Value)> {
    let read = |input: &Input| ringfence_model::read_json(input).unwrap_or_default();
    let documents = inputs.iter().flat_map(read).flat_map(items);
    documents
        .filter_map(|document| placed(document, namespace))
        .collect()
}

fn placed(mut document: Value, namespace: &str) -> Option<(ObjectKey, Value)> {
    let options = LoadOptions {
        default_namespace: namespace.to_owned(),
        ..LoadOptions::default()
    };
    let objects = ringfence_model::load_json(&document, &options).objects;
    let key = objects.first()?.key();
    if key.kind == ObjectKind::CustomWorkload {
        return None;
    }
    if let Some(namespace) = &key.namespace {
        let metadata = ringfence_apiserver::object::metadata(&mut document);
        metadata.insert("namespace".to_owned(), namespace.as_str().into());
    }
    Some((key, document))
}

/// The objects of a list, or the object alone.
fn items(document: Value) -> Vec<Value> {
    match document.get("items").and_then(Value::as_array) {
        Some(items)
            if document
                .get("kind")
                .and_then(Value::as_str)
                .is_some_and(|kind| kind.ends_with("List")) =>
        {
            items.iter().cloned().flat_map(self::items).collect()
        }
        _ => vec![document],
    }
}
