//! Objects as JSON values, and the fields that every kind has.

use serde_json::{Map, Value};

/// The value at a path of field names, such as `["spec", "nodeName"]`.
#[must_use]
pub fn at<'a>(object: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter()
        .try_fold(object, |value, field| value.get(field))
}

/// The text at a path, empty where there is none.
#[must_use]
pub fn text<'a>(object: &'a Value, path: &[&str]) -> &'a str {
    at(object, path).and_then(Value::as_str).unwrap_or_default()
}

/// The whole number at a path.
#[must_use]
pub fn number(object: &Value, path: &[&str]) -> Option<i64> {
    at(object, path).and_then(Value::as_i64)
}

/// The items of the list at a path, none where there is no list.
#[must_use]
pub fn items<'a>(object: &'a Value, path: &[&str]) -> &'a [Value] {
    at(object, path)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The object's name.
#[must_use]
pub fn name(object: &Value) -> &str {
    text(object, &["metadata", "name"])
}

/// The object's namespace, empty for one of the whole cluster.
#[must_use]
pub fn namespace(object: &Value) -> &str {
    text(object, &["metadata", "namespace"])
}

/// The object's identity.
#[must_use]
pub fn uid(object: &Value) -> &str {
    text(object, &["metadata", "uid"])
}

/// The revision that wrote the object.
#[must_use]
pub fn revision(object: &Value) -> &str {
    text(object, &["metadata", "resourceVersion"])
}

/// Whether somebody has asked for its end.
#[must_use]
pub fn is_terminating(object: &Value) -> bool {
    !text(object, &["metadata", "deletionTimestamp"]).is_empty()
}

/// The fields of `value`, which becomes an object if it is none.
pub fn fields(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(fields) => fields,
        // INVARIANT: made an object above.
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            #[expect(clippy::unreachable, reason = "made an object above")]
            {
                unreachable!("an object")
            }
        }
    }
}

/// The fields of the object under `field`, made where there is none.
pub fn child<'a>(value: &'a mut Value, field: &str) -> &'a mut Value {
    fields(value).entry(field).or_insert(Value::Null)
}

/// The metadata, made where there is none.
pub fn metadata(object: &mut Value) -> &mut Map<String, Value> {
    fields(child(object, "metadata"))
}

/// Sets a field that is absent or null.
pub fn default(fields: &mut Map<String, Value>, field: &str, value: impl Into<Value>) {
    let slot = fields.entry(field).or_insert(Value::Null);
    if slot.is_null() {
        *slot = value.into();
    }
}

/// Sets a field, or removes it for `None`.
pub fn set(fields: &mut Map<String, Value>, field: &str, value: Option<Value>) {
    match value {
        Some(value) => {
            fields.insert(field.to_owned(), value);
        }
        None => {
            fields.shift_remove(field);
        }
    }
}

/// Removes every field that is null: a client that writes `creationTimestamp: null` means that there is none.
pub fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A copy that bears another revision.
#[must_use]
pub fn with_revision(object: &Value, revision: u64) -> Value {
    let mut copy = object.clone();
    metadata(&mut copy).insert("resourceVersion".to_owned(), revision.to_string().into());
    copy
}
