//! From objects of manifests and of a Kubernetes API to what an agent is told.

use ringfence_model::{
    ClusterPolicyKind, ClusterPolicyName, Object, ObjectKey, ObjectKind, ObjectName,
};

use super::{AgentKey, AgentObject};

impl AgentObject {
    /// The object as an agent is told it; `None` if rules do not depend on it. Endpoints are told in their Service.
    #[must_use]
    pub fn of(object: Object) -> Option<Self> {
        match object {
            Object::Namespace(namespace) => Some(Self::Namespace(namespace)),
            Object::Node(node) => Some(Self::Node(node)),
            Object::Pod(found) => Some(Self::Pod(found.pod)),
            Object::Service(service) => Some(Self::Service(service)),
            Object::NetworkPolicy(policy) => Some(Self::NetworkPolicy(policy)),
            Object::ClusterPolicy(policy) => Some(Self::ClusterPolicy(policy)),
            Object::HostFirewall(firewall) => Some(Self::HostFirewall(firewall)),
            Object::Workload(_)
            | Object::Endpoints(_)
            | Object::Secret(_)
            | Object::ConfigMap(_)
            | Object::ServiceAccount(_)
            | Object::KindCluster(_) => None,
        }
    }
}

impl AgentKey {
    /// What names the object to an agent; `None` if rules do not depend on it.
    #[must_use]
    pub fn of(key: ObjectKey) -> Option<Self> {
        let ObjectKey {
            kind,
            namespace,
            name,
        } = key;
        let inside = |name: &str| Some(ObjectName::new(namespace.as_ref()?, name));
        let policy = |kind, name| Some(Self::ClusterPolicy(ClusterPolicyName { kind, name }));
        match kind {
            ObjectKind::Namespace => Some(Self::Namespace(name)),
            ObjectKind::Node => Some(Self::Node(name)),
            ObjectKind::Pod => inside(&name).map(Self::Pod),
            ObjectKind::Service => inside(&name).map(Self::Service),
            ObjectKind::NetworkPolicy => inside(&name).map(Self::NetworkPolicy),
            ObjectKind::ClusterNetworkPolicy => {
                policy(ClusterPolicyKind::ClusterNetworkPolicy, name)
            }
            ObjectKind::AdminNetworkPolicy => policy(ClusterPolicyKind::AdminNetworkPolicy, name),
            ObjectKind::BaselineAdminNetworkPolicy => {
                policy(ClusterPolicyKind::BaselineAdminNetworkPolicy, name)
            }
            ObjectKind::HostFirewall => Some(Self::HostFirewall(name)),
            ObjectKind::ReplicationController
            | ObjectKind::ReplicaSet
            | ObjectKind::Deployment
            | ObjectKind::StatefulSet
            | ObjectKind::DaemonSet
            | ObjectKind::Job
            | ObjectKind::CronJob
            | ObjectKind::CustomWorkload
            | ObjectKind::EndpointSlice
            | ObjectKind::Endpoints
            | ObjectKind::Secret
            | ObjectKind::ConfigMap
            | ObjectKind::ServiceAccount
            | ObjectKind::KindCluster => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use ringfence_model::{Input, LoadOptions, load};

    use super::*;

    /// An object and what names it say the same, or its end would never be told.
    #[test]
    fn an_object_is_named_as_its_end_is() {
        let text = "
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: v1, kind: Node, metadata: {name: shop}}
---
{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: shop}, spec: {containers: [{name: c, image: i}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: s, namespace: shop}, spec: {ports: [{port: 1}]}}
---
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: shop}, spec: {podSelector: {}}}
---
{apiVersion: policy.networking.k8s.io/v1alpha1, kind: AdminNetworkPolicy, metadata: {name: a}, spec: {priority: 1, subject: {namespaces: {}}}}
---
{apiVersion: policy.networking.k8s.io/v1alpha1, kind: BaselineAdminNetworkPolicy, metadata: {name: default}, spec: {subject: {namespaces: {}}}}
---
{apiVersion: policy.networking.k8s.io/v1alpha2, kind: ClusterNetworkPolicy, metadata: {name: c}, spec: {tier: Admin, priority: 1, subject: {namespaces: {}}}}
---
{apiVersion: ringfence.dev/v1alpha1, kind: HostFirewall, metadata: {name: h}, spec: {nodeSelector: {}}}
---
{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: shop}}
";
        let input = Input {
            name: "objects.yaml".to_owned(),
            text: text.to_owned(),
        };
        let loaded = load(&[input], &LoadOptions::default());
        assert_eq!(loaded.objects.len(), 10, "{:?}", loaded.diagnostics);
        for object in loaded.objects {
            let key = object.key();
            let is_secret = key.kind == ObjectKind::Secret;
            let told = AgentObject::of(object);
            assert_eq!(told.is_none(), is_secret, "{key}");
            assert_eq!(told.map(|told| told.key()), AgentKey::of(key));
        }
    }
}
