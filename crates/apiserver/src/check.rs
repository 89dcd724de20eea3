//! Whether an object has only fields that its kind has, each with a value that it may hold.

use ringfence_model::{Schema, Type};
use serde_json::Value;

use crate::kind::Kind;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Paths of fields that the kind does not have. They were taken out of the object.
    pub unknown: Vec<String>,
    /// Values of the wrong type, as sentences.
    pub wrong: Vec<String>,
}

/// Checks `object` and takes out what its kind does not have.
pub fn check(object: &mut Value, kind: &Kind) -> Findings {
    let mut findings = Findings::default();
    if let Some(metadata) = object.get_mut("metadata").filter(|_| !knows_metadata(kind))
        && let Some(expected) = metadata_type()
    {
        findings.value(metadata, expected, "metadata");
    }
    match kind.structure_of(object) {
        Some(structure) => structure.prune(object, &mut findings),
        None => findings.object(object, kind.schema, ""),
    }
    findings
}

/// Whether the kind's own table speaks of the fields of `metadata`.
fn knows_metadata(kind: &Kind) -> bool {
    matches!(kind.schema.field("metadata"), Some(Type::Object(_)))
}

/// The fields of `metadata`, the same in every kind.
pub(crate) fn metadata_type() -> Option<&'static Type> {
    ringfence_model::schema("v1", "Namespace")?.field("metadata")
}

impl Findings {
    fn value(&mut self, value: &mut Value, expected: &'static Type, path: &str) {
        match (expected, &mut *value) {
            (Type::Any, _) | (_, Value::Null) => {}
            (Type::Object(schema), Value::Object(_)) => self.object(value, schema, path),
            (Type::List(item) | Type::OneOrMore(item), Value::Array(items)) => {
                for (index, value) in items.iter_mut().enumerate() {
                    self.value(value, item, &format!("{path}[{index}]"));
                }
            }
            (Type::OneOrMore(item), _) => self.value(value, item, path),
            (Type::Map(item), Value::Object(fields)) => {
                for (key, value) in fields {
                    self.value(value, item, &format!("{path}.{key}"));
                }
            }
            (expected, value) if is_scalar(expected, value) => {}
            (expected, value) => {
                let message = format!(
                    "{path}: expected {}, found {}",
                    wanted(expected),
                    found(value)
                );
                self.wrong.push(message);
            }
        }
    }

    fn object(&mut self, object: &mut Value, schema: &'static Schema, path: &str) {
        let Value::Object(fields) = object else {
            return;
        };
        fields.retain(|name, value| {
            let path = join(path, name);
            match schema.field(name) {
                Some(expected) => self.value(value, expected, &path),
                None => self.unknown.push(path),
            }
            schema.field(name).is_some()
        });
    }
}

fn join(path: &str, field: &str) -> String {
    if path.is_empty() {
        field.to_owned()
    } else {
        format!("{path}.{field}")
    }
}

fn is_scalar(expected: &Type, value: &Value) -> bool {
    let small = |value: &Value| {
        value
            .as_i64()
            .is_some_and(|number| i32::try_from(number).is_ok())
    };
    match expected {
        Type::Text | Type::Time | Type::Bytes => value.is_string(),
        Type::Bool => value.is_boolean(),
        Type::Int32 => small(value),
        Type::Int64 => value.is_i64(),
        Type::IntOrString => value.is_string() || small(value),
        Type::Quantity => value.is_string() || value.is_number(),
        Type::Any => true,
        Type::Object(_) | Type::List(_) | Type::OneOrMore(_) | Type::Map(_) => false,
    }
}

const fn wanted(expected: &Type) -> &'static str {
    match expected {
        Type::Text => "a string",
        Type::Bool => "true or false",
        Type::Int32 => "a whole number of 32 bits",
        Type::Int64 => "a whole number of 64 bits",
        Type::IntOrString => "a whole number or a string",
        Type::Quantity => "a quantity",
        Type::Time => "a time",
        Type::Bytes => "base64",
        Type::Any => "anything",
        Type::Object(_) | Type::Map(_) => "an object",
        Type::List(_) | Type::OneOrMore(_) => "a list",
    }
}

fn found(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => format!("the number {value}"),
        Value::String(text) if text.len() <= 40 => format!("the string {text:?}"),
        Value::String(_) => "a string".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::Kinds;

    fn check_policy(mut object: Value) -> (Value, Findings) {
        let kinds = Kinds::default();
        let kind = kinds
            .of_object("networking.k8s.io/v1", "NetworkPolicy")
            .unwrap();
        let findings = check(&mut object, kind);
        (object, findings)
    }

    #[test]
    fn misspelt_fields_are_found_at_every_depth_and_taken_out() {
        let (rest, findings) = check_policy(json!({
            "metadata": {"name": "a", "nmae": "b"},
            "spec": {"podSelectorr": {}, "ingress": [{"from": [{"podSelector": {}, "ipblock": {}}]}]},
        }));
        let expected = [
            "metadata.nmae",
            "spec.podSelectorr",
            "spec.ingress[0].from[0].ipblock",
        ];
        assert_eq!(findings.unknown, expected);
        let expected = json!({
            "metadata": {"name": "a"}, "spec": {"ingress": [{"from": [{"podSelector": {}}]}]},
        });
        assert_eq!(rest, expected);
    }

    #[test]
    fn values_of_the_wrong_type_are_named_with_their_place() {
        let (_, findings) = check_policy(json!({
            "metadata": {"labels": {"a": 1}},
            "spec": {"policyTypes": "Ingress", "ingress": [{"ports": [{"port": true}]}]},
        }));
        let expected = [
            "metadata.labels.a: expected a string, found the number 1",
            "spec.policyTypes: expected a list, found the string \"Ingress\"",
            "spec.ingress[0].ports[0].port: expected a whole number or a string, found true",
        ];
        assert_eq!(findings.wrong, expected);
    }
}
