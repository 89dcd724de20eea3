//! What there is in a lab, as objects of Kubernetes.

mod namespace;
mod node;
mod pod;
mod service;
mod workload;

use ringfence_model::{Object, ObjectKey, ObjectKind, ObjectName};
use serde_json::{Map, Value, json};

use super::super::{Lab, State};

/// The resources that are shown as the lab has them, and of which there is nothing else.
pub(super) const RESOURCES: [&str; 19] = [
    "namespaces",
    "nodes",
    "pods",
    "services",
    "endpoints",
    "endpointslices.discovery.k8s.io",
    "secrets",
    "configmaps",
    "serviceaccounts",
    "deployments.apps",
    "replicasets.apps",
    "statefulsets.apps",
    "daemonsets.apps",
    "jobs.batch",
    "cronjobs.batch",
    "networkpolicies.networking.k8s.io",
    "clusternetworkpolicies.policy.networking.k8s.io",
    "adminnetworkpolicies.policy.networking.k8s.io",
    "baselineadminnetworkpolicies.policy.networking.k8s.io",
];

impl Lab {
    /// Everything of [`RESOURCES`], as it is now; `authority` is the certificate that vouches for the API.
    pub(super) fn snapshot(&self, authority: &str) -> Vec<Value> {
        let (cluster, _) = self.feed.cluster();
        let mut objects: Vec<Value> = cluster.nodes.values().map(node::node).collect();
        let state = self.lock();
        for (key, object) in &state.objects {
            objects.extend(shown(&state, key, object, authority));
        }
        for service in cluster.services.values() {
            let key = ObjectKey::namespaced(ObjectKind::Service, &service.name);
            objects.push(service::service(service, state.documents.get(&key)));
            objects.extend(service::endpoints(service, &cluster));
        }
        for record in state.pods.values() {
            let key = ObjectKey::namespaced(ObjectKind::Pod, &record.pod.name);
            objects.push(pod::pod(record, state.documents.get(&key), self));
        }
        objects
    }
}

/// An object, and what comes with it.
fn shown(state: &State, key: &ObjectKey, object: &Object, authority: &str) -> Vec<Value> {
    let written = state.documents.get(key);
    match object {
        Object::Namespace(namespace) => {
            let is_missing = |key: &ObjectKey| !state.objects.contains_key(key);
            let mut objects = namespace::content(namespace, authority, is_missing);
            objects.push(namespace::namespace(namespace, written));
            objects
        }
        Object::Workload(workload) => written
            .map(|written| workload::workload(workload, written, state.pods.values()))
            .into_iter()
            .collect(),
        // Shown with what became of them.
        Object::Pod(_) | Object::Service(_) => Vec::new(),
        Object::Node(_)
        | Object::NetworkPolicy(_)
        | Object::ClusterPolicy(_)
        | Object::Endpoints(_)
        | Object::Secret(_)
        | Object::ConfigMap(_)
        | Object::ServiceAccount(_)
        | Object::KindCluster(_) => written.cloned().into_iter().collect(),
    }
}

fn fields<'a>(object: &'a mut Value, field: &str) -> Option<&'a mut Map<String, Value>> {
    object
        .as_object_mut()?
        .entry(field)
        .or_insert_with(|| json!({}))
        .as_object_mut()
}

fn metadata(name: &ObjectName) -> Value {
    json!({"name": name.name, "namespace": name.namespace})
}
