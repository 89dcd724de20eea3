//! Taking over the objects of an earlier server.

use std::sync::Arc;

use serde_json::Value;

use super::create::{identify, store_in_first_version};
use super::request::FieldValidation;
use super::{Api, Moment, finish};
use crate::kind::Kind;
use crate::object::{self, text};

/// Why objects are not taken over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{object}: {message}")]
pub struct RestoreError {
    /// Which object.
    pub object: String,
    /// What is wrong with it.
    pub message: String,
}

impl Api {
    /// Takes over `objects` as they are, with their identities; one that is there already is replaced. Each passes the checks of
    /// a write first. Nobody is asked for agreement.
    ///
    /// # Errors
    /// For the first object that cannot be. Of objects of kinds that we serve by ourselves none is taken over then.
    pub fn restore(&self, objects: Vec<Value>, moment: &Moment<'_>) -> Result<(), RestoreError> {
        let writing = self.begin_writing();
        let is_definition = |object: &Value| text(object, &["kind"]) == "CustomResourceDefinition";
        let (definitions, others): (Vec<Value>, Vec<Value>) =
            objects.into_iter().partition(is_definition);
        for (kind, object) in self.checked(definitions, moment)? {
            self.change(|store| store.put(&kind.resource(), &object));
        }
        self.define();
        for (kind, object) in self.checked(others, moment)? {
            self.change(|store| store.put(&kind.resource(), &object));
        }
        self.collect_garbage(moment);
        drop(writing);
        Ok(())
    }

    fn checked(
        &self,
        objects: Vec<Value>,
        moment: &Moment<'_>,
    ) -> Result<Vec<(Arc<Kind>, Value)>, RestoreError> {
        let checked = objects.into_iter().map(|object| self.check(object, moment));
        checked.collect()
    }

    fn check(
        &self,
        mut object: Value,
        moment: &Moment<'_>,
    ) -> Result<(Arc<Kind>, Value), RestoreError> {
        let word = |field| text(&object, &[field]).to_owned();
        let (api_version, kind) = (word("apiVersion"), word("kind"));
        let name = [object::namespace(&object), object::name(&object)].join("/");
        let called = format!("{kind} {}", name.trim_start_matches('/'));
        let refused = |message: String| RestoreError {
            object: called.clone(),
            message,
        };
        let served = self.served();
        let kind = served.of_object(&api_version, &kind);
        let kind =
            kind.ok_or_else(|| refused(format!("there is no such kind in {api_version:?}")))?;
        if kind.is_namespaced() == object::namespace(&object).is_empty() {
            return Err(refused(
                "its kind lives elsewhere: see `metadata.namespace`".to_owned(),
            ));
        }
        let checked = finish::check_fields(&mut object, kind, FieldValidation::Strict)
            .and_then(|_| finish::finish(&mut object, kind));
        checked.map_err(|error| refused(error.message))?;
        store_in_first_version(&mut object, kind);
        if object::uid(&object).is_empty() {
            identify(&mut object, moment);
        }
        Ok((Arc::clone(kind), object))
    }
}
