//! Mistakes about tiers, their order and what is around them.

use ringfence_model::{
    Cluster, ClusterPolicyKind, ClusterTier, Endpoint, NetworkPolicy, PolicyRule, Query,
};
use ringfence_reference::answer;
use ringfence_testkit::builder::{address, service, tcp};

use super::{Named, each_policy};

pub(super) const MISTAKES: &[Named] = &[
    ("no tier is enforced", |cluster, _| {
        cluster.cluster_policies.clear()
    }),
    ("Admin is not enforced (CN-20)", |cluster, _| {
        cluster
            .cluster_policies
            .retain(|_, policy| policy.tier == ClusterTier::Baseline);
    }),
    ("Baseline is not enforced (CN-20)", |cluster, _| {
        cluster
            .cluster_policies
            .retain(|_, policy| policy.tier == ClusterTier::Admin);
    }),
    (
        "Baseline is asked although a NetworkPolicy isolates (CN-26)",
        |cluster, _| {
            move_tier(cluster, ClusterTier::Baseline, ClusterTier::Admin, 2000);
        },
    ),
    (
        "NetworkPolicy is asked before Admin (CN-20)",
        |cluster, _| {
            each_policy(cluster, |policy| {
                if policy.tier == ClusterTier::Baseline {
                    policy.priority = Some(policy.priority.unwrap_or(1001) + 2000);
                }
                policy.tier = ClusterTier::Baseline;
            });
        },
    ),
    (
        "any NetworkPolicy that selects the pod ends both directions (AM-14)",
        |cluster, _| {
            for policy in cluster.network_policies.values_mut() {
                isolate_openly(policy);
            }
        },
    ),
    (
        "a NetworkPolicy isolates pods of every namespace (NP-1)",
        |cluster, _| {
            let namespaces: Vec<String> = cluster.namespaces.keys().cloned().collect();
            for policy in cluster
                .network_policies
                .values()
                .cloned()
                .collect::<Vec<_>>()
            {
                for namespace in &namespaces {
                    let mut copy = policy.clone();
                    copy.name.namespace.clone_from(namespace);
                    cluster.network_policies.insert(copy.name.clone(), copy);
                }
            }
        },
    ),
    ("priorities descend (CN-21)", |cluster, _| {
        each_policy(cluster, |policy| {
            policy.priority = policy.priority.map(|priority| 1000 - priority);
        });
    }),
    ("names decide before priorities (CN-21)", |cluster, _| {
        each_policy(cluster, |policy| {
            policy.priority = policy.priority.map(|_| 0)
        });
    }),
    (
        "priorities are compared across tiers (CN-20)",
        |cluster, _| {
            each_policy(cluster, |policy| policy.tier = ClusterTier::Admin);
        },
    ),
    (
        "equal priorities go by descending name (CN-22)",
        |cluster, _| {
            let policies: Vec<_> = std::mem::take(&mut cluster.cluster_policies)
                .into_values()
                .rev()
                .collect();
            for (place, mut policy) in policies.into_iter().enumerate() {
                policy.name.name = format!("{place:03}");
                cluster.cluster_policies.insert(policy.name.clone(), policy);
            }
        },
    ),
    (
        "AdminNetworkPolicy comes first at equal priority (AM-20)",
        |cluster, _| {
            each_policy(cluster, |policy| {
                let behind = u16::from(policy.name.kind == ClusterPolicyKind::ClusterNetworkPolicy);
                policy.priority = policy.priority.map(|priority| priority * 2 + behind);
            });
        },
    ),
    (
        "AdminNetworkPolicy comes after every ClusterNetworkPolicy (AM-20)",
        |cluster, _| {
            each_policy(cluster, |policy| {
                if policy.name.kind == ClusterPolicyKind::AdminNetworkPolicy {
                    policy.priority = policy.priority.map(|priority| priority + 2000);
                }
            });
        },
    ),
    (
        "BaselineAdminNetworkPolicy comes first (AM-20)",
        |cluster, _| {
            each_policy(cluster, |policy| {
                policy.priority = policy
                    .priority
                    .map_or(Some(0), |priority| Some(priority + 1));
            });
        },
    ),
    (
        "a pod's own address is judged too (CN-40)",
        |cluster, query| {
            if is_itself(cluster, query)
                && matches!(query.destination, Endpoint::Pod(_) | Endpoint::Address(_))
            {
                through_a_service(cluster, query);
            }
        },
    ),
    (
        "a pod may reach itself through a Service too (CN-40)",
        |cluster, query| {
            if is_itself(cluster, query) {
                query.destination = query.source.clone();
            }
        },
    ),
    (
        "Baseline is asked about a pod and itself although it is isolated (AM-4)",
        |cluster, query| {
            if is_itself(cluster, query) {
                cluster.network_policies.clear();
            }
        },
    ),
    (
        "a pod and itself skip Baseline always (AM-4)",
        |cluster, query| {
            if is_itself(cluster, query) {
                cluster
                    .cluster_policies
                    .retain(|_, policy| policy.tier == ClusterTier::Admin);
            }
        },
    ),
];

fn move_tier(cluster: &mut Cluster, from: ClusterTier, to: ClusterTier, later: u16) {
    each_policy(cluster, |policy| {
        if policy.tier == from {
            policy.tier = to;
            policy.priority = Some(policy.priority.unwrap_or(1001) + later);
        }
    });
}

/// Isolates in the other direction too, and lets everything pass there.
fn isolate_openly(policy: &mut NetworkPolicy) {
    let everything = PolicyRule {
        peers: Vec::new(),
        ports: Vec::new(),
        source: None,
    };
    if !policy.isolates_ingress {
        policy.isolates_ingress = true;
        policy.ingress = vec![everything.clone()];
    }
    if !policy.isolates_egress {
        policy.isolates_egress = true;
        policy.egress = vec![everything];
    }
}

fn is_itself(cluster: &Cluster, query: &Query) -> bool {
    let connections = answer(cluster, query).map_or_else(|_| Vec::new(), |found| found.connections);
    let loopback = matches!(query.destination, Endpoint::Address(address) if address.is_loopback());
    !loopback
        && connections
            .iter()
            .any(|found| found.source == found.destination)
}

/// Asks about the same pod and port by way of a Service made for it.
fn through_a_service(cluster: &mut Cluster, query: &mut Query) {
    let (Endpoint::Pod(name), Some(port)) = (&query.source, query.port) else {
        return;
    };
    let made_up = service(&format!("{}/made-up", name.namespace))
        .select("made-up", "yes")
        .address("10.97.0.1")
        .port(tcp(port), port)
        .build();
    if let Some(pod) = cluster.pods.get_mut(name) {
        pod.labels.insert("made-up".to_owned(), "yes".to_owned());
    }
    cluster.services.insert(made_up.name.clone(), made_up);
    query.destination = Endpoint::Address(address("10.97.0.1"));
}
