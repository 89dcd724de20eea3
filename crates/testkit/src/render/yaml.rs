//! Just enough of a YAML writer for manifests: block style, strings quoted where they need it.

use serde_json::{Map, Value};

/// One document, ending with a line break.
pub(super) fn document(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value, 0);
    text
}

fn write(text: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(fields) => write_fields(text, fields, indent),
        Value::Array(items) => write_items(text, items, indent),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            text.push_str(&format!("{}\n", scalar(value)));
        }
    }
}

fn write_fields(text: &mut String, fields: &Map<String, Value>, indent: usize) {
    for (key, value) in fields {
        text.push_str(&format!("{}{}:", " ".repeat(indent), plain_or_quoted(key)));
        write_after(text, value, indent + 2);
    }
}

/// A value after its key: on the same line if it is short, below and indented otherwise.
fn write_after(text: &mut String, value: &Value, indent: usize) {
    if is_nested(value) {
        text.push('\n');
        write(text, value, indent);
    } else {
        text.push_str(&format!(" {}\n", scalar(value)));
    }
}

fn write_items(text: &mut String, items: &[Value], indent: usize) {
    for item in items {
        let mut nested = String::new();
        if is_nested(item) {
            write(&mut nested, item, indent + 2);
        } else {
            nested = format!("{}{}\n", " ".repeat(indent + 2), scalar(item));
        }
        text.push_str(&format!(
            "{}- {}",
            " ".repeat(indent),
            nested.trim_start_matches(' ')
        ));
    }
}

fn is_nested(value: &Value) -> bool {
    match value {
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => plain_or_quoted(text),
        Value::Object(_) => "{}".to_owned(),
        Value::Array(_) => "[]".to_owned(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// Plain if no YAML reader could take it for anything but this string.
fn plain_or_quoted(text: &str) -> String {
    const WORDS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let starts_plain = text.starts_with(|first: char| first.is_ascii_alphabetic());
    let is_plain = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
    let is_word = WORDS.contains(&text.to_lowercase().as_str());
    if starts_plain && is_plain && !is_word {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}
