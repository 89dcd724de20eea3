//! The record of managed fields at rest, and as it is told. Within an object that is stored, the fields of a manager are text: as
//! values they would take more memory than the rest of the object together.

use serde::de::IgnoredAny;
use serde_json::{Map, Value};

/// A copy of `object` as clients see it.
pub(crate) fn told(object: &Value) -> Value {
    let mut text = Vec::new();
    tell(object, &mut text);
    serde_json::from_slice(&text).unwrap_or_default()
}

/// Writes the JSON of `object` as clients see it.
pub(crate) fn tell(object: &Value, out: &mut Vec<u8>) {
    Part::Object(object).tell(out);
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

impl Part<'_> {
    fn tell(&self, out: &mut Vec<u8>) {
        match self {
            Part::Object(Value::Object(fields))
            | Part::Metadata(Value::Object(fields))
            | Part::Entry(Value::Object(fields)) => self.tell_fields(fields, out),
            Part::Entries(Value::Array(entries)) => {
                out.push(b'[');
                for (index, entry) in entries.iter().enumerate() {
                    separate(index, out);
                    Part::Entry(entry).tell(out);
                }
                out.push(b']');
            }
            // Nobody's text may end the line that an event is.
            Part::Fields(Value::String(text)) if is_line(text) => {
                out.extend_from_slice(text.as_bytes());
            }
            Part::Fields(Value::String(text)) => {
                write(&serde_json::from_str(text).unwrap_or_default(), out);
            }
            Part::Object(value)
            | Part::Metadata(value)
            | Part::Entries(value)
            | Part::Entry(value)
            | Part::Fields(value)
            | Part::Other(value) => write(value, out),
        }
    }

    fn tell_fields(&self, fields: &Map<String, Value>, out: &mut Vec<u8>) {
        out.push(b'{');
        for (index, (name, value)) in fields.iter().enumerate() {
            separate(index, out);
            write(&Value::String(name.clone()), out);
            out.push(b':');
            self.below(name, value).tell(out);
        }
        out.push(b'}');
    }
}

fn separate(index: usize, out: &mut Vec<u8>) {
    if index > 0 {
        out.push(b',');
    }
}

/// A value has keys that are text, and memory takes all: this does not fail.
fn write(value: &Value, out: &mut Vec<u8>) {
    let _ = serde_json::to_writer(out, value);
}

/// Whether a text is JSON, in one line.
fn is_line(text: &str) -> bool {
    !text.contains('\n') && serde_json::from_str::<IgnoredAny>(text).is_ok()
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
        let mut text = Vec::new();
        tell(&stored, &mut text);
        assert_eq!(String::from_utf8(text).unwrap(), shown.to_string());
        assert_eq!(told(&shown), shown);
        for (fields, expected) in [("{\n}", json!({})), ("{\"f:a\"", Value::Null)] {
            let mut text = Vec::new();
            tell(&object(json!(fields)), &mut text);
            assert_eq!(
                String::from_utf8(text).unwrap(),
                object(expected).to_string()
            );
        }
        assert_eq!(told(&json!(3)), json!(3));
    }
}
