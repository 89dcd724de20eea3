use ringfence_model::{
    ClusterPeer, ClusterPolicyKind, ClusterPort, ClusterRule, ClusterTier, PodScope,
};
use ringfence_net::{PortRange, Protocol};
use ringfence_testkit::builder::{block, cluster, labels, pods, policy, ports, rule, tcp};

use super::*;

fn shown(cluster: &Cluster) -> Vec<String> {
    mutants(cluster).map(|mutant| mutant.to_string()).collect()
}

#[test]
fn every_part_of_a_policy_goes_wrong_once() {
    let cluster = cluster()
        .with(
            policy("a/web")
                .ingress(
                    rule()
                        .peer(pods(labels(&[("app", "client")])))
                        .peer(block("10.0.0.0/8", &["10.1.0.0/16"]))
                        .port(tcp(80))
                        .port(ports(Protocol::Tcp, 90, 99)),
                )
                .egress(rule()),
        )
        .build();
    assert_eq!(
        shown(&cluster),
        [
            "without isolation for egress",
            "without isolation for ingress",
            "without the policy",
            "without egress[0]",
            "without ingress[0]",
            "ingress[0] without `from`",
            "ingress[0] without `ports`",
            "without ingress[0].from[0]",
            "without ingress[0].from[1]",
            "ingress[0].from[1] without `except`",
            "without ingress[0].ports[0]",
            "without ingress[0].ports[1]",
            "ingress[0].ports[1] up to port 65535",
        ]
        .map(|mutation| format!("NetworkPolicy a/web: {mutation}"))
    );
}

#[test]
fn what_would_be_left_without_items_is_not_taken_for_narrower() {
    let cluster = cluster()
        .with(policy("a/web").ingress(rule().peer(pods(labels(&[]))).port(tcp(80))))
        .build();
    assert!(shown(&cluster).iter().all(|text| !text.contains("[0].")));
}

#[test]
fn no_mutant_is_the_policy_itself() {
    for seed in 0..40 {
        let cluster =
            ringfence_testkit::generate::cluster(seed, ringfence_testkit::generate::Shape::FULL);
        for mutant in mutants(&cluster) {
            for changed in &mutant.changed(&cluster) {
                let same = match changed {
                    Changed::Network(name, policy) => {
                        cluster.network_policies.get(name) == policy.as_ref()
                    }
                    Changed::Cluster(name, policy) => {
                        cluster.cluster_policies.get(name) == policy.as_ref()
                    }
                };
                assert!(!same, "seed {seed}: {mutant}");
            }
        }
    }
}

#[test]
fn ports_are_named_as_the_kind_of_policy_names_them() {
    let range = |first, last| {
        let range = PortRange::new(first, last).unwrap();
        ClusterPort::Range(Protocol::Tcp, range)
    };
    for (kind, field) in [
        (ClusterPolicyKind::ClusterNetworkPolicy, "protocols"),
        (ClusterPolicyKind::AdminNetworkPolicy, "ports"),
        (ClusterPolicyKind::BaselineAdminNetworkPolicy, "ports"),
    ] {
        let mut policy = cluster_policy("p", 10);
        policy.name.kind = kind;
        policy.egress[0].ports = vec![range(80, 80), range(90, 99)];
        let mut cluster = Cluster::default();
        cluster.cluster_policies.insert(policy.name.clone(), policy);
        let found: Vec<String> = mutants(&cluster).map(|mutant| mutant.change()).collect();
        for change in [
            format!("egress[0] without `{field}`"),
            format!("without egress[0].{field}[0]"),
            format!("egress[0].{field}[1] up to port 65535"),
        ] {
            assert!(found.contains(&change), "{change}: {found:?}");
        }
    }
}

#[test]
fn cluster_rules_decide_in_another_way_and_priorities_change_places() {
    let mut cluster = Cluster::default();
    for (name, priority) in [("first", 10), ("second", 20)] {
        let policy = cluster_policy(name, priority);
        cluster.cluster_policies.insert(policy.name.clone(), policy);
    }
    assert_eq!(
        shown(&cluster),
        [
            "ClusterNetworkPolicy/first: without the policy",
            "ClusterNetworkPolicy/first: with the priority of ClusterNetworkPolicy/second",
            "ClusterNetworkPolicy/first: without egress[0]",
            "ClusterNetworkPolicy/first: egress[0] with action Accept",
            "ClusterNetworkPolicy/first: egress[0] with action Pass",
            "ClusterNetworkPolicy/first: egress[0] without `to`",
            "ClusterNetworkPolicy/second: without the policy",
            "ClusterNetworkPolicy/second: without egress[0]",
            "ClusterNetworkPolicy/second: egress[0] with action Accept",
            "ClusterNetworkPolicy/second: egress[0] with action Pass",
            "ClusterNetworkPolicy/second: egress[0] without `to`",
        ]
    );
    let swapped = mutants(&cluster).nth(1).unwrap();
    let changed = swapped.changed(&cluster);
    let priorities: Vec<_> = changed.iter().map(priority).collect();
    assert_eq!(priorities, [Some(20), Some(10)]);
}

fn priority(changed: &Changed) -> Option<u16> {
    match changed {
        Changed::Cluster(_, Some(policy)) => policy.priority,
        Changed::Cluster(_, None) | Changed::Network(..) => None,
    }
}

fn cluster_policy(name: &str, priority: u16) -> ClusterPolicy {
    ClusterPolicy {
        name: ClusterPolicyName {
            kind: ClusterPolicyKind::ClusterNetworkPolicy,
            name: name.to_owned(),
        },
        tier: ClusterTier::Admin,
        priority: Some(priority),
        subject: PodScope::default(),
        ingress: Vec::new(),
        egress: vec![ClusterRule {
            name: None,
            action: ClusterAction::Deny,
            peers: vec![ClusterPeer::Networks(vec!["10.0.0.0/8".parse().unwrap()])],
            ports: Vec::new(),
            source: None,
        }],
        judges_host_pods: false,
        source: None,
    }
}
