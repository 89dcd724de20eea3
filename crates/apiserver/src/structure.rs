//! The structural schema of a custom resource: which fields there are, what they may hold, and what they are if nothing is said.

mod definition;
mod values;

#[cfg(test)]
mod tests;

pub(crate) use definition::check_definition;

use serde_json::{Map, Value};

use crate::check::Findings;
use crate::object::{self, at};
use crate::status::Cause;

/// The fields that every object has, whatever its schema says of them.
const OWN: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// The schema of one version of a custom resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Structure(Value);

impl Structure {
    /// The structure that an `openAPIV3Schema` describes.
    #[must_use]
    pub fn new(schema: Value) -> Self {
        Self(schema)
    }

    /// As it was given.
    #[must_use]
    pub const fn schema(&self) -> &Value {
        &self.0
    }

    /// Takes out the fields that there are not, and names them.
    pub(crate) fn prune(&self, object: &mut Value, findings: &mut Findings) {
        let own = own(object);
        prune(&self.0, object, "", findings);
        restore(object, own);
    }

    /// Fills in the defaults.
    pub(crate) fn complete(&self, object: &mut Value) {
        complete(&self.0, object);
    }

    /// What is wrong with an object.
    pub(crate) fn validate(&self, object: &Value, causes: &mut Vec<Cause>) {
        let mut content = object.clone();
        let _ = own(&mut content);
        values::validate(&self.0, &content, "", causes);
    }
}

/// Takes out what is the same in every kind and is checked apart.
fn own(object: &mut Value) -> Map<String, Value> {
    let fields = object::fields(object);
    let taken = OWN.iter().filter_map(|name| {
        let value = fields.shift_remove(*name)?;
        Some(((*name).to_owned(), value))
    });
    taken.collect()
}

/// Puts it back in front of the rest.
fn restore(object: &mut Value, mut own: Map<String, Value>) {
    let fields = object::fields(object);
    own.append(fields);
    *fields = own;
}

/// The schema of a field; `None` if there is no such field.
fn field<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    let named = at(schema, &["properties", name]);
    named.or_else(|| others(schema))
}

/// The schema of fields without a name of their own.
fn others(schema: &Value) -> Option<&Value> {
    match schema.get("additionalProperties") {
        None | Some(Value::Bool(false)) => None,
        Some(others) => Some(others),
    }
}

/// Whether fields are kept of which nothing is known.
fn keeps_unknown(schema: &Value) -> bool {
    is_set(schema, "x-kubernetes-preserve-unknown-fields") || schema == &Value::Bool(true)
}

fn is_set(schema: &Value, keyword: &str) -> bool {
    schema.get(keyword) == Some(&Value::Bool(true))
}

fn prune(schema: &Value, value: &mut Value, path: &str, findings: &mut Findings) {
    if is_set(schema, "x-kubernetes-embedded-resource") {
        let own = own(value);
        prune_fields(schema, value, path, findings);
        return restore(value, own);
    }
    prune_fields(schema, value, path, findings);
}

fn prune_fields(schema: &Value, value: &mut Value, path: &str, findings: &mut Findings) {
    match value {
        Value::Object(fields) => fields.retain(|name, value| {
            let path = join(path, name);
            if let Some(schema) = field(schema, name) {
                prune(schema, value, &path, findings);
                return true;
            }
            let kept = keeps_unknown(schema);
            if !kept {
                findings.unknown.push(path);
            }
            kept
        }),
        Value::Array(items) => {
            let Some(schema) = schema.get("items") else {
                return;
            };
            for (index, item) in items.iter_mut().enumerate() {
                prune(schema, item, &format!("{path}[{index}]"), findings);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn complete(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let known = schema.get("properties").and_then(Value::as_object);
            for (name, schema) in known.into_iter().flatten() {
                if let Some(default) = schema.get("default").filter(|_| !fields.contains_key(name))
                {
                    fields.insert(name.clone(), default.clone());
                }
            }
            for (name, value) in fields.iter_mut() {
                if let Some(schema) = field(schema, name) {
                    complete(schema, value);
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                items.iter_mut().for_each(|item| complete(schema, item));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn join(path: &str, field: &str) -> String {
    if path.is_empty() {
        field.to_owned()
    } else {
        format!("{path}.{field}")
    }
}
