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
    /// `string`, `integer` or `date`.
    pub value: Word,
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
                    (_, [value, ..]) => Value::clone(value),
                }
            }
        }
    }
}

/// A value in a column of text.
fn word(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
