//! Strategic merge: a merge that knows which lists are merged item by item, with directives of its own.

use ringfence_model::Schema;
use serde_json::{Map, Value};

use super::{ListRule, Position};
use crate::object;
use crate::status::ApiError;

const PATCH: &str = "$patch";
const RETAIN: &str = "$retainKeys";
const ORDER: &str = "$setElementOrder/";
const DELETE: &str = "$deleteFromPrimitiveList/";

pub(super) fn merge(
    target: &mut Value,
    patch: &Value,
    schema: &'static Schema,
) -> Result<(), ApiError> {
    let Value::Object(patch) = patch else {
        return Err(ApiError::bad_request(
            "a strategic merge patch is an object",
        ));
    };
    merge_object(target, patch, Position::Object(schema))
}

fn merge_object(
    target: &mut Value,
    patch: &Map<String, Value>,
    at: Position,
) -> Result<(), ApiError> {
    match patch
        .get(PATCH)
        .map(|directive| directive.as_str().unwrap_or_default())
    {
        None | Some("merge") => {}
        Some("replace") => {
            *target = Value::Object(without_directives(patch));
            return Ok(());
        }
        Some("delete") => {
            *target = Value::Object(Map::new());
            return Ok(());
        }
        Some(other) => return Err(unknown_directive(other)),
    }
    let fields = object::fields(target);
    if let Some(retained) = patch.get(RETAIN).and_then(Value::as_array) {
        fields.retain(|field, _| retained.iter().any(|name| name == field));
    }
    for (field, value) in patch.iter().filter(|(field, _)| !field.starts_with('$')) {
        merge_field(fields, field, value, patch, at.field(field))?;
    }
    for (directive, value) in patch.iter().filter(|(field, _)| field.starts_with('$')) {
        list_directive(fields, directive, value, patch, at)?;
    }
    Ok(())
}

fn merge_field(
    fields: &mut Map<String, Value>,
    field: &str,
    value: &Value,
    patch: &Map<String, Value>,
    at: Position,
) -> Result<(), ApiError> {
    match (value, at) {
        (Value::Null, _) => {
            fields.shift_remove(field);
        }
        (
            Value::Object(value),
            Position::Object(_) | Position::Map(_) | Position::Free | Position::Leaf,
        ) => {
            let target = fields.entry(field).or_insert(Value::Null);
            merge_object(target, value, at)?;
            if value.get(PATCH) == Some(&"delete".into()) {
                fields.shift_remove(field);
            }
        }
        (Value::Array(items), Position::List(_, ListRule::Keyed { merge, .. })) => {
            let order = patch.get(&format!("{ORDER}{field}"));
            let target = fields.entry(field).or_insert(Value::Array(Vec::new()));
            merge_list(target, items, merge, at.item())?;
            reorder(target, order, Some(merge));
        }
        (Value::Array(items), Position::List(_, ListRule::Set)) => {
            let order = patch.get(&format!("{ORDER}{field}"));
            let target = fields.entry(field).or_insert(Value::Array(Vec::new()));
            if let Value::Array(target) = target {
                let new: Vec<Value> = items
                    .iter()
                    .filter(|item| !target.contains(item))
                    .cloned()
                    .collect();
                target.extend(new);
            }
            reorder(target, order, None);
        }
        (value, _) => {
            fields.insert(field.to_owned(), value.clone());
        }
    }
    Ok(())
}

fn merge_list(
    target: &mut Value,
    items: &[Value],
    key: &str,
    at: Position,
) -> Result<(), ApiError> {
    if !target.is_array() {
        *target = Value::Array(Vec::new());
    }
    let Value::Array(target) = target else {
        return Ok(());
    };
    let directive = |item: &Value| object::text(item, &[PATCH]).to_owned();
    let replace = |item: &&Value| directive(item) == "replace" && item.get(key).is_none();
    if items.iter().any(|item| replace(&item)) {
        target.clear();
    }
    for item in items.iter().filter(|item| !replace(item)) {
        let Some(value) = item.get(key) else {
            let message = format!("an item of a merged list lacks its key `{key}`");
            return Err(ApiError::bad_request(message));
        };
        let position = target.iter().position(|one| one.get(key) == Some(value));
        match (directive(item).as_str(), position) {
            ("delete", Some(position)) => {
                target.remove(position);
            }
            ("delete", None) => {}
            (_, Some(position)) => {
                if let (Some(one), Value::Object(item)) = (target.get_mut(position), item) {
                    merge_object(one, item, at)?;
                }
            }
            (_, None) => {
                let mut new = Value::Object(Map::new());
                if let Value::Object(item) = item {
                    merge_object(&mut new, item, at)?;
                }
                target.push(new);
            }
        }
    }
    Ok(())
}

