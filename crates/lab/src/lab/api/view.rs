//! What agents are told of the store: the policy view of each write.

use std::sync::Arc;

use ringfence_agent::protocol::{AgentKey, AgentObject};
use ringfence_apiserver::api::Write;
use ringfence_apiserver::object::{at, is_terminating, name, namespace, text};
use ringfence_apiserver::store::Name;
use ringfence_model::{Object, ObjectKey, ObjectName, Pod, Service, add_endpoints};
use serde_json::Value;

use super::super::Lab;
use super::objects::{key_of, typed};

/// The label of an EndpointSlice that names its Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";
const ENDPOINTS: [&str; 2] = ["endpoints", "endpointslices.discovery.k8s.io"];

/// What a write comes to for the agents.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Seen {
    pub(in super::super) apply: Vec<AgentObject>,
    pub(super) delete: Vec<AgentKey>,
    /// Whether somebody may rely on it as soon as it is stored.
    pub(super) is_awaited: bool,
}

impl Lab {
    /// What agents see of `write`, which is about to be stored.
    pub(in super::super) fn seen(&self, write: &Write<'_>) -> anyhow::Result<Seen> {
        match write.kind.kind.as_ref() {
            "Pod" => self.seen_pod(write),
            "Endpoints" | "EndpointSlice" => Ok(self.seen_endpoints(write)),
            "Node"
            | "Namespace"
            | "Service"
            | "NetworkPolicy"
            | "ClusterNetworkPolicy"
            | "AdminNetworkPolicy"
            | "BaselineAdminNetworkPolicy"
            | "HostFirewall" => self.seen_object(write),
            _ => Ok(Seen::default()),
        }
    }

    fn seen_object(&self, write: &Write<'_>) -> anyhow::Result<Seen> {
        let apply = write.after.map(|object| self.told(object)).transpose()?;
        let delete = match (write.after, write.before) {
            (None, Some(before)) => self.forgotten(before),
            (Some(_), _) | (None, None) => Vec::new(),
        };
        Ok(Seen {
            apply: apply.into_iter().collect(),
            delete,
            is_awaited: true,
        })
    }

    /// An object that agents see as it is written.
    pub(super) fn told(&self, document: &Value) -> anyhow::Result<AgentObject> {
        let object = typed(document).map(|object| self.with_places(object));
        match object {
            Some(Object::Node(node)) => Ok(AgentObject::Node(node)),
            Some(Object::Namespace(namespace)) => Ok(AgentObject::Namespace(namespace)),
            Some(Object::NetworkPolicy(policy)) => Ok(AgentObject::NetworkPolicy(policy)),
            Some(Object::ClusterPolicy(policy)) => Ok(AgentObject::ClusterPolicy(policy)),
            Some(Object::HostFirewall(firewall)) => Ok(AgentObject::HostFirewall(firewall)),
            Some(Object::Service(service)) => Ok(self.with_endpoints(service, None)),
            Some(
                Object::Pod(_)
                | Object::Workload(_)
                | Object::Endpoints(_)
                | Object::Secret(_)
                | Object::ConfigMap(_)
                | Object::ServiceAccount(_)
                | Object::KindCluster(_),
            )
            | None => anyhow::bail!("it cannot be read again"),
        }
    }

    /// The object with the places where it was written, if a manifest says the same.
    fn with_places(&self, object: Object) -> Object {
        let state = self.lock();
        let written = state.written.get(&object.key());
        let same = written.filter(|written| written.same_content(&object));
        same.cloned().unwrap_or(object)
    }

    /// What goes with an object. The policies of a namespace that ends hold until its last pod is gone.
    fn forgotten(&self, before: &Value) -> Vec<AgentKey> {
        let Some(object) = typed(before) else {
            return Vec::new();
        };
        match object {
            Object::Namespace(namespace) => {
                let is_inside = |key: &AgentKey| matches!(key, AgentKey::NetworkPolicy(policy) if policy.namespace == namespace.name);
                let inside = self.feed.keys().into_iter().filter(is_inside);
                inside
                    .chain([AgentKey::Namespace(namespace.name.clone())])
                    .collect()
            }
            Object::NetworkPolicy(policy) if self.ends(&policy.name.namespace) => Vec::new(),
            Object::NetworkPolicy(policy) => vec![AgentKey::NetworkPolicy(policy.name)],
            Object::ClusterPolicy(policy) => vec![AgentKey::ClusterPolicy(policy.name)],
            Object::HostFirewall(firewall) => vec![AgentKey::HostFirewall(firewall.name)],
            Object::Service(service) => vec![AgentKey::Service(service.name)],
            Object::Node(_)
            | Object::Pod(_)
            | Object::Workload(_)
            | Object::Endpoints(_)
            | Object::Secret(_)
            | Object::ConfigMap(_)
            | Object::ServiceAccount(_)
            | Object::KindCluster(_) => Vec::new(),
        }
    }

