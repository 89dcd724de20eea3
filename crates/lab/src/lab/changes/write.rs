//! Writing manifests to the API, in an order in which nothing is open meanwhile, and taking them back.

use std::collections::BTreeMap;
use std::sync::Arc;

use ringfence_apiserver::object::{self, at, revision, uid};
use ringfence_controllers::Verb;
use ringfence_model::{Object, ObjectKey, ObjectKind, SourceMap};
use serde_json::Value;

use super::super::Lab;
use super::super::api::{Refusal, runs_pods, typed};
use super::{Awaited, Changes};
use crate::cluster::workloads::Objects;
use crate::control::protocol::Change;
use crate::manifests::{self, Refused};

/// Who deletes for the lab's commands.
const MANAGER: &str = "ringfence-lab";
/// What the server gives an object, and a new one does not bring along.
const GIVEN: [&str; 5] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "managedFields",
];

/// What was there of the objects that are about to change.
#[derive(Debug)]
pub(super) struct Former {
    documents: Vec<(ObjectKey, Value, Option<Arc<Value>>)>,
    written: BTreeMap<ObjectKey, Option<Object>>,
}

impl Former {
    pub(super) fn of(lab: &Lab, documents: &[(ObjectKey, Value)], objects: &[Object]) -> Self {
        let documents = documents.iter().map(|(key, document)| {
            let stored = lab.stored_like(document);
            (key.clone(), document.clone(), stored)
        });
        let documents = documents.collect();
        let state = lab.lock();
        let keys = objects.iter().map(Object::key);
        let written = keys.map(|key| (key.clone(), state.written.get(&key).cloned()));
        Self {
            documents,
            written: written.collect(),
        }
    }
}

impl Lab {
    /// Puts manifests into the store: first, and for the agents all at once, what pods meet and what is there already, then
    /// pods and what makes them.
    pub(super) fn put_documents(
        self: &Arc<Self>,
        documents: &[(ObjectKey, Value)],
        objects: &[Object],
        sources: &SourceMap,
    ) -> anyhow::Result<Changes> {
        let is_late = |key: &ObjectKey, document: &Value| {
            let is_new = || self.stored_like(document).is_none();
            runs_pods(key.kind) && (key.kind != ObjectKind::Pod || is_new())
        };
        let (late, early): (Vec<_>, Vec<_>) = documents
            .iter()
            .partition(|(key, document)| is_late(key, document));
        self.remember(objects);
        let mut changes = BTreeMap::new();
        let held = self.feed.hold();
        for (key, document) in in_order(early) {
            self.put_one(key, document, sources, &mut changes)?;
        }
        let keys: Vec<ObjectKey> = objects.iter().map(Object::key).collect();
        self.tell_places(&keys);
        drop(held);
        for (key, document) in in_order(late) {
            self.put_one(key, document, sources, &mut changes)?;
        }
        let told = documents.iter().map(|(key, _)| {
            let change = changes.get(key).copied();
            (key.to_string(), change.unwrap_or(Change::Unchanged))
        });
        Ok(told.collect())
    }

    /// Keeps the places where objects are written.
    fn remember(&self, objects: &[Object]) {
        let objects = objects.iter().cloned();
        let written = objects.map(|object| (object.key(), object));
        self.lock().written.extend(written);
    }

    fn put_one(
        self: &Arc<Self>,
        key: &ObjectKey,
        document: &Value,
        sources: &SourceMap,
        changes: &mut BTreeMap<ObjectKey, Change>,
    ) -> anyhow::Result<()> {
        let before = self.stored_like(document);
        let put = self.put_or_replace(key, document, before.as_ref());
        let after = match put {
            Ok(after) => after,
            Err(error) => {
                let state = self.lock();
                let source = state.written.get(key).and_then(Object::source).cloned();
                drop(state);
                let refusal = manifests::Refusal::new(format!("{key}: {error:#}"), source.as_ref());
                Refused::unless_empty(vec![refusal], sources)?;
                return Err(error);
            }
        };
        changes.insert(key.clone(), change(before.as_deref(), &after));
        Ok(())
    }

    /// What cannot be changed is made anew, as `kubectl replace --force` does.
    fn put_or_replace(
        self: &Arc<Self>,
        key: &ObjectKey,
        document: &Value,
        before: Option<&Arc<Value>>,
    ) -> anyhow::Result<Value> {
        if let Some(before) = before
            && key.kind == ObjectKind::Pod
            && !self.runs_like(before, document)
        {
            return self.make_anew(key, document, before);
        }
        match self.put_manifest(document.clone()) {
            Err(Refusal { code: 422, message }) if is_for_ever(&message) => match before {
                Some(before) => self.make_anew(key, document, before),
                None => anyhow::bail!(message),
            },
            put => Ok(put?),
        }
    }

    fn make_anew(
        self: &Arc<Self>,
        key: &ObjectKey,
        document: &Value,
        before: &Arc<Value>,
    ) -> anyhow::Result<Value> {
        self.write(Verb::Delete, Value::clone(before), MANAGER)?;
        self.wait_until_gone(key, uid(before))?;
        Ok(self.put_manifest(document.clone())?)
    }

    /// Whether a pod that is there is what a manifest asks for, but for its labels and what the cluster gave it.
    fn runs_like(&self, pod: &Value, manifest: &Value) -> bool {
        let mut completed = manifest.clone();
        if let Some(kind) = self.api.kinds().of_object("v1", "Pod") {
            (kind.defaults)(&mut completed);
        }
        let (Some(Object::Pod(old)), Some(Object::Pod(mut new))) = (typed(pod), typed(&completed))
        else {
            return false;
        };
        if new.spec.node_name.is_none() {
            new.spec.node_name.clone_from(&old.spec.node_name);
        }
        new.spec.tolerations.clone_from(&old.spec.tolerations);
        new.spec == old.spec
    }

