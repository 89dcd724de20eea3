//! The record of managed fields at rest, and as it is told. Within an object that is stored, the fields of a manager are text: as
//! values they would take more memory than the rest of the object together.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value;

/// An object as clients see it; its `Display` is its JSON.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told<'a>(pub(crate) &'a Value);

/// A copy of `object` as clients see it.
pub(crate) fn told(object: &Value) -> Value {
    serde_json::to_value(Told(object)).unwrap_or_default()
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Told<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Part::Object(self.0).serialize(serializer)
    }
}

/// What leads to the fields of a manager, and what does not.
enum Part<'a> {
    Object(&'a Value),
    Metadata(&'a Value),
    Entries(&'a Value),
    Entry(&'a Value),
    Fields(&'a Value),
    Other(&'a Value),
}

impl<'a> Part<'a> {
    fn below(&self, name: &str, value: &'a Value) -> Self {
        match (self, name) {
            (Self::Object(_), "metadata") => Part::Metadata(value),
            (Self::Metadata(_), "managedFields") => Part::Entries(value),
            (Self::Entry(_), "fieldsV1") => Part::Fields(value),
            _ => Part::Other(value),
        }
    }
}

impl Serialize for Part<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Part::Object(Value::Object(fields))
            | Part::Metadata(Value::Object(fields))
            | Part::Entry(Value::Object(fields)) => {
                let below = fields
                    .iter()
                    .map(|(name, value)| (name, self.below(name, value)));
                serializer.collect_map(below)
            }
            Part::Entries(Value::Array(entries)) => {
                serializer.collect_seq(entries.iter().map(Part::Entry))
            }
            Part::Fields(Value::String(text)) => {
                let fields: Value = serde_json::from_str(text).unwrap_or_default();
                fields.serialize(serializer)
            }
            Part::Object(value)
            | Part::Metadata(value)
            | Part::Entries(value)
            | Part::Entry(value)
            | Part::Fields(value)
            | Part::Other(value) => value.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_fields_of_managers_are_told_as_values() {
        let object = |fields: Value| {
            json!({
                "kind": "Pod",
                "metadata": {"name": "a", "managedFields": [{"manager": "m", "fieldsV1": fields}]},
                "spec": {"metadata": {"managedFields": [{"fieldsV1": "{}"}]}},
            })
        };
        let stored = object(json!(r#"{"f:spec":{"f:a":{}}}"#));
        let shown = object(json!({"f:spec": {"f:a": {}}}));
        assert_eq!(told(&stored), shown);
        assert_eq!(Told(&stored).to_string(), shown.to_string());
        assert_eq!(told(&shown), shown);
        assert_eq!(told(&json!(3)), json!(3));
    }
}
