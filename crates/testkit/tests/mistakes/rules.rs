//! Mistakes about rules and what their actions do.

use ringfence_model::{Cluster, ClusterAction, ClusterPeer};
use ringfence_testkit::builder::{deny, every_pod, pass};

use super::{Named, deny_all, each_policy, each_rule, retain_rules};

pub(super) const MISTAKES: &[Named] = &[
    ("Pass allows (CN-25)", |cluster, _| {
        replace(cluster, ClusterAction::Pass, ClusterAction::Accept);
    }),
    ("Pass denies (CN-25)", |cluster, _| {
        replace(cluster, ClusterAction::Pass, ClusterAction::Deny);
    }),
    ("Pass goes on with the next rule (CN-27)", |cluster, _| {
        retain_rules(cluster, |rule| rule.action != ClusterAction::Pass);
    }),
    ("Accept goes on with the next tier (CN-23)", |cluster, _| {
        replace(cluster, ClusterAction::Accept, ClusterAction::Pass);
    }),
    ("Accept goes on with the next rule (CN-21)", |cluster, _| {
        retain_rules(cluster, |rule| rule.action != ClusterAction::Accept);
    }),
    ("Deny goes on with the next rule (CN-24)", |cluster, _| {
        retain_rules(cluster, |rule| rule.action != ClusterAction::Deny);
    }),
    (
        "the last rule that matches decides (CN-21)",
        |cluster, _| {
            each_policy(cluster, |policy| {
                policy.ingress.reverse();
                policy.egress.reverse();
            });
        },
    ),
    (
        "Deny outweighs Accept inside of a policy (CN-21)",
        |cluster, _| {
            each_policy(cluster, |policy| {
                policy
                    .ingress
                    .sort_by_key(|rule| rule.action != ClusterAction::Deny);
                policy
                    .egress
                    .sort_by_key(|rule| rule.action != ClusterAction::Deny);
            });
        },
    ),
    (
        "Accept outweighs Deny inside of a policy (CN-21)",
        |cluster, _| {
            each_policy(cluster, |policy| {
                policy
                    .ingress
                    .sort_by_key(|rule| rule.action != ClusterAction::Accept);
                policy
                    .egress
                    .sort_by_key(|rule| rule.action != ClusterAction::Accept);
            });
        },
    ),
    (
        "a policy isolates where it has rules (CN-10)",
        |cluster, _| {
            each_policy(cluster, |policy| {
                if !policy.ingress.is_empty() {
                    policy.ingress.push(deny_all());
                }
                if !policy.egress.is_empty() {
                    policy.egress.push(deny_all());
                }
            });
        },
    ),
    ("a policy isolates whom it selects (CN-10)", |cluster, _| {
        each_policy(cluster, |policy| {
            policy.ingress.push(deny_all());
            policy.egress.push(deny_all());
        });
    }),
    (
        "an Accept at the way out opens the way in (CN-23)",
        |cluster, _| {
            each_policy(cluster, |policy| {
                let accepting = policy
                    .egress
                    .iter()
                    .filter(|rule| rule.action == ClusterAction::Accept);
                policy
                    .ingress
                    .splice(0..0, accepting.cloned().collect::<Vec<_>>());
            });
            for policy in cluster.network_policies.values_mut() {
                policy.isolates_ingress &= !policy.isolates_egress;
            }
        },
    ),
    (
        "rules of one direction count in the other (CN-21)",
        |cluster, _| {
            each_policy(cluster, |policy| {
                let egress = policy.egress.clone();
                policy.egress.extend(policy.ingress.clone());
                policy.ingress.extend(egress);
            });
        },
    ),
    ("all peers of a rule must match (CN-30)", |cluster, _| {
        each_rule(cluster, |rule| {
            if rule.peers.len() > 1 {
                rule.peers.clear();
            }
        });
    }),
    ("the first peer is the only one (CN-30)", |cluster, _| {
        each_rule(cluster, |rule| rule.peers.truncate(1));
    }),
    ("peers or protocols are enough (CN-30)", |cluster, _| {
        each_rule(cluster, |rule| rule.ports.clear());
    }),
    (
        "peers of unknown kind are left out (CN-38)",
        |cluster, _| {
            each_rule(cluster, |rule| {
                rule.peers.retain(|peer| *peer != ClusterPeer::Unrecognized)
            });
        },
    ),
    (
        "a rule with a peer of unknown kind is left out (CN-38)",
        |cluster, _| {
            retain_rules(cluster, |rule| {
                !rule.peers.contains(&ClusterPeer::Unrecognized)
            });
        },
    ),
    (
        "peers of unknown kind are everybody (CN-38)",
        |cluster, _| {
            each_rule(cluster, |rule| {
                if rule.peers.contains(&ClusterPeer::Unrecognized) {
                    rule.peers = vec![ClusterPeer::Pods(every_pod())];
                }
            });
        },
    ),
    (
        "Deny with a peer of unknown kind keeps to its protocols (CN-38)",
        |cluster, _| {
            each_rule(cluster, |rule| {
                if rule.peers.contains(&ClusterPeer::Unrecognized)
                    && rule.action == ClusterAction::Deny
                {
                    let ports = std::mem::take(&mut rule.ports);
                    *rule = deny()
                        .pods(every_pod())
                        .networks(&["0.0.0.0/0", "::/0"])
                        .build();
                    rule.ports = ports;
                }
            });
        },
    ),
    (
        "Pass with a peer of unknown kind passes (CN-38)",
        |cluster, _| {
            each_rule(cluster, |rule| {
                if rule.peers.contains(&ClusterPeer::Unrecognized)
                    && rule.action == ClusterAction::Pass
                {
                    *rule = pass().pods(every_pod()).networks(&["0.0.0.0/0"]).build();
                }
            });
        },
    ),
    (
        "a pod without address matches no network (AM-22)",
        |cluster, _| {
            for pod in cluster
                .pods
                .values_mut()
                .filter(|pod| pod.addresses.is_empty())
            {
                pod.addresses = vec!["192.0.2.77".parse().unwrap()];
            }
        },
    ),
    (
        "a pod without address is in every network (AM-22)",
        |cluster, _| {
            for pod in cluster
                .pods
                .values_mut()
                .filter(|pod| pod.addresses.is_empty())
            {
                pod.addresses = vec!["10.0.77.77".parse().unwrap()];
            }
        },
    ),
];

fn replace(cluster: &mut Cluster, from: ClusterAction, to: ClusterAction) {
    each_rule(cluster, |rule| {
        if rule.action == from {
            rule.action = to;
        }
    });
}
