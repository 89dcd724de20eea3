//! Whether values are as their schema wants them.

use regex::RegexBuilder;
use serde_json::Value;

use super::{field, is_set, join};
use crate::object::{items, text};
use crate::status::Cause;
use crate::time::Timestamp;

/// The largest pattern, compiled, in bytes.
pub(super) const PATTERN_SIZE: usize = 1 << 20;

pub(super) fn validate(schema: &Value, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    if value.is_null() && is_set(schema, "nullable") {
        return;
    }
    if let Some(wanted) = mistyped(schema, value) {
        let found = Value::from(type_of(value));
        let message = format!("{path} in body must be of type {wanted}: {found}");
        causes.push(Cause::invalid(path, &found, &message));
        return;
    }
    one_of_the_allowed(schema, value, path, causes);
    junctions(schema, value, path, causes);
    match value {
        Value::String(content) => string(schema, content, path, causes),
        Value::Number(_) => number(schema, value, path, causes),
        Value::Array(list) => array(schema, list, path, causes),
        Value::Object(_) => object(schema, value, path, causes),
        Value::Null | Value::Bool(_) => {}
    }
}

/// The type that the schema wants, if the value has another.
fn mistyped<'a>(schema: &'a Value, value: &Value) -> Option<&'a str> {
    if is_set(schema, "x-kubernetes-int-or-string") {
        let fits = value.is_string() || is_whole(value);
        return (!fits).then_some("integer,string");
    }
    let wanted = text(schema, &["type"]);
    let fits = match wanted {
        "string" => value.is_string(),
        "integer" => is_whole(value),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    };
    (!fits).then_some(wanted)
}

fn is_whole(value: &Value) -> bool {
    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
}

const fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn one_of_the_allowed(schema: &Value, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    let allowed = items(schema, &["enum"]);
    if allowed.is_empty() || allowed.contains(value) {
        return;
    }
    let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
    causes.push(Cause {
        reason: "FieldValueNotSupported",
        message: format!(
            "Unsupported value: {value}: supported values: {}",
            allowed.join(", ")
        ),
        field: path.to_owned(),
    });
}

/// `allOf`, `anyOf`, `oneOf`, `not`.
fn junctions(schema: &Value, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    let fits = |schema: &&Value| {
        let mut wrong = Vec::new();
        validate(schema, value, path, &mut wrong);
        wrong.is_empty()
    };
    for schema in items(schema, &["allOf"]) {
        validate(schema, value, path, causes);
    }
    let mut refuse = |message: &str| {
        let message = format!("{path} in body {message}");
        causes.push(Cause::invalid(path, value, &message));
    };
    let any = items(schema, &["anyOf"]);
    if !any.is_empty() && !any.iter().any(|schema| fits(&schema)) {
        refuse("must validate at least one schema (anyOf)");
    }
    let one = items(schema, &["oneOf"]);
    if !one.is_empty() && one.iter().filter(fits).count() != 1 {
        refuse("must validate one and only one schema (oneOf)");
    }
    if schema.get("not").is_some_and(|schema| fits(&schema)) {
        refuse("must not validate the schema (not)");
    }
}

fn limit(schema: &Value, keyword: &str) -> Option<u64> {
    schema.get(keyword)?.as_u64()
}

