//! The objects that manifests describe, typed and defaulted.

mod config;
mod endpoints;
mod key;
mod kind;
mod pod;
mod workload;

use serde::{Deserialize, Serialize};

use crate::{ClusterPolicy, HostFirewall, Namespace, NetworkPolicy, Node, Pod, Service, Source};

pub use config::{ConfigMap, Secret, ServiceAccount};
pub use endpoints::{EndpointPod, EndpointsKind, EndpointsManifest};
pub use key::{ObjectKey, ObjectKind};
pub(crate) use kind::node_name;
pub use kind::{IpFamily, KindCluster, KindNode, KindRole};
pub use pod::{
    Container, EnvFrom, EnvValue, EnvVar, KeyRef, PodSpec, RestartPolicy, Toleration, Volume,
    VolumeMount, VolumeSource,
};
pub use workload::{Owner, PodTemplate, Workload, WorkloadKind};

/// One object of a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Object {
    /// A namespace.
    Namespace(Namespace),
    /// A node.
    Node(Node),
    /// A pod, as policy sees it and as the lab runs it.
    Pod(Box<PodManifest>),
    /// What makes pods.
    Workload(Box<Workload>),
    /// A Service.
    Service(Service),
    /// A NetworkPolicy.
    NetworkPolicy(NetworkPolicy),
    /// A ClusterNetworkPolicy, AdminNetworkPolicy or BaselineAdminNetworkPolicy.
    ClusterPolicy(ClusterPolicy),
    /// A HostFirewall.
    HostFirewall(HostFirewall),
    /// An EndpointSlice or Endpoints.
    Endpoints(EndpointsManifest),
    /// A Secret.
    Secret(Secret),
    /// A ConfigMap.
    ConfigMap(ConfigMap),
    /// A ServiceAccount.
    ServiceAccount(ServiceAccount),
    /// The configuration of a kind cluster; says nothing about policy.
    KindCluster(KindCluster),
}

/// A pod of a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodManifest {
    /// The pod as policy sees it.
    pub pod: Pod,
    /// What runs in it.
    pub spec: PodSpec,
    /// What made the pod.
    pub owner: Option<Owner>,
}

impl Object {
    /// What makes pods, if it is that.
    #[must_use]
    pub fn workload(&self) -> Option<&Workload> {
        match self {
            Self::Workload(found) => Some(found),
            Self::Namespace(_)
            | Self::Node(_)
            | Self::Pod(_)
            | Self::Service(_)
            | Self::NetworkPolicy(_)
            | Self::ClusterPolicy(_)
            | Self::HostFirewall(_)
            | Self::Endpoints(_)
            | Self::Secret(_)
            | Self::ConfigMap(_)
            | Self::ServiceAccount(_)
            | Self::KindCluster(_) => None,
        }
    }

    /// Kind, namespace and name: what makes the object one and the same.
    #[must_use]
    pub fn key(&self) -> ObjectKey {
        match self {
            Self::Namespace(found) => ObjectKey::cluster(ObjectKind::Namespace, &found.name),
            Self::Node(found) => ObjectKey::cluster(ObjectKind::Node, &found.name),
            Self::Pod(found) => ObjectKey::namespaced(ObjectKind::Pod, &found.pod.name),
            Self::Workload(found) => workload_key(found),
            Self::Service(found) => ObjectKey::namespaced(ObjectKind::Service, &found.name),
            Self::NetworkPolicy(found) => {
                ObjectKey::namespaced(ObjectKind::NetworkPolicy, &found.name)
            }
            Self::ClusterPolicy(found) => {
                ObjectKey::cluster(found.name.kind.into(), &found.name.name)
            }
            Self::HostFirewall(found) => ObjectKey::cluster(ObjectKind::HostFirewall, &found.name),
            Self::Endpoints(found) => ObjectKey::namespaced(found.kind.into(), &found.name),
            Self::Secret(found) => ObjectKey::namespaced(ObjectKind::Secret, &found.name),
            Self::ConfigMap(found) => ObjectKey::namespaced(ObjectKind::ConfigMap, &found.name),
            Self::ServiceAccount(found) => {
                ObjectKey::namespaced(ObjectKind::ServiceAccount, &found.name)
            }
            Self::KindCluster(found) => {
                ObjectKey::cluster(ObjectKind::KindCluster, found.cluster_name())
            }
        }
    }

    /// Where the object was written.
    #[must_use]
    pub const fn source(&self) -> Option<&Source> {
        match self {
            Self::Namespace(found) => found.source.as_ref(),
            Self::Node(found) => found.source.as_ref(),
            Self::Pod(found) => found.pod.source.as_ref(),
            Self::Workload(found) => found.source.as_ref(),
            Self::Service(found) => found.source.as_ref(),
            Self::NetworkPolicy(found) => found.source.as_ref(),
            Self::ClusterPolicy(found) => found.source.as_ref(),
            Self::HostFirewall(found) => found.source.as_ref(),
            Self::Endpoints(found) => found.source.as_ref(),
            Self::Secret(found) => found.source.as_ref(),
            Self::ConfigMap(found) => found.source.as_ref(),
            Self::ServiceAccount(found) => found.source.as_ref(),
            Self::KindCluster(found) => found.source.as_ref(),
        }
    }

    /// Whether both say the same, wherever they were written (rule OB-3).
    #[must_use]
    pub fn same_content(&self, other: &Self) -> bool {
        self.clone().without_source() == other.clone().without_source()
    }

    fn without_source(mut self) -> Self {
        match &mut self {
            Self::Namespace(found) => found.source = None,
            Self::Node(found) => found.source = None,
            Self::Pod(found) => found.pod.source = None,
            Self::Workload(found) => found.source = None,
            Self::Service(found) => found.source = None,
            Self::NetworkPolicy(found) => {
                found.source = None;
                for rule in found.ingress.iter_mut().chain(&mut found.egress) {
                    rule.source = None;
                }
            }
            Self::ClusterPolicy(found) => {
                found.source = None;
                for rule in found.ingress.iter_mut().chain(&mut found.egress) {
                    rule.source = None;
                }
            }
            Self::HostFirewall(found) => {
                found.source = None;
                let trial = found.trial.iter_mut().map(|trial| &mut trial.rules);
                for rules in found.confirmed.iter_mut().chain(trial) {
                    rules.ingress.iter_mut().for_each(|rule| rule.source = None);
                }
            }
            Self::Endpoints(found) => found.source = None,
            Self::Secret(found) => found.source = None,
            Self::ConfigMap(found) => found.source = None,
            Self::ServiceAccount(found) => found.source = None,
            Self::KindCluster(found) => found.source = None,
        }
        self
    }
}

/// Kinds that are none of Kubernetes' own share an [`ObjectKind`]: the name tells them apart.
fn workload_key(workload: &Workload) -> ObjectKey {
    let mut key = ObjectKey::namespaced(workload.kind.into(), &workload.name);
    if let Some(kind) = &workload.custom_kind {
        key.name = format!("{kind}/{}", key.name);
    }
    key
}
