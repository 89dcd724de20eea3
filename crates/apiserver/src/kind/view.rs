//! One kind's objects under the names of another.

use ringfence_model::Schema;
use serde_json::Value;

use crate::object;

/// A kind without objects of its own: it shows those of another, some of whose fields it calls otherwise.
#[derive(Debug)]
pub struct View {
    /// The resource whose objects it shows.
    pub resource: &'static str,
    /// What these say as `apiVersion`.
    pub api_version: &'static str,
    /// Their fields.
    pub schema: &'static Schema,
    /// Fields that have two names: what they are called here, and what they are called there.
    pub names: &'static [(&'static str, &'static str)],
}

impl View {
    /// Calls the fields of a stored object as it is done here.
    pub(crate) fn show(&self, object: &mut Value) {
        rename(
            object,
            self.names.iter().map(|(own, stored)| (*stored, *own)),
        );
    }

    /// The other way round.
    pub(crate) fn store(&self, object: &mut Value) {
        rename(object, self.names.iter().copied());
    }
}

fn rename<'a>(object: &mut Value, names: impl Iterator<Item = (&'a str, &'a str)>) {
    let fields = object::fields(object);
    for (from, to) in names {
        if let Some(value) = fields.shift_remove(from) {
            fields.insert(to.to_owned(), value);
        }
    }
}
