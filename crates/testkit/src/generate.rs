//! Random clusters, small enough to read and mean enough to matter.
//!
//! Every field that policy depends on occurs, mostly with values that touch something: selectors that
//! match some pods and miss others, blocks around and beside pods and nodes, port ranges at the declared
//! ports. A cluster is a function of its seed and its [`Shape`] alone.

mod labels;
mod pods;
mod policies;
mod services;

use ringfence_model::{Cluster, ObjectName};

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
}

impl Shape {
    /// Everything.
    pub const FULL: Self = Self {
        unaddressed_pods: true,
        host_pods: true,
        finished_pods: true,
        ipv6: true,
        services: true,
    };

    /// Everything that can be wired up and sent packets: each pod has an address.
    pub const WIRED: Self = Self {
        unaddressed_pods: false,
        ..Self::FULL
    };
}

/// The cluster of `seed`: one to three namespaces, two nodes, two to six pods, up to six policies.
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
    cluster
}

/// A name of the form `kind-number` in one of `namespaces`.
fn name_in(random: &mut Random, namespaces: &[String], kind: &str, number: usize) -> ObjectName {
    let namespace = random.pick(namespaces).map_or("default", String::as_str);
    ObjectName::new(namespace, format!("{kind}-{number}"))
}
