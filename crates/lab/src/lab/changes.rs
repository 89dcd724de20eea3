//! Changes by the lab's own commands: checked as a whole, then written to the API, and taken back if they do not come about.

mod check;
mod settle;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use ringfence_apiserver::object::text;
use ringfence_model::{Input, Object, ObjectKey, ObjectKind, check_label};
use serde_json::{Value, json};

use super::{ENFORCE_LIMIT, Lab, documents, names};
use crate::cluster::system;
use crate::cluster::workloads::Objects;
use crate::control::protocol::{Change, LabelTarget};
use crate::manifests;
use settle::Awaited;
use write::Former;

pub(super) type Changes = Vec<(String, Change)>;

impl Lab {
    /// Creates or changes the objects of manifests, and waits until all of it runs and is enforced.
    ///
    /// # Errors
    /// If a manifest cannot be used, or something does not come up. Either way nothing is changed, unless the text says
    /// that taking the change back failed as well.
    pub fn apply(
        self: &Arc<Self>,
        inputs: &[Input],
        namespace: &str,
        progress: &mut dyn FnMut(&str),
    ) -> anyhow::Result<Changes> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = manifests::load(inputs, namespace)?;
        for warning in &loaded.warnings {
            progress(warning);
        }
        let asked_for = loaded.objects.iter().map(Object::key).collect();
        let mut objects = self.objects();
        let changed = loaded.objects.iter().cloned();
        objects.extend(changed.map(|object| (object.key(), object)));
        self.check(&objects, &asked_for, &loaded.sources)?;
        let documents = documents::read(inputs, namespace);
        self.tell_of_ignored(&documents, progress);
        let former = Former::of(self, &documents, &loaded.objects);
        let awaited = Awaited::new(self, asked_for);
        let mut carry_out = || {
            let changes = self.put_documents(&documents, &loaded.objects, &loaded.sources)?;
            self.wait_until_settled(&awaited, progress)?;
            Ok(changes)
        };
        carry_out().map_err(|error| self.take_back(&error, former))
    }

    /// Deletes the objects that manifests name, and with a namespace all in it, and waits until they are gone.
    ///
    /// # Errors
    /// As [`Lab::apply`], and if one of the objects does not exist.
    pub fn delete(
        self: &Arc<Self>,
        inputs: &[Input],
        namespace: &str,
        progress: &mut dyn FnMut(&str),
    ) -> anyhow::Result<Changes> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = manifests::load(inputs, namespace)?;
        let keys: Vec<ObjectKey> = loaded.objects.iter().map(Object::key).collect();
        let objects = self.objects();
        check_deletion(&keys, &objects)?;
        let awaited = Awaited::new(self, keys.iter().cloned().collect());
        self.delete_objects(&keys, &objects)?;
        self.wait_until_settled(&awaited, progress)?;
        let deleted = keys.iter().map(|key| (key.to_string(), Change::Deleted));
        Ok(deleted.collect())
    }

    /// Sets or removes labels.
    ///
    /// # Errors
    /// As [`Lab::apply`], and if the object does not exist or a label is malformed.
    pub fn label(
        self: &Arc<Self>,
        target: &LabelTarget,
        labels: &BTreeMap<String, Option<String>>,
    ) -> anyhow::Result<Changes> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in labels {
            check_label(key, value.as_deref().unwrap_or_default())?;
        }
        let (key, manifest) = labelled(target);
        let before = self.stored_like(&manifest);
        let before = before.ok_or_else(|| anyhow::anyhow!("{key} does not exist"))?;
        let awaited = Awaited::new(self, BTreeSet::from([key.clone()]));
        let after = self.merge(manifest, &json!({"metadata": {"labels": labels}}))?;
        self.wait_until_settled(&awaited, &mut |_| {})?;
        let change = write::change(Some(&before), &after);
        Ok(vec![(key.to_string(), change)])
    }

    /// The first change: the manifests of the configuration, and the pod that answers names.
    pub(super) fn settle_first(self: &Arc<Self>, progress: &dyn Fn(&str)) -> anyhow::Result<()> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let inputs = &self.config.manifests;
        let loaded = manifests::load(inputs, "default")?;
        for warning in &loaded.warnings {
            progress(warning);
        }
        let mut asked_for: BTreeSet<ObjectKey> = loaded.objects.iter().map(Object::key).collect();
        let mut objects = self.objects();
        let changed = loaded.objects.iter().cloned();
        objects.extend(changed.map(|object| (object.key(), object)));
        self.check(&objects, &asked_for, &loaded.sources)?;
        let dns = system::dns_pod_name();
        asked_for.insert(ObjectKey::namespaced(ObjectKind::Pod, &dns));
        let awaited = Awaited::of_all(asked_for);
        let documents = documents::read(inputs, "default");
        self.tell_of_ignored(&documents, &mut |text| progress(text));
        self.put_documents(&documents, &loaded.objects, &loaded.sources)?;
        self.wait_until_settled(&awaited, &mut |text| progress(text))
    }

    /// Warns, as the API warns kubectl, of what is stored and not carried out.
    fn tell_of_ignored(&self, documents: &[(ObjectKey, Value)], progress: &mut dyn FnMut(&str)) {
        for (key, document) in documents {
            let of = |field| text(document, &[field]);
            let kind = self.api.kinds().of_object(of("apiVersion"), of("kind"));
            for ignored in kind.map_or_else(Vec::new, |kind| (kind.warnings)(document)) {
                progress(&format!("warning: {key}: {ignored}"));
            }
        }
    }

    fn take_back(self: &Arc<Self>, error: &anyhow::Error, former: Former) -> anyhow::Error {
        match self.restore(former) {
            Ok(()) => {
                anyhow::anyhow!("{error:#}\n  the change was taken back, the lab is as before")
            }
            Err(again) => anyhow::anyhow!(
                "{error:#}\n  taking the change back failed as well: {again:#}\n  \
                 see what stands: ringfence lab status --name {}",
                self.config.name
            ),
        }
    }

    /// Waits until every node enforces what there is now, and names are answered by it.
    fn wait_until_enforced(&self) -> anyhow::Result<()> {
        let (_, revision) = self.feed.cluster();
        self.feed.wait_enforced(revision, ENFORCE_LIMIT)?;
        self.names.wait_served(revision, ENFORCE_LIMIT)
    }
}

fn check_deletion(keys: &[ObjectKey], objects: &Objects) -> anyhow::Result<()> {
    let missing: Vec<_> = keys
        .iter()
        .filter(|key| !objects.contains_key(key))
        .collect();
    anyhow::ensure!(
        missing.is_empty(),
        "not found, so nothing was deleted: {}",
        names::join(missing)
    );
    if let Some(key) = keys.iter().find(|key| system::is_permanent(key)) {
        anyhow::bail!("{key} may not be deleted; nothing was deleted");
    }
    Ok(())
}

/// The key of what is labelled, and as much of it as names it.
fn labelled(target: &LabelTarget) -> (ObjectKey, Value) {
    match target {
        LabelTarget::Namespace(name) => (
            ObjectKey::cluster(ObjectKind::Namespace, name),
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}),
        ),
        LabelTarget::Pod(name) => (
            ObjectKey::namespaced(ObjectKind::Pod, name),
            json!({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": name.name, "namespace": name.namespace},
            }),
        ),
    }
}
