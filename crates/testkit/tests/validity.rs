//! The corpus must notice mistakes: each of these, made on purpose, fails at least one row.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use ipnet::IpNet;
use ringfence_model::{
    Cluster, LabelSelector, Labels, METADATA_NAME_LABEL, Phase, PolicyPeer, PolicyPort, PolicyRule,
    PortMatch, SelectorOperator, TargetPort, TrafficPolicy,
};
use ringfence_net::{PortRange, Protocol};
use ringfence_testkit::corpus::{policy_directory, scenarios};
use ringfence_testkit::decider::{Decider, ReferenceDecider};

/// A mistake as what it makes of a cluster.
type Mistake = fn(&mut Cluster);

fn each_rule(cluster: &mut Cluster, change: fn(&mut PolicyRule)) {
    for policy in cluster.network_policies.values_mut() {
        policy
            .ingress
            .iter_mut()
            .chain(&mut policy.egress)
            .for_each(change);
    }
}

fn each_port(cluster: &mut Cluster, change: fn(&mut PolicyPort)) {
    for policy in cluster.network_policies.values_mut() {
        let rules = policy.ingress.iter_mut().chain(&mut policy.egress);
        rules.flat_map(|rule| &mut rule.ports).for_each(change);
    }
}

fn each_peer(cluster: &mut Cluster, change: fn(&mut PolicyPeer)) {
    for policy in cluster.network_policies.values_mut() {
        let rules = policy.ingress.iter_mut().chain(&mut policy.egress);
        rules.flat_map(|rule| &mut rule.peers).for_each(change);
    }
}

fn each_selector(cluster: &mut Cluster, change: fn(&mut LabelSelector)) {
    for policy in cluster.network_policies.values_mut() {
        change(&mut policy.pod_selector);
        let rules = policy.ingress.iter_mut().chain(&mut policy.egress);
        for peer in rules.flat_map(|rule| &mut rule.peers) {
            match peer {
                PolicyPeer::IpBlock(_) => {}
                PolicyPeer::Pods(peer) => {
                    peer.namespaces
                        .iter_mut()
                        .chain(&mut peer.pods)
                        .for_each(change);
                }
            }
        }
    }
}

/// An address that belongs to nobody, for "this block matches nothing".
fn nowhere() -> IpNet {
    "192.0.2.1/32".parse().unwrap()
}

