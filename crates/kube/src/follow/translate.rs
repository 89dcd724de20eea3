//! From what the API sends to what policy sees.

use kube::api::DynamicObject;
use ringfence_model::{LoadOptions, Object, ObjectKey, ObjectKind, UnknownFields, load_json};
use serde_json::Value;

use super::mirror::Change;
use crate::kinds::Kind;

/// The object that was sent, or what is wrong with it. A field that is not known comes from a newer Kubernetes.
pub(super) fn object(kind: &Kind, version: &str, found: DynamicObject) -> Change {
    let key = key(kind, &found);
    let options = LoadOptions {
        unknown_fields: UnknownFields::Ignore,
        ..LoadOptions::default()
    };
    let mut loaded = load_json(&value(kind, version, found), &options);
    match loaded.objects.pop() {
        Some(object) => Change::Apply(Box::new(slim(object))),
        None => Change::Unreadable {
            key,
            message: loaded
                .diagnostics
                .first()
                .map(ToString::to_string)
                .unwrap_or_default(),
        },
    }
}

pub(super) fn key(kind: &Kind, found: &DynamicObject) -> ObjectKey {
    ObjectKey {
        kind: kind.object,
        namespace: found.metadata.namespace.clone(),
        name: found.metadata.name.clone().unwrap_or_default(),
    }
}

fn value(kind: &Kind, version: &str, found: DynamicObject) -> Value {
    let mut value = found.data;
    let metadata = serde_json::to_value(found.metadata).unwrap_or_default();
    if let Value::Object(fields) = &mut value {
        fields.insert("apiVersion".to_owned(), kind.api_version(version).into());
        fields.insert("kind".to_owned(), kind.object.name().into());
        fields.insert("metadata".to_owned(), metadata);
    }
    value
}

/// Without what runs in a pod: a node keeps every pod of the cluster.
fn slim(object: Object) -> Object {
    let Object::Pod(mut pod) = object else {
        return object;
    };
    let spec = &mut pod.spec;
    (spec.containers, spec.init_containers, spec.volumes) = Default::default();
    (spec.node_selector, spec.tolerations) = Default::default();
    Object::Pod(pod)
}

/// Whether rules are wrong without the object, in the direction of more being allowed.
pub(super) const fn is_vital(kind: ObjectKind) -> bool {
    match kind {
        ObjectKind::Namespace
        | ObjectKind::NetworkPolicy
        | ObjectKind::ClusterNetworkPolicy
        | ObjectKind::AdminNetworkPolicy
        | ObjectKind::BaselineAdminNetworkPolicy
        | ObjectKind::HostFirewall => true,
        ObjectKind::Node
        | ObjectKind::Pod
        | ObjectKind::ReplicationController
        | ObjectKind::ReplicaSet
        | ObjectKind::Deployment
        | ObjectKind::StatefulSet
        | ObjectKind::DaemonSet
        | ObjectKind::Job
        | ObjectKind::CronJob
        | ObjectKind::CustomWorkload
        | ObjectKind::Service
        | ObjectKind::EndpointSlice
        | ObjectKind::Endpoints
        | ObjectKind::Secret
        | ObjectKind::ConfigMap
        | ObjectKind::ServiceAccount
        | ObjectKind::KindCluster => false,
    }
}
