//! Which kinds there are, by group.

use super::Schema;
use super::{
    allowed_access, apps, batch, core, core_node, discovery, host_firewall, kind, networking,
    policy, policy_test, trust_zones,
};
use crate::{ClusterPolicyKind, EndpointsKind, WorkloadKind};

/// What becomes of a document.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found {
    /// A kind of ours.
    Known {
        schema: &'static Schema,
        handling: Handling,
    },
    /// A list whose items say themselves what they are, unless the list is typed (rule OB-1).
    List {
        item_version: &'static str,
        item_kind: Option<&'static str>,
    },
    /// An API that no server has any more (rule OB-6).
    Removed { instead: &'static str },
    /// The kind exists in another version or group than the one given.
    OtherVersion { versions: &'static str },
    /// Nothing that ringfence knows (rule OB-1).
    Unknown,
}

/// How a known kind is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handling {
    Namespace,
    Node,
    Pod,
    Workload(WorkloadKind),
    Service,
    Secret,
    ConfigMap,
    ServiceAccount,
    NetworkPolicy,
    ClusterPolicy(ClusterPolicyKind),
    HostFirewall,
    Endpoints(EndpointsKind),
    KindCluster,
    /// Checked, and left aside without a word: it is for another command.
    PolicyTest,
    /// Checked, and left aside.
    Skipped,
}