/// Directives about a list that the patch need not hold itself.
fn list_directive(
    fields: &mut Map<String, Value>,
    directive: &str,
    value: &Value,
    patch: &Map<String, Value>,
    at: Position,
) -> Result<(), ApiError> {
    if directive == PATCH || directive == RETAIN {
        return Ok(());
    }
    if let Some(field) = directive.strip_prefix(DELETE) {
        let gone = value.as_array().map_or(&[][..], Vec::as_slice);
        if let Some(Value::Array(list)) = fields.get_mut(field) {
            list.retain(|item| !gone.contains(item));
        }
        return Ok(());
    }
    let Some(field) = directive.strip_prefix(ORDER) else {
        return Err(unknown_directive(directive));
    };
    if let Some(target) = fields.get_mut(field).filter(|_| !patch.contains_key(field)) {
        let key = match at.field(field) {
            Position::List(_, ListRule::Keyed { merge, .. }) => Some(merge),
            Position::List(..)
            | Position::Object(_)
            | Position::Map(_)
            | Position::Free
            | Position::Leaf => None,
        };
        reorder(target, Some(value), key);
    }
    Ok(())
}

/// Sorts the items that `order` names as it does; the others stay behind the item that they followed.
fn reorder(target: &mut Value, order: Option<&Value>, key: Option<&str>) {
    let (Value::Array(items), Some(Value::Array(order))) = (target, order) else {
        return;
    };
    let id = |item: &Value| key.map_or(Some(item.clone()), |key| item.get(key).cloned());
    let wanted: Vec<Option<Value>> = order.iter().map(id).collect();
    let mut last = 0;
    let mut ranked: Vec<(usize, Value)> = Vec::with_capacity(items.len());
    for item in items.drain(..) {
        let own = id(&item);
        last = wanted
            .iter()
            .position(|one| *one == own)
            .map_or(last, |position| position + 1);
        ranked.push((last, item));
    }
    ranked.sort_by_key(|(rank, _)| *rank);
    items.extend(ranked.into_iter().map(|(_, item)| item));
}

fn without_directives(patch: &Map<String, Value>) -> Map<String, Value> {
    let fields = patch.iter().filter(|(field, _)| !field.starts_with('$'));
    fields
        .map(|(field, value)| (field.clone(), value.clone()))
        .collect()
}

fn unknown_directive(directive: &str) -> ApiError {
    ApiError::bad_request(format!(
        "unknown directive `{directive}` in a strategic merge patch"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(target: Value, patch: &Value) -> Result<Value, ApiError> {
        let mut target = target;
        merge(
            &mut target,
            patch,
            ringfence_model::schema("v1", "Pod").unwrap(),
        )?;
        Ok(target)
    }

    #[test]
    fn containers_are_merged_by_name_and_their_lists_by_theirs() {
        let pod = json!({"spec": {"containers": [
            {"name": "c1", "image": "a", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
            {"name": "c2", "image": "b"},
        ]}});
        let patch = json!({"spec": {
            "$setElementOrder/containers": [{"name": "c3"}, {"name": "c1"}],
            "containers": [
                {"name": "c1", "$setElementOrder/env": [{"name": "A"}], "env": [{"$patch": "delete", "name": "B"}]},
                {"$patch": "delete", "name": "c2"},
                {"name": "c3", "image": "c"},
            ],
        }});
        let expected = json!({"spec": {"containers": [
            {"name": "c3", "image": "c"},
            {"name": "c1", "image": "a", "env": [{"name": "A", "value": "1"}]},
        ]}});
        assert_eq!(merged(pod, &patch), Ok(expected));
    }

    #[test]
    fn retained_keys_are_all_that_is_left_of_a_volume() {
        let pod = json!({"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}});
        let patch = json!({"spec": {"volumes": [
            {"$retainKeys": ["hostPath", "name"], "emptyDir": null, "hostPath": {"path": "/x"}, "name": "v"},
        ]}});
        let expected = json!({"spec": {"volumes": [{"name": "v", "hostPath": {"path": "/x"}}]}});
        assert_eq!(merged(pod, &patch), Ok(expected));
    }

    #[test]
    fn atomic_lists_are_replaced_and_sets_are_joined() {
        let pod = json!({
            "metadata": {"finalizers": ["a", "b"]},
            "spec": {"tolerations": [{"key": "x"}], "nodeSelector": {"a": "1"}},
        });
        let patch = json!({
            "metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c"]},
            "spec": {"tolerations": [{"key": "y"}], "nodeSelector": {"$patch": "replace", "b": "2"}},
        });
        let expected = json!({
            "metadata": {"finalizers": ["b", "c"]},
            "spec": {"tolerations": [{"key": "y"}], "nodeSelector": {"b": "2"}},
        });
        assert_eq!(merged(pod, &patch), Ok(expected));
    }

    #[test]
    fn directives_and_items_that_make_no_sense_are_refused() {
        for patch in [
            json!({"spec": {"$patch": "explode"}}),
            json!({"spec": {"$somethingElse/x": []}}),
            json!({"spec": {"containers": [{"image": "without a name"}]}}),
            json!([]),
        ] {
            assert_eq!(merged(json!({}), &patch).unwrap_err().code, 400, "{patch}");
        }
    }
}
