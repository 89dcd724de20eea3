//! Mistakes about protocols and ports.

use ringfence_model::{Cluster, ClusterPort, ContainerPort};
use ringfence_net::{PortRange, Protocol};

use super::{Named, each_rule};

pub(super) const MISTAKES: &[Named] = &[
    ("absent protocols mean TCP (CN-31)", |cluster, _| {
        each_rule(cluster, |rule| {
            if rule.ports.is_empty() {
                rule.ports.push(all_of(Protocol::Tcp));
            }
        });
    }),
    (
        "absent protocols mean TCP, UDP and SCTP (CN-31)",
        |cluster, _| {
            each_rule(cluster, |rule| {
                if rule.ports.is_empty() {
                    rule.ports.extend(Protocol::ALL.map(all_of));
                }
            });
        },
    ),
    (
        "all of TCP, UDP or SCTP is everything (CN-31)",
        |cluster, _| {
            each_rule(cluster, |rule| {
                if rule.ports.contains(&all_of(Protocol::Tcp)) {
                    rule.ports.clear();
                }
            });
        },
    ),
    ("an item's protocol is TCP (CN-32)", |cluster, _| {
        each_range(cluster, |_, range| {
            vec![ClusterPort::Range(Protocol::Tcp, range)]
        });
    }),
    (
        "an item's protocol does not matter (CN-32)",
        |cluster, _| {
            each_range(cluster, |_, range| {
                Protocol::ALL
                    .map(|protocol| ClusterPort::Range(protocol, range))
                    .to_vec()
            });
        },
    ),
    ("a range is its start (CN-32)", |cluster, _| {
        each_range(cluster, |protocol, range| {
            vec![ClusterPort::Range(
                protocol,
                PortRange::single(range.first()),
            )]
        });
    }),
    ("a range ends before its end (CN-32)", |cluster, _| {
        each_range(cluster, |protocol, range| {
            let last = range.last() - 1;
            let shorter = PortRange::new(range.first(), last.max(range.first()));
            vec![ClusterPort::Range(protocol, shorter.unwrap())]
        });
    }),
    ("a range begins after its start (CN-32)", |cluster, _| {
        each_range(cluster, |protocol, range| {
            let first = (range.first() + 1).min(range.last());
            vec![ClusterPort::Range(
                protocol,
                PortRange::new(first, range.last()).unwrap(),
            )]
        });
    }),
    ("the first item is the only one (CN-30)", |cluster, _| {
        each_rule(cluster, |rule| rule.ports.truncate(1));
    }),
    ("policy sees the Service's port (NP-33)", |cluster, _| {
        for port in cluster
            .services
            .values_mut()
            .flat_map(|service| &mut service.ports)
        {
            port.target = ringfence_model::TargetPort::Number(port.port);
        }
    }),
    ("a name is TCP (CN-33)", |cluster, _| {
        for pod in cluster.pods.values_mut() {
            pod.ports.retain(|port| port.protocol == Protocol::Tcp);
        }
    }),
    (
        "a name brings its number to every protocol (CN-33)",
        |cluster, _| {
            for pod in cluster.pods.values_mut() {
                let ports = std::mem::take(&mut pod.ports);
                for port in ports {
                    let with = |protocol| ContainerPort {
                        protocol,
                        ..port.clone()
                    };
                    pod.ports.extend(Protocol::ALL.map(with));
                }
            }
        },
    ),
    ("a name is any number (CN-33)", |cluster, _| {
        each_rule(cluster, |rule| {
            if rule
                .ports
                .iter()
                .any(|port| matches!(port, ClusterPort::Name(_)))
            {
                rule.ports = Protocol::ALL.map(all_of).to_vec();
            }
        });
    }),
    (
        "a name's numbers are pooled over all pods (CN-33)",
        |cluster, _| {
            let pooled: Vec<ContainerPort> = cluster
                .pods
                .values()
                .flat_map(|pod| pod.ports.clone())
                .collect();
            cluster
                .pods
                .values_mut()
                .for_each(|pod| pod.ports.clone_from(&pooled));
        },
    ),
    ("names match nothing (CN-33)", |cluster, _| {
        each_rule(cluster, |rule| {
            if rule
                .ports
                .iter()
                .any(|port| matches!(port, ClusterPort::Name(_)))
            {
                rule.peers.clear();
            }
        });
    }),
];

fn all_of(protocol: Protocol) -> ClusterPort {
    ClusterPort::Range(protocol, PortRange::new(1, 65535).unwrap())
}

fn each_range(cluster: &mut Cluster, change: fn(Protocol, PortRange) -> Vec<ClusterPort>) {
    each_rule(cluster, |rule| {
        let ports = std::mem::take(&mut rule.ports);
        rule.ports = ports
            .into_iter()
            .flat_map(|port| match port {
                ClusterPort::Name(_) => vec![port],
                ClusterPort::Range(protocol, range) => change(protocol, range),
            })
            .collect();
    });
}
