//! Values as YAML in the way of `kubectl get -o yaml`. Whatever a reader could take for something else than the string that
//! it is stands in quotes, as JSON writes it, so that the text means the value to every reader.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Words that a reader may take for no string, in lower case.
const WORDS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];

/// `value` as a document.
pub(crate) fn document(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text
}

/// Lines of their own, the first without its indentation: what comes before stands there.
fn block(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Object(fields) if !fields.is_empty() => mapping(fields, indent, text),
        Value::Array(items) if !items.is_empty() => sequence(items, indent, text),
        Value::Object(_)
        | Value::Array(_)
        | Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_) => {
            text.push_str(&inline(value));
            text.push('\n');
        }
    }
}

fn mapping(fields: &Map<String, Value>, indent: usize, text: &mut String) {
    for (index, (key, value)) in fields.iter().enumerate() {
        if index > 0 {
            margin(indent, text);
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "{}:", plain_or_quoted(key));
        let below = match value {
            Value::Object(fields) if !fields.is_empty() => Some(indent + 2),
            Value::Array(items) if !items.is_empty() => Some(indent),
            Value::Object(_)
            | Value::Array(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_) => None,
        };
        if let Some(indent) = below {
            text.push('\n');
            margin(indent, text);
            block(value, indent, text);
        } else {
            text.push(' ');
            block(value, indent, text);
        }
    }
}

fn sequence(items: &[Value], indent: usize, text: &mut String) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            margin(indent, text);
        }
        text.push_str("- ");
        block(item, indent + 2, text);
    }
}

fn margin(indent: usize, text: &mut String) {
    text.extend(std::iter::repeat_n(' ', indent));
}

/// A value on one line.
fn inline(value: &Value) -> String {
    match value {
        Value::String(string) => plain_or_quoted(string),
        Value::Object(_) | Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {
            value.to_string()
        }
    }
}

fn plain_or_quoted(string: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./".contains(letter);
    let begins = string.starts_with(|first: char| first.is_ascii_alphabetic());
    let is_word = WORDS.contains(&string.to_ascii_lowercase().as_str());
    if begins && !is_word && string.chars().all(is_plain) {
        string.to_owned()
    } else {
        quoted(string)
    }
}

/// As JSON, with escapes for what is no printable character in YAML 1.2.
fn quoted(string: &str) -> String {
    let mut text = Value::from(string).to_string();
    let is_odd = |letter: char| {
        ('\u{7f}'..='\u{9f}').contains(&letter)
            || matches!(
                letter,
                '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
            )
    };
    if text.contains(is_odd) {
        let odd = text.chars().map(|letter| {
            if is_odd(letter) {
                format!("\\u{:04x}", u32::from(letter))
            } else {
                letter.to_string()
            }
        });
        text = odd.collect();
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ringfence_model::{Input, read_json};
    use serde_json::json;

    use super::*;

    fn values() -> impl Strategy<Value = Value> {
        let words = prop_oneof![
            any::<String>(),
            "[ -~]{0,12}",
            prop::sample::select(vec![
                "on",
                "1",
                "0x1f",
                "1e3",
                "~",
                "-",
                "- a",
                "a: b",
                "a #b",
                "\u{85}",
                "\u{2028}",
                "|",
                ">",
                "---",
                "...",
                "a\nb",
                " a ",
                "\t",
                "\u{feff}",
                "\u{7f}",
                ".inf",
                "0o7",
                "2026-01-01",
                "=",
                "<<",
            ])
            .prop_map(str::to_owned),
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            words.clone().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(words.clone(), inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_it_was(fields in prop::collection::btree_map("[a-z]{1,6}", values(), 1..4)) {
            let value = Value::Object(fields.into_iter().collect());
            let text = document(&value);
            let input = Input { name: "written".to_owned(), text: text.clone() };
            let read = read_json(&input).map_err(|errors| TestCaseError::fail(format!("{errors:?}\n{text}")))?;
            prop_assert_eq!(read, vec![value], "{}", text);
        }
    }

    #[test]
    fn it_looks_as_kubectl_writes_it() {
        let value = json!({"spec": {"podSelector": {}, "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"port": 80}]}], "egress": []}});
        let expected = "spec:\n  podSelector: {}\n  ingress:\n  - from:\n    - podSelector:\n        matchLabels:\n          app: web\n    ports:\n    - port: 80\n  egress: []\n";
        assert_eq!(document(&value), expected);
    }
}
