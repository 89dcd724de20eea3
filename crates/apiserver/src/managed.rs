//! Who manages which field: the record that server-side apply decides by.

mod set;
mod told;

pub(crate) use set::{FieldSet, Step, remove};
pub(crate) use told::{tell, told};

use ringfence_model::Schema;
use serde_json::{Value, json};

use crate::object::{self, items, text};
use crate::patch::Position;
use crate::time::Timestamp;

/// What the server writes itself, and nobody manages.
const NOBODYS: [&str; 10] = [
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "generateName",
];

/// One manager's entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) manager: String,
    /// Whether by server-side apply, or by any other write.
    pub(crate) applies: bool,
    pub(crate) subresource: String,
    pub(crate) api_version: String,
    pub(crate) time: String,
    pub(crate) fields: FieldSet,
}

/// Who writes, how and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writer<'a> {
    pub(crate) manager: &'a str,
    pub(crate) subresource: &'a str,
    pub(crate) api_version: &'a str,
    pub(crate) now: Timestamp,
}

impl Entry {
    pub(crate) fn new(writer: &Writer<'_>, applies: bool, fields: FieldSet) -> Self {
        Self {
            manager: writer.manager.to_owned(),
            applies,
            subresource: writer.subresource.to_owned(),
            api_version: writer.api_version.to_owned(),
            time: writer.now.to_string(),
            fields,
        }
    }

    pub(crate) fn is_of(&self, writer: &Writer<'_>, applies: bool) -> bool {
        self.manager == writer.manager
            && self.subresource == writer.subresource
            && self.applies == applies
    }

    fn read(value: &Value) -> Option<Self> {
        let word = |field: &str| text(value, &[field]).to_owned();
        let applies = match text(value, &["operation"]) {
            "Apply" => true,
            "Update" => false,
            _ => return None,
        };
        let fields = value.get("fieldsV1")?;
        let fields = match fields.as_str() {
            Some(stored) => FieldSet::from_json(&serde_json::from_str(stored).ok()?),
            None => FieldSet::from_json(fields),
        };
        Some(Self {
            manager: word("manager"),
            applies,
            subresource: word("subresource"),
            api_version: word("apiVersion"),
            time: word("time"),
            fields,
        })
    }

    fn write(&self) -> Value {
        let operation = if self.applies { "Apply" } else { "Update" };
        let mut entry = json!({
            "manager": self.manager, "operation": operation, "apiVersion": self.api_version,
            "time": self.time, "fieldsType": "FieldsV1", "fieldsV1": self.fields.to_json().to_string(),
        });
        if !self.subresource.is_empty() {
            object::fields(&mut entry)
                .insert("subresource".to_owned(), self.subresource.clone().into());
        }
        entry
    }
}

/// The entries of an object. Fields of what is a single value to the server are those of the whole value.
pub(crate) fn entries(object: &Value, schema: &'static Schema) -> Vec<Entry> {
    let entries = items(object, &["metadata", "managedFields"]).iter();
    let entries = entries.filter_map(Entry::read);
    entries
        .map(|entry| Entry {
            fields: entry.fields.whole(Position::Object(schema)),
            ..entry
        })
        .collect()
}

/// Writes the entries that are left with fields, to be stored.
pub(crate) fn record(object: &mut Value, entries: &[Entry]) {
    let written: Vec<Value> = entries
        .iter()
        .filter(|entry| !entry.fields.is_empty())
        .map(Entry::write)
        .collect();
    let written = (!written.is_empty()).then_some(Value::Array(written));
    object::set(object::metadata(object), "managedFields", written);
}

/// The fields of an object that somebody can manage.
pub(crate) fn managed(object: &Value, schema: &'static Schema) -> FieldSet {
    let mut copy = object.clone();
    let metadata = object::metadata(&mut copy);
    for field in NOBODYS {
        metadata.shift_remove(field);
    }
    if metadata.is_empty() {
        object::fields(&mut copy).shift_remove("metadata");
    }
    for field in ["apiVersion", "kind"] {
        object::fields(&mut copy).shift_remove(field);
    }
    FieldSet::of(&copy, Position::Object(schema))
}

/// Notes a write that is no apply: what it changes becomes the writer's alone, what it removes is nobody's.
pub(crate) fn note_update(
    entries: &mut Vec<Entry>,
    (before, after): (&Value, &Value),
    schema: &'static Schema,
    writer: &Writer<'_>,
) {
    let (old, new) = (managed(before, schema), managed(after, schema));
    let changed = new.differing(before, after);
    let gone = old.minus(&new);
    for entry in entries.iter_mut() {
        entry.fields = entry.fields.minus(&gone);
        if !entry.is_of(writer, false) {
            entry.fields = entry.fields.minus(&changed);
        }
    }
    if changed.is_empty() {
        return;
    }
    match entries.iter_mut().find(|entry| entry.is_of(writer, false)) {
        Some(entry) => {
            let fields = entry.fields.union(&changed);
            *entry = Entry::new(writer, false, fields);
        }
        None => entries.push(Entry::new(writer, false, changed)),
    }
}
