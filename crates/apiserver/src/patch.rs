//! Patches: merge (RFC 7386), JSON (RFC 6902), strategic merge.

mod rules;
mod strategic;

pub(crate) use rules::{ListRule, Position};

use serde_json::Value;

use crate::kind::Kind;
use crate::status::ApiError;

/// The largest object that a patch may make, in bytes of JSON.
const LARGEST: usize = 3 << 20;
/// How many operations a JSON patch may have.
const MOST_OPERATIONS: usize = 10_000;

/// How a patch says what to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchKind {
    /// `application/merge-patch+json`
    Merge,
    /// `application/json-patch+json`
    Json,
    /// `application/strategic-merge-patch+json`
    Strategic,
}

/// Changes `object` as `patch` says.
///
/// # Errors
/// 400 for a patch that cannot be read, 422 for one that does not fit, 415 for a strategic merge of a custom resource.
pub fn apply(
    object: &mut Value,
    patch: &Value,
    how: PatchKind,
    kind: &Kind,
) -> Result<(), ApiError> {
    match how {
        PatchKind::Merge => {
            if !patch.is_object() {
                return Err(ApiError::bad_request("a merge patch is an object"));
            }
            json_patch::merge(object, patch);
            Ok(())
        }
        PatchKind::Json => json(object, patch),
        PatchKind::Strategic if !kind.structures.is_empty() => {
            Err(ApiError::unsupported_media_type(
                "the body of the request was in an unknown format - accepted media types include: \
                 application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
            ))
        }
        PatchKind::Strategic => strategic::merge(object, patch, kind.schema),
    }
}

fn json(object: &mut Value, patch: &Value) -> Result<(), ApiError> {
    let operations: Vec<json_patch::PatchOperation> = serde_json::from_value(patch.clone())
        .map_err(|error| ApiError::bad_request(format!("not a JSON patch: {error}")))?;
    if operations.len() > MOST_OPERATIONS {
        let message = format!(
            "a JSON patch may have {MOST_OPERATIONS} operations, this one has {}",
            operations.len()
        );
        return Err(ApiError::new(413, "RequestEntityTooLarge", message));
    }
    for operation in operations {
        let grows = matches!(operation, json_patch::PatchOperation::Copy(_));
        json_patch::patch(object, &[operation]).map_err(|error| {
            let message =
                format!("the server rejected our request due to an error in our request: {error}");
            ApiError::new(422, "Invalid", message)
        })?;
        // Copies of copies double: stop before they fill the memory.
        if grows && size(object) > LARGEST {
            return Err(ApiError::new(
                413,
                "RequestEntityTooLarge",
                "the patched object is too large",
            ));
        }
    }
    Ok(())
}

/// About as many bytes as the JSON has.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(size).sum::<usize>() + 2,
        Value::Object(fields) => {
            fields
                .iter()
                .map(|(key, value)| key.len() + 4 + size(value))
                .sum::<usize>()
                + 2
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::Kinds;

    fn patched(object: &Value, patch: &Value, how: PatchKind) -> Result<Value, ApiError> {
        let kinds = Kinds::default();
        let mut object = object.clone();
        apply(
            &mut object,
            patch,
            how,
            kinds.of_object("v1", "Pod").unwrap(),
        )?;
        Ok(object)
    }

    #[test]
    fn merge_and_json_patches_change_what_they_name() {
        let object = json!({"metadata": {"labels": {"a": "1", "b": "2"}}});
        let merged = patched(
            &object,
            &json!({"metadata": {"labels": {"a": null, "c": "3"}}}),
            PatchKind::Merge,
        );
        assert_eq!(
            merged,
            Ok(json!({"metadata": {"labels": {"b": "2", "c": "3"}}}))
        );
        let operations = json!([
            {"op": "test", "path": "/metadata/labels/a", "value": "1"},
            {"op": "remove", "path": "/metadata/labels/a"},
        ]);
        let changed = patched(&object, &operations, PatchKind::Json);
        assert_eq!(changed, Ok(json!({"metadata": {"labels": {"b": "2"}}})));
        let failing = json!([{"op": "test", "path": "/metadata/labels/a", "value": "9"}]);
        assert_eq!(
            patched(&object, &failing, PatchKind::Json)
                .unwrap_err()
                .code,
            422
        );
        assert_eq!(
            patched(&object, &json!({}), PatchKind::Json)
                .unwrap_err()
                .code,
            400
        );
        assert_eq!(
            patched(&object, &json!([]), PatchKind::Merge)
                .unwrap_err()
                .code,
            400
        );
    }

    #[test]
    fn copies_of_copies_end_before_the_memory_does() {
        let copy = json!({"op": "copy", "from": "/a", "path": "/a/-"});
        let operations: Vec<Value> = std::iter::repeat_n(copy, 64).collect();
        let error = patched(&json!({"a": ["x"]}), &operations.into(), PatchKind::Json).unwrap_err();
        assert_eq!(error.code, 413);
    }
}
