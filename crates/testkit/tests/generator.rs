//! The generator must be reproducible, and what it draws must matter.

use std::collections::BTreeMap;

use ringfence_model::{
    Because, Cluster, ClusterAction, ClusterIp, ClusterPeer, ClusterPort, ClusterRule, ClusterTier,
    Direction, Endpoint, PolicyPeer, PolicyPort, PolicyRule, PortMatch, SelectorOperator,
    TargetPort,
};
use ringfence_reference::answer;
use ringfence_testkit::decider::{Decider, ReferenceDecider, Verdict};
use ringfence_testkit::generate::{Shape, cluster};
use ringfence_testkit::{flows, random::Random};

const SEEDS: u64 = 400;

fn clusters() -> impl Iterator<Item = Cluster> {
    (0..SEEDS).map(|seed| cluster(seed, Shape::FULL))
}

fn rules(cluster: &Cluster) -> impl Iterator<Item = &PolicyRule> {
    let policies = cluster.network_policies.values();
    policies
        .flat_map(|policy| Direction::ALL.map(|way| policy.rules(way)))
        .flatten()
}

#[test]
fn the_first_numbers_of_the_random_source_never_change() {
    let mut random = Random::new(1);
    assert_eq!(random.bits(), 0x910a_2dec_8902_5cc1);
    assert_eq!(random.bits(), 0xbeeb_8da1_658e_ec67);
}

#[test]
fn a_seed_is_a_cluster() {
    for seed in 0..50 {
        assert_eq!(cluster(seed, Shape::FULL), cluster(seed, Shape::FULL));
        let again = |seed| flows::sample(&cluster(3, Shape::FULL), 50, &mut Random::new(seed));
        assert_eq!(again(seed), again(seed));
    }
    assert_ne!(cluster(1, Shape::FULL), cluster(2, Shape::FULL));
}

#[test]
fn sizes_stay_within_bounds() {
    for cluster in clusters() {
        assert!((1..=3).contains(&cluster.namespaces.len()));
        assert!((2..=6).contains(&cluster.pods.len()));
        assert!(cluster.nodes.len() == 2);
        assert!(cluster.network_policies.len() <= 6);
    }
}

#[test]
fn verdicts_of_both_kinds_are_common() {
    let mut counts: BTreeMap<Verdict, usize> = BTreeMap::new();
    for (seed, cluster) in (0..).zip(clusters()) {
        for flow in flows::sample(&cluster, 60, &mut Random::new(seed)) {
            let verdict = ReferenceDecider.decide(&cluster, &flow).verdict;
            *counts.entry(verdict).or_default() += 1;
        }
    }
    let total: usize = counts.values().sum();
    let percent = |verdict| counts.get(&verdict).copied().unwrap_or(0) * 100 / total;
    assert!(percent(Verdict::Allow) >= 20, "{counts:?}");
    assert!(percent(Verdict::Deny) >= 20, "{counts:?}");
    assert!(percent(Verdict::Error) <= 30, "{counts:?}");
    for verdict in Verdict::ALL {
        assert!(counts.contains_key(&verdict), "no {verdict} in {counts:?}");
    }
}

