//! The columns of `kubectl get`.

use serde_json::Value;

use super::Word;
use crate::object;
use crate::time::Timestamp;

/// How a cell is found.
#[derive(Clone, Debug)]
pub enum Cell {
    /// Computed from the object and the present time.
    Computed(fn(&Value, Timestamp) -> Value),
    /// The value at a path of field names.
    Path(Vec<String>),
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
                let path: Vec<&str> = path.iter().map(String::as_str).collect();
                let value = object::at(object, &path).cloned().unwrap_or(Value::Null);
                if self.value == "date" {
                    super::cells::since(value.as_str().unwrap_or_default(), now)
                } else {
                    value
                }
            }
        }
    }
}
