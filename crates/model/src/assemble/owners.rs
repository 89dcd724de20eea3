//! What made a pod, and what made that: chains of owners through the objects that are given.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Labels, Object, ObjectName, Owner, PodManifest, Workload};

/// The label that a ReplicaSet's pods have from the Deployment that made it; the ReplicaSet's name ends with its value.
const TEMPLATE_HASH: &str = "pod-template-hash";

/// A workload by namespace, kind and name.
pub(super) type Key = (String, Owner);

/// The workloads among the objects.
#[derive(Default)]
pub(super) struct Workloads<'a> {
    pub(super) by_key: BTreeMap<Key, &'a Workload>,
}

impl<'a> Workloads<'a> {
    pub(super) fn of(objects: impl Iterator<Item = &'a Object>) -> Self {
        let workloads = objects.filter_map(Object::workload);
        Self {
            by_key: workloads.map(|found| (key(found), found)).collect(),
        }
    }

    /// What made the pod. Where that is a ReplicaSet that is not given, it is the Deployment that its name tells of.
    pub(super) fn maker(&self, pod: &PodManifest) -> Option<Key> {
        let owner = pod.owner.as_ref()?;
        let made_by = |owner: Owner| (pod.pod.name.namespace.clone(), owner);
        let key = made_by(owner.clone());
        if self.by_key.contains_key(&key) {
            return Some(key);
        }
        Some(deployment_of(owner, &pod.pod.labels).map_or(key, made_by))
    }

    /// What made the workload `key`, if `key` is given and says so.
    pub(super) fn owner(&self, key: &Key) -> Option<Key> {
        let workload = self.by_key.get(key)?;
        let owner = workload.owner.clone()?;
        Some((workload.name.namespace.clone(), owner))
    }

    /// The end of the chain of owners that begins with `first`.
    pub(super) fn top(&self, first: Key) -> Owner {
        let mut met = BTreeSet::from([first.clone()]);
        let mut top = first;
        while let Some(owner) = self.owner(&top) {
            if !met.insert(owner.clone()) {
                break;
            }
            top = owner;
        }
        top.1
    }

    /// The workload that the pod belongs to. A pod of a node's own files is owned by the node, which is no workload.
    pub(super) fn workload_of(&self, pod: &PodManifest) -> Option<Owner> {
        let maker = self.maker(pod)?;
        let top = self.top(maker);
        (top.kind != "Node").then_some(top)
    }
}

pub(super) fn key(workload: &Workload) -> Key {
    let owner = Owner {
        kind: workload.kind_name().to_owned(),
        name: workload.name.name.clone(),
    };
    (workload.name.namespace.clone(), owner)
}

/// The Deployment whose ReplicaSet `owner` is, as the labels of a pod tell.
fn deployment_of(owner: &Owner, labels: &Labels) -> Option<Owner> {
    if owner.kind != "ReplicaSet" {
        return None;
    }
    let name = owner
        .name
        .strip_suffix(labels.get(TEMPLATE_HASH)?.as_str())?;
    let name = name.strip_suffix('-').filter(|name| !name.is_empty())?;
    Some(Owner {
        kind: "Deployment".to_owned(),
        name: name.to_owned(),
    })
}

/// The pods as they are given, by name.
pub(super) fn pod(object: &Object) -> Option<(&ObjectName, &PodManifest)> {
    match object {
        Object::Pod(found) => Some((&found.pod.name, found)),
        Object::Namespace(_)
        | Object::Node(_)
        | Object::Workload(_)
        | Object::Service(_)
        | Object::NetworkPolicy(_)
        | Object::ClusterPolicy(_)
        | Object::HostFirewall(_)
        | Object::Endpoints(_)
        | Object::Secret(_)
        | Object::ConfigMap(_)
        | Object::ServiceAccount(_)
        | Object::KindCluster(_) => None,
    }
}
