//! Manifests as they were written, beside the objects that were made of them: what kubectl shows.

use std::collections::BTreeMap;

use ringfence_apiserver::object::{at, child, fields, set};
use ringfence_model::{Input, Labels, LoadOptions, ObjectKey, ObjectKind, ObjectName};
use serde_json::Value;

use super::{Lab, State};
use crate::cluster::desired::DesiredPod;
use crate::control::protocol::LabelTarget;

impl Lab {
    /// Keeps the documents of manifests that were applied.
    pub(super) fn remember_all(&self, inputs: &[Input], namespace: &str) {
        let read = |input: &Input| ringfence_model::read_json(input).unwrap_or_default();
        let options = LoadOptions {
            default_namespace: namespace.to_owned(),
            ..LoadOptions::default()
        };
        for document in inputs.iter().flat_map(read).flat_map(items) {
            let objects = ringfence_model::load_json(&document, &options).objects;
            if let Some(object) = objects.first() {
                self.remember(object.key(), document);
            }
        }
    }

    /// Keeps the document of one object.
    pub(super) fn remember(&self, key: ObjectKey, mut document: Value) {
        let metadata = document.get_mut("metadata").and_then(Value::as_object_mut);
        if let (Some(metadata), Some(namespace)) = (metadata, namespace_of(&key)) {
            metadata.insert("namespace".to_owned(), namespace.into());
        }
        let mut state = self.lock();
        state.documents.insert(key, document);
        state.forget_documents();
        self.tell(&mut state);
    }

    /// Drops the documents of objects that are gone.
    pub(super) fn forget_documents(&self) {
        let mut state = self.lock();
        state.forget_documents();
        self.tell(&mut state);
    }

    /// Notes labels that were set or removed by themselves.
    pub(super) fn relabel_document(
        &self,
        target: &LabelTarget,
        labels: &BTreeMap<String, Option<String>>,
    ) {
        let key = match target {
            LabelTarget::Namespace(name) => ObjectKey::cluster(ObjectKind::Namespace, name),
            LabelTarget::Pod(name) => ObjectKey::namespaced(ObjectKind::Pod, name),
        };
        let mut state = self.lock();
        if let Some(document) = state.documents.get_mut(&key) {
            let metadata = child(document, "metadata");
            let written = fields(child(metadata, "labels"));
            for (label, value) in labels {
                set(written, label, value.clone().map(Value::String));
            }
        }
        self.tell(&mut state);
    }
}

impl State {
    /// Drops the documents of what is neither asked for nor made.
    fn forget_documents(&mut self) {
        let mut documents = std::mem::take(&mut self.documents);
        documents.retain(|key, _| {
            let name = || ObjectName::new(namespace_of(key).unwrap_or_default(), key.name.clone());
            let is_pod = key.kind == ObjectKind::Pod;
            self.objects.contains_key(key) || (is_pod && self.pods.contains_key(&name()))
        });
        self.documents = documents;
    }

    /// The labels of a pod: of one that a workload makes, those that it was given since, if there are such.
    pub(super) fn labels_of(&self, pod: &DesiredPod) -> Labels {
        let key = ObjectKey::namespaced(ObjectKind::Pod, &pod.pod.name);
        let written = self
            .documents
            .get(&key)
            .filter(|_| pod.owner.is_some())
            .and_then(|document| at(document, &["metadata", "labels"]));
        written
            .and_then(|labels| serde_json::from_value(labels.clone()).ok())
            .unwrap_or_else(|| pod.pod.labels.clone())
    }
}

/// The namespace that an object says it is in; a Namespace is in none.
fn namespace_of(key: &ObjectKey) -> Option<String> {
    key.namespace.clone()
}

/// The objects of a list, or the object alone.
fn items(document: Value) -> Vec<Value> {
    match document.get("items").and_then(Value::as_array) {
        Some(items)
            if document
                .get("kind")
                .and_then(Value::as_str)
                .is_some_and(|kind| kind.ends_with("List")) =>
        {
            items.iter().cloned().flat_map(self::items).collect()
        }
        _ => vec![document],
    }
}
