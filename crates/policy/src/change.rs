use std::net::IpAddr;

use ringfence_model::{
    Cluster, ClusterPolicy, ClusterPolicyName, Namespace, NetworkPolicy, Node, ObjectName, Pod,
    Service,
};

use crate::index::Index;
use crate::policies::PolicyKey;

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

/// What a change was about, for what depends on it.
#[derive(Clone, Debug)]
pub(crate) enum Touched {
    /// A pod, and what it was before.
    Pod(ObjectName, Option<Pod>),
    Namespace(String),
    /// A node, and what it was before.
    Node(String, Option<Node>),
    /// The addresses of a Service, before and after.
    Service(Vec<IpAddr>),
    Policy(PolicyKey),
}

impl Change {
    /// Makes the change in a cluster and its index.
    pub(crate) fn apply_to(self, cluster: &mut Cluster, index: &mut Index) -> Touched {
        match self {
            Self::SetPod(pod) => set_pod(cluster, index, pod),
            Self::RemovePod(name) => {
                let old = remove_pod(cluster, index, &name);
                Touched::Pod(name, old)
            }
            Self::SetNamespace(namespace) => {
                let name = namespace.name.clone();
                cluster.namespaces.insert(name.clone(), namespace);
                Touched::Namespace(name)
            }
            Self::RemoveNamespace(name) => {
                cluster.namespaces.remove(&name);
                Touched::Namespace(name)
            }
            Self::SetNode(node) => set_node(cluster, index, node),
            Self::RemoveNode(name) => {
                let old = remove_node(cluster, index, &name);
                Touched::Node(name, old)
            }
            Self::SetService(service) => set_service(cluster, index, service),
            Self::RemoveService(name) => Touched::Service(remove_service(cluster, index, &name)),
            Self::SetNetworkPolicy(policy) => {
                let name = policy.name.clone();
                index.lists.set(&policy);
                cluster.network_policies.insert(name.clone(), policy);
                Touched::Policy(PolicyKey::Network(name))
            }
            Self::RemoveNetworkPolicy(name) => {
                index.lists.remove(&name);
                cluster.network_policies.remove(&name);
                Touched::Policy(PolicyKey::Network(name))
            }
            Self::SetClusterPolicy(policy) => set_cluster_policy(cluster, index, policy),
            Self::RemoveClusterPolicy(name) => {
                remove_cluster_policy(cluster, index, &name);
                Touched::Policy(PolicyKey::Cluster(name))
            }
        }
    }
}

fn set_pod(cluster: &mut Cluster, index: &mut Index, pod: Pod) -> Touched {
    let name = pod.name.clone();
    let old = remove_pod(cluster, index, &name);
    index.add_pod(&pod);
    cluster.pods.insert(name.clone(), pod);
    Touched::Pod(name, old)
}

fn remove_pod(cluster: &mut Cluster, index: &mut Index, name: &ObjectName) -> Option<Pod> {
    let old = cluster.pods.remove(name)?;
    index.remove_pod(&old);
    Some(old)
}

fn set_node(cluster: &mut Cluster, index: &mut Index, node: Node) -> Touched {
    let name = node.name.clone();
    let old = remove_node(cluster, index, &name);
    index.nodes.add_node(&node);
    cluster.nodes.insert(name.clone(), node);
    Touched::Node(name, old)
}

fn remove_node(cluster: &mut Cluster, index: &mut Index, name: &str) -> Option<Node> {
    let old = cluster.nodes.remove(name)?;
    index.nodes.remove_node(&old);
    Some(old)
}

fn set_service(cluster: &mut Cluster, index: &mut Index, service: Service) -> Touched {
    let mut addresses = remove_service(cluster, index, &service.name);
    addresses.extend(addresses_of(&service));
    index.services.add(&service);
    cluster.services.insert(service.name.clone(), service);
    Touched::Service(addresses)
}

fn remove_service(cluster: &mut Cluster, index: &mut Index, name: &ObjectName) -> Vec<IpAddr> {
    let Some(old) = cluster.services.remove(name) else {
        return Vec::new();
    };
    index.services.remove(&old);
    addresses_of(&old).collect()
}

fn addresses_of(service: &Service) -> impl Iterator<Item = IpAddr> {
    let inside = service.cluster_addresses().iter();
    let all = inside.chain(&service.external_addresses);
    all.map(IpAddr::to_canonical)
}

fn set_cluster_policy(cluster: &mut Cluster, index: &mut Index, policy: ClusterPolicy) -> Touched {
    let name = policy.name.clone();
    remove_cluster_policy(cluster, index, &name);
    index.add_cluster_policy(&policy);
    cluster.cluster_policies.insert(name.clone(), policy);
    Touched::Policy(PolicyKey::Cluster(name))
}

fn remove_cluster_policy(cluster: &mut Cluster, index: &mut Index, name: &ClusterPolicyName) {
    if let Some(old) = cluster.cluster_policies.remove(name) {
        index.remove_cluster_policy(&old);
    }
}
