//! The check of a document against a table (rules V-22, V-23, OB-5).

use super::{Schema, Type, nearest};
use crate::base64;
use crate::report::{Problem, Report};
use crate::view::Path;
use crate::yaml::{Entry, Key, Node, Value};

/// Reports every unknown field and wrong type of `node`, which should be a `schema`.
pub(crate) fn check(node: &Node, schema: &'static Schema, report: &mut Report) {
    let mut walk = Walk {
        report,
        outer: Vec::new(),
    };
    walk.object(node, schema, &Path::root());
}

struct Walk<'r> {
    report: &'r mut Report,
    /// The object types around the current one.
    outer: Vec<&'static Schema>,
}

impl Walk<'_> {
    fn value<'a>(&mut self, node: &'a Node, expected: &'static Type, path: &Path<'a>) {
        match (expected, &node.value) {
            (Type::Any, _) | (_, Value::Null) => {}
            (Type::Object(schema), _) => self.object(node, schema, path),
            (Type::List(item) | Type::OneOrMore(item), Value::Sequence(items)) => {
                for (index, node) in items.iter().enumerate() {
                    self.value(node, item, &path.index(index));
                }
            }
            (Type::OneOrMore(item), _) => self.value(node, item, path),
            (Type::Map(item), Value::Mapping(entries)) => {
                for entry in entries {
                    self.map_entry(entry, item, path);
                }
            }
            (Type::Text | Type::Time, Value::Text(_))
            | (Type::IntOrString, Value::Text(_))
            | (Type::Bool, Value::Bool(_))
            | (Type::Int64, Value::Integer(_))
            | (Type::Quantity, Value::Text(_) | Value::Integer(_) | Value::Float(_)) => {}
            (Type::Int32 | Type::IntOrString, Value::Integer(number)) => {
                if i32::try_from(*number).is_err() {
                    let message = format!("{number} does not fit a 32-bit integer");
                    self.report
                        .add(Problem::new("V-22", path, node.span, message));
                }
            }
            (Type::Bytes, Value::Text(text)) => {
                if base64::decode(text).is_none() {
                    let message = "not base64; plain text belongs in `stringData`";
                    self.report
                        .add(Problem::new("V-22", path, node.span, message));
                }
            }
            (
                Type::Text
                | Type::Bool
                | Type::Int32
                | Type::Int64
                | Type::IntOrString
                | Type::Quantity
                | Type::Time
                | Type::Bytes
                | Type::List(_)
                | Type::Map(_),
                _,
            ) => self.mismatch(node, expected, path),
        }
    }

    fn object<'a>(&mut self, node: &'a Node, schema: &'static Schema, path: &Path<'a>) {
        let Value::Mapping(entries) = &node.value else {
            return self.mismatch(node, &Type::Map(&Type::Any), path);
        };
        self.outer.push(schema);
        for entry in entries {
            match schema.field(&entry.key.text) {
                Some(expected) => self.value(&entry.value, expected, &path.field(&entry.key.text)),
                None => self.unknown_field(&entry.key, schema, path),
            }
        }
        self.outer.pop();
    }

    fn map_entry<'a>(&mut self, entry: &'a Entry, item: &'static Type, path: &Path<'a>) {
        let path = path.key(&entry.key.text);
        if let Some(kind) = entry.key.not_text {
            let written = self.report.quoted(entry.key.span);
            let message = format!("the key must be a string, but plain `{written}` is {kind}");
            let help = format!("put it in quotes: \"{written}\"");
            self.report
                .add(Problem::new("OB-5", &path, entry.key.span, message).with_help(help));
        }
        self.value(&entry.value, item, &path);
    }

    fn unknown_field<'a>(&mut self, key: &'a Key, schema: &'static Schema, path: &Path<'a>) {
        let message = format!("unknown field `{}`", path.field(&key.text));
        let mut problem = Problem::bare("V-23", &path.field(&key.text), key.span, message);
        let fields = schema.fields.iter().map(|(name, _)| *name);
        if let Some(meant) = nearest(&key.text, fields.clone()) {
            problem = problem.with_label(format!("did you mean `{meant}`?"));
        } else if let Some(owner) = self.owner(&key.text) {
            let help = format!(
                "`{}` is a field of {}: is the indentation right?",
                key.text, owner.name
            );
            problem = problem.with_label("not a field here").with_help(help);
        } else {
            const SHOWN: usize = 16;
            let mut names: Vec<&str> = fields.take(SHOWN).collect();
            if schema.fields.len() > SHOWN {
                names.push("...");
            }
            let help = format!("the fields of {} are {}", schema.name, names.join(", "));
            problem = problem.with_label("no such field").with_help(help);
        }
        self.report.add_unknown_field(path, problem);
    }

    /// The object type around the current one that has `field`.
    fn owner(&self, field: &str) -> Option<&'static Schema> {
        let (_, outer) = self.outer.split_last()?;
        outer
            .iter()
            .rev()
            .find(|schema| schema.field(field).is_some())
            .copied()
    }

    fn mismatch<'a>(&mut self, node: &'a Node, expected: &Type, path: &Path<'a>) {
        let written = self.report.quoted(node.span);
        let found = found(&node.value, &written);
        let message = format!("expected {}, found {found}", wanted(expected));
        let problem = match (&node.value, expected) {
            (Value::Bool(_), Type::Text | Type::IntOrString | Type::Time | Type::Bytes) => {
                Problem::new("OB-5", path, node.span, message).with_help(format!(
                    "plain `{written}` is a boolean in YAML: write \"{written}\""
                ))
            }
            (Value::Integer(_) | Value::Float(_), Type::Text | Type::Time | Type::Bytes) => {
                Problem::new("V-22", path, node.span, message)
                    .with_help(format!("put it in quotes: \"{written}\""))
            }
            (Value::Text(text), Type::Int32 | Type::Int64) if text.parse::<i64>().is_ok() => {
                Problem::new("V-22", path, node.span, message)
                    .with_help(format!("remove the quotes: {text}"))
            }
            (Value::Mapping(_), Type::List(_)) => Problem::new("V-22", path, node.span, message)
                .with_help("begin each item of a list with `- `"),
            _ => Problem::new("V-22", path, node.span, message),
        };
        self.report.add(problem);
    }
}

const fn wanted(expected: &Type) -> &'static str {
    match expected {
        Type::Text => "a string",
        Type::Bool => "true or false",
        Type::Int32 | Type::Int64 => "an integer",
        Type::IntOrString => "an integer or a string",
        Type::Quantity => "a quantity",
        Type::Time => "a time",
        Type::Bytes => "a base64 string",
        Type::Any => "anything",
        Type::Object(_) | Type::Map(_) => "a mapping",
        Type::List(_) => "a list",
        Type::OneOrMore(item) => wanted(item),
    }
}

fn found(value: &Value, written: &str) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(_) => format!("the boolean `{written}`"),
        Value::Integer(_) => format!("the integer `{written}`"),
        Value::Float(_) => format!("the number `{written}`"),
        Value::Text(text) if text.len() <= 40 => format!("the string \"{text}\""),
        Value::Text(_) => "a string".to_owned(),
        Value::Sequence(_) => "a list".to_owned(),
        Value::Mapping(_) => "a mapping".to_owned(),
    }
}
