//! Whether a schema is structural: every field has a type, and nothing is asked that is not done.

use regex::RegexBuilder;
use serde_json::Value;

use super::{is_set, values};
use crate::object::{items, text};
use crate::status::Cause;

/// How deep schemas may lie in each other.
const DEEPEST: usize = 64;

/// What a schema may say.
const KEYWORDS: [&str; 45] = [
    "$schema",
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "default",
    "description",
    "enum",
    "example",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "externalDocs",
    "format",
    "id",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "nullable",
    "oneOf",
    "pattern",
    "properties",
    "required",
    "title",
    "type",
    "uniqueItems",
    "x-kubernetes-embedded-resource",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
    "definitions",
    "dependencies",
    "patternProperties",
    "$ref",
    "x-kubernetes-group-version-kind",
];

/// What Kubernetes refuses as well.
const FORBIDDEN: [&str; 6] = [
    "$ref",
    "additionalItems",
    "definitions",
    "dependencies",
    "patternProperties",
    "id",
];

/// What is wrong with a schema.
pub(crate) fn check_definition(schema: &Value, path: &str, causes: &mut Vec<Cause>) {
    if text(schema, &["type"]) != "object" {
        causes.push(Cause::invalid(
            &format!("{path}.type"),
            &schema.get("type").cloned().unwrap_or_default(),
            "must be object at the root",
        ));
    }
    check(schema, path, true, DEEPEST, causes);
}

fn check(schema: &Value, path: &str, typed: bool, depth: usize, causes: &mut Vec<Cause>) {
    let Some(fields) = schema.as_object() else {
        return causes.push(Cause::invalid(path, schema, "a schema is an object"));
    };
    let Some(depth) = depth.checked_sub(1) else {
        return causes.push(Cause::forbidden(path, "schemas lie too deep in each other"));
    };
    for keyword in fields.keys() {
        let path = format!("{path}.{keyword}");
        if !KEYWORDS.contains(&keyword.as_str()) {
            causes.push(Cause::forbidden(&path, "there is no such keyword"));
        } else if FORBIDDEN.contains(&keyword.as_str()) {
            causes.push(Cause::forbidden(
                &path,
                "is not supported in structural schemas",
            ));
        }
    }
    check_type(schema, path, typed, causes);
    check_pattern(schema, path, causes);
    children(schema, path, typed, depth, causes);
}

fn check_type(schema: &Value, path: &str, typed: bool, causes: &mut Vec<Cause>) {
    let free = is_set(schema, "x-kubernetes-int-or-string")
        || is_set(schema, "x-kubernetes-preserve-unknown-fields");
    let path_of_type = format!("{path}.type");
    match text(schema, &["type"]) {
        "" if typed && !free => causes.push(Cause::required(
            &path_of_type,
            "must not be empty for specified object fields",
        )),
        "array" if typed && schema.get("items").is_none() => {
            causes.push(Cause::required(
                &format!("{path}.items"),
                "must be specified",
            ));
        }
        "" | "array" | "boolean" | "integer" | "number" | "object" | "string" => {}
        other => causes.push(Cause::invalid(
            &path_of_type,
            &other.into(),
            "must be one of array, boolean, integer, number, object and string",
        )),
    }
    let both = schema.get("properties").is_some() && schema.get("additionalProperties").is_some();
    if both {
        let message = "additionalProperties and properties are mutual exclusive";
        causes.push(Cause::forbidden(
            &format!("{path}.additionalProperties"),
            message,
        ));
    }
    if is_set(schema, "uniqueItems") {
        let message =
            "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        causes.push(Cause::forbidden(&format!("{path}.uniqueItems"), message));
    }
    let keyed = text(schema, &["x-kubernetes-list-type"]) == "map";
    if keyed && items(schema, &["x-kubernetes-list-map-keys"]).is_empty() {
        let path = format!("{path}.x-kubernetes-list-map-keys");
        causes.push(Cause::required(
            &path,
            "must not be empty if x-kubernetes-list-type is map",
        ));
    }
}

fn check_pattern(schema: &Value, path: &str, causes: &mut Vec<Cause>) {
    let pattern = text(schema, &["pattern"]);
    let built = RegexBuilder::new(pattern)
        .size_limit(values::PATTERN_SIZE)
        .build();
    if let Err(error) = built {
        let message = format!("must be a valid regular expression, but isn't: {error}");
        causes.push(Cause::invalid(
            &format!("{path}.pattern"),
            &pattern.into(),
            &message,
        ));
    }
}

fn children(schema: &Value, path: &str, typed: bool, depth: usize, causes: &mut Vec<Cause>) {
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, schema) in properties.into_iter().flatten() {
        check(
            schema,
            &format!("{path}.properties[{name}]"),
            typed,
            depth,
            causes,
        );
    }
    if let Some(schema) = schema
        .get("additionalProperties")
        .filter(|others| !others.is_boolean())
    {
        check(
            schema,
            &format!("{path}.additionalProperties"),
            typed,
            depth,
            causes,
        );
    }
    if let Some(schema) = schema.get("items") {
        check(schema, &format!("{path}.items"), typed, depth, causes);
    }
    for junction in ["allOf", "anyOf", "oneOf"] {
        for (index, schema) in items(schema, &[junction]).iter().enumerate() {
            check(
                schema,
                &format!("{path}.{junction}[{index}]"),
                false,
                depth,
                causes,
            );
        }
    }
    if let Some(schema) = schema.get("not") {
        check(schema, &format!("{path}.not"), false, depth, causes);
    }
}