fn size(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn string(schema: &Value, content: &str, path: &str, causes: &mut Vec<Cause>) {
    let value = Value::from(content);
    let mut refuse = |message: String| {
        let message = format!("{path} in body {message}");
        causes.push(Cause::invalid(path, &value, &message));
    };
    let length = size(content.chars().count());
    if let Some(least) = limit(schema, "minLength").filter(|least| length < *least) {
        refuse(format!("should be at least {least} chars long"));
    }
    if let Some(most) = limit(schema, "maxLength").filter(|most| length > *most) {
        refuse(format!("should be at most {most} chars long"));
    }
    let pattern = text(schema, &["pattern"]);
    let matches = pattern.is_empty() || pattern_matches(pattern, content);
    if !matches {
        refuse(format!("should match '{pattern}'"));
    }
    let format = text(schema, &["format"]);
    if !has_format(format, content) {
        refuse(format!("must be of type {format}: {value}"));
    }
}

/// A pattern that cannot be read was refused with its definition.
fn pattern_matches(pattern: &str, content: &str) -> bool {
    let pattern = RegexBuilder::new(pattern).size_limit(PATTERN_SIZE).build();
    pattern.is_ok_and(|pattern| pattern.is_match(content))
}

/// Formats that are not known say nothing, as in Kubernetes.
fn has_format(format: &str, content: &str) -> bool {
    match format {
        "date-time" => Timestamp::parse(content).is_some(),
        "ipv4" => content.parse::<std::net::Ipv4Addr>().is_ok(),
        "ipv6" => content.parse::<std::net::Ipv6Addr>().is_ok(),
        _ => true,
    }
}

fn number(schema: &Value, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    let number = value.as_f64().unwrap_or_default();
    let bound = |keyword: &str| schema.get(keyword).and_then(Value::as_f64);
    let mut refuse = |message: String| {
        let message = format!("{path} in body {message}");
        causes.push(Cause::invalid(path, value, &message));
    };
    let outside = |over: f64, exclusive| over < 0.0 || (over <= 0.0 && is_set(schema, exclusive));
    if let Some(least) =
        bound("minimum").filter(|least| outside(number - least, "exclusiveMinimum"))
    {
        let or_equal = if is_set(schema, "exclusiveMinimum") {
            ""
        } else {
            " or equal to"
        };
        refuse(format!("should be greater than{or_equal} {least}"));
    }
    if let Some(most) = bound("maximum").filter(|most| outside(most - number, "exclusiveMaximum")) {
        let or_equal = if is_set(schema, "exclusiveMaximum") {
            ""
        } else {
            " or equal to"
        };
        refuse(format!("should be less than{or_equal} {most}"));
    }
    let step = bound("multipleOf").filter(|step| *step > 0.0);
    if let Some(step) = step.filter(|step| (number / step).fract().abs() > 1e-9) {
        refuse(format!("should be a multiple of {step}"));
    }
    let small = text(schema, &["format"]) == "int32";
    if small
        && value
            .as_i64()
            .is_none_or(|number| i32::try_from(number).is_err())
    {
        refuse("must be of type int32".to_owned());
    }
}

fn array(schema: &Value, list: &[Value], path: &str, causes: &mut Vec<Cause>) {
    let count = size(list.len());
    let content = Value::from(list.len());
    if let Some(least) = limit(schema, "minItems").filter(|least| count < *least) {
        let message = format!("{path} in body should have at least {least} items");
        causes.push(Cause::invalid(path, &content, &message));
    }
    if let Some(most) = limit(schema, "maxItems").filter(|most| count > *most) {
        let message = format!("{path} in body should have at most {most} items");
        causes.push(Cause::invalid(path, &content, &message));
    }
    unique(schema, list, path, causes);
    if let Some(schema) = schema.get("items") {
        for (index, item) in list.iter().enumerate() {
            validate(schema, item, &format!("{path}[{index}]"), causes);
        }
    }
}

/// Items of sets are there once, and those of maps once by their keys.
fn unique(schema: &Value, list: &[Value], path: &str, causes: &mut Vec<Cause>) {
    let keys = items(schema, &["x-kubernetes-list-map-keys"]);
    let identity = |item: &Value| match text(schema, &["x-kubernetes-list-type"]) {
        "set" => Some(vec![item.clone()]),
        "map" => {
            let key = |key: &Value| item.get(key.as_str()?).cloned();
            Some(
                keys.iter()
                    .map(|name| key(name).unwrap_or_default())
                    .collect(),
            )
        }
        _ => None,
    };
    for (index, item) in list.iter().enumerate() {
        let own = identity(item);
        let before = list.iter().take(index);
        if own.is_some() && before.into_iter().any(|other| identity(other) == own) {
            causes.push(Cause {
                reason: "FieldValueDuplicate",
                message: format!("Duplicate value: {item}"),
                field: format!("{path}[{index}]"),
            });
        }
    }
}

fn object(schema: &Value, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    let Value::Object(fields) = value else {
        return;
    };
    for name in items(schema, &["required"])
        .iter()
        .filter_map(Value::as_str)
    {
        if !fields.contains_key(name) {
            causes.push(Cause::required(&join(path, name), ""));
        }
    }
    let count = size(fields.len());
    let content = Value::from(fields.len());
    if let Some(least) = limit(schema, "minProperties").filter(|least| count < *least) {
        let message = format!("{path} in body should have at least {least} properties");
        causes.push(Cause::invalid(path, &content, &message));
    }
    if let Some(most) = limit(schema, "maxProperties").filter(|most| count > *most) {
        let message = format!("{path} in body should have at most {most} properties");
        causes.push(Cause::invalid(path, &content, &message));
    }
    for (name, value) in fields {
        if let Some(schema) = field(schema, name) {
            validate(schema, value, &join(path, name), causes);
        }
    }
}