type Row = (&'static str, &'static str, &'static Schema, Handling);

static KINDS: [Row; 26] = [
    ("v1", "Namespace", &core::NAMESPACE, Handling::Namespace),
    ("v1", "Node", &core_node::NODE, Handling::Node),
    ("v1", "Pod", &core::POD, Handling::Pod),
    ("v1", "Service", &core::SERVICE, Handling::Service),
    ("v1", "Secret", &core::SECRET, Handling::Secret),
    ("v1", "ConfigMap", &core::CONFIG_MAP, Handling::ConfigMap),
    (
        "v1",
        "ServiceAccount",
        &core::SERVICE_ACCOUNT,
        Handling::ServiceAccount,
    ),
    (
        "v1",
        "Endpoints",
        &core::ENDPOINTS,
        Handling::Endpoints(EndpointsKind::Endpoints),
    ),
    (
        "v1",
        "ReplicationController",
        &core::REPLICATION_CONTROLLER,
        Handling::Workload(WorkloadKind::ReplicationController),
    ),
    (
        "apps/v1",
        "Deployment",
        &apps::DEPLOYMENT,
        Handling::Workload(WorkloadKind::Deployment),
    ),
    (
        "apps/v1",
        "ReplicaSet",
        &apps::REPLICA_SET,
        Handling::Workload(WorkloadKind::ReplicaSet),
    ),
    (
        "apps/v1",
        "StatefulSet",
        &apps::STATEFUL_SET,
        Handling::Workload(WorkloadKind::StatefulSet),
    ),
    (
        "apps/v1",
        "DaemonSet",
        &apps::DAEMON_SET,
        Handling::Workload(WorkloadKind::DaemonSet),
    ),
    (
        "batch/v1",
        "Job",
        &batch::JOB,
        Handling::Workload(WorkloadKind::Job),
    ),
    (
        "batch/v1",
        "CronJob",
        &batch::CRON_JOB,
        Handling::Workload(WorkloadKind::CronJob),
    ),
    (
        "networking.k8s.io/v1",
        "NetworkPolicy",
        &networking::NETWORK_POLICY,
        Handling::NetworkPolicy,
    ),
    (
        "policy.networking.k8s.io/v1beta1",
        "ClusterNetworkPolicy",
        &policy::CLUSTER_NETWORK_POLICY,
        Handling::ClusterPolicy(ClusterPolicyKind::ClusterNetworkPolicy),
    ),
    (
        "policy.networking.k8s.io/v1alpha2",
        "ClusterNetworkPolicy",
        &policy::CLUSTER_NETWORK_POLICY,
        Handling::ClusterPolicy(ClusterPolicyKind::ClusterNetworkPolicy),
    ),
    (
        "policy.networking.k8s.io/v1alpha1",
        "AdminNetworkPolicy",
        &policy::ADMIN_NETWORK_POLICY,
        Handling::ClusterPolicy(ClusterPolicyKind::AdminNetworkPolicy),
    ),
    (
        "policy.networking.k8s.io/v1alpha1",
        "BaselineAdminNetworkPolicy",
        &policy::BASELINE_ADMIN_NETWORK_POLICY,
        Handling::ClusterPolicy(ClusterPolicyKind::BaselineAdminNetworkPolicy),
    ),
    (
        "discovery.k8s.io/v1",
        "EndpointSlice",
        &discovery::ENDPOINT_SLICE,
        Handling::Endpoints(EndpointsKind::EndpointSlice),
    ),
    (
        "kind.x-k8s.io/v1alpha4",
        "Cluster",
        &kind::CLUSTER,
        Handling::KindCluster,
    ),
    (
        "ringfence.dev/v1alpha1",
        "HostFirewall",
        &host_firewall::HOST_FIREWALL,
        Handling::HostFirewall,
    ),
    (
        "ringfence.dev/v1alpha1",
        "PolicyTest",
        &policy_test::POLICY_TEST,
        Handling::PolicyTest,
    ),
    (
        "ringfence.dev/v1alpha1",
        "TrustZones",
        &trust_zones::TRUST_ZONES,
        Handling::Skipped,
    ),
    (
        "ringfence.dev/v1alpha1",
        "AllowedAccess",
        &allowed_access::ALLOWED_ACCESS,
        Handling::Skipped,
    ),
];

/// Versions that Kubernetes no longer serves, and what to write instead.
const REMOVED: [(&str, &str); 8] = [
    ("extensions/v1beta1", "NetworkPolicy"),
    ("extensions/v1beta1", "Deployment"),
    ("extensions/v1beta1", "DaemonSet"),
    ("extensions/v1beta1", "ReplicaSet"),
    ("apps/v1beta1", "Deployment"),
    ("apps/v1beta1", "StatefulSet"),
    ("apps/v1beta2", "Deployment"),
    ("batch/v1beta1", "CronJob"),
];

/// What `kind` of `api_version` is.
pub(crate) fn find(api_version: &str, kind: &str) -> Found {
    if let Some((_, _, schema, handling)) = KINDS
        .iter()
        .find(|(version, name, ..)| *version == api_version && *name == kind)
    {
        return Found::Known {
            schema,
            handling: *handling,
        };
    }
    if api_version == "v1" && kind == "List" {
        return Found::List {
            item_version: "",
            item_kind: None,
        };
    }
    let same_kind = KINDS.iter().find(|(_, name, ..)| *name == kind);
    if let Some((version, ..)) = same_kind {
        if REMOVED.contains(&(api_version, kind)) {
            return Found::Removed { instead: version };
        }
        let ours = KINDS
            .iter()
            .any(|(other, ..)| group(other) == group(api_version));
        if ours || !api_version.contains('.') {
            return Found::OtherVersion { versions: version };
        }
    }
    typed_list(api_version, kind)
}

fn typed_list(api_version: &str, kind: &str) -> Found {
    let Some(item) = kind.strip_suffix("List") else {
        return Found::Unknown;
    };
    KINDS
        .iter()
        .find(|(version, name, ..)| *version == api_version && *name == item)
        .map_or(Found::Unknown, |(version, name, ..)| Found::List {
            item_version: version,
            item_kind: Some(name),
        })
}

fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// The kinds there are, for suggestions.
pub(crate) fn kinds(api_version: &str) -> impl Iterator<Item = &'static str> {
    KINDS
        .iter()
        .filter(move |(version, ..)| *version == api_version)
        .map(|(_, kind, ..)| *kind)
}

/// The tables of all kinds.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = &'static Schema> {
    KINDS.iter().map(|(_, _, schema, _)| *schema)
}
