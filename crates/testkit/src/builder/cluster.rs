use ringfence_model::{
    Cluster, ClusterPolicy, Labels, Namespace, NetworkPolicy, Node, Pod, Service,
};

use super::{ClusterPolicyBuilder, PodBuilder, PolicyBuilder, ServiceBuilder, address, network};

/// A cluster in the making.
#[derive(Clone, Debug, Default)]
pub struct ClusterBuilder {
    cluster: Cluster,
}

/// Anything a cluster consists of.
#[derive(Clone, Debug)]
pub enum Part {
    /// A namespace.
    Namespace(Namespace),
    /// A node.
    Node(Node),
    /// A pod.
    Pod(Pod),
    /// A NetworkPolicy.
    Policy(NetworkPolicy),
    /// A cluster-scoped policy.
    ClusterPolicy(ClusterPolicy),
    /// A Service.
    Service(Service),
}

/// A cluster without anything in it.
#[must_use]
pub fn cluster() -> ClusterBuilder {
    ClusterBuilder::default()
}

impl ClusterBuilder {
    /// Adds `part`; one of the same kind and name is replaced.
    #[must_use]
    pub fn with(mut self, part: impl Into<Part>) -> Self {
        let cluster = &mut self.cluster;
        match part.into() {
            Part::Namespace(namespace) => {
                cluster.namespaces.insert(namespace.name.clone(), namespace);
            }
            Part::Node(node) => {
                cluster.nodes.insert(node.name.clone(), node);
            }
            Part::Pod(pod) => {
                cluster.pods.insert(pod.name.clone(), pod);
            }
            Part::Policy(policy) => {
                cluster.network_policies.insert(policy.name.clone(), policy);
            }
            Part::ClusterPolicy(policy) => {
                cluster.cluster_policies.insert(policy.name.clone(), policy);
            }
            Part::Service(service) => {
                cluster.services.insert(service.name.clone(), service);
            }
        }
        self
    }

    /// Gives the name `domain` addresses (rule AM-19).
    #[must_use]
    pub fn domain(mut self, domain: &str, addresses: &[&str]) -> Self {
        let addresses = addresses.iter().map(|text| address(text)).collect();
        let known = &mut self.cluster.domain_addresses;
        known.insert(domain.to_owned(), addresses);
        self
    }

    /// Says where pods without address get theirs from (rule AM-22).
    #[must_use]
    pub fn pod_blocks(mut self, blocks: &[&str]) -> Self {
        let blocks = blocks.iter().map(|text| network(text));
        self.cluster.pod_blocks.extend(blocks);
        self
    }

    /// The cluster, with an object for every namespace that something mentions (rule OB-4).
    #[must_use]
    pub fn build(mut self) -> Cluster {
        let cluster = &mut self.cluster;
        let mentioned = (cluster.pods.keys())
            .chain(cluster.network_policies.keys())
            .chain(cluster.services.keys());
        let mentioned: Vec<String> = mentioned.map(|name| name.namespace.clone()).collect();
        for name in mentioned {
            let made_up = || Namespace::new(name.clone(), Labels::new());
            cluster
                .namespaces
                .entry(name.clone())
                .or_insert_with(made_up);
        }
        self.cluster
    }
}

/// A namespace with `labels` and the label of its name (rule NP-18).
#[must_use]
pub fn namespace(name: &str, labels: &[(&str, &str)]) -> Namespace {
    let labels = labels
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Namespace::new(name, labels.collect())
}

/// A node with `addresses`.
#[must_use]
pub fn node(name: &str, addresses: &[&str]) -> Node {
    Node {
        name: name.to_owned(),
        labels: Labels::new(),
        addresses: addresses.iter().map(|text| address(text)).collect(),
        pod_cidrs: Vec::new(),
        kubelet_port: None,
        source: None,
    }
}

impl From<Namespace> for Part {
    fn from(namespace: Namespace) -> Self {
        Self::Namespace(namespace)
    }
}

impl From<Node> for Part {
    fn from(node: Node) -> Self {
        Self::Node(node)
    }
}

impl From<Pod> for Part {
    fn from(pod: Pod) -> Self {
        Self::Pod(pod)
    }
}

impl From<NetworkPolicy> for Part {
    fn from(policy: NetworkPolicy) -> Self {
        Self::Policy(policy)
    }
}

impl From<ClusterPolicy> for Part {
    fn from(policy: ClusterPolicy) -> Self {
        Self::ClusterPolicy(policy)
    }
}

impl From<Service> for Part {
    fn from(service: Service) -> Self {
        Self::Service(service)
    }
}

impl From<PodBuilder> for Part {
    fn from(pod: PodBuilder) -> Self {
        Self::Pod(pod.build())
    }
}

impl From<PolicyBuilder> for Part {
    fn from(policy: PolicyBuilder) -> Self {
        Self::Policy(policy.build())
    }
}

impl From<ClusterPolicyBuilder> for Part {
    fn from(policy: ClusterPolicyBuilder) -> Self {
        Self::ClusterPolicy(policy.build())
    }
}

impl From<ServiceBuilder> for Part {
    fn from(service: ServiceBuilder) -> Self {
        Self::Service(service.build())
    }
}
