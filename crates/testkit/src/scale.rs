//! Large clusters as they are in practice: few namespaces with most of the pods, few workloads with most of the
//! replicas, the same dozen of application names everywhere, and policies of the usual kinds.
//!
//! Everything follows from the seed and the [`Size`]. Pods of a workload share their labels, so the number of
//! endpoint classes is the number of workloads, versions and address blocks, not of pods.

mod policies;
mod workloads;

use ringfence_model::{Cluster, NetworkPolicy};

use crate::builder::{namespace, node};
use crate::random::Random;

/// How much there is of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Namespaces, the busy ones first.
    pub namespaces: usize,
    /// Pods, with one IPv4 address each; at most 4 million.
    pub pods: usize,
    /// NetworkPolicies.
    pub policies: usize,
    /// Cluster-scoped policies, of both tiers.
    pub cluster_policies: usize,
}

impl Size {
    /// What a large team runs: 10,000 pods in 200 namespaces under 2,000 policies.
    pub const LARGE: Self = Self {
        namespaces: 200,
        pods: 10_000,
        policies: 2_000,
        cluster_policies: 10,
    };

    /// Ten times as much of everything but cluster-scoped policies.
    pub const HUGE: Self = Self {
        namespaces: 2_000,
        pods: 100_000,
        policies: 20_000,
        cluster_policies: 10,
    };
}

/// Pods on one node.
const PODS_PER_NODE: usize = 100;

/// The cluster of `seed`.
#[must_use]
pub fn cluster(seed: u64, size: Size) -> Cluster {
    let mut random = Random::new(seed);
    let mut cluster = Cluster::default();
    for index in 0..size.pods.div_ceil(PODS_PER_NODE) {
        let address = format!("172.20.{}.{}", index / 250, index % 250 + 1);
        let found = node(&format!("node-{index}"), &[&address]);
        cluster.nodes.insert(found.name.clone(), found);
    }
    let namespaces: Vec<Scope> = (0..size.namespaces).map(Scope::of).collect();
    for scope in &namespaces {
        let labels = [("team", scope.team.as_str()), ("env", scope.environment)];
        let found = namespace(&scope.name, &labels);
        cluster.namespaces.insert(scope.name.clone(), found);
    }
    for pod in workloads::pods(&mut random, &namespaces, size.pods) {
        cluster.pods.insert(pod.name.clone(), pod);
    }
    for policy in policies::namespaced(&mut random, &namespaces, size.policies) {
        cluster.network_policies.insert(policy.name.clone(), policy);
    }
    for policy in policies::cluster_scoped(size.cluster_policies) {
        cluster.cluster_policies.insert(policy.name.clone(), policy);
    }
    cluster
}

/// The same cluster with a Service for each application of each namespace.
#[must_use]
pub fn with_services(mut cluster: Cluster) -> Cluster {
    let services = workloads::services(cluster.namespaces.keys());
    let services = services.map(|service| (service.name.clone(), service));
    cluster.services.extend(services);
    cluster
}

/// The same cluster where every pod has a label of its own, as those of a StatefulSet have: as many classes as pods.
#[must_use]
pub fn distinct(mut cluster: Cluster) -> Cluster {
    for (name, pod) in &mut cluster.pods {
        let key = "statefulset.kubernetes.io/pod-name".to_owned();
        pod.labels.insert(key, name.name.clone());
    }
    cluster
}

/// The same cluster without the policies for all pods in every other namespace, so that many pods reach many pods.
#[must_use]
pub fn open(mut cluster: Cluster) -> Cluster {
    let is_open = |name: &str| name.ends_with(['0', '2', '4', '6', '8']);
    let is_for_all = |policy: &NetworkPolicy| policy.pod_selector.is_empty();
    let policies = &mut cluster.network_policies;
    policies.retain(|name, policy| !(is_for_all(policy) && is_open(&name.namespace)));
    cluster
}

/// A namespace and what its objects share.
#[derive(Debug)]
struct Scope {
    name: String,
    team: String,
    environment: &'static str,
}

impl Scope {
    fn of(index: usize) -> Self {
        let environment = match index % 3 {
            0 => "production",
            1 => "staging",
            _ => "development",
        };
        Self {
            name: format!("ns-{index}"),
            team: format!("team-{}", index / 5),
            environment,
        }
    }
}

/// Shares `total` out over `parts` as 1, 1/2, 1/3, ... with at least one each while there are enough.
fn skewed(total: usize, parts: usize) -> Vec<usize> {
    let weight = |part: usize| 1_000_000 / (part + 1);
    let sum: usize = (0..parts).map(weight).sum();
    let mut left = total;
    let mut shares: Vec<usize> = (0..parts)
        .map(|part| {
            let share = (total * weight(part) / sum.max(1)).max(1).min(left);
            left -= share;
            share
        })
        .collect();
    for share in shares.iter_mut().take(left) {
        *share += 1;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_asked_for_and_the_same_every_time() {
        let size = Size {
            namespaces: 20,
            pods: 500,
            policies: 120,
            cluster_policies: 6,
        };
        let cluster = cluster(7, size);
        assert_eq!(cluster.pods.len(), 500);
        assert_eq!(cluster.network_policies.len(), 120);
        assert_eq!(cluster.cluster_policies.len(), 6);
        assert_eq!(cluster, super::cluster(7, size));
        assert_ne!(cluster, super::cluster(8, size));
    }

    #[test]
    fn shares_are_skewed_and_complete() {
        let shares = skewed(1_000, 10);
        assert_eq!(shares.iter().sum::<usize>(), 1_000);
        assert!(shares[0] > 5 * shares[9] && shares[9] > 0);
        assert_eq!(skewed(3, 10).iter().sum::<usize>(), 3);
    }
}
