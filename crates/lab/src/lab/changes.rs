//! Changing a lab: planned and checked as a whole, then done, and taken back if it does not come about.

mod plan;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use ringfence_agent::protocol::{AgentKey, AgentObject};
use ringfence_model::{
    Input, Namespace, Object, ObjectKey, ObjectKind, ObjectName, SourceMap, check_label,
};

use super::{ENFORCE_LIMIT, Lab, PodRecord, names, pods};
use crate::cluster::system;
use crate::cluster::workloads::{Objects, relabelled};
use crate::control::protocol::{Change, LabelTarget};
use crate::manifests;
use plan::Plan;

pub(super) type Changes = Vec<(String, Change)>;

impl Lab {
    /// Creates or changes the objects of manifests.
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
        let mut objects = self.lock().objects.clone();
        let changes = put(&mut objects, loaded.objects);
        self.settle(objects, &loaded.sources, progress)?;
        self.remember_all(inputs, namespace);
        Ok(changes)
    }

    /// Deletes the objects that manifests name, and with a namespace all in it.
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
        let mut objects = self.lock().objects.clone();
        let changes = take_out(&mut objects, &loaded.objects)?;
        self.settle(objects, &loaded.sources, progress)?;
        self.forget_documents();
        Ok(changes)
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
        let mut objects = self.lock().objects.clone();
        let changes = relabel(&mut objects, target, labels)?;
        self.settle(objects, &SourceMap::default(), &mut |_| {})?;
        self.relabel_document(target, labels);
        Ok(changes)
    }

    /// The first change: nodes, system objects and the manifests of the configuration.
    pub(super) fn settle_first(self: &Arc<Self>, progress: &dyn Fn(&str)) -> anyhow::Result<()> {
        let given = system::namespaces().into_iter().map(Object::Namespace);
        let mut objects: Objects = given.map(|object| (object.key(), object)).collect();
        let loaded = manifests::load(&self.config.manifests, "default")?;
        for warning in &loaded.warnings {
            progress(warning);
        }
        put(&mut objects, loaded.objects);
        let nodes = system::nodes(&self.config.cluster, &self.plans);
        self.feed
            .change(nodes.into_iter().map(AgentObject::Node).collect(), vec![]);
        let plan = self.plan(objects, &loaded.sources)?;
        self.carry_out(plan, &mut |text| progress(text))?;
        self.remember_all(&self.config.manifests, "default");
        Ok(())
    }

    /// Makes the lab what `objects` ask for, and waits until it is so on every node; else leaves it as it was.
    pub(super) fn settle(
        self: &Arc<Self>,
        objects: Objects,
        sources: &SourceMap,
        progress: &mut dyn FnMut(&str),
    ) -> anyhow::Result<()> {
        let plan = self.plan(objects, sources)?;
        let before = self.lock().objects.clone();
        let Err(error) = self.carry_out(plan, progress) else {
            return Ok(());
        };
        match self.go_back(before) {
            Ok(()) => anyhow::bail!("{error:#}\n  the change was taken back, the lab is as before"),
            Err(again) => anyhow::bail!(
                "{error:#}\n  taking the change back failed as well: {again:#}\n  \
                 see what stands: ringfence lab status --name {}",
                self.config.name
            ),
        }
    }

    fn go_back(self: &Arc<Self>, before: Objects) -> anyhow::Result<()> {
        let plan = self.plan(before, &SourceMap::default())?;
        self.carry_out(plan, &mut |_| {})
    }

    fn carry_out(
        self: &Arc<Self>,
        plan: Plan,
        progress: &mut dyn FnMut(&str),
    ) -> anyhow::Result<()> {
        let created = plan.created.iter();
        let created: Vec<ObjectName> = created.map(|pod| pod.pod.name.clone()).collect();
        self.stop_pods(&plan.deleted);
        self.publish(plan);
        std::thread::scope(|scope| {
            for name in &created {
                scope.spawn(move || pods::run(self, name));
            }
        });
        self.wait_for_pods(&created)?;
        if !created.is_empty() {
            progress(&format!("pods running: {}", names::join(&created)));
        }
        let (_, revision) = self.feed.cluster();
        self.feed.wait_enforced(revision, ENFORCE_LIMIT)?;
        self.names.wait_served(revision, ENFORCE_LIMIT)?;
        progress("every node enforces the policies");
        Ok(())
    }

    pub(super) fn stop_pods(&self, names: &[ObjectName]) {
        let records: Vec<PodRecord> = {
            let mut state = self.lock();
            names
                .iter()
                .filter_map(|name| state.pods.remove(name))
                .collect()
        };
        std::thread::scope(|scope| {
            for record in records {
                scope.spawn(move || pods::stop(self, record));
            }
        });
    }

    /// Takes over a plan and tells the agents everything of it at once.
    fn publish(&self, plan: Plan) {
        let mut state = self.lock();
        state.objects = plan.objects;
        for desired in plan.relabelled {
            if let Some(record) = state.pods.get_mut(&desired.pod.name) {
                record.pod.labels.clone_from(&desired.pod.labels);
                record.pod.source.clone_from(&desired.pod.source);
                record.desired = desired;
            }
        }
        for desired in plan.created {
            state
                .pods
                .insert(desired.pod.name.clone(), PodRecord::new(desired));
        }
        let mut apply: Vec<AgentObject> = plan
            .services
            .into_iter()
            .map(AgentObject::Service)
            .collect();
        apply.extend(state.objects.values().filter_map(policy_view));
        apply.extend(state.pods.values().map(pods::object));
        let kept: BTreeSet<AgentKey> = apply.iter().map(AgentObject::key).collect();
        let delete = self
            .feed
            .keys()
            .into_iter()
            .filter(|key| !kept.contains(key) && !is_node(key))
            .collect();
        self.feed.change(apply, delete);
        self.tell(&mut state);
    }
}

