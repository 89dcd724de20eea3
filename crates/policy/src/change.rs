use ringfence_model::{
    Cluster, ClusterPolicy, ClusterPolicyName, Namespace, NetworkPolicy, Node, ObjectName, Pod,
    Service,
};

use crate::index::Index;

/// One object of a cluster is written, or is gone. Setting an object replaces the one of that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// This pod is there.
    SetPod(Pod),
    /// This pod is gone.
    RemovePod(ObjectName),
    /// This namespace is there.
    SetNamespace(Namespace),
    /// This namespace has no object any more: it keeps its name label alone (rule OB-4).
    RemoveNamespace(String),
    /// This node is there.
    SetNode(Node),
    /// This node has no object any more.
    RemoveNode(String),
    /// This Service is there.
    SetService(Service),
    /// This Service is gone.
    RemoveService(ObjectName),
    /// This NetworkPolicy is there.
    SetNetworkPolicy(NetworkPolicy),
    /// This NetworkPolicy is gone.
    RemoveNetworkPolicy(ObjectName),
    /// This cluster-scoped policy is there.
    SetClusterPolicy(ClusterPolicy),
    /// This cluster-scoped policy is gone.
    RemoveClusterPolicy(ClusterPolicyName),
}

impl Change {
    /// Makes the change in a cluster and its index.
    pub(crate) fn apply_to(self, cluster: &mut Cluster, index: &mut Index) {
        match self {
            Self::SetPod(pod) => set_pod(cluster, index, pod),
            Self::RemovePod(name) => remove_pod(cluster, index, &name),
            Self::SetNamespace(namespace) => {
                let namespaces = &mut cluster.namespaces;
                namespaces.insert(namespace.name.clone(), namespace);
            }
            Self::RemoveNamespace(name) => drop(cluster.namespaces.remove(&name)),
            Self::SetNode(node) => set_node(cluster, index, node),
            Self::RemoveNode(name) => remove_node(cluster, index, &name),
            Self::SetService(service) => set_service(cluster, index, service),
            Self::RemoveService(name) => remove_service(cluster, index, &name),
            Self::SetNetworkPolicy(policy) => {
                let policies = &mut cluster.network_policies;
                policies.insert(policy.name.clone(), policy);
            }
            Self::RemoveNetworkPolicy(name) => drop(cluster.network_policies.remove(&name)),
            Self::SetClusterPolicy(policy) => set_cluster_policy(cluster, index, policy),
            Self::RemoveClusterPolicy(name) => remove_cluster_policy(cluster, index, &name),
        }
    }
}

fn set_pod(cluster: &mut Cluster, index: &mut Index, pod: Pod) {
    remove_pod(cluster, index, &pod.name);
    index.add_pod(&pod);
    cluster.pods.insert(pod.name.clone(), pod);
}

fn remove_pod(cluster: &mut Cluster, index: &mut Index, name: &ObjectName) {
    if let Some(old) = cluster.pods.remove(name) {
        index.remove_pod(&old);
    }
}

fn set_node(cluster: &mut Cluster, index: &mut Index, node: Node) {
    remove_node(cluster, index, &node.name);
    index.nodes.add_node(&node);
    cluster.nodes.insert(node.name.clone(), node);
}

fn remove_node(cluster: &mut Cluster, index: &mut Index, name: &str) {
    if let Some(old) = cluster.nodes.remove(name) {
        index.nodes.remove_node(&old);
    }
}

fn set_service(cluster: &mut Cluster, index: &mut Index, service: Service) {
    remove_service(cluster, index, &service.name);
    index.services.add(&service);
    cluster.services.insert(service.name.clone(), service);
}

fn remove_service(cluster: &mut Cluster, index: &mut Index, name: &ObjectName) {
    if let Some(old) = cluster.services.remove(name) {
        index.services.remove(&old);
    }
}

fn set_cluster_policy(cluster: &mut Cluster, index: &mut Index, policy: ClusterPolicy) {
    remove_cluster_policy(cluster, index, &policy.name);
    index.add_cluster_policy(&policy);
    let policies = &mut cluster.cluster_policies;
    policies.insert(policy.name.clone(), policy);
}

fn remove_cluster_policy(cluster: &mut Cluster, index: &mut Index, name: &ClusterPolicyName) {
    if let Some(old) = cluster.cluster_policies.remove(name) {
        index.remove_cluster_policy(&old);
    }
}
