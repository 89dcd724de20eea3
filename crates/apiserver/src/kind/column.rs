//! The columns of `kubectl get`.

use serde_json::Value;

use super::{JsonPath, Word};
use crate::time::Timestamp;

/// How a cell is found.
#[derive(Clone, Debug)]
pub enum Cell {
    /// Computed from the object and the present time.
    Computed(fn(&Value, Timestamp) -> Value),
    /// The values at a path.
    Path(JsonPath),
}

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its heading.
    pub name: Word,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    pub value: Word,
    /// A hint for those who show it, such as `int32`; mostly empty.
    pub format: Word,
    /// What it says, for those who show it; empty for kinds of ours.
    pub description: Word,
    /// Shown with `-o wide` only.
    pub wide: bool,
    /// What stands in it.
    pub cell: Cell,
}

impl Column {
    pub(crate) fn new(name: &'static str, cell: fn(&Value, Timestamp) -> Value) -> Self {
        Self {
            name: name.into(),
            value: "string".into(),
            format: "".into(),
            description: "".into(),
            wide: false,
            cell: Cell::Computed(cell),
        }
    }

    pub(crate) fn number(name: &'static str, cell: fn(&Value, Timestamp) -> Value) -> Self {
        Self {
            value: "integer".into(),
            ..Self::new(name, cell)
        }
    }

    pub(crate) fn wide(self) -> Self {
        Self { wide: true, ..self }
    }

    /// What stands in it for `object`.
    #[must_use]
    pub fn show(&self, object: &Value, now: Timestamp) -> Value {
        match &self.cell {
            Cell::Computed(cell) => cell(object, now),
            Cell::Path(path) => {
                let found = path.find(object);
                match (self.value.as_ref(), found.as_slice()) {
                    (_, []) => Value::Null,
                    ("date", [time, ..]) => {
                        super::cells::since(time.as_str().unwrap_or_default(), now)
                    }
                    ("string", values) => {
                        let words: Vec<String> = values.iter().map(|value| word(value)).collect();
                        words.join(" ").into()
                    }
                    (kind, [value, ..]) => of_type(value, kind),
                }
            }
        }
    }
}

/// A value in a column of another type than text; nothing if it is of another one.
fn of_type(value: &Value, kind: &str) -> Value {
    let fits = match kind {
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        _ => false,
    };
    if fits { value.clone() } else { Value::Null }
}

/// A value in a column of text.
fn word(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