    fn ends(&self, namespace: &str) -> bool {
        let key = Name {
            namespace: String::new(),
            name: namespace.to_owned(),
        };
        let store = self.api.store();
        let namespace = store.get("namespaces", &key);
        namespace.is_some_and(|namespace| is_terminating(namespace))
    }

    fn seen_pod(&self, write: &Write<'_>) -> anyhow::Result<Seen> {
        let before = write.before.and_then(|pod| self.pod(pod));
        let Some(after) = write.after else {
            let gone = before.map(|pod| AgentKey::Pod(pod.name));
            return Ok(Seen {
                delete: gone.into_iter().collect(),
                ..Seen::default()
            });
        };
        let Some(after) = self.pod(after) else {
            anyhow::bail!("it cannot be read again");
        };
        let is_awaited = before
            .is_some_and(|before| before.labels != after.labels || (after.ready && !before.ready));
        Ok(Seen {
            apply: vec![AgentObject::Pod(after)],
            is_awaited,
            ..Seen::default()
        })
    }

    /// A pod as policy sees it, with the place where it, or what it was made for, was written.
    fn pod(&self, document: &Value) -> Option<Pod> {
        let Some(Object::Pod(manifest)) = typed(document) else {
            return None;
        };
        let root = key_of(&self.root_of(document));
        let state = self.lock();
        let written = root.and_then(|key| state.written.get(&key));
        Some(Pod {
            source: written.and_then(Object::source).cloned(),
            ..manifest.pod
        })
    }

    fn seen_endpoints(&self, write: &Write<'_>) -> Seen {
        let Some(object) = write.after.or(write.before) else {
            return Seen::default();
        };
        let service = match write.kind.kind.as_ref() {
            "Endpoints" => name(object),
            _ => text(object, &["metadata", "labels", SERVICE_NAME]),
        };
        let key = Name {
            namespace: namespace(object).to_owned(),
            name: service.to_owned(),
        };
        let stored = self.api.store().get("services", &key).cloned();
        let typed = stored.as_deref().and_then(typed);
        let Some(Object::Service(service)) = typed.map(|object| self.with_places(object)) else {
            return Seen::default();
        };
        if !service.selector.is_empty() {
            return Seen::default();
        }
        Seen {
            apply: vec![self.with_endpoints(service, Some(write))],
            delete: Vec::new(),
            is_awaited: true,
        }
    }

    /// A Service with the endpoints that are listed for it, once `write` is stored.
    fn with_endpoints(&self, mut service: Service, write: Option<&Write<'_>>) -> AgentObject {
        if service.selector.is_empty() {
            let listed = self.listed(&service.name, write);
            add_endpoints([&mut service], &listed);
        }
        AgentObject::Service(service)
    }

    fn listed(&self, service: &ObjectName, write: Option<&Write<'_>>) -> Vec<Object> {
        let written = write.and_then(|write| write.after.or(write.before));
        let is_written = |object: &Arc<Value>| {
            written.is_some_and(|written| {
                name(written) == name(object) && at(written, &["kind"]) == at(object, &["kind"])
            })
        };
        let stored = ENDPOINTS.iter().flat_map(|resource| self.stored(resource));
        let others = stored
            .filter(|object| namespace(object) == service.namespace && !is_written(object))
            .filter_map(|object| typed(&object));
        let new = write.and_then(|write| write.after).and_then(typed);
        others.chain(new).collect()
    }

    /// Tells the agents where `keys` are written now, though nothing else of them has changed.
    pub(in super::super) fn tell_places(&self, keys: &[ObjectKey]) {
        let objects = keys.iter().filter_map(|key| self.stored_by(key));
        let told = objects.filter_map(|object| self.told(&object).ok());
        self.feed.change(told.collect(), Vec::new());
    }
}
