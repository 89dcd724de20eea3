use std::net::IpAddr;

use ringfence_model::{
    ClusterAction, ClusterPeer, ClusterPolicy, ClusterPolicyKind, ClusterPolicyName, ClusterPort,
    ClusterRule, LabelSelector, Labels,
};
use ringfence_net::{ConnectionState, IpProtocol, Packet, PortRange, Protocol, TcpFlags};
use ringfence_ruleset::{Evaluator, Hook, Outcome, validate};

use super::*;

const ROOT: u64 = 10;
const GRANTED: u64 = 20;
const OTHER: u64 = 30;
const METADATA: [&str; 2] = ["169.254.169.254", "fd00:ec2::254"];

fn policy(name: &str, priority: u16, subject: PodScope, egress: Vec<ClusterRule>) -> ClusterPolicy {
    ClusterPolicy {
        name: ClusterPolicyName {
            kind: ClusterPolicyKind::ClusterNetworkPolicy,
            name: name.to_owned(),
        },
        tier: ClusterTier::Admin,
        priority: Some(priority),
        subject,
        ingress: Vec::new(),
        egress,
        judges_host_pods: true,
        source: None,
    }
}

fn rule(action: ClusterAction, networks: &[&str], ports: Vec<ClusterPort>) -> ClusterRule {
    let networks = networks.iter().map(|text| text.parse().unwrap()).collect();
    ClusterRule {
        name: None,
        action,
        peers: vec![ClusterPeer::Networks(networks)],
        ports,
        source: None,
    }
}

fn labelled(app: &str) -> LabelSelector {
    LabelSelector {
        match_labels: Labels::from([("app".to_owned(), app.to_owned())]),
        ..LabelSelector::default()
    }
}

fn pod(name: &str, uid: &str) -> Pod {
    let labels = Labels::from([("app".to_owned(), name.to_owned())]);
    Pod {
        node: Some("one".to_owned()),
        host_network: true,
        uid: Some(uid.into()),
        ..Pod::new(ObjectName::new("kube-system", name), labels)
    }
}

/// The guard of the metadata service, with a grant.
fn cluster() -> Cluster {
    let both = ["169.254.169.254/32", "fd00:ec2::254/128"];
    let dns = |protocol| ClusterPort::Range(protocol, PortRange::single(53));
    let grant = PodScope {
        namespaces: None,
        pods: Some(labelled("granted")),
    };
    let policies = [
        policy(
            "grant",
            0,
            grant,
            vec![rule(ClusterAction::Pass, &both, Vec::new())],
        ),
        policy(
            "guard",
            1,
            PodScope::default(),
            vec![
                rule(
                    ClusterAction::Pass,
                    &["169.254.169.254/32"],
                    vec![dns(Protocol::Udp), dns(Protocol::Tcp)],
                ),
                rule(ClusterAction::Deny, &both, Vec::new()),
            ],
        ),
    ];
    let pods = [pod("granted", "g"), pod("other", "o")];
    Cluster {
        cluster_policies: policies.map(|it| (it.name.clone(), it)).into(),
        pods: pods.map(|it| (it.name.clone(), it)).into(),
        ..Cluster::default()
    }
}

fn cgroups() -> PodCgroups {
    PodCgroups {
        roots: [ROOT].into(),
        pods: [("g".to_owned(), GRANTED), ("o".to_owned(), OTHER)].into(),
    }
}

fn made(cluster: &Cluster, cgroups: &PodCgroups) -> HostPods {
    let made = host_pods_table(cluster, "one", cgroups, "test").unwrap();
    assert_eq!(validate(&made.table), Ok(()));
    made
}

/// Whether what a process in the last of these cgroups sends gets away.
fn passes(table: &Table, sender: &[u64], to: &str, protocol: IpProtocol, port: u16) -> bool {
    let destination: IpAddr = to.parse().unwrap();
    let source = match destination {
        IpAddr::V4(_) => "10.0.0.1",
        IpAddr::V6(_) => "fd00::1",
    };
    let packet = Packet {
        source: source.parse().unwrap(),
        destination,
        protocol,
        source_port: Some(40_000),
        destination_port: Some(port),
        tcp_flags: TcpFlags::SYN,
        state: ConnectionState::New,
        input_interface: String::new(),
        output_interface: "eth0".to_owned(),
    };
    let evaluator = Evaluator::new(table).sent_from(sender.to_vec());
    evaluator
        .evaluate(Hook::Output, &packet, &mut |_| 0)
        .outcome
        == Outcome::Accept
}

