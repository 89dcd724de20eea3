//! The check of a custom resource against its definition's `openAPIV3Schema`.

use serde_json::Value;

use super::{Findings, join};
use crate::object::{at, items, text};

pub(super) fn check(object: &mut Value, schema: &Value, findings: &mut Findings) {
    let Value::Object(fields) = object else {
        return;
    };
    fields.retain(|name, value| {
        if ["apiVersion", "kind", "metadata"].contains(&name.as_str()) {
            return true;
        }
        field(name, value, schema, "", findings)
    });
    required(fields.keys(), schema, "", findings);
}

/// Checks one field; `false` if it is to be taken out.
fn field(
    name: &str,
    value: &mut Value,
    schema: &Value,
    path: &str,
    findings: &mut Findings,
) -> bool {
    let path = join(path, name);
    let known = at(schema, &["properties", name]);
    let more = schema
        .get("additionalProperties")
        .filter(|more| more.is_object());
    if let Some(schema) = known.or(more) {
        walk(value, schema, &path, findings);
        return true;
    }
    let keep = is_set(schema, "x-kubernetes-preserve-unknown-fields")
        || schema.get("additionalProperties") == Some(&Value::Bool(true));
    if !keep {
        findings.unknown.push(path);
    }
    keep
}

fn walk(value: &mut Value, schema: &Value, path: &str, findings: &mut Findings) {
    let fits = match (text(schema, &["type"]), &*value) {
        (_, Value::Null) => is_set(schema, "nullable"),
        ("", _) => true,
        ("string", value) => value.is_string(),
        ("boolean", value) => value.is_boolean(),
        ("integer", value) => value.is_i64() || value.is_u64(),
        ("number", value) => value.is_number(),
        ("array", value) => value.is_array(),
        (_, value) => value.is_object(),
    };
    let fits = fits
        || is_set(schema, "x-kubernetes-int-or-string") && (value.is_string() || value.is_i64());
    if !fits {
        let wanted = text(schema, &["type"]);
        findings.wrong.push(format!(
            "{path}: must be of type {wanted}, found {}",
            super::found(value)
        ));
        return;
    }
    allowed(value, schema, path, findings);
    match value {
        Value::Object(fields) => {
            fields.retain(|name, value| field(name, value, schema, path, findings));
            required(fields.keys(), schema, path, findings);
        }
        Value::Array(list) => {
            if let Some(schema) = schema.get("items") {
                for (index, value) in list.iter_mut().enumerate() {
                    walk(value, schema, &format!("{path}[{index}]"), findings);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn allowed(value: &Value, schema: &Value, path: &str, findings: &mut Findings) {
    let allowed = items(schema, &["enum"]);
    if !allowed.is_empty() && !allowed.contains(value) {
        let allowed: Vec<String> = allowed.iter().map(Value::to_string).collect();
        findings
            .wrong
            .push(format!("{path}: must be one of {}", allowed.join(", ")));
    }
    let limit = |field: &str| schema.get(field).and_then(Value::as_f64);
    if let Some(number) = value.as_f64()
        && (limit("minimum").is_some_and(|minimum| number < minimum)
            || limit("maximum").is_some_and(|maximum| number > maximum))
    {
        findings
            .wrong
            .push(format!("{path}: {value} is out of range"));
    }
}

fn required<'a>(
    present: impl Iterator<Item = &'a String> + Clone,
    schema: &Value,
    path: &str,
    findings: &mut Findings,
) {
    for name in items(schema, &["required"])
        .iter()
        .filter_map(Value::as_str)
    {
        if !present.clone().any(|field| field == name) {
            findings
                .wrong
                .push(format!("{}: required value", join(path, name)));
        }
    }
}

fn is_set(schema: &Value, field: &str) -> bool {
    schema.get(field) == Some(&Value::Bool(true))
}
