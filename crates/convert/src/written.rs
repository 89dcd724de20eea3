//! A field of an object that is to be converted: its value, its path, and what is wrong with it.

use std::cell::RefCell;

use ringfence_model::{Diagnostic, Documents, Severity, Source};
use serde_json::Value;

/// An object as it was written.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) value: Value,
    pub(crate) source: Source,
    /// What cannot be converted in it, in order of discovery.
    pub(crate) problems: RefCell<Vec<Diagnostic>>,
    /// What is converted and not quite the same, in order of discovery.
    pub(crate) remarks: RefCell<Vec<Diagnostic>>,
}

impl Written {
    pub(crate) const fn new(value: Value, source: Source) -> Self {
        Self {
            value,
            source,
            problems: RefCell::new(Vec::new()),
            remarks: RefCell::new(Vec::new()),
        }
    }

    pub(crate) fn text(&self, key: &str) -> &str {
        self.value
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// `kind` and `apiVersion`.
    pub(crate) fn type_of(&self) -> (&str, &str) {
        (self.text("kind"), self.text("apiVersion"))
    }

    pub(crate) fn metadata(&self, key: &str) -> &str {
        let metadata = self.value.get("metadata");
        let field = metadata.and_then(|metadata| metadata.get(key));
        field.and_then(Value::as_str).unwrap_or_default()
    }

    /// The group of `apiVersion`.
    pub(crate) fn group(&self) -> &str {
        let version = self.text("apiVersion");
        version.split_once('/').map_or("", |(group, _)| group)
    }

    pub(crate) fn root(&self) -> Field<'_> {
        Field {
            object: self,
            path: String::new(),
            value: &self.value,
        }
    }

    pub(crate) fn is_refused(&self) -> bool {
        !self.problems.borrow().is_empty()
    }

    /// The problems with the place of their field.
    pub(crate) fn located(&self, documents: &Documents) -> Vec<Diagnostic> {
        self.locate(&self.problems, documents)
    }

    /// The remarks with the place of their field.
    pub(crate) fn remarked(&self, documents: &Documents) -> Vec<Diagnostic> {
        self.locate(&self.remarks, documents)
    }

    fn locate(&self, found: &RefCell<Vec<Diagnostic>>, documents: &Documents) -> Vec<Diagnostic> {
        let locate = |found: &Diagnostic| {
            let path = found.path.as_deref().unwrap_or_default();
            let location = documents.locate(&self.source, path);
            let found = found.clone().with_source(Some(self.source.clone()));
            Diagnostic {
                location: location.or(found.location.clone()),
                ..found
            }
        };
        found.borrow().iter().map(locate).collect()
    }
}

/// A value inside of an object.
#[derive(Clone, Debug)]
pub(crate) struct Field<'a> {
    pub(crate) object: &'a Written,
    pub(crate) path: String,
    pub(crate) value: &'a Value,
}

impl<'a> Field<'a> {
    /// The value under `key`; a null is no value.
    pub(crate) fn get(&self, key: &str) -> Option<Self> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(self.below(self.path_of(key), value))
    }

    /// The entries of a mapping. Anything else is refused.
    pub(crate) fn entries(&self) -> Vec<(&'a str, Self)> {
        let Some(map) = self.value.as_object() else {
            self.refuse("is no mapping", "write the fields of the object here");
            return Vec::new();
        };
        map.iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key.as_str(), self.below(self.path_of(key), value)))
            .collect()
    }

    /// The items of a list; none where there is none. Anything else is refused.
    pub(crate) fn list(&self, key: &str) -> Vec<Self> {
        let Some(field) = self.get(key) else {
            return Vec::new();
        };
        let Some(items) = field.value.as_array() else {
            field.refuse("is no list", "write a list here");
            return Vec::new();
        };
        let item = |(index, value)| field.below(format!("{}[{index}]", field.path), value);
        items.iter().enumerate().map(item).collect()
    }

    /// The text under `key`, unless it is empty. Anything but a text is refused.
    pub(crate) fn text_of(&self, key: &str) -> Option<&'a str> {
        let field = self.get(key)?;
        field.as_text().filter(|text| !text.is_empty())
    }

    pub(crate) fn as_text(&self) -> Option<&'a str> {
        let text = self.value.as_str();
        if text.is_none() {
            self.refuse("is no text", "write a string, in quotes");
        }
        text
    }

    /// Whether the field has no value to speak of: false, an empty text, list or mapping.
    pub(crate) fn is_empty(&self) -> bool {
        match self.value {
            Value::Null => true,
            Value::Bool(value) => !value,
            Value::Number(_) => false,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(fields) => fields.is_empty(),
        }
    }

    /// Refuses every field but those in `known`; a field without a value to speak of says nothing. What is known to have no
    /// equivalent is in `without`, with the reason and what to do.
    pub(crate) fn only(&self, known: &[&str], without: &[(&str, &str, &str)]) {
        for (key, field) in self.entries() {
            if known.contains(&key) {
                continue;
            }
            match without.iter().find(|(name, _, _)| *name == key) {
                Some(_) if field.is_empty() => {}
                Some((_, why, instead)) => field.refuse(why, instead),
                None => field.refuse(
                    "is a field that this conversion does not know",
                    "remove it if it is a mistake; its meaning cannot be kept",
                ),
            }
        }
    }

    /// Refuses the object for this field.
    pub(crate) fn refuse(&self, why: &str, instead: &str) {
        let found = self.said(Severity::Error, why, instead);
        self.object.problems.borrow_mut().push(found);
    }

    /// Warns that what becomes of this field is not quite the same.
    pub(crate) fn warn(&self, why: &str, instead: &str) {
        let found = self.said(Severity::Warning, why, instead);
        self.object.remarks.borrow_mut().push(found);
    }

    fn said(&self, severity: Severity, why: &str, instead: &str) -> Diagnostic {
        let path = &self.path;
        let message = if path.is_empty() {
            why.to_owned()
        } else {
            format!("{path}: {why}")
        };
        let mut found = Diagnostic::new(severity, message).with_help(instead);
        found.path = Some(path.clone());
        found
    }

    fn below(&self, path: String, value: &'a Value) -> Self {
        let object = self.object;
        Self {
            object,
            path,
            value,
        }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else if key.contains(['.', '[', '/']) {
            format!("{}[{key}]", self.path)
        } else {
            format!("{}.{key}", self.path)
        }
    }
}
