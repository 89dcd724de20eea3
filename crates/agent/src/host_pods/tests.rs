//! The table that the compiler makes and the policies as they are asked about one packet say the same.

use std::net::IpAddr;

use proptest::prelude::*;
use ringfence_compile::{PodCgroups, host_pods_table};
use ringfence_model::{
    Cluster, ClusterAction, ClusterPeer, ClusterPolicy, ClusterPolicyKind, ClusterPolicyName,
    ClusterPort, ClusterRule, ClusterTier, LabelSelector, Labels, ObjectName, Pod, PodScope,
};
use ringfence_net::{ConnectionState, Family, IpProtocol, Packet, PortRange, Protocol, TcpFlags};
use ringfence_policy::{HostPodRule, host_pod_rule};
use ringfence_ruleset::{Evaluator, Hook, Outcome, validate};

const ROOT: u64 = 7;
const APPS: [&str; 3] = ["a", "b", "c"];
const NETWORKS: [&str; 6] = [
    "192.0.2.0/30",
    "192.0.2.1/32",
    "192.0.2.2/31",
    "192.0.2.4/32",
    "2001:db8::/126",
    "2001:db8::1/128",
];
const ADDRESSES: [&str; 9] = [
    "192.0.1.255",
    "192.0.2.0",
    "192.0.2.1",
    "192.0.2.3",
    "192.0.2.4",
    "192.0.2.5",
    "2001:db8::",
    "2001:db8::1",
    "2001:db8::4",
];
const PORTS: [u16; 6] = [0, 52, 53, 80, 81, 65_535];
const PROTOCOLS: [IpProtocol; 5] = [
    IpProtocol::TCP,
    IpProtocol(17),
    IpProtocol(132),
    IpProtocol::ICMP,
    IpProtocol(200),
];

fn port() -> impl Strategy<Value = ClusterPort> {
    let protocol = prop::sample::select(Protocol::ALL.to_vec());
    let range = prop::sample::select(vec![(0, 52), (53, 53), (53, 80), (80, 65_535)]);
    (protocol, range).prop_map(|(protocol, (first, last))| {
        ClusterPort::Range(protocol, PortRange::new(first, last).unwrap())
    })
}

fn rule() -> impl Strategy<Value = ClusterRule> {
    let actions = [
        ClusterAction::Accept,
        ClusterAction::Deny,
        ClusterAction::Pass,
    ];
    let networks = prop::collection::vec(prop::sample::select(&NETWORKS[..]), 1..4);
    let ports = prop::collection::vec(port(), 0..3);
    let action = prop::sample::select(actions.to_vec());
    (action, networks, ports).prop_map(|(action, networks, ports)| ClusterRule {
        name: None,
        action,
        peers: vec![
            ClusterPeer::Pods(PodScope::default()),
            ClusterPeer::Networks(networks.iter().map(|text| text.parse().unwrap()).collect()),
        ],
        ports,
        source: None,
    })
}

fn labelled(app: &str) -> LabelSelector {
    LabelSelector {
        match_labels: Labels::from([("app".to_owned(), app.to_owned())]),
        ..LabelSelector::default()
    }
}

fn policy() -> impl Strategy<Value = ClusterPolicy> {
    let subject = prop::option::of(prop::sample::select(&APPS[..]));
    let rules = prop::collection::vec(rule(), 1..4);
    ("[a-f]", 0..4_u16, subject, rules, prop::bool::weighted(0.8)).prop_map(
        |(name, priority, subject, egress, judges_host_pods)| ClusterPolicy {
            name: ClusterPolicyName {
                kind: ClusterPolicyKind::ClusterNetworkPolicy,
                name,
            },
            tier: ClusterTier::Admin,
            priority: Some(priority),
            subject: PodScope {
                namespaces: None,
                pods: subject.map(labelled),
            },
            ingress: Vec::new(),
            egress,
            judges_host_pods,
            source: None,
        },
    )
}

fn pod(app: &str) -> Pod {
    let labels = Labels::from([("app".to_owned(), app.to_owned())]);
    Pod {
        node: Some("one".to_owned()),
        host_network: true,
        uid: Some(app.into()),
        ..Pod::new(ObjectName::new("default", app), labels)
    }
}

fn packet(destination: IpAddr, protocol: IpProtocol, port: u16) -> Packet {
    let source = match Family::of(destination) {
        Family::V4 => "10.0.0.1",
        Family::V6 => "fd00::1",
    };
    Packet {
        source: source.parse().unwrap(),
        destination,
        protocol,
        source_port: Some(40_000),
        destination_port: Some(port),
        tcp_flags: TcpFlags::SYN,
        state: ConnectionState::New,
        input_interface: String::new(),
        output_interface: "eth0".to_owned(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn the_table_says_what_the_policies_say(policies in prop::collection::vec(policy(), 1..5)) {
        let pods = APPS.map(pod);
        let cluster = Cluster {
            cluster_policies: policies.into_iter().map(|it| (it.name.clone(), it)).collect(),
            pods: pods.iter().map(|it| (it.name.clone(), it.clone())).collect(),
            ..Cluster::default()
        };
        let numbers = pods.iter().zip(100_u64..);
        let cgroups = PodCgroups {
            roots: [ROOT].into(),
            pods: numbers.clone().map(|(it, number)| (it.uid.clone().unwrap().into(), number)).collect(),
        };
        let Some(made) = host_pods_table(&cluster, "one", &cgroups, "test") else {
            prop_assert!(cluster.cluster_policies.values().all(|it| !it.judges_host_pods));
            return Ok(());
        };
        prop_assert_eq!(validate(&made.table), Ok(()));
        let known = numbers.map(|(it, number)| (Some(it), number));
        for (pod, cgroup) in known.chain([(None, 999)]) {
            let evaluator = Evaluator::new(&made.table).sent_from(vec![1, ROOT, cgroup, 5]);
            for address in ADDRESSES.map(|text| text.parse().unwrap()) {
                for (protocol, port) in PROTOCOLS.into_iter().flat_map(|it| PORTS.map(|port| (it, port))) {
                    let rule = host_pod_rule(&cluster, pod, address, (protocol, Some(port)));
                    let expected = rule.filter(HostPodRule::denies).is_some();
                    let packet = packet(address, protocol, port);
                    let outcome = evaluator.evaluate(Hook::Output, &packet, &mut |_| 0).outcome;
                    prop_assert_eq!(outcome == Outcome::Drop, expected, "{:?} {} {:?} {}", pod.map(|it| &it.name), address, protocol, port);
                }
            }
        }
    }
}
