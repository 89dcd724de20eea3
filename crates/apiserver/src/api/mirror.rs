//! Taking over what a cluster says about itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::create::identify;
use super::update::count_generation;
use super::{Api, Moment};
use crate::kind::Kind;
use crate::object::{self, at};
use crate::store::Name;

/// What an object keeps of its metadata when the cluster says anew what it is.
const KEPT: [&str; 7] = [
    "uid",
    "creationTimestamp",
    "generation",
    "resourceVersion",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
];

impl Api {
    /// Makes what `objects` gives all that there is of `resources`. It is asked while nobody writes, so that what it gives is
    /// not out of date when it is taken over. Nobody is asked for agreement: it is so already. Objects of kinds that are not
    /// served are left out.
    pub fn mirror(
        &self,
        resources: &[&str],
        objects: impl FnOnce() -> Vec<Value>,
        moment: &Moment<'_>,
    ) {
        let writing = self.begin_writing();
        let mut present = BTreeSet::new();
        for object in objects() {
            let text = |field| object::text(&object, &[field]);
            let Some(kind) = self.kinds.of_object(text("apiVersion"), text("kind")) else {
                continue;
            };
            present.insert((kind.resource(), Name::of(&object)));
            let object = self.completed(object, kind, moment);
            self.record(kind, &object);
        }
        for resource in resources {
            self.forget_others(resource, &present);
        }
        self.collect_garbage(moment);
        drop(writing);
    }

    fn completed(&self, mut object: Value, kind: &Arc<Kind>, moment: &Moment<'_>) -> Value {
        object::drop_nulls(&mut object);
        super::create::store_in_first_version(&mut object, kind);
        (kind.defaults)(&mut object);
        let current = self
            .store()
            .get(&kind.resource(), &Name::of(&object))
            .cloned();
        let Some(current) = current else {
            identify(&mut object, moment);
            observe_generation(&mut object);
            return object;
        };
        let metadata = object::metadata(&mut object);
        for field in KEPT {
            object::set(metadata, field, at(&current, &["metadata", field]).cloned());
        }
        count_generation(&current, &mut object);
        observe_generation(&mut object);
        object
    }

    fn forget_others(&self, resource: &str, present: &BTreeSet<(String, Name)>) {
        let Some(kind) = self.kinds.of_resource(resource) else {
            return;
        };
        let names: Vec<Name> = {
            let store = self.store();
            let names = store.objects(resource).map(|(name, _)| name.clone());
            names
                .filter(|name| !present.contains(&(resource.to_owned(), name.clone())))
                .collect()
        };
        for name in names {
            self.forget(kind, &name);
        }
    }
}

/// A status that speaks of a generation speaks of this one: it is said together with what it is about.
fn observe_generation(object: &mut Value) {
    let generation = at(object, &["metadata", "generation"]).cloned();
    if at(object, &["status", "observedGeneration"]).is_some() {
        let status = object::fields(object::child(object, "status"));
        object::set(status, "observedGeneration", generation);
    }
}
