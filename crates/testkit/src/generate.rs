//! Random clusters, small enough to read and mean enough to matter.
//!
//! Every field that policy depends on occurs, mostly with values that touch something: selectors that
//! match some pods and miss others, blocks around and beside pods and nodes, port ranges at the declared
//! ports. A cluster is a function of its seed and its [`Shape`] alone.

mod audits;
mod cluster_policies;
mod endpoints;
mod hosts;
mod labels;
mod pods;
mod policies;
mod services;

pub use hosts::{HOST_PORTS, close_nodes};

use ringfence_model::{Cluster, ObjectName};

pub use audits::MOMENT;

use crate::random::Random;

/// What may occur in a random cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Pods that have no address yet, whose answers may be unknown (rule AM-22).
    pub unaddressed_pods: bool,
    /// Host pods (rule NP-53).
    pub host_pods: bool,
    /// Pods that have finished (rule Q-4).
    pub finished_pods: bool,
    /// IPv6 addresses and blocks.
    pub ipv6: bool,
    /// Services.
    pub services: bool,
    /// Cluster-scoped policies, and names with addresses.
    pub cluster_policies: bool,
    /// Services that select no pod and list endpoints (rule OB-12).
    pub endpoints: bool,
    /// Policies in audit mode (rule AU-1).
    pub audits: bool,
}

impl Shape {
    /// Everything but cluster-scoped policies and endpoints.
    pub const FULL: Self = Self {
        unaddressed_pods: true,
        host_pods: true,
        finished_pods: true,
        ipv6: true,
        services: true,
        cluster_policies: false,
        endpoints: false,
        audits: false,
    };

    /// The same with cluster-scoped policies.
    pub const TIERED: Self = Self {
        cluster_policies: true,
        ..Self::FULL
    };

    /// Everything that can be asked about.
    pub const EVERYTHING: Self = Self {
        endpoints: true,
        audits: true,
        ..Self::TIERED
    };

    /// Everything that can be wired up and sent packets: each pod has an address.
    pub const WIRED: Self = Self {
        unaddressed_pods: false,
        ..Self::FULL
    };

    /// The same with cluster-scoped policies and endpoints, and NetworkPolicies in audit mode.
    pub const WIRED_EVERYTHING: Self = Self {
        cluster_policies: true,
        endpoints: true,
        audits: true,
        ..Self::WIRED
    };

    /// Whether each address is one that packets reach.
    const fn is_wired(self) -> bool {
        !self.unaddressed_pods
    }
}

/// The cluster of `seed`: one to three namespaces, two nodes, two to six pods, up to six policies of each scope.
#[must_use]
pub fn cluster(seed: u64, shape: Shape) -> Cluster {
    let mut random = Random::new(seed);
    let mut cluster = Cluster::default();
    for namespace in labels::namespaces(&mut random) {
        cluster.namespaces.insert(namespace.name.clone(), namespace);
    }
    for node in pods::nodes(&mut random, shape) {
        cluster.nodes.insert(node.name.clone(), node);
    }
    let namespaces: Vec<String> = cluster.namespaces.keys().cloned().collect();
    for pod in pods::pods(&mut random, shape, &namespaces) {
        cluster.pods.insert(pod.name.clone(), pod);
    }
    if shape.services {
        for service in services::services(&mut random, shape, &cluster) {
            cluster.services.insert(service.name.clone(), service);
        }
    }
    for policy in policies::policies(&mut random, shape, &cluster) {
        cluster.network_policies.insert(policy.name.clone(), policy);
    }
    if shape.cluster_policies {
        add_tiers(&mut random, shape, &mut cluster);
    }
    if shape.endpoints {
        endpoints::list(&mut random, shape, &mut cluster);
    }
    services::guide(&mut Random::new(seed.rotate_left(17)), &mut cluster);
    if shape.unaddressed_pods {
        // Drawn by itself, so that it changes nothing else of a seed's cluster.
        cluster.pod_blocks = pods::pod_blocks(&mut Random::new(!seed), shape);
    }
    if shape.audits {
        audits::put(&mut random, &mut cluster);
    }
    cluster
}

/// Drawn last, so that the rest of a seed's cluster is the same with and without them, but for two things that would
/// leave the tiers little to show: a third of the clusters loses its NetworkPolicies (rule CN-26), and half of them
/// the addresses of a pod (rule AM-22).
fn add_tiers(random: &mut Random, shape: Shape, cluster: &mut Cluster) {
    cluster.domain_addresses = cluster_policies::domain_addresses(random, shape);
    for policy in cluster_policies::cluster_policies(random, shape, cluster) {
        cluster.cluster_policies.insert(policy.name.clone(), policy);
    }
    if random.chance(33) {
        cluster.network_policies.clear();
    }
    let names: Vec<ObjectName> = cluster.pods.keys().cloned().collect();
    let forgotten = random.pick(&names).filter(|_| shape.unaddressed_pods);
    let pod = forgotten.and_then(|name| cluster.pods.get_mut(name));
    if let Some(pod) = pod.filter(|_| random.chance(50)) {
        pod.addresses.clear();
    }
}

/// A name of the form `kind-number` in one of `namespaces`.
fn name_in(random: &mut Random, namespaces: &[String], kind: &str, number: usize) -> ObjectName {
    let namespace = random.pick(namespaces).map_or("default", String::as_str);
    ObjectName::new(namespace, format!("{kind}-{number}"))
}
