//! What is to go because what it belonged to is gone: the content of deleted namespaces, the dependents of deleted owners.
//!
//! Only what a write can have touched is looked at: the object, whom it belongs to, and what belongs to it if it is on its way out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::commit::{DEFINITIONS, Outcome};
use super::delete::{CLEANUP, DeleteOptions, FOREGROUND, ORPHAN, decide_delete};
use super::update::settle;
use crate::kind::Kind;
use crate::kinds::Kinds;
use crate::object::{self, at, items, text};
use crate::store::{Id, Name, Store, Unsettled, owners};
use crate::time::Timestamp;

type Work = Vec<(Arc<Kind>, Outcome)>;

const NAMESPACES: &str = "namespaces";
const PODS: &str = "pods";
/// What holds until the last pod of its namespace is gone: else a pod that ends is open while it does.
const POLICIES: &str = "networkpolicies.networking.k8s.io";

/// The next steps for what was written; nothing if all is in order. After they are taken there may be more.
pub(super) fn sweep(
    store: &Store,
    kinds: &Kinds,
    written: &Unsettled,
    ends_pods: bool,
    now: Timestamp,
) -> Work {
    let cluster = Cluster { store, kinds };
    let touched: Vec<Owned> = cluster
        .touched(written)
        .into_iter()
        .filter_map(|id| cluster.owned(id))
        .collect();
    let mut work: BTreeMap<Id, (Arc<Kind>, Outcome)> = BTreeMap::new();
    let doomed = touched.iter().filter(|owned| cluster.is_doomed(owned));
    let steps = doomed.filter_map(|owned| {
        let options = cluster.options(owned);
        let outcome = decide_delete(&owned.object, &owned.kind, &options, ends_pods, now);
        Some((owned.clone(), outcome.ok()?))
    });
    let ending = touched
        .iter()
        .filter(|owned| object::is_terminating(&owned.object));
    let released = ending.flat_map(|owned| cluster.released(owned));
    for (owned, outcome) in steps.chain(released) {
        if !matches!(outcome, Outcome::Same(_)) {
            work.entry(owned.id)
                .or_insert_with(|| (owned.kind, outcome));
        }
    }
    work.into_values().collect()
}

#[derive(Clone, Debug)]
struct Owned {
    id: Id,
    kind: Arc<Kind>,
    object: Arc<Value>,
}

impl Owned {
    fn is_definition(&self) -> bool {
        self.id.resource == DEFINITIONS
    }

    fn has_finalizer(&self, finalizer: &str) -> bool {
        has_finalizer(&self.object, finalizer)
    }
}

fn has_finalizer(object: &Value, finalizer: &str) -> bool {
    items(object, &["metadata", "finalizers"])
        .iter()
        .any(|one| one == finalizer)
}

/// Whether it is waited for its dependents to go first.
fn is_foreground(object: &Value) -> bool {
    object::is_terminating(object) && has_finalizer(object, FOREGROUND)
}

struct Cluster<'a> {
    store: &'a Store,
    kinds: &'a Kinds,
}