/// What it is called, and whether a cluster has it.
type Feature = (&'static str, fn(&Cluster) -> bool);

/// Each feature, and how many of the clusters have it.
#[test]
fn every_feature_occurs() {
    let features: &[Feature] = &[
        ("host pod", |cluster| {
            cluster.pods.values().any(|pod| pod.host_network)
        }),
        ("finished pod", |cluster| {
            cluster.pods.values().any(|pod| !pod.is_live())
        }),
        ("terminating pod", |cluster| {
            cluster.pods.values().any(|pod| pod.terminating)
        }),
        ("unready pod", |cluster| {
            cluster.pods.values().any(|pod| !pod.ready)
        }),
        ("pod without address", |cluster| {
            cluster.pods.values().any(|pod| pod.addresses.is_empty())
        }),
        ("pod without node", |cluster| {
            cluster.pods.values().any(|pod| pod.node.is_none())
        }),
        ("dual stack pod", |cluster| {
            cluster.pods.values().any(|pod| pod.addresses.len() == 2)
        }),
        ("pods that share labels", |cluster| {
            let all: Vec<_> = cluster.pods.values().map(|pod| &pod.labels).collect();
            (1..all.len()).any(|place| all[place - 1] == all[place])
        }),
        ("one port name, two numbers", |cluster| {
            let named = |number| {
                let ports = cluster.pods.values().flat_map(|pod| &pod.ports);
                ports
                    .filter(|port| port.name.as_deref() == Some("http"))
                    .any(|port| port.port == number)
            };
            named(8080) && named(9090)
        }),
        ("empty pod selector", |cluster| {
            cluster
                .network_policies
                .values()
                .any(|policy| policy.pod_selector.is_empty())
        }),
        ("operator In", |cluster| uses(cluster, SelectorOperator::In)),
        ("operator NotIn", |cluster| {
            uses(cluster, SelectorOperator::NotIn)
        }),
        ("operator Exists", |cluster| {
            uses(cluster, SelectorOperator::Exists)
        }),
        ("operator DoesNotExist", |cluster| {
            uses(cluster, SelectorOperator::DoesNotExist)
        }),
        ("only egress isolated", |cluster| {
            cluster
                .network_policies
                .values()
                .any(|policy| !policy.isolates_ingress)
        }),
        ("inert rules", |cluster| {
            cluster.network_policies.values().any(|policy| {
                !policy.isolates_ingress && !policy.ingress.is_empty()
                    || !policy.isolates_egress && !policy.egress.is_empty()
            })
        }),
        ("isolation without rules", |cluster| {
            let mut policies = cluster.network_policies.values();
            policies.any(|policy| policy.isolates_ingress && policy.ingress.is_empty())
        }),
        ("rule without peers", |cluster| {
            rules(cluster).any(|rule| rule.peers.is_empty())
        }),
        ("rule without ports", |cluster| {
            rules(cluster).any(|rule| rule.ports.is_empty())
        }),
        ("block", |cluster| {
            peers(cluster, |peer| matches!(peer, PolicyPeer::IpBlock(_)))
        }),
        ("block with holes", |cluster| {
            peers(
                cluster,
                |peer| matches!(peer, PolicyPeer::IpBlock(block) if !block.except.is_empty()),
            )
        }),
        ("IPv6 block", |cluster| {
            peers(
                cluster,
                |peer| matches!(peer, PolicyPeer::IpBlock(block) if block.cidr.addr().is_ipv6()),
            )
        }),
        ("pods of the own namespace", |cluster| {
            selected(cluster, false, true)
        }),
        ("namespaces", |cluster| selected(cluster, true, false)),
        ("pods of namespaces", |cluster| {
            selected(cluster, true, true)
        }),
        ("any port", |cluster| {
            ports(cluster, |port| port.port == PortMatch::Any)
        }),
        ("named port", |cluster| {
            ports(cluster, |port| matches!(port.port, PortMatch::Name(_)))
        }),
        ("port range", |cluster| {
            ports(
                cluster,
                |port| matches!(port.port, PortMatch::Range(range) if range.first() < range.last()),
            )
        }),
        ("Service with a named target", |cluster| {
            let mut all = cluster.services.values().flat_map(|service| &service.ports);
            all.any(|port| matches!(port.target, TargetPort::Name(_)))
        }),
        ("headless Service", |cluster| {
            cluster
                .services
                .values()
                .any(|service| service.cluster_ip == ClusterIp::Headless)
        }),
        ("Service without selector", |cluster| {
            cluster
                .services
                .values()
                .any(|service| service.selector.is_empty())
        }),
    ];
    let all: Vec<Cluster> = clusters().collect();
    for (name, present) in features {
        let count = all.iter().filter(|cluster| present(cluster)).count();
        assert!(count >= 8, "{name}: in {count} of {} clusters", all.len());
    }
}

fn uses(cluster: &Cluster, operator: SelectorOperator) -> bool {
    let policies = cluster.network_policies.values();
    let mut requirements = policies.flat_map(|policy| &policy.pod_selector.match_expressions);
    requirements.any(|requirement| requirement.operator == operator)
}

fn peers(cluster: &Cluster, wanted: fn(&PolicyPeer) -> bool) -> bool {
    rules(cluster).flat_map(|rule| &rule.peers).any(wanted)
}

fn selected(cluster: &Cluster, namespaces: bool, pods: bool) -> bool {
    rules(cluster)
        .flat_map(|rule| &rule.peers)
        .any(|peer| match peer {
            PolicyPeer::IpBlock(_) => false,
            PolicyPeer::Pods(found) => {
                (found.namespaces.is_some(), found.pods.is_some()) == (namespaces, pods)
            }
        })
}

fn ports(cluster: &Cluster, wanted: fn(&PolicyPort) -> bool) -> bool {
    rules(cluster).flat_map(|rule| &rule.ports).any(wanted)
}

/// Cluster-scoped policies come on top: what a seed gave before they existed it gives today.
#[test]
fn tiers_leave_the_rest_of_a_cluster_as_it_is() {
    let mut emptied = 0;
    for seed in 0..SEEDS {
        let (without, mut with) = (cluster(seed, Shape::FULL), cluster(seed, Shape::TIERED));
        with.cluster_policies.clear();
        with.domain_addresses.clear();
        emptied += usize::from(with.network_policies.is_empty());
        if with.network_policies.is_empty() {
            with.network_policies.clone_from(&without.network_policies);
        }
        for (pod, before) in with.pods.values_mut().zip(without.pods.values()) {
            if pod.addresses.is_empty() {
                pod.addresses.clone_from(&before.addresses);
            }
        }
        assert_eq!(without, with);
    }
    assert!((80..=240).contains(&emptied), "{emptied}");
}

fn tiered() -> impl Iterator<Item = Cluster> {
    (0..SEEDS).map(|seed| cluster(seed, Shape::TIERED))
}

fn cluster_rules(cluster: &Cluster) -> impl Iterator<Item = &ClusterRule> {
    let policies = cluster.cluster_policies.values();
    policies
        .flat_map(|policy| Direction::ALL.map(|way| policy.rules(way)))
        .flatten()
}

/// What decides a direction, as far as tiers are concerned.
fn decided_by(because: &Because) -> &'static str {
    match because {
        Because::ClusterRule(rule) => match (rule.tier, rule.action) {
            (ClusterTier::Admin, ClusterAction::Accept) => "Admin Accept",
            (ClusterTier::Admin, ClusterAction::Deny) => "Admin Deny",
            (ClusterTier::Baseline, ClusterAction::Accept) => "Baseline Accept",
            (ClusterTier::Baseline, ClusterAction::Deny) => "Baseline Deny",
            (_, ClusterAction::Pass) => "a peer of unknown kind",
        },
        Because::AddressUnknown { cluster_rules, .. } if !cluster_rules.is_empty() => {
            "an unknown address"
        }
        Because::Rules { .. } | Because::NoRuleMatched { .. } => "NetworkPolicy",
        Because::NotIsolated => "nobody",
        Because::NoSubject
        | Because::Host(_)
        | Because::Loopback
        | Because::OwnAddress
        | Because::LocalNode { .. }
        | Because::OwnService { .. }
        | Because::AddressUnknown { .. } => "something else",
    }
}

