//! Mistakes about subjects and peers.

use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::{
    Cluster, ClusterPeer, ClusterPolicy, DomainName, LabelSelector, METADATA_NAME_LABEL, Phase,
    PodScope, Requirement, SelectorOperator,
};
use ringfence_testkit::builder::{labels, pod};

use super::{Named, each_policy, each_rule};

pub(super) const MISTAKES: &[Named] = &[
    ("every policy judges every pod (CN-2)", |cluster, _| {
        each_policy(cluster, |policy| policy.subject = PodScope::default());
    }),
    ("host pods are ordinary pods (CN-2)", |cluster, _| {
        for pod in cluster.pods.values_mut().filter(|pod| pod.host_network) {
            pod.host_network = false;
            pod.addresses = vec!["10.77.0.1".parse().unwrap()];
        }
    }),
    ("finished pods live on (CN-2)", |cluster, _| {
        cluster
            .pods
            .values_mut()
            .for_each(|pod| pod.phase = Phase::Running);
    }),
    ("pending pods are not judged yet (CN-2)", |cluster, _| {
        cluster.pods.retain(|_, pod| pod.phase != Phase::Pending);
    }),
    ("system namespaces are exempt (CN-3)", |cluster, _| {
        let exempt = Requirement {
            key: METADATA_NAME_LABEL.to_owned(),
            operator: SelectorOperator::NotIn,
            values: vec!["kube-system".to_owned()],
        };
        each_policy(cluster, |policy| {
            let namespaces = policy.subject.namespaces.get_or_insert_default();
            namespaces.match_expressions.push(exempt.clone());
        });
    }),
    (
        "subjects without namespaceSelector are those of `default` (CN-4)",
        |cluster, _| {
            each_policy(cluster, |policy| {
                policy
                    .subject
                    .namespaces
                    .get_or_insert_with(|| labels(&[(METADATA_NAME_LABEL, "default")]));
            });
        },
    ),
    (
        "peers without namespaceSelector are of the subject's namespace (CN-4)",
        |cluster, _| {
            for policy in std::mem::take(&mut cluster.cluster_policies).into_values() {
                for namespace in cluster.namespaces.keys() {
                    let narrow = narrowed_to(namespace, policy.clone());
                    cluster.cluster_policies.insert(narrow.name.clone(), narrow);
                }
            }
        },
    ),
    (
        "namespaces of a scope are not looked at (CN-4)",
        |cluster, _| {
            each_scope(cluster, |scope| scope.namespaces = None);
        },
    ),
    ("pods of a scope are not looked at (CN-4)", |cluster, _| {
        each_scope(cluster, |scope| scope.pods = None);
    }),
    ("networks do not match pods (CN-34)", |cluster, _| {
        each_network(cluster, |network| without(network, "10.0.0.0/16"));
    }),
    ("networks do not match nodes (CN-34)", |cluster, _| {
        each_network(cluster, |network| without(network, "192.168.0.0/24"));
    }),
    ("IPv4 networks cover IPv6 (CN-34)", |cluster, _| {
        each_network(cluster, |network| {
            let everything: IpNet = "0.0.0.0/0".parse().unwrap();
            let more = (network == everything).then(|| "::/0".parse().unwrap());
            std::iter::once(network).chain(more).collect()
        });
    }),
    ("host bits count (CN-34)", |cluster, _| {
        each_network(cluster, |network| {
            if network.prefix_len() == 24 {
                vec![IpNet::from(network.addr())]
            } else {
                vec![network]
            }
        });
    }),
    (
        "networks see the Service's address (CN-34)",
        |cluster, _| cluster.services.clear(),
    ),
    ("nodes match the pods on them (CN-35)", |cluster, _| {
        for node in cluster.nodes.values_mut() {
            let on_node = cluster
                .pods
                .values()
                .filter(|pod| pod.node.as_ref() == Some(&node.name));
            node.addresses
                .extend(on_node.flat_map(|pod| pod.addresses.clone()));
        }
    }),
    ("labels of nodes are not looked at (CN-35)", |cluster, _| {
        each_peer(cluster, |peer| {
            if matches!(peer, ClusterPeer::Nodes(_)) {
                *peer = ClusterPeer::Nodes(LabelSelector::default());
            }
        });
    }),
    ("nodes match nothing (CN-35)", |cluster, _| {
        each_rule(cluster, |rule| {
            rule.peers
                .retain(|peer| !matches!(peer, ClusterPeer::Nodes(_)))
        });
    }),
    (
        "external addresses of nodes do not count (AM-18)",
        |cluster, _| {
            cluster
                .nodes
                .values_mut()
                .for_each(|node| node.addresses.truncate(1));
        },
    ),
    ("ingress matches nodes (CN-36)", |cluster, _| {
        let nodes = std::mem::take(&mut cluster.nodes);
        for pod in cluster.pods.values_mut() {
            pod.host_addresses.clear();
        }
        cluster.pods.retain(|_, pod| !pod.host_network);
        for node in nodes.into_values() {
            for address in node.addresses {
                stand_in(cluster, address);
            }
        }
    }),
    ("ingress matches the outside (CN-36)", |cluster, _| {
        stand_in(cluster, "203.0.113.9".parse().unwrap());
    }),
    ("names match nothing (CN-37)", |cluster, _| {
        cluster.domain_addresses.clear()
    }),
    ("names are compared as text (CN-37)", |cluster, _| {
        cluster
            .domain_addresses
            .retain(|name, _| *name == name.to_lowercase() && !name.ends_with('.'));
    }),
    ("a wildcard is the name itself too (CN-37)", |cluster, _| {
        each_name(cluster, |name| match &name {
            DomainName::Exact(_) => vec![name],
            DomainName::Below(parent) => vec![DomainName::Exact(parent.clone()), name],
        });
        each_rule(cluster, |rule| rule.ports.clear());
    }),
    ("a wildcard is the end of a text (CN-37)", |cluster, _| {
        let known: Vec<String> = cluster.domain_addresses.keys().cloned().collect();
        each_name(cluster, |name| match &name {
            DomainName::Exact(_) => vec![name],
            DomainName::Below(parent) => {
                let ending = known
                    .iter()
                    .filter(|known| known.ends_with(parent.as_str()));
                ending.cloned().map(DomainName::Exact).collect()
            }
        });
    }),
    ("a wildcard is one label (CN-37)", |cluster, _| {
        let known: Vec<String> = cluster.domain_addresses.keys().cloned().collect();
        each_name(cluster, |name| match &name {
            DomainName::Exact(_) => vec![name],
            DomainName::Below(parent) => {
                let labels = parent.split('.').count() + 1;
                let one = known
                    .iter()
                    .filter(|known| known.split('.').count() == labels);
                one.cloned().map(DomainName::Exact).collect()
            }
        });
    }),
    (
        "a wildcard is a name like any other (CN-37)",
        |cluster, _| {
            each_name(cluster, |name| match name {
                DomainName::Exact(name) | DomainName::Below(name) => vec![DomainName::Exact(name)],
            });
        },
    ),
    ("names open everything (AM-19)", |cluster, _| {
        each_peer(cluster, |peer| {
            if matches!(peer, ClusterPeer::DomainNames(_)) {
                *peer = ClusterPeer::Networks(vec!["0.0.0.0/0".parse().unwrap()]);
            }
        });
    }),
];