impl Cluster<'_> {
    fn owned(&self, id: Id) -> Option<Owned> {
        Some(Owned {
            kind: Arc::clone(self.kinds.of_resource(&id.resource)?),
            object: Arc::clone(self.store.get(&id.resource, &id.name)?),
            id,
        })
    }

    /// What may be to go, or to be let go, for what was written.
    fn touched(&self, written: &Unsettled) -> BTreeSet<Id> {
        let mut touched = written.objects.clone();
        for id in &written.objects {
            touched.insert(of_cluster(NAMESPACES, &id.name.namespace));
            touched.insert(of_cluster(DEFINITIONS, &id.resource));
            if self.is_ending(id) && id.resource == NAMESPACES {
                touched.extend(self.store.within(&id.name.name));
            }
            if id.resource == PODS && self.is_last_of_ending(id) {
                touched.extend(self.store.within(&id.name.namespace));
            }
            if self.is_ending(id) && id.resource == DEFINITIONS {
                touched.extend(self.defined_by(&id.name.name));
            }
        }
        for uid in &written.uids {
            let mut holders = self.store.holders(uid);
            if !holders.any(|(_, object)| !object::is_terminating(object)) {
                let dependents = self.store.dependents(uid);
                touched.extend(dependents.map(|(id, _)| id.clone()));
            }
        }
        for owner in &written.owners {
            let holders = self.store.holders(owner);
            touched.extend(holders.map(|(id, _)| id.clone()));
        }
        touched
    }

    fn is_ending(&self, id: &Id) -> bool {
        let object = self.store.get(&id.resource, &id.name);
        object.is_some_and(|object| object::is_terminating(object))
    }

    /// Whether the pod is gone, and with it the last one of a namespace that ends.
    fn is_last_of_ending(&self, pod: &Id) -> bool {
        self.is_ending(&of_cluster(NAMESPACES, &pod.name.namespace))
            && !self.has_pods(&pod.name.namespace)
    }

    fn has_pods(&self, namespace: &str) -> bool {
        let mut within = self.store.within(namespace);
        within.any(|id| id.resource == PODS)
    }

    /// Whether its namespace ends, and it goes with that now.
    fn has_lost_namespace(&self, owned: &Owned) -> bool {
        let namespace = &owned.id.name.namespace;
        self.is_ending(&of_cluster(NAMESPACES, namespace))
            && (owned.id.resource != POLICIES || !self.has_pods(namespace))
    }

    /// The objects that are there only as long as `definition` is: what we serve by ourselves is not, even if somebody defines it.
    fn defined_by(&self, definition: &str) -> impl Iterator<Item = Id> {
        let kind = self.kinds.of_resource(definition);
        let custom = kind.is_some_and(|kind| !kind.structures.is_empty());
        let objects = self.store.objects(definition).filter(move |_| custom);
        objects.map(|(name, _)| Id {
            resource: definition.to_owned(),
            name: name.clone(),
        })
    }

    fn is_custom_of_ending(&self, owned: &Owned) -> bool {
        !owned.kind.structures.is_empty()
            && self.is_ending(&of_cluster(DEFINITIONS, &owned.id.resource))
    }

    /// Whether it has lost its namespace, its definition, or its last owner.
    fn is_doomed(&self, owned: &Owned) -> bool {
        let lives = |uid: &str| {
            let mut holders = self.store.holders(uid);
            let first = holders.next();
            first.is_some_and(|(_, object)| !is_foreground(object))
                && !holders.any(|(_, object)| is_foreground(object))
        };
        let mut all = owners(&owned.object).peekable();
        let orphaned = all.peek().is_some() && !all.any(lives);
        !object::is_terminating(&owned.object)
            && (orphaned || self.has_lost_namespace(owned) || self.is_custom_of_ending(owned))
    }

    /// How it goes: whoever an owner waits for waits for its own dependents.
    fn options(&self, owned: &Owned) -> DeleteOptions {
        let is_waited_for = owners(&owned.object).any(|uid| {
            let mut holders = self.store.holders(uid);
            holders.any(|(_, object)| is_foreground(object))
        });
        let uid = object::uid(&owned.object);
        if is_waited_for && self.store.dependents(uid).next().is_some() {
            DeleteOptions::foreground()
        } else {
            DeleteOptions::default()
        }
    }

    /// What was held for the sake of others, and is held no more.
    fn released(&self, owner: &Owned) -> Vec<(Owned, Outcome)> {
        let mut released = Vec::new();
        let uid = object::uid(&owner.object);
        let without_own = |finalizer| {
            let outcome = without_finalizer(&owner.object, finalizer);
            (owner.clone(), outcome)
        };
        if owner.has_finalizer(ORPHAN) {
            let dependents = self.store.dependents(uid);
            let dependents = dependents.filter_map(|(id, _)| self.owned(id.clone()));
            released.extend(dependents.map(|owned| {
                let outcome = without_owner(&owned.object, uid);
                (owned, outcome)
            }));
            if released.is_empty() {
                released.push(without_own(ORPHAN));
            }
        }
        let mut dependents = self.store.dependents(uid);
        if owner.has_finalizer(FOREGROUND) && !dependents.any(|(_, object)| blocks(object, uid)) {
            released.push(without_own(FOREGROUND));
        }
        let unused = || self.defined_by(&owner.id.name.name).next().is_none();
        if owner.is_definition() && owner.has_finalizer(CLEANUP) && unused() {
            released.push(without_own(CLEANUP));
        }
        let empty = || self.store.within(&owner.id.name.name).next().is_none();
        if owner.id.resource == NAMESPACES && empty() {
            released.push((owner.clone(), without_kubernetes(&owner.object)));
        }
        released
    }
}

fn of_cluster(resource: &str, name: &str) -> Id {
    Id {
        resource: resource.to_owned(),
        name: Name {
            namespace: String::new(),
            name: name.to_owned(),
        },
    }
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