#[test]
fn every_tier_decides_often() {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut passed = 0;
    for (seed, cluster) in (0..).zip(tiered()) {
        for flow in flows::sample(&cluster, 60, &mut Random::new(seed)) {
            let Ok(answer) = answer(&cluster, &flow) else {
                continue;
            };
            for decision in answer
                .connections
                .iter()
                .flat_map(|found| [&found.egress, &found.ingress])
            {
                *counts.entry(decided_by(&decision.because)).or_default() += 1;
                passed += usize::from(!decision.passed.is_empty());
            }
        }
    }
    counts.remove("something else");
    let total: usize = counts.values().sum();
    let permille = |what: &str| counts.get(what).copied().unwrap_or(0) * 1000 / total;
    for (what, least) in [
        ("Admin Accept", 50),
        ("Admin Deny", 50),
        ("Baseline Accept", 20),
        ("Baseline Deny", 20),
        ("NetworkPolicy", 80),
        ("nobody", 50),
        ("an unknown address", 1),
        ("a peer of unknown kind", 1),
    ] {
        assert!(permille(what) >= least, "{what}: {counts:?} of {total}");
    }
    assert!(
        passed * 100 / total >= 3,
        "{passed} of {total} were passed on"
    );
}

#[test]
fn endpoints_of_all_kinds_occur() {
    let mut outcomes: BTreeMap<Verdict, usize> = BTreeMap::new();
    for seed in 0..SEEDS {
        let (before, cluster) = (
            cluster(seed, Shape::TIERED),
            cluster(seed, Shape::EVERYTHING),
        );
        assert_eq!(before.pods, cluster.pods);
        let mut flows = flows::all(&cluster);
        flows.retain(|flow| match &flow.destination {
            Endpoint::Service(name) => !cluster.services[name].endpoints.is_empty(),
            Endpoint::Pod(_) | Endpoint::Node(_) | Endpoint::Address(_) => false,
        });
        for flow in flows {
            let verdict = ReferenceDecider.decide(&cluster, &flow).verdict;
            *outcomes.entry(verdict).or_default() += 1;
        }
    }
    for verdict in [
        Verdict::Allow,
        Verdict::Deny,
        Verdict::Partial,
        Verdict::NoEndpoints,
    ] {
        assert!(
            outcomes.get(&verdict).is_some_and(|count| *count > 50),
            "{outcomes:?}"
        );
    }
}

