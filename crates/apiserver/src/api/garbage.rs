//! What is to go because what it belonged to is gone: the content of deleted namespaces, the dependents of deleted owners.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::commit::{DEFINITIONS, Outcome};
use super::delete::{CLEANUP, DeleteOptions, FOREGROUND, ORPHAN, decide_delete};
use super::update::settle;
use crate::kind::Kind;
use crate::kinds::Kinds;
use crate::object::{self, at, items, text};
use crate::store::{Name, Store};
use crate::time::Timestamp;

type Work = Vec<(Arc<Kind>, Outcome)>;

/// The next steps; nothing if all is in order. After they are taken there may be more.
pub(super) fn sweep(store: &Store, kinds: &Kinds, ends_pods: bool, now: Timestamp) -> Work {
    let objects: Vec<Owned<'_>> = store
        .everything()
        .filter_map(|(resource, name, object)| {
            Some(Owned {
                kind: kinds.of_resource(resource)?,
                name,
                object,
            })
        })
        .collect();
    let mut work: BTreeMap<(String, Name), (Arc<Kind>, Outcome)> = BTreeMap::new();
    let steps = doomed(&objects).into_iter().filter_map(|(owned, options)| {
        let outcome = decide_delete(owned.object, owned.kind, &options, ends_pods, now);
        outcome.ok().map(|outcome| (owned, outcome))
    });
    for (owned, outcome) in steps.chain(released(&objects)) {
        if !matches!(outcome, Outcome::Same(_)) {
            let key = (owned.kind.resource(), owned.name.clone());
            work.entry(key)
                .or_insert_with(|| (Arc::clone(owned.kind), outcome));
        }
    }
    work.into_values().collect()
}

#[derive(Clone, Copy)]
struct Owned<'a> {
    kind: &'a Arc<Kind>,
    name: &'a Name,
    object: &'a Arc<Value>,
}

impl<'a> Owned<'a> {
    fn owners(self) -> impl Iterator<Item = &'a str> {
        let owners = items(self.object, &["metadata", "ownerReferences"]).iter();
        owners.map(|owner| text(owner, &["uid"]))
    }

    /// Whether it is there only as long as `definition` is: what we serve by ourselves is not, even if somebody defines it.
    fn is_defined_by(self, definition: &str) -> bool {
        !self.kind.structures.is_empty() && self.kind.resource() == definition
    }

    fn is_definition(self) -> bool {
        self.kind.resource() == DEFINITIONS
    }

    fn has_finalizer(self, finalizer: &str) -> bool {
        items(self.object, &["metadata", "finalizers"])
            .iter()
            .any(|one| one == finalizer)
    }
}

/// What has lost its namespace, or its last owner, and how it goes: whoever an owner waits for waits for its own dependents.
fn doomed<'a>(objects: &[Owned<'a>]) -> Vec<(Owned<'a>, DeleteOptions)> {
    let uids: BTreeSet<&str> = objects
        .iter()
        .map(|owned| object::uid(owned.object))
        .collect();
    let terminating = |owned: &&Owned<'_>| object::is_terminating(owned.object);
    let is_namespace = |owned: &&Owned<'_>| owned.kind.resource() == "namespaces";
    let ending = objects.iter().filter(is_namespace).filter(terminating);
    let ending: BTreeSet<&str> = ending.map(|owned| owned.name.name.as_str()).collect();
    let undefined: BTreeSet<&str> = objects
        .iter()
        .filter(|owned| owned.is_definition())
        .filter(terminating)
        .map(|owned| owned.name.name.as_str())
        .collect();
    let foreground = objects
        .iter()
        .filter(terminating)
        .filter(|owned| owned.has_finalizer(FOREGROUND));
    let foreground: BTreeSet<&str> = foreground.map(|owned| object::uid(owned.object)).collect();
    let doomed = |owned: &&Owned<'_>| {
        let lives = |uid: &str| uids.contains(uid) && !foreground.contains(uid);
        let orphaned = owned.owners().next().is_some() && !owned.owners().any(lives);
        !object::is_terminating(owned.object)
            && (ending.contains(owned.name.namespace.as_str())
                || orphaned
                || undefined.iter().any(|name| owned.is_defined_by(name)))
    };
    let owners: BTreeSet<&str> = objects.iter().flat_map(|owned| owned.owners()).collect();
    let options = |owned: Owned<'_>| {
        let is_waited_for = owned.owners().any(|uid| foreground.contains(uid));
        if is_waited_for && owners.contains(object::uid(owned.object)) {
            DeleteOptions::foreground()
        } else {
            DeleteOptions::default()
        }
    };
    let doomed = objects.iter().filter(doomed).copied();
    doomed.map(|owned| (owned, options(owned))).collect()
}

/// What was held for the sake of others, and is held no more.
fn released<'a>(objects: &[Owned<'a>]) -> Vec<(Owned<'a>, Outcome)> {
    let mut released = Vec::new();
    for owner in objects
        .iter()
        .filter(|owned| object::is_terminating(owned.object))
    {
        let uid = object::uid(owner.object);
        let dependents: Vec<Owned<'a>> = objects
            .iter()
            .filter(|owned| owned.owners().any(|one| one == uid))
            .copied()
            .collect();
        if owner.has_finalizer(ORPHAN) {
            released.extend(
                dependents
                    .iter()
                    .map(|owned| (*owned, without_owner(owned.object, uid))),
            );
            if dependents.is_empty() {
                released.push((*owner, without_finalizer(owner.object, ORPHAN)));
            }
        }
        let blocked = dependents.iter().any(|owned| blocks(owned.object, uid));
        if owner.has_finalizer(FOREGROUND) && !blocked {
            released.push((*owner, without_finalizer(owner.object, FOREGROUND)));
        }
        let unused = || {
            objects
                .iter()
                .all(|owned| !owned.is_defined_by(&owner.name.name))
        };
        if owner.is_definition() && owner.has_finalizer(CLEANUP) && unused() {
            released.push((*owner, without_finalizer(owner.object, CLEANUP)));
        }
        let empty = || {
            objects
                .iter()
                .all(|owned| owned.name.namespace != owner.name.name)
        };
        if owner.kind.resource() == "namespaces" && empty() {
            released.push((*owner, without_kubernetes(owner.object)));
        }
    }
    released
}

fn blocks(dependent: &Value, uid: &str) -> bool {
    items(dependent, &["metadata", "ownerReferences"])
        .iter()
        .any(|owner| {
            text(owner, &["uid"]) == uid
                && at(owner, &["blockOwnerDeletion"]) == Some(&Value::Bool(true))
        })
}

fn without_owner(object: &Arc<Value>, uid: &str) -> Outcome {
    without(object, &["metadata", "ownerReferences"], |owner| {
        text(owner, &["uid"]) == uid
    })
}

fn without_finalizer(object: &Arc<Value>, finalizer: &str) -> Outcome {
    without(object, &["metadata", "finalizers"], |one| one == finalizer)
}

/// A namespace without content needs Kubernetes' own finalizer no longer.
fn without_kubernetes(namespace: &Arc<Value>) -> Outcome {
    without(namespace, &["spec", "finalizers"], |one| {
        one == "kubernetes"
    })
}

fn without(object: &Arc<Value>, path: &[&str; 2], gone: impl Fn(&Value) -> bool) -> Outcome {
    let mut new = Value::clone(object);
    let list = new
        .get_mut(path[0])
        .and_then(|parent| parent.get_mut(path[1]));
    if let Some(list) = list.and_then(Value::as_array_mut) {
        list.retain(|item| !gone(item));
    }
    settle(object, new)
}
