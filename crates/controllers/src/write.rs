//! What a controller wants written.

mod request;

use std::collections::BTreeSet;

use ringfence_apiserver::object;
use serde_json::{Map, Value};

/// A write that is due.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// What to do.
    pub verb: Verb,
    /// The object: as it is to be, or, where it is to go, as it was seen. It bears the revision that it was seen at, so that
    /// a write which somebody else came before is refused and decided anew.
    pub object: Value,
}

/// What to do with an object, in the order in which a controller's writes are carried out: what goes makes room first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// Ask for its end.
    Delete,
    /// Replace all of it but its status.
    Replace,
    /// Make it.
    Create,
    /// Replace its status.
    Status,
}

/// Collects writes; of those to one object the first counts, as the others would come too late.
#[derive(Debug, Default)]
pub(crate) struct Writes {
    writes: Vec<Write>,
    touched: BTreeSet<(String, String, String)>,
}

impl Writes {
    pub(crate) fn create(&mut self, object: Value) {
        self.push(Verb::Create, object);
    }

    pub(crate) fn delete(&mut self, object: &Value) {
        if !object::is_terminating(object) {
            self.push(Verb::Delete, object.clone());
        }
    }

    /// Nothing if `object` is as it was.
    pub(crate) fn replace(&mut self, current: &Value, object: Value) {
        if *current != object {
            self.push(Verb::Replace, object);
        }
    }

    /// Nothing if `object` has this status.
    pub(crate) fn status(&mut self, current: &Value, status: Map<String, Value>) {
        let status = Value::Object(status);
        if current.get("status") != Some(&status) {
            let mut object = current.clone();
            object::fields(&mut object).insert("status".to_owned(), status);
            self.push(Verb::Status, object);
        }
    }

    fn push(&mut self, verb: Verb, object: Value) {
        let kind = object::text(&object, &["kind"]);
        let (namespace, name) = (object::namespace(&object), object::name(&object));
        let key = (kind.to_owned(), namespace.to_owned(), name.to_owned());
        if self.touched.insert(key) {
            self.writes.push(Write { verb, object });
        }
    }

    /// The writes in the order of their verbs.
    pub(crate) fn into_list(mut self) -> Vec<Write> {
        self.writes.sort_by_key(|write| write.verb);
        self.writes
    }
}

/// Sets a count as Kubernetes writes it: not at all where it is 0.
pub(crate) fn count(status: &mut Map<String, Value>, field: &str, count: i64) {
    object::set(status, field, (count != 0).then(|| count.into()));
}

/// Says which generation of `object` the status is about.
pub(crate) fn observe(status: &mut Map<String, Value>, object: &Value) {
    let generation = object::number(object, &["metadata", "generation"]);
    object::set(status, "observedGeneration", generation.map(Value::from));
}

/// The status as it is, to be changed.
pub(crate) fn old_status(object: &Value) -> Map<String, Value> {
    let status = object.get("status").and_then(Value::as_object);
    status.cloned().unwrap_or_default()
}