#[test]
fn every_feature_of_tiers_occurs() {
    let features: &[Feature] = &[
        ("equal priorities", |cluster| {
            let all: Vec<_> = cluster
                .cluster_policies
                .values()
                .map(|policy| (policy.tier, policy.priority))
                .collect();
            (1..all.len()).any(|place| all[..place].contains(&all[place]))
        }),
        ("both tiers", |cluster| {
            let tier = |tier| {
                cluster
                    .cluster_policies
                    .values()
                    .any(|policy| policy.tier == tier)
            };
            tier(ClusterTier::Admin) && tier(ClusterTier::Baseline)
        }),
        ("three kinds", |cluster| {
            let kinds = cluster.cluster_policies.keys().map(|name| name.kind);
            kinds.collect::<std::collections::BTreeSet<_>>().len() == 3
        }),
        ("networks", |cluster| {
            tier_peers(cluster, |peer| matches!(peer, ClusterPeer::Networks(_)))
        }),
        ("nodes", |cluster| {
            tier_peers(cluster, |peer| matches!(peer, ClusterPeer::Nodes(_)))
        }),
        ("names", |cluster| {
            tier_peers(cluster, |peer| matches!(peer, ClusterPeer::DomainNames(_)))
        }),
        ("unknown kind", |cluster| {
            tier_peers(cluster, |peer| *peer == ClusterPeer::Unrecognized)
        }),
        ("pods of all namespaces", |cluster| {
            tier_peers(
                cluster,
                |peer| matches!(peer, ClusterPeer::Pods(scope) if scope.namespaces.is_none()),
            )
        }),
        ("named port", |cluster| {
            cluster_rules(cluster)
                .flat_map(|rule| &rule.ports)
                .any(|port| matches!(port, ClusterPort::Name(_)))
        }),
        ("rule without ports", |cluster| {
            cluster_rules(cluster).any(|rule| rule.ports.is_empty())
        }),
        ("known names", |cluster| {
            !cluster.domain_addresses.is_empty()
        }),
        ("blocks of pods", |cluster| {
            let mut pods = cluster.pods.values();
            !cluster.pod_blocks.is_empty() && pods.any(|pod| pod.addresses.is_empty())
        }),
    ];
    let all: Vec<Cluster> = tiered().collect();
    for (name, present) in features {
        let count = all.iter().filter(|cluster| present(cluster)).count();
        assert!(count >= 8, "{name}: in {count} of {} clusters", all.len());
    }
}

fn tier_peers(cluster: &Cluster, wanted: fn(&ClusterPeer) -> bool) -> bool {
    cluster_rules(cluster)
        .flat_map(|rule| &rule.peers)
        .any(wanted)
}

#[test]
fn a_wired_cluster_never_lacks_an_address() {
    for seed in 0..SEEDS {
        let cluster = cluster(seed, Shape::WIRED);
        assert!(cluster.pods.values().all(|pod| !pod.addresses.is_empty()));
        for flow in flows::sample(&cluster, 30, &mut Random::new(seed)) {
            let verdict = ReferenceDecider.decide(&cluster, &flow).verdict;
            assert_ne!(verdict, Verdict::Unknown, "{flow:?}");
        }
    }
}

#[test]
fn a_cluster_of_one_family_has_no_address_of_the_other() {
    let shape = Shape {
        ipv6: false,
        ..Shape::FULL
    };
    for seed in 0..100 {
        let cluster = cluster(seed, shape);
        let of_pods = cluster.pods.values().flat_map(|pod| &pod.addresses);
        let of_nodes = cluster.nodes.values().flat_map(|node| &node.addresses);
        assert!(of_pods.chain(of_nodes).all(std::net::IpAddr::is_ipv4));
    }
}
