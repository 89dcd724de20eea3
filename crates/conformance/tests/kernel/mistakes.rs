//! Misreadings of the specification, as changes of the cluster that whoever misreads sees.

use ringfence_model::{
    Cluster, IpBlock, LabelSelector, NetworkPolicy, Phase, PolicyPeer, PolicyPort, PolicyRule,
    PortMatch, SelectorOperator, TargetPort,
};
use ringfence_net::{PortRange, Protocol};

/// What is misread, and what the cluster then looks like.
pub(crate) type Mistake = (&'static str, fn(&mut Cluster));

pub(crate) const MISTAKES: &[Mistake] = &[
    ("NP-2: policies isolate for ingress only", |cluster| {
        policies(cluster, |policy| policy.isolates_egress = false);
    }),
    ("NP-2: policies isolate for egress only", |cluster| {
        policies(cluster, |policy| policy.isolates_ingress = false);
    }),
    ("NP-3: policies isolate in both directions", |cluster| {
        policies(cluster, |policy| {
            policy.isolates_egress = true;
            policy.isolates_ingress = true;
        });
    }),
    ("NP-5: only the first rule counts", |cluster| {
        policies(cluster, |policy| {
            policy.ingress.truncate(1);
            policy.egress.truncate(1);
        });
    }),
    ("NP-6: no rule means everything", |cluster| {
        policies(cluster, |policy| {
            policy.isolates_ingress &= !policy.ingress.is_empty();
            policy.isolates_egress &= !policy.egress.is_empty();
        });
    }),
    ("NP-10: no peer means nobody", |cluster| {
        policies(cluster, |policy| {
            policy.ingress.retain(|rule| !rule.peers.is_empty());
            policy.egress.retain(|rule| !rule.peers.is_empty());
        });
    }),
    ("NP-12: pod selectors reach all namespaces", |cluster| {
        peers(cluster, |peer| {
            if let PolicyPeer::Pods(pods) = peer
                && pods.namespaces.is_none()
            {
                pods.namespaces = Some(LabelSelector::default());
            }
        });
    }),
    ("NP-13: namespace selectors stay at home", |cluster| {
        peers(cluster, |peer| {
            if let PolicyPeer::Pods(pods) = peer {
                pods.namespaces = None;
            }
        });
    }),
    ("NP-16: selectors match everybody", |cluster| {
        let everything: Vec<PolicyPeer> = ["0.0.0.0/0", "::/0"].map(everything).into();
        rules(cluster, |rule| {
            let selects = |peer: &PolicyPeer| matches!(peer, PolicyPeer::Pods(_));
            if rule.peers.iter().any(selects) {
                rule.peers.extend(everything.clone());
            }
        });
    }),
    ("NP-20: expressions are not read", |cluster| {
        selectors(cluster, |selector| selector.match_expressions.clear());
    }),
    ("NP-21: NotIn needs the key", |cluster| {
        selectors(cluster, |selector| {
            let mut needed = selector.match_expressions.clone();
            needed.retain(|item| item.operator == SelectorOperator::NotIn);
            for item in &mut needed {
                item.operator = SelectorOperator::Exists;
                item.values.clear();
            }
            selector.match_expressions.extend(needed);
        });
    }),
    ("NP-31: no port means nothing", |cluster| {
        rules(cluster, |rule| {
            let had_any = !rule.ports.is_empty();
            rule.ports.retain(|port| port.port != PortMatch::Any);
            if had_any && rule.ports.is_empty() {
                rule.peers = vec![nobody()];
            }
        });
    }),
    ("NP-32: endPort is not read", |cluster| {
        ports(cluster, |port| {
            if let PortMatch::Range(range) = port.port {
                port.port = PortMatch::Range(PortRange::single(range.first()));
            }
        });
    }),
    ("NP-34: named ports mean any", |cluster| {
        ports(cluster, |port| {
            if matches!(port.port, PortMatch::Name(_)) {
                port.port = PortMatch::Any;
            }
        });
    }),
    ("NP-38: UDP is TCP", |cluster| {
        ports(cluster, |port| {
            if port.protocol == Protocol::Udp {
                port.protocol = Protocol::Tcp;
            }
        });
    }),
    ("NP-40: `except` is not read", |cluster| {
        peers(cluster, |peer| {
            if let PolicyPeer::IpBlock(block) = peer {
                block.except.clear();
            }
        });
    }),
    ("NP-50: the own node is as any other", |cluster| {
        for pod in cluster.pods.values_mut().filter(|pod| !pod.host_network) {
            pod.node = None;
            pod.host_addresses.clear();
        }
    }),
    ("AU-1: audit mode does not end", |cluster| {
        policies(cluster, |policy| {
            if let Some(mode) = policy.audit {
                policy.tell_time(mode.until().before(1));
            }
        });
    }),
    ("AU-3: audit mode denies", |cluster| {
        *cluster = cluster.all_enforced();
    }),
    ("Q-4: finished pods live", |cluster| {
        for pod in cluster.pods.values_mut() {
            pod.phase = Phase::Running;
        }
    }),
    ("Q-8: Services do not translate ports", |cluster| {
        for port in cluster
            .services
            .values_mut()
            .flat_map(|service| &mut service.ports)
        {
            port.target = TargetPort::Number(port.port);
        }
    }),
    ("OB-12: pods that are not ready serve", |cluster| {
        cluster.pods.values_mut().for_each(|pod| pod.ready = true);
    }),
    ("OB-12: pods that end serve", |cluster| {
        cluster
            .pods
            .values_mut()
            .for_each(|pod| pod.terminating = false);
    }),
];

fn everything(block: &str) -> PolicyPeer {
    PolicyPeer::IpBlock(IpBlock {
        cidr: block.parse().unwrap(),
        except: Vec::new(),
    })
}

/// The documentation block that no generator uses.
fn nobody() -> PolicyPeer {
    everything("192.0.2.0/24")
}

fn policies(cluster: &mut Cluster, change: impl FnMut(&mut NetworkPolicy)) {
    cluster.network_policies.values_mut().for_each(change);
}

fn rules(cluster: &mut Cluster, mut change: impl FnMut(&mut PolicyRule)) {
    policies(cluster, |policy| {
        let all = policy.ingress.iter_mut().chain(&mut policy.egress);
        all.for_each(&mut change);
    });
}

fn peers(cluster: &mut Cluster, mut change: impl FnMut(&mut PolicyPeer)) {
    rules(cluster, |rule| rule.peers.iter_mut().for_each(&mut change));
}

fn ports(cluster: &mut Cluster, mut change: impl FnMut(&mut PolicyPort)) {
    rules(cluster, |rule| rule.ports.iter_mut().for_each(&mut change));
}

/// Of policies and of peers.
fn selectors(cluster: &mut Cluster, mut change: impl FnMut(&mut LabelSelector)) {
    policies(cluster, |policy| change(&mut policy.pod_selector));
    peers(cluster, |peer| {
        if let PolicyPeer::Pods(pods) = peer {
            pods.pods.iter_mut().for_each(&mut change);
            pods.namespaces.iter_mut().for_each(&mut change);
        }
    });
}