#[test]
fn a_granted_pod_passes_and_others_do_not() {
    let made = made(&cluster(), &cgroups());
    let tcp = IpProtocol::TCP;
    for address in METADATA {
        let passes = |sender: &[u64]| passes(&made.table, sender, address, tcp, 80);
        assert!(!passes(&[1, ROOT, OTHER, 31]), "{address}");
        assert!(
            !passes(&[1, ROOT, 99, 100]),
            "a pod of which nothing is known, {address}"
        );
        assert!(!passes(&[ROOT]), "{address}");
        assert!(passes(&[1, ROOT, GRANTED, 21]), "{address}");
        assert!(passes(&[1, ROOT, 2, GRANTED, 21, 22]), "{address}");
        assert!(passes(&[1, 2, 3]), "a program of the node, {address}");
        assert!(passes(&[]), "no socket, {address}");
    }
    let name = |name: &str| ObjectName::new("kube-system", name);
    assert_eq!(made.granted, [name("granted")]);
    assert_eq!(made.pods, [name("granted"), name("other")]);
    assert!(made.waiting.is_empty());
}

#[test]
fn what_is_open_to_all_and_other_addresses_stay_open() {
    let made = made(&cluster(), &cgroups());
    let other = [1, ROOT, OTHER];
    let passes = |to, protocol, port| passes(&made.table, &other, to, protocol, port);
    let [v4, v6] = METADATA;
    for protocol in [IpProtocol::TCP, IpProtocol(17)] {
        assert!(passes(v4, protocol, 53));
        assert!(!passes(v4, protocol, 54));
        assert!(!passes(v4, protocol, 52));
        assert!(!passes(v6, protocol, 53));
    }
    for protocol in [
        IpProtocol::ICMP,
        IpProtocol(132),
        IpProtocol(0),
        IpProtocol(255),
    ] {
        assert!(!passes(v4, protocol, 53), "{protocol:?}");
    }
    for address in [
        "169.254.20.10",
        "169.254.169.253",
        "169.254.169.255",
        "fd00:ec2::253",
    ] {
        assert!(passes(address, IpProtocol(17), 53));
        assert!(passes(address, IpProtocol::TCP, 80));
    }
}

#[test]
fn a_grant_waits_for_its_cgroup_and_denies_until_then() {
    let mut cgroups = cgroups();
    cgroups.pods.remove("g");
    let made = made(&cluster(), &cgroups);
    assert_eq!(made.waiting, made.granted);
    let sender = [1, ROOT, GRANTED];
    assert!(!passes(
        &made.table,
        &sender,
        METADATA[0],
        IpProtocol::TCP,
        80
    ));
}

#[test]
fn a_grant_that_is_gone_grants_nothing() {
    let mut cluster = cluster();
    let is_guard = |name: &ClusterPolicyName| name.name == "guard";
    cluster.cluster_policies.retain(|name, _| is_guard(name));
    let without = made(&cluster, &cgroups());
    let sender = [1, ROOT, GRANTED];
    assert!(!passes(
        &without.table,
        &sender,
        METADATA[0],
        IpProtocol::TCP,
        80
    ));
    assert!(without.granted.is_empty());
    cluster.cluster_policies.clear();
    assert_eq!(host_pods_table(&cluster, "one", &cgroups(), "test"), None);
}

#[test]
fn pods_of_other_nodes_and_dead_ones_are_not_granted() {
    let mut cluster = cluster();
    let granted = cluster
        .pods
        .get_mut(&ObjectName::new("kube-system", "granted"));
    granted.unwrap().node = Some("two".to_owned());
    let made = made(&cluster, &cgroups());
    let sender = [1, ROOT, GRANTED];
    assert!(!passes(
        &made.table,
        &sender,
        METADATA[0],
        IpProtocol::TCP,
        80
    ));
}

#[test]
fn a_denial_of_some_pods_is_one_of_pods_that_nobody_knows() {
    let mut cluster = cluster();
    cluster.cluster_policies.clear();
    let some = PodScope {
        namespaces: None,
        pods: Some(labelled("other")),
    };
    let ports = |first, last| {
        vec![ClusterPort::Range(
            Protocol::Tcp,
            PortRange::new(first, last).unwrap(),
        )]
    };
    let rules = vec![
        rule(ClusterAction::Accept, &["192.0.2.16/28"], ports(80, 90)),
        rule(ClusterAction::Deny, &["192.0.2.0/24"], ports(1, 1000)),
    ];
    let denial = policy("some", 5, some, rules);
    cluster.cluster_policies.insert(denial.name.clone(), denial);
    let made = made(&cluster, &cgroups());
    let tcp = |sender: &[u64], to, port| passes(&made.table, sender, to, IpProtocol::TCP, port);
    let (known, unknown) = ([1, ROOT, OTHER], [1, ROOT, 99]);
    for (to, port, is_open, is_open_to_unknown) in [
        ("192.0.2.1", 80, false, false),
        ("192.0.2.1", 1001, true, true),
        ("192.0.2.17", 80, true, false),
        ("192.0.2.17", 91, false, false),
        ("192.0.2.32", 80, false, false),
        ("192.0.3.1", 80, true, true),
    ] {
        assert_eq!(tcp(&known, to, port), is_open, "{to}:{port}");
        assert_eq!(tcp(&unknown, to, port), is_open_to_unknown, "{to}:{port}");
        assert!(tcp(&[1, ROOT, GRANTED], to, port), "not meant: {to}:{port}");
    }
    assert!(passes(&made.table, &known, "192.0.2.1", IpProtocol(17), 80));
}
