use std::collections::BTreeMap;

use ringfence_model::{Cluster, ClusterPolicy, Direction, NetworkPolicy, PolicyName};

use crate::Origin;

/// Every policy of the cluster with its parts in order: for each direction its isolation, or that it judges, and its rules.
/// Rules of a NetworkPolicy in a direction that it does not isolate are inert and left out (rule NP-4).
#[must_use]
pub fn outline(cluster: &Cluster) -> BTreeMap<PolicyName, Vec<Origin>> {
    let network = cluster.network_policies.values();
    let network = network.map(|policy| (PolicyName::Network(policy.name.clone()), parts(policy)));
    let of_cluster = cluster.cluster_policies.values();
    let of_cluster = of_cluster.map(|policy| {
        let name = PolicyName::Cluster(policy.name.clone());
        (name, cluster_parts(policy))
    });
    network.chain(of_cluster).collect()
}

fn parts(policy: &NetworkPolicy) -> Vec<Origin> {
    let part = |direction, rule, source| Origin {
        policy: PolicyName::Network(policy.name.clone()),
        direction,
        rule,
        source,
    };
    let mut found = Vec::new();
    for direction in Direction::ALL {
        if policy.isolates(direction) {
            found.push(part(direction, None, policy.source.clone()));
            let rules = policy.rules(direction).iter().enumerate();
            found.extend(
                rules.map(|(index, rule)| part(direction, Some(index), rule.source.clone())),
            );
        }
    }
    found
}

fn cluster_parts(policy: &ClusterPolicy) -> Vec<Origin> {
    let part = |direction, rule, source| Origin {
        policy: PolicyName::Cluster(policy.name.clone()),
        direction,
        rule,
        source,
    };
    let mut found = Vec::new();
    for direction in Direction::ALL {
        let rules = policy.rules(direction);
        if !rules.is_empty() {
            found.push(part(direction, None, policy.source.clone()));
            let rules = rules.iter().enumerate();
            found.extend(
                rules.map(|(index, rule)| part(direction, Some(index), rule.source.clone())),
            );
        }
    }
    found
}