const fn is_node(key: &AgentKey) -> bool {
    matches!(key, AgentKey::Node(_))
}

/// Objects that agents see as they are written; pods and Services are told with their addresses.
fn policy_view(object: &Object) -> Option<AgentObject> {
    match object {
        Object::Namespace(namespace) => Some(AgentObject::Namespace(namespace.clone())),
        Object::NetworkPolicy(policy) => Some(AgentObject::NetworkPolicy(policy.clone())),
        Object::ClusterPolicy(policy) => Some(AgentObject::ClusterPolicy(policy.clone())),
        Object::Node(_)
        | Object::Pod(_)
        | Object::Workload(_)
        | Object::Service(_)
        | Object::Endpoints(_)
        | Object::Secret(_)
        | Object::ConfigMap(_)
        | Object::ServiceAccount(_)
        | Object::KindCluster(_) => None,
    }
}

/// Puts `loaded` into `objects`, in order.
pub(super) fn put(objects: &mut Objects, loaded: Vec<Object>) -> Changes {
    let put_one = |object: Object| {
        let key = object.key();
        let change = match objects.get(&key) {
            None => Change::Created,
            Some(old) if old.same_content(&object) => Change::Unchanged,
            Some(_) => Change::Configured,
        };
        let name = key.to_string();
        objects.insert(key, object);
        (name, change)
    };
    loaded.into_iter().map(put_one).collect()
}

/// Takes what `named` names out of `objects`, and with a namespace all in it.
pub(super) fn take_out(objects: &mut Objects, named: &[Object]) -> anyhow::Result<Changes> {
    let keys: Vec<ObjectKey> = named.iter().map(Object::key).collect();
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
    objects.retain(|other, _| !keys.iter().any(|key| other == key || is_inside(other, key)));
    let deleted = keys.iter().map(|key| (key.to_string(), Change::Deleted));
    Ok(deleted.collect())
}

fn is_inside(key: &ObjectKey, deleted: &ObjectKey) -> bool {
    deleted.kind == ObjectKind::Namespace && key.namespace.as_deref() == Some(&deleted.name)
}

/// Sets or removes (`None`) labels of a namespace or pod.
fn relabel(
    objects: &mut Objects,
    target: &LabelTarget,
    labels: &BTreeMap<String, Option<String>>,
) -> anyhow::Result<Changes> {
    for (key, value) in labels {
        check_label(key, value.as_deref().unwrap_or_default())?;
    }
    let key = match target {
        LabelTarget::Namespace(name) => ObjectKey::cluster(ObjectKind::Namespace, name),
        LabelTarget::Pod(name) => ObjectKey::namespaced(ObjectKind::Pod, name),
    };
    let new = match objects.get(&key) {
        Some(Object::Namespace(old)) => Object::Namespace(Namespace {
            source: old.source.clone(),
            ..Namespace::new(old.name.clone(), relabelled(&old.labels, labels))
        }),
        Some(Object::Pod(old)) => {
            let mut new = old.clone();
            new.pod.labels = relabelled(&old.pod.labels, labels);
            Object::Pod(new)
        }
        Some(
            Object::Node(_)
            | Object::Workload(_)
            | Object::Service(_)
            | Object::NetworkPolicy(_)
            | Object::ClusterPolicy(_)
            | Object::Endpoints(_)
            | Object::Secret(_)
            | Object::ConfigMap(_)
            | Object::ServiceAccount(_)
            | Object::KindCluster(_),
        )
        | None => anyhow::bail!(
            "{key} does not exist, or is made by a workload, whose template has its labels"
        ),
    };
    Ok(put(objects, vec![new]))
}
