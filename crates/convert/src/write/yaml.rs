//! JSON values as YAML in block style.

use ringfence_model::is_plain_text;
use serde_json::{Map, Value};

/// `value` as a YAML document.
pub(crate) fn yaml(value: &Value) -> String {
    let mut lines = String::new();
    match value {
        Value::Object(fields) if !fields.is_empty() => mapping(fields, 0, &mut lines),
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => lines = format!("{}\n", flow(value)),
    }
    lines
}

fn mapping(fields: &Map<String, Value>, indent: usize, lines: &mut String) {
    for (key, value) in fields {
        lines.push_str(&" ".repeat(indent));
        lines.push_str(&text(key));
        below(value, indent, lines);
    }
}

/// What stands behind a key.
fn below(value: &Value, indent: usize, lines: &mut String) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            lines.push_str(":\n");
            mapping(fields, indent + 2, lines);
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            lines.push_str(":\n");
            items.iter().for_each(|one| item(one, indent, lines));
        }
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => lines.push_str(&format!(": {}\n", flow(value))),
    }
}

fn item(value: &Value, indent: usize, lines: &mut String) {
    let mut inner = String::new();
    match value {
        Value::Object(fields) if !fields.is_empty() => mapping(fields, indent + 2, &mut inner),
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => inner = format!("{}\n", flow(value)),
    }
    lines.push_str(&" ".repeat(indent));
    lines.push_str("- ");
    lines.push_str(inner.trim_start_matches(' '));
}

/// On one line.
fn flow(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(string) => text(string),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields: Vec<String> = fields
                .map(|(key, value)| format!("{}: {}", text(key), flow(value)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
    }
}

/// Plain if no YAML reader could take it for anything but this string (rule OB-5); JSON strings are YAML strings, too.
fn text(text: &str) -> String {
    if is_plain_text(text) {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_written_in_blocks_and_read_back() {
        let value = json!({
            "kind": "A", "empty": {}, "none": [], "on": "no", "number": "8080",
            "list": [{"a": {"b": 1}, "c": ["x", "1"]}, {}],
        });
        let expected = "kind: A\nempty: {}\nnone: []\n\"on\": \"no\"\nnumber: \"8080\"\nlist:\n- a:\n    b: 1\n  c: [x, \"1\"]\n- {}\n";
        assert_eq!(yaml(&value), expected);
        let input = ringfence_model::Input {
            name: "test".to_owned(),
            text: expected.to_owned(),
        };
        assert_eq!(ringfence_model::read_json(&input).unwrap(), [value]);
    }
}