const MISTAKES: &[(&str, Mistake)] = &[
    ("no policy is enforced", |cluster| {
        cluster.network_policies.clear()
    }),
    ("rules are ignored", |cluster| {
        for policy in cluster.network_policies.values_mut() {
            policy.ingress.clear();
            policy.egress.clear();
        }
    }),
    ("ingress always isolates (NP-3)", |cluster| {
        cluster
            .network_policies
            .values_mut()
            .for_each(|policy| policy.isolates_ingress = true);
    }),
    ("egress rules do not isolate (NP-3)", |cluster| {
        for policy in cluster.network_policies.values_mut() {
            policy.isolates_egress &= !policy.isolates_ingress;
        }
    }),
    (
        "a policy without rules does not isolate (NP-6)",
        |cluster| {
            for policy in cluster.network_policies.values_mut() {
                policy.isolates_ingress &= !policy.ingress.is_empty();
            }
        },
    ),
    ("policies select every pod (NP-1)", |cluster| {
        for policy in cluster.network_policies.values_mut() {
            policy.pod_selector = LabelSelector::default();
        }
    }),
    ("absent peers match nobody (NP-10)", |cluster| {
        each_rule(cluster, |rule| {
            if rule.peers.is_empty() {
                let block = ringfence_model::IpBlock {
                    cidr: nowhere(),
                    except: vec![],
                };
                rule.peers.push(PolicyPeer::IpBlock(block));
            }
        });
    }),
    ("absent peers match pods alone (NP-10)", |cluster| {
        each_rule(cluster, |rule| {
            if rule.peers.is_empty() {
                rule.peers
                    .push(PolicyPeer::Pods(ringfence_model::PeerSelector {
                        namespaces: Some(LabelSelector::default()),
                        pods: None,
                    }));
            }
        });
    }),
    ("absent ports mean TCP (NP-10, AM-9)", |cluster| {
        each_rule(cluster, |rule| {
            if rule.ports.is_empty() {
                rule.ports.push(PolicyPort {
                    protocol: Protocol::Tcp,
                    port: PortMatch::Any,
                });
            }
        });
    }),
    (
        "podSelector reaches into all namespaces (NP-12)",
        |cluster| {
            each_peer(cluster, |peer| match peer {
                PolicyPeer::IpBlock(_) => {}
                PolicyPeer::Pods(peer) => {
                    peer.namespaces.get_or_insert_default();
                }
            });
        },
    ),
    ("namespaceSelector is ignored (NP-13)", |cluster| {
        each_peer(cluster, |peer| match peer {
            PolicyPeer::IpBlock(_) => {}
            PolicyPeer::Pods(peer) => peer.namespaces = None,
        });
    }),
    (
        "podSelector beside namespaceSelector is ignored (NP-14)",
        |cluster| {
            each_peer(cluster, |peer| match peer {
                PolicyPeer::IpBlock(_) => {}
                PolicyPeer::Pods(peer) => {
                    if peer.namespaces.is_some() {
                        peer.pods = None;
                    }
                }
            });
        },
    ),
    ("both selectors in one item mean or (NP-14)", |cluster| {
        each_rule(cluster, |rule| {
            for peer in rule.peers.clone() {
                match peer {
                    PolicyPeer::IpBlock(_) => {}
                    PolicyPeer::Pods(peer) if peer.namespaces.is_some() && peer.pods.is_some() => {
                        let pods = ringfence_model::PeerSelector {
                            namespaces: None,
                            ..peer
                        };
                        rule.peers.push(PolicyPeer::Pods(pods));
                    }
                    PolicyPeer::Pods(_) => {}
                }
            }
        });
    }),
    ("namespace labels leak into pods (NP-17)", |cluster| {
        for pod in cluster.pods.values_mut() {
            let labels = cluster
                .namespaces
                .get(&pod.name.namespace)
                .map(|found| &found.labels);
            pod.labels.extend(labels.cloned().unwrap_or_default());
        }
    }),
    ("namespaces lose their own labels (NP-13)", |cluster| {
        for namespace in cluster.namespaces.values_mut() {
            namespace.labels.retain(|key, _| key == METADATA_NAME_LABEL);
        }
    }),
    ("NotIn needs the key (NP-21)", |cluster| {
        each_selector(cluster, |selector| {
            for requirement in selector.match_expressions.clone() {
                if requirement.operator == SelectorOperator::NotIn {
                    let exists = ringfence_model::Requirement {
                        operator: SelectorOperator::Exists,
                        values: vec![],
                        ..requirement
                    };
                    selector.match_expressions.push(exists);
                }
            }
        });
    }),
    ("empty values count as absent (NP-22)", |cluster| {
        let without_empty = |labels: &mut Labels| labels.retain(|_, value| !value.is_empty());
        cluster
            .pods
            .values_mut()
            .for_each(|pod| without_empty(&mut pod.labels));
        each_selector(cluster, |selector| {
            selector.match_labels.retain(|_, value| !value.is_empty())
        });
    }),
    ("matchExpressions are ignored (NP-20)", |cluster| {
        each_selector(cluster, |selector| selector.match_expressions.clear());
    }),
    ("case is ignored (NP-23)", |cluster| {
        each_selector(cluster, |selector| {
            selector
                .match_labels
                .values_mut()
                .for_each(|value| *value = value.to_lowercase());
        });
    }),
    (
        "a protocol without port is every protocol (NP-31)",
        |cluster| {
            each_rule(cluster, |rule| {
                if rule.ports.iter().any(|item| item.port == PortMatch::Any) {
                    rule.ports.clear();
                }
            });
        },
    ),
    ("endPort is ignored (NP-32)", |cluster| {
        each_port(cluster, |item| {
            if let PortMatch::Range(range) = item.port {
                item.port = PortMatch::Range(PortRange::single(range.first()));
            }
        });
    }),
    ("endPort is exclusive (NP-32)", |cluster| {
        each_port(cluster, |item| {
            if let PortMatch::Range(range) = item.port
                && let Ok(shorter) = PortRange::new(range.first(), range.last() - 1)
            {
                item.port = PortMatch::Range(shorter);
            }
        });
    }),
    ("named ports match any number (NP-34)", |cluster| {
        each_port(cluster, |item| {
            if matches!(item.port, PortMatch::Name(_)) {
                item.port = PortMatch::Any;
            }
        });
    }),
    ("named ports are 8080 everywhere (NP-34)", |cluster| {
        each_port(cluster, |item| {
            if matches!(item.port, PortMatch::Name(_)) {
                item.port = PortMatch::Range(PortRange::single(8080));
            }
        });
    }),
    (
        "the first port of a name is the only one (AM-12)",
        |cluster| {
            for pod in cluster.pods.values_mut() {
                let mut seen = std::collections::BTreeSet::new();
                pod.ports
                    .retain(|port| seen.insert((port.name.clone(), port.protocol)));
            }
        },
    ),
    ("only declared ports are open (NP-37)", |cluster| {
        let declared: Vec<u16> = cluster
            .pods
            .values()
            .flat_map(|pod| &pod.ports)
            .map(|port| port.port)
            .collect();
        for policy in cluster.network_policies.values_mut() {
            for rule in policy
                .ingress
                .iter_mut()
                .filter(|rule| !rule.ports.is_empty())
            {
                rule.ports.retain(|item| match &item.port {
                    PortMatch::Range(range) => declared.iter().any(|port| range.contains(*port)),
                    PortMatch::Any | PortMatch::Name(_) => true,
                });
            }
        }
    }),
    ("except is ignored (NP-40)", |cluster| {
        each_peer(cluster, |peer| match peer {
            PolicyPeer::IpBlock(block) => block.except.clear(),
            PolicyPeer::Pods(_) => {}
        });
    }),
    ("except refuses for the whole policy (NP-41)", |cluster| {
        for policy in cluster.network_policies.values_mut() {
            for rule in &mut policy.ingress {
                let blocks = rule.peers.iter().filter_map(|peer| match peer {
                    PolicyPeer::IpBlock(block) => Some(block.except.clone()),
                    PolicyPeer::Pods(_) => None,
                });
                let holes: Vec<IpNet> = blocks.flatten().collect();
                rule.peers.retain(|peer| match peer {
                    PolicyPeer::IpBlock(block) => {
                        !holes.iter().any(|hole| hole.contains(&block.cidr))
                    }
                    PolicyPeer::Pods(_) => true,
                });
            }
        }
    }),
    ("blocks do not match pods (AM-5)", |cluster| {
        each_peer(cluster, |peer| match peer {
            PolicyPeer::IpBlock(block) => block.except.push("10.0.0.0/16".parse().unwrap()),
            PolicyPeer::Pods(_) => {}
        });
    }),
    ("blocks do not match nodes (AM-6)", |cluster| {
        each_peer(cluster, |peer| match peer {
            PolicyPeer::IpBlock(block) => block.except.push("192.168.0.0/24".parse().unwrap()),
            PolicyPeer::Pods(_) => {}
        });
    }),
    ("IPv4 blocks cover IPv6 (NP-40)", |cluster| {
        each_rule(cluster, |rule| {
            let everything: IpNet = "0.0.0.0/0".parse().unwrap();
            let covers = |peer: &PolicyPeer| match peer {
                PolicyPeer::IpBlock(block) => block.cidr == everything,
                PolicyPeer::Pods(_) => false,
            };
            if rule.peers.iter().any(covers) {
                rule.peers.clear();
            }
        });
    }),
    ("the local node is unknown (NP-50)", |cluster| {
        cluster.nodes.clear();
        for pod in cluster.pods.values_mut() {
            pod.node = None;
            pod.host_addresses.clear();
        }
    }),
    ("every node is local (NP-51)", |cluster| {
        for pod in cluster.pods.values_mut() {
            pod.node = pod.node.as_ref().map(|_| "n1".to_owned());
            pod.host_addresses.push("192.168.0.12".parse().unwrap());
        }
    }),
    ("external node addresses are forgotten (Q-5)", |cluster| {
        cluster
            .nodes
            .values_mut()
            .for_each(|node| node.addresses.truncate(1));
    }),
    ("host pods are ordinary pods (NP-53)", |cluster| {
        for pod in cluster.pods.values_mut().filter(|pod| pod.host_network) {
            pod.host_network = false;
            pod.addresses = vec!["10.77.0.1".parse().unwrap()];
        }
    }),
    ("finished pods live on (Q-4)", |cluster| {
        cluster
            .pods
            .values_mut()
            .for_each(|pod| pod.phase = Phase::Running);
    }),
    ("pods that are being deleted are gone (Q-4)", |cluster| {
        cluster.pods.retain(|_, pod| !pod.terminating);
    }),
    ("pending pods are not isolated yet (NP-65)", |cluster| {
        cluster.pods.values_mut().for_each(|pod| {
            if pod.phase == Phase::Pending {
                pod.labels.clear();
                pod.phase = Phase::Succeeded;
            }
        });
    }),
    ("IPv6 is forgotten (Q-7)", |cluster| {
        for pod in cluster.pods.values_mut() {
            pod.addresses.retain(std::net::IpAddr::is_ipv4);
        }
    }),
    ("policy sees the Service port (NP-33)", |cluster| {
        for port in cluster
            .services
            .values_mut()
            .flat_map(|service| &mut service.ports)
        {
            port.target = TargetPort::Number(port.port);
        }
    }),
    ("Services are not translated (Q-8)", |cluster| {
        cluster.services.clear()
    }),
    ("unready pods are backends (OB-12)", |cluster| {
        cluster.pods.values_mut().for_each(|pod| pod.ready = true);
    }),
    ("publishNotReadyAddresses is ignored (OB-12)", |cluster| {
        for service in cluster.services.values_mut() {
            service.publish_not_ready_addresses = false;
        }
    }),
    ("Services keep nothing on a node (OB-18)", |cluster| {
        for service in cluster.services.values_mut() {
            service.traffic.internal = TrafficPolicy::Cluster;
        }
    }),
    (
        "all Services keep connections on a node (OB-18)",
        |cluster| {
            for service in cluster.services.values_mut() {
                service.traffic.internal = TrafficPolicy::Local;
            }
        },
    ),
    ("terminating pods stand in for nobody (OB-17)", |cluster| {
        cluster.pods.retain(|_, pod| !pod.terminating);
    }),
    ("terminating pods are backends (OB-17)", |cluster| {
        cluster
            .pods
            .values_mut()
            .for_each(|pod| pod.terminating = false);
    }),
    (
        "external addresses of Services are forgotten (Q-8)",
        |cluster| {
            cluster
                .services
                .values_mut()
                .for_each(|service| service.external_addresses.clear());
        },
    ),
];

/// How many rows of the corpus have another verdict once the mistake is made.
fn noticed(mistake: Mistake) -> usize {
    let scenarios = scenarios(&policy_directory()).unwrap();
    let verdicts = scenarios.iter().flat_map(|scenario| {
        let mut cluster = scenario.cluster.clone();
        mistake(&mut cluster);
        let wrong = move |row: &&ringfence_testkit::corpus::row::Row| {
            ReferenceDecider.decide(&cluster, &row.flow).verdict != row.verdict
        };
        scenario.rows.iter().filter(wrong)
    });
    verdicts.count()
}

#[test]
fn every_mistake_is_noticed() {
    let missed: Vec<&str> = MISTAKES
        .iter()
        .filter(|(_, mistake)| noticed(*mistake) == 0)
        .map(|(name, _)| *name)
        .collect();
    assert!(missed.is_empty(), "no row notices: {}", missed.join("; "));
}

#[test]
fn without_a_mistake_no_row_fails() {
    assert_eq!(noticed(|_| {}), 0);
}