    /// Deletes objects: first pods and what makes them, and when these are gone the rest, for the agents all at once.
    pub(super) fn delete_objects(
        self: &Arc<Self>,
        keys: &[ObjectKey],
        objects: &Objects,
    ) -> anyhow::Result<()> {
        let goes = |key: &ObjectKey| {
            let is_inside = |gone: &ObjectKey| {
                gone.kind == ObjectKind::Namespace && key.namespace.as_ref() == Some(&gone.name)
            };
            keys.iter().any(|gone| gone == key || is_inside(gone))
        };
        let gone = objects.keys().filter(|key| goes(key));
        let (runs, rest): (Vec<_>, Vec<_>) = gone.partition(|key| runs_pods(key.kind));
        let awaited = Awaited::new(self, runs.iter().copied().cloned().collect());
        for key in runs {
            self.delete_one(key)?;
        }
        self.wait_until_settled(&awaited, &mut |_| {})?;
        let held = self.feed.hold();
        let mut uids = Vec::new();
        for key in rest.into_iter().filter(|key| keys.contains(key)) {
            uids.extend(self.delete_one(key)?.map(|uid| (key, uid)));
        }
        drop(held);
        for (key, uid) in uids {
            self.wait_until_gone(key, &uid)?;
        }
        Ok(())
    }

    /// Asks for the end of an object, and says which it is.
    fn delete_one(&self, key: &ObjectKey) -> anyhow::Result<Option<String>> {
        let Some(stored) = self.stored_by(key) else {
            return Ok(None);
        };
        let uid = uid(&stored).to_owned();
        match self.write(Verb::Delete, Value::clone(&stored), MANAGER) {
            Err(refusal) if refusal.code != 404 => Err(refusal.into()),
            Ok(_) | Err(_) => Ok(Some(uid)),
        }
    }

    /// Makes everything as it was.
    pub(super) fn restore(self: &Arc<Self>, former: Former) -> anyhow::Result<()> {
        let keys = former.documents.iter().map(|(key, _, _)| key.clone());
        let awaited = Awaited::new(self, keys.collect());
        self.restore_pods(&former)?;
        self.lock().restore(former.written);
        let held = self.feed.hold();
        for (key, document, stored) in former.documents.iter().rev() {
            if !runs_pods(key.kind) {
                self.restore_one(key, document, stored.as_ref())?;
            }
        }
        drop(held);
        for (key, document, stored) in &former.documents {
            if runs_pods(key.kind) {
                self.restore_one(key, document, stored.as_ref())?;
            }
        }
        self.wait_until_settled(&awaited, &mut |_| {})
    }

    /// Ends pods that were not there, before what they meet changes back.
    fn restore_pods(self: &Arc<Self>, former: &Former) -> anyhow::Result<()> {
        let new = former
            .documents
            .iter()
            .filter(|(key, _, stored)| runs_pods(key.kind) && stored.is_none());
        let keys: Vec<ObjectKey> = new.map(|(key, _, _)| key.clone()).collect();
        let awaited = Awaited::new(self, keys.iter().cloned().collect());
        for key in &keys {
            self.delete_one(key)?;
        }
        self.wait_until_settled(&awaited, &mut |_| {})
    }

    fn restore_one(
        self: &Arc<Self>,
        key: &ObjectKey,
        document: &Value,
        former: Option<&Arc<Value>>,
    ) -> anyhow::Result<()> {
        let Some(former) = former else {
            return self.delete_one(key).map(drop);
        };
        let mut wanted = Value::clone(former);
        object::metadata(&mut wanted).shift_remove("resourceVersion");
        match self.stored_like(document) {
            Some(now) if at(&now, &["metadata", "uid"]) == at(former, &["metadata", "uid"]) => {
                if at(&now, &["metadata", "generation"]) != at(former, &["metadata", "generation"])
                    || at(&now, &["metadata", "labels"]) != at(former, &["metadata", "labels"])
                {
                    self.write(Verb::Replace, wanted, MANAGER)?;
                }
                return Ok(());
            }
            Some(other) => {
                self.write(Verb::Delete, Value::clone(&other), MANAGER)?;
                self.wait_until_gone(key, uid(&other))?;
            }
            None => {}
        }
        for field in GIVEN {
            object::metadata(&mut wanted).shift_remove(field);
        }
        self.write(Verb::Create, wanted, MANAGER)?;
        Ok(())
    }
}

impl super::super::State {
    fn restore(&mut self, written: BTreeMap<ObjectKey, Option<Object>>) {
        for (key, object) in written {
            match object {
                Some(object) => drop(self.written.insert(key, object)),
                None => drop(self.written.remove(&key)),
            }
        }
    }
}

/// What became of an object by a write.
pub(super) fn change(before: Option<&Value>, after: &Value) -> Change {
    match before {
        None => Change::Created,
        Some(before) if revision(before) == revision(after) => Change::Unchanged,
        Some(_) => Change::Configured,
    }
}

/// Namespaces come before what is in them, and what pods refer to before the pods.
fn in_order(mut documents: Vec<&(ObjectKey, Value)>) -> impl Iterator<Item = (&ObjectKey, &Value)> {
    documents.sort_by_key(|(key, _)| key.kind != ObjectKind::Namespace);
    documents.into_iter().map(|(key, document)| (key, document))
}

/// Whether the API has refused to change what an object keeps for ever.
fn is_for_ever(message: &str) -> bool {
    [
        "field is immutable",
        "may not change once set",
        "a pod stays on its node",
        "pod updates may not change",
    ]
    .iter()
    .any(|reason| message.contains(reason))
}
