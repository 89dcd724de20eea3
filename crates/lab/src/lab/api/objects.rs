//! What the store holds, for the lab to read.

use std::sync::Arc;

use ringfence_apiserver::object::{at, items, text, uid};
use ringfence_apiserver::store::Name;
use ringfence_model::{LoadOptions, Object, ObjectKey, ObjectKind, ObjectName, UnknownFields};
use serde_json::Value;

use super::super::{Lab, PodId};
use crate::cluster::workloads::Objects;

/// Says which controller keeps an EndpointSlice.
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
/// Resources that manifests of a lab never ask for.
const NEVER_ASKED_FOR: [&str; 3] = ["nodes", "events", "leases.coordination.k8s.io"];

impl Lab {
    /// The objects of a resource.
    pub(in super::super) fn stored(&self, resource: &str) -> Vec<Arc<Value>> {
        let store = self.api.store();
        let objects = store.objects(resource);
        objects.map(|(_, object)| Arc::clone(object)).collect()
    }

    /// The pod of this name.
    pub(in super::super) fn stored_pod(&self, name: &ObjectName) -> Option<Arc<Value>> {
        let name = Name {
            namespace: name.namespace.clone(),
            name: name.name.clone(),
        };
        self.api.store().get("pods", &name).cloned()
    }

    /// This pod, if it is there still.
    pub(in super::super) fn stored_as(&self, pod: &PodId) -> Option<Arc<Value>> {
        let stored = self.stored_pod(&pod.name)?;
        (uid(&stored) == pod.uid).then_some(stored)
    }

    /// The object that stands for `manifest`, if there is one.
    pub(in super::super) fn stored_like(&self, manifest: &Value) -> Option<Arc<Value>> {
        let word = |field| text(manifest, &[field]);
        let kind = self
            .api
            .kinds()
            .of_object(word("apiVersion"), word("kind"))?;
        let store = self.api.store();
        store.get(&kind.resource(), &Name::of(manifest)).cloned()
    }

    /// The object of this key.
    pub(in super::super) fn stored_by(&self, key: &ObjectKey) -> Option<Arc<Value>> {
        let name = Name {
            namespace: key.namespace.clone().unwrap_or_default(),
            name: key.name.clone(),
        };
        let store = self.api.store();
        let kinds = self.api.kinds();
        let mut found = store.everything().filter(|(resource, other, _)| {
            let kind = kinds.of_resource(resource);
            **other == name && kind.is_some_and(|kind| kind.kind == key.kind.name())
        });
        found.next().map(|(_, _, object)| Arc::clone(object))
    }

    /// Everything that somebody asked for: not what controllers have made of it.
    pub(in super::super) fn objects(&self) -> Objects {
        let asked_for: Vec<Arc<Value>> = {
            let store = self.api.store();
            let all = store.everything();
            all.filter(|(resource, _, _)| !NEVER_ASKED_FOR.contains(resource))
                .filter(|(_, _, object)| !is_made(object))
                .map(|(_, _, object)| Arc::clone(object))
                .collect()
        };
        let objects = asked_for.iter().filter_map(|object| typed(object));
        objects.map(|object| (object.key(), object)).collect()
    }

    /// The object that `object` was made for in the end: the top of its chain of controllers, or itself.
    pub(in super::super) fn root_of(&self, object: &Value) -> Value {
        let mut root = object.clone();
        while let Some(owner) = controller(&root).and_then(|owner| self.owner(&root, owner)) {
            root = Value::clone(&owner);
        }
        root
    }

    fn owner(&self, owned: &Value, reference: &Value) -> Option<Arc<Value>> {
        let word = |field| text(reference, &[field]);
        let kind = self
            .api
            .kinds()
            .of_object(word("apiVersion"), word("kind"))?;
        let namespace = if kind.is_namespaced() {
            text(owned, &["metadata", "namespace"])
        } else {
            ""
        };
        let name = Name {
            namespace: namespace.to_owned(),
            name: word("name").to_owned(),
        };
        let owner = self.api.store().get(&kind.resource(), &name).cloned()?;
        (uid(&owner) == word("uid")).then_some(owner)
    }
}

fn controller(object: &Value) -> Option<&Value> {
    let owners = items(object, &["metadata", "ownerReferences"]);
    owners
        .iter()
        .find(|owner| at(owner, &["controller"]) == Some(&Value::Bool(true)))
}

fn is_made(object: &Value) -> bool {
    controller(object).is_some() || at(object, &["metadata", "labels", MANAGED_BY]).is_some()
}

/// The object as ringfence knows it; `None` for a kind that it does not know.
pub(in super::super) fn typed(document: &Value) -> Option<Object> {
    let options = LoadOptions {
        unknown_fields: UnknownFields::Ignore,
        ..LoadOptions::default()
    };
    ringfence_model::load_json(document, &options)
        .objects
        .into_iter()
        .next()
}

/// The key of an object of a kind that ringfence knows.
pub(in super::super) fn key_of(document: &Value) -> Option<ObjectKey> {
    typed(document).map(|object| object.key())
}

/// The name of a pod.
pub(in super::super) fn pod_name(pod: &Value) -> ObjectName {
    ObjectName::new(
        ringfence_apiserver::object::namespace(pod),
        ringfence_apiserver::object::name(pod),
    )
}

/// Whether an object of this kind makes pods, or is one.
pub(in super::super) const fn runs_pods(kind: ObjectKind) -> bool {
    match kind {
        ObjectKind::Pod
        | ObjectKind::Deployment
        | ObjectKind::ReplicaSet
        | ObjectKind::ReplicationController
        | ObjectKind::StatefulSet
        | ObjectKind::DaemonSet
        | ObjectKind::Job
        | ObjectKind::CronJob
        | ObjectKind::CustomWorkload => true,
        ObjectKind::Namespace
        | ObjectKind::Node
        | ObjectKind::Service
        | ObjectKind::EndpointSlice
        | ObjectKind::Endpoints
        | ObjectKind::NetworkPolicy
        | ObjectKind::ClusterNetworkPolicy
        | ObjectKind::AdminNetworkPolicy
        | ObjectKind::BaselineAdminNetworkPolicy
        | ObjectKind::HostFirewall
        | ObjectKind::Secret
        | ObjectKind::ConfigMap
        | ObjectKind::ServiceAccount
        | ObjectKind::KindCluster => false,
    }
}