/// The policy for pods of one namespace, whose peers are of it too unless they say otherwise.
fn narrowed_to(namespace: &str, mut policy: ClusterPolicy) -> ClusterPolicy {
    let own = Requirement {
        key: METADATA_NAME_LABEL.to_owned(),
        operator: SelectorOperator::In,
        values: vec![namespace.to_owned()],
    };
    let subject = policy.subject.namespaces.get_or_insert_default();
    subject.match_expressions.push(own.clone());
    for rule in policy.ingress.iter_mut().chain(&mut policy.egress) {
        for peer in &mut rule.peers {
            if let ClusterPeer::Pods(scope) = peer
                && scope.namespaces.is_none()
            {
                let namespaces = scope.namespaces.insert(LabelSelector::default());
                namespaces.match_expressions.push(own.clone());
            }
        }
    }
    policy.name.name = format!("{}.{namespace}", policy.name.name);
    policy
}

fn each_peer(cluster: &mut Cluster, mut change: impl FnMut(&mut ClusterPeer)) {
    each_rule(cluster, |rule| rule.peers.iter_mut().for_each(&mut change));
}

fn each_scope(cluster: &mut Cluster, change: fn(&mut PodScope)) {
    each_policy(cluster, |policy| change(&mut policy.subject));
    each_peer(cluster, |peer| {
        if let ClusterPeer::Pods(scope) = peer {
            change(scope);
        }
    });
}

fn each_network(cluster: &mut Cluster, change: fn(IpNet) -> Vec<IpNet>) {
    each_peer(cluster, |peer| {
        if let ClusterPeer::Networks(networks) = peer {
            *networks = networks.drain(..).flat_map(change).collect();
        }
    });
}

fn each_name(cluster: &mut Cluster, change: impl Fn(DomainName) -> Vec<DomainName>) {
    each_peer(cluster, |peer| {
        if let ClusterPeer::DomainNames(names) = peer {
            *names = names.drain(..).flat_map(&change).collect();
        }
    });
}

/// `network` without `hole`, as networks.
fn without(network: IpNet, hole: &str) -> Vec<IpNet> {
    let cut: IpNet = hole.parse().unwrap();
    if cut.contains(&network) {
        return Vec::new();
    }
    if !network.contains(&cut) {
        return vec![network];
    }
    let halves = network.subnets(network.prefix_len() + 1).unwrap();
    halves.flat_map(|half| without(half, hole)).collect()
}

/// A pod of a namespace that all selectors of namespaces match which ask for nothing.
fn stand_in(cluster: &mut Cluster, address: IpAddr) {
    let name = format!("elsewhere/pod-{}", cluster.pods.len());
    let found = pod(&name).address(&address.to_string()).build();
    cluster.pods.insert(found.name.clone(), found);
}
