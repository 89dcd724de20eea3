use std::fmt;

use serde::{Deserialize, Serialize};

use super::{EndpointsKind, WorkloadKind};
use crate::{ClusterPolicyKind, ObjectName};

/// The kinds that ringfence reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ObjectKind {
    /// `v1`
    Namespace,
    /// `v1`
    Node,
    /// `v1`
    Pod,
    /// `v1`
    ReplicationController,
    /// `apps/v1`
    ReplicaSet,
    /// `apps/v1`
    Deployment,
    /// `apps/v1`
    StatefulSet,
    /// `apps/v1`
    DaemonSet,
    /// `batch/v1`
    Job,
    /// `batch/v1`
    CronJob,
    /// A workload of a kind that is none of Kubernetes' own.
    CustomWorkload,
    /// `v1`
    Service,
    /// `discovery.k8s.io/v1`
    EndpointSlice,
    /// `v1`
    Endpoints,
    /// `networking.k8s.io/v1`
    NetworkPolicy,
    /// `policy.networking.k8s.io/v1beta1` and `v1alpha2`
    ClusterNetworkPolicy,
    /// `policy.networking.k8s.io/v1alpha1`
    AdminNetworkPolicy,
    /// `policy.networking.k8s.io/v1alpha1`
    BaselineAdminNetworkPolicy,
    /// `ringfence.dev/v1alpha1`
    HostFirewall,
    /// `v1`
    Secret,
    /// `v1`
    ConfigMap,
    /// `v1`
    ServiceAccount,
    /// `Cluster` of `kind.x-k8s.io/v1alpha4`
    KindCluster,
}

impl ObjectKind {
    /// The kind as Kubernetes writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Namespace => "Namespace",
            Self::Node => "Node",
            Self::Pod => "Pod",
            Self::ReplicationController => "ReplicationController",
            Self::ReplicaSet => "ReplicaSet",
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Job => "Job",
            Self::CronJob => "CronJob",
            Self::CustomWorkload => "workload",
            Self::Service => "Service",
            Self::EndpointSlice => "EndpointSlice",
            Self::Endpoints => "Endpoints",
            Self::NetworkPolicy => "NetworkPolicy",
            Self::ClusterNetworkPolicy => ClusterPolicyKind::ClusterNetworkPolicy.name(),
            Self::AdminNetworkPolicy => ClusterPolicyKind::AdminNetworkPolicy.name(),
            Self::BaselineAdminNetworkPolicy => {
                ClusterPolicyKind::BaselineAdminNetworkPolicy.name()
            }
            Self::HostFirewall => "HostFirewall",
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
            Self::ServiceAccount => "ServiceAccount",
            Self::KindCluster => "Cluster",
        }
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl From<WorkloadKind> for ObjectKind {
    fn from(kind: WorkloadKind) -> Self {
        match kind {
            WorkloadKind::Deployment => Self::Deployment,
            WorkloadKind::ReplicaSet => Self::ReplicaSet,
            WorkloadKind::ReplicationController => Self::ReplicationController,
            WorkloadKind::StatefulSet => Self::StatefulSet,
            WorkloadKind::DaemonSet => Self::DaemonSet,
            WorkloadKind::Job => Self::Job,
            WorkloadKind::CronJob => Self::CronJob,
            WorkloadKind::Custom => Self::CustomWorkload,
        }
    }
}

impl From<EndpointsKind> for ObjectKind {
    fn from(kind: EndpointsKind) -> Self {
        match kind {
            EndpointsKind::EndpointSlice => Self::EndpointSlice,
            EndpointsKind::Endpoints => Self::Endpoints,
        }
    }
}

impl From<ClusterPolicyKind> for ObjectKind {
    fn from(kind: ClusterPolicyKind) -> Self {
        match kind {
            ClusterPolicyKind::ClusterNetworkPolicy => Self::ClusterNetworkPolicy,
            ClusterPolicyKind::AdminNetworkPolicy => Self::AdminNetworkPolicy,
            ClusterPolicyKind::BaselineAdminNetworkPolicy => Self::BaselineAdminNetworkPolicy,
        }
    }
}

/// What makes an object one and the same. Written as `NetworkPolicy demo/db-policy` or `Node worker`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectKey {
    /// The kind.
    pub kind: ObjectKind,
    /// The namespace; `None` for kinds that live outside of namespaces.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

impl ObjectKey {
    /// The key of an object in a namespace.
    #[must_use]
    pub fn namespaced(kind: ObjectKind, name: &ObjectName) -> Self {
        Self {
            kind,
            namespace: Some(name.namespace.clone()),
            name: name.name.clone(),
        }
    }

    /// The key of an object outside of namespaces.
    #[must_use]
    pub fn cluster(kind: ObjectKind, name: &str) -> Self {
        Self {
            kind,
            namespace: None,
            name: name.to_owned(),
        }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}
