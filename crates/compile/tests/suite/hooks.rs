//! The rules that never change: who may speak, what is tracked, what is dropped whoever asks, and what is translated.

use ringfence_compile::{Compiled, Enforcement, NetworkConfig, NodeView, Reason, Record, compile};
use ringfence_model::{Direction, SelectorOperator};
use ringfence_net::{ConnectionState, IpProtocol, Packet, Protocol, TcpFlags};
use ringfence_ruleset::{Evaluation, Hook, Outcome, Rule, Statement, Table, Verdict, evaluate};
use ringfence_testkit::builder::{
    block, cluster, labels, node, pod, pods, policy, requirement, rule, service, tcp,
};

use crate::world::{compile_node, endpoints, network, opening};

/// `a` is isolated both ways and may only speak to TCP 443 outside; `b` is not isolated.
struct Node {
    compiled: Compiled,
    a: String,
    b: String,
}

fn set_up() -> Node {
    let cluster = cluster()
        .with(node("n1", &["192.168.0.11", "fd01::11"]))
        .with(
            pod("x/a")
                .label("app", "a")
                .address("10.0.1.10")
                .address("fd00:10:1::a")
                .on_node("n1"),
        )
        .with(pod("x/b").address("10.0.1.11").on_node("n1"))
        .with(
            policy("x/deny")
                .select(labels(&[("app", "a")]))
                .types(&[Direction::Ingress, Direction::Egress])
                .egress(rule().peer(block("203.0.113.0/24", &[])).port(tcp(443))),
        )
        .with(
            service("x/own")
                .select("app", "a")
                .address("10.96.0.10")
                .port(tcp(80), 8080),
        )
        .with(
            service("x/nobody")
                .select("app", "none")
                .address("10.96.0.11")
                .port(tcp(80), 8080),
        )
        .build();
    let wired = endpoints(&cluster, "n1");
    let interface = |name: &str| {
        let found = wired.iter().find(|endpoint| endpoint.pod.name == name);
        found.unwrap().host_interface.clone()
    };
    Node {
        compiled: compile_node(&cluster, "n1", Enforcement::On),
        a: interface("a"),
        b: interface("b"),
    }
}

impl Node {
    fn run(&self, hook: Hook, packet: &Packet) -> Evaluation {
        evaluate(&self.compiled.table, hook, packet, &mut |_| 0)
    }

    fn outcome(&self, hook: Hook, packet: &Packet) -> Outcome {
        self.run(hook, packet).outcome
    }
}

fn packet(input: &str, output: &str, source: &str, destination: &str, port: u16) -> Packet {
    let (from, to) = (source.parse().unwrap(), destination.parse().unwrap());
    Packet {
        input_interface: input.to_owned(),
        output_interface: output.to_owned(),
        ..opening(from, to, Protocol::Tcp.into(), Some(port))
    }
}

#[test]
fn a_pod_speaks_from_its_own_interface_with_its_own_address() {
    let node = set_up();
    let from = |interface: &str, source: &str, to: &str| {
        node.outcome(Hook::Prerouting, &packet(interface, "", source, to, 80))
    };
    assert_eq!(from(&node.a, "10.0.1.10", "10.0.2.9"), Outcome::Accept);
    assert_eq!(from(&node.a, "fd00:10:1::a", "fd00::9"), Outcome::Accept);
    assert_eq!(
        from(&node.a, "10.0.1.11", "10.0.2.9"),
        Outcome::Drop,
        "another pod's"
    );
    assert_eq!(
        from(&node.a, "192.168.0.11", "10.0.2.9"),
        Outcome::Drop,
        "the node's"
    );
    assert_eq!(from(&node.a, "fe80::1", "fd00::9"), Outcome::Drop);
    assert_eq!(
        from("vethrfunknown", "10.0.1.10", "10.0.2.9"),
        Outcome::Drop
    );
    assert_eq!(
        from("eth0", "10.0.3.9", "10.0.2.9"),
        Outcome::Accept,
        "not from a pod"
    );
}

#[test]
fn neighbour_discovery_passes_and_other_icmp_does_not() {
    let node = set_up();
    for (kind, expected) in [
        (133, Outcome::Accept),
        (137, Outcome::Accept),
        (128, Outcome::Drop),
    ] {
        let mut solicit = packet(&node.a, "", "fe80::1", "ff02::1", 0);
        solicit.protocol = IpProtocol::ICMPV6;
        solicit.source_port = Some(kind << 8);
        assert_eq!(node.outcome(Hook::Prerouting, &solicit), expected, "{kind}");
    }
}

#[test]
fn what_is_established_or_reports_an_error_passes() {
    let node = set_up();
    let mut reply = packet("eth0", &node.a, "198.51.100.9", "10.0.1.10", 40_000);
    assert_eq!(node.outcome(Hook::Forward, &reply), Outcome::Drop);
    reply.state = ConnectionState::Established;
    assert_eq!(node.outcome(Hook::Forward, &reply), Outcome::Accept);
    reply.state = ConnectionState::Related;
    assert_eq!(
        node.outcome(Hook::Forward, &reply),
        Outcome::Drop,
        "DP-21: no helpers"
    );
    reply.protocol = IpProtocol::ICMP;
    assert_eq!(node.outcome(Hook::Forward, &reply), Outcome::Accept);
}

/// DP-22: after its tracking entry is deleted, no segment of a cut connection opens it again, from either side.
#[test]
fn a_cut_connection_stays_cut() {
    let node = set_up();
    let both = [
        packet(&node.b, "eth0", "10.0.1.11", "198.51.100.9", 80),
        packet("eth0", &node.b, "198.51.100.9", "10.0.1.11", 80),
    ];
    for opening in both {
        assert_eq!(node.outcome(Hook::Forward, &opening), Outcome::Accept);
        for flags in [0x10, 0x18, 0x12, 0x04, 0x11, 0x00] {
            let later = Packet {
                tcp_flags: TcpFlags(flags),
                ..opening.clone()
            };
            assert_eq!(
                node.outcome(Hook::Forward, &later),
                Outcome::Drop,
                "{flags:#x}"
            );
        }
        let invalid = Packet {
            state: ConnectionState::Invalid,
            ..opening
        };
        assert_eq!(node.outcome(Hook::Forward, &invalid), Outcome::Drop);
    }
}

#[test]
fn traffic_that_passes_through_the_node_is_not_judged() {
    let node = set_up();
    let mut transit = packet("eth0", "eth1", "198.51.100.9", "203.0.113.9", 80);
    transit.tcp_flags = TcpFlags::ACK;
    assert_eq!(node.outcome(Hook::Forward, &transit), Outcome::Accept);
}

#[test]
fn pods_that_are_not_programmed_are_not_reached() {
    let node = set_up();
    let to = |interface: &str, address: &str| {
        let packet = packet("eth0", interface, "198.51.100.9", address, 80);
        node.outcome(Hook::Forward, &packet)
    };
    assert_eq!(to(&node.b, "10.0.1.11"), Outcome::Accept);
    assert_eq!(to("vethrfunknown", "10.0.1.99"), Outcome::Drop);
    assert_eq!(to(&node.b, "10.0.1.99"), Outcome::Drop);
}

/// NP-52: no exemption on the way to the own node. NP-50: none needed the other way, for the hook judges nothing.
#[test]
fn a_pod_is_judged_on_the_way_to_its_node() {
    let node = set_up();
    let to_node = |interface: &str, source: &str| {
        let packet = packet(interface, "", source, "192.168.0.11", 6443);
        node.outcome(Hook::Input, &packet)
    };
    assert_eq!(to_node(&node.a, "10.0.1.10"), Outcome::Drop);
    assert_eq!(to_node(&node.b, "10.0.1.11"), Outcome::Accept);
    assert_eq!(to_node("eth0", "198.51.100.9"), Outcome::Accept);
    let probe = packet("", &node.a, "192.168.0.11", "10.0.1.10", 8080);
    assert_eq!(node.outcome(Hook::Output, &probe), Outcome::Accept);
}

#[test]
fn the_register_is_clean_after_judgement() {
    let node = set_up();
    let allowed = packet(&node.a, "eth0", "10.0.1.10", "203.0.113.9", 443);
    let result = node.run(Hook::Forward, &allowed);
    assert_eq!(result.outcome, Outcome::Accept);
    let last = result.trace.last().unwrap();
    assert_eq!(last.action, ringfence_ruleset::Action::SetPriority(0));
}

/// Egress is judged first and leaves the destination's class in the register. A source without class must not be taken
/// for one of the destination's friends: here pods of `web` admit each other and nobody else.
#[test]
fn a_source_without_class_does_not_inherit_one() {
    let web = || pods(labels(&[("app", "web")]));
    let cluster = cluster()
        .with(pod("x/client").address("10.0.1.10").on_node("n1"))
        .with(
            pod("x/web")
                .label("app", "web")
                .address("10.0.1.11")
                .on_node("n1"),
        )
        .with(
            policy("x/to-web")
                .select(requirement("app", SelectorOperator::DoesNotExist, &[]))
                .types(&[Direction::Egress])
                .egress(rule().peer(web())),
        )
        .with(
            policy("x/web")
                .select(labels(&[("app", "web")]))
                .ingress(rule().peer(web())),
        )
        .build();
    let wired = endpoints(&cluster, "n1");
    let [client, server] = [0, 1].map(|index| wired[index].host_interface.as_str());
    let dialled = packet(client, server, "10.0.1.10", "10.0.1.11", 80);
    let mut table = compile_node(&cluster, "n1", Enforcement::On).table;
    let judged = |table: &Table| evaluate(table, Hook::Forward, &dialled, &mut |_| 0).outcome;
    assert_eq!(judged(&table), Outcome::Drop);
    let judge = table.chains.get_mut("ingress-judge4").unwrap();
    assert_eq!(judge.rules.remove(0).to_string(), "meta priority set none");
    assert_eq!(judged(&table), Outcome::Accept, "without the first rule");
}

#[test]
fn services_lead_to_their_backend_or_are_refused() {
    let node = set_up();
    for hook in [Hook::Prerouting, Hook::Output] {
        let dialled = packet(&node.b, "", "10.0.1.11", "10.96.0.10", 80);
        let result = node.run(hook, &dialled);
        assert_eq!(
            result.destination,
            Some(("10.0.1.10".parse().unwrap(), 8080))
        );
        let other_port = packet(&node.b, "", "10.0.1.11", "10.96.0.10", 81);
        assert_eq!(node.run(hook, &other_port).destination, None);
    }
    let unserved = packet(&node.b, "eth0", "10.0.1.11", "10.96.0.11", 80);
    for hook in [Hook::Forward, Hook::Output] {
        let refused = node.run(hook, &unserved);
        assert_eq!(refused.outcome, Outcome::Reject);
        let last = refused.trace.last().unwrap();
        let rule = &node.compiled.table.chains[&last.chain].rules[last.rule];
        assert_eq!(rule.to_string(), "meta l4proto tcp reject with tcp reset");
    }
}

/// AM-4: a pod that reaches itself through a Service passes, and sees another source than itself.
#[test]
fn a_hairpin_passes_and_is_masqueraded() {
    let node = set_up();
    let hairpin = packet(&node.a, &node.a, "10.0.1.10", "10.0.1.10", 8080);
    assert_eq!(node.outcome(Hook::Forward, &hairpin), Outcome::Accept);
    assert!(node.run(Hook::Postrouting, &hairpin).masquerade);
}

#[test]
fn only_pod_traffic_that_leaves_the_cluster_is_masqueraded() {
    let node = set_up();
    let masqueraded = |source: &str, destination: &str| {
        let packet = packet(&node.b, "eth0", source, destination, 80);
        node.run(Hook::Postrouting, &packet).masquerade
    };
    assert!(masqueraded("10.0.1.11", "198.51.100.9"));
    assert!(masqueraded("fd00:10:1::a", "2001:db8::1"));
    for inside in ["10.0.2.9", "10.96.0.10", "192.168.0.11"] {
        assert!(!masqueraded("10.0.1.11", inside), "{inside}");
    }
    assert!(
        !masqueraded("192.168.0.11", "198.51.100.9"),
        "the node's own"
    );
    assert!(
        !masqueraded("198.51.100.9", "10.0.1.11"),
        "into the cluster"
    );
}

#[test]
fn neighbour_discovery_stays_on_the_link() {
    let node = set_up();
    let outcome = |source: &str, destination: &str| {
        let mut message = packet(&node.a, "", source, destination, 0);
        message.protocol = IpProtocol::ICMPV6;
        message.source_port = Some(u16::from_be_bytes([134, 0]));
        message.tcp_flags = TcpFlags(0);
        node.outcome(Hook::Prerouting, &message)
    };
    assert_eq!(outcome("fe80::1", "fe80::2"), Outcome::Accept);
    assert_eq!(outcome("::", "ff02::1"), Outcome::Accept);
    assert_eq!(outcome("fd00:66::1", "2001:db8::1"), Outcome::Drop);
    assert_eq!(outcome("fe80::1", "2001:db8::1"), Outcome::Drop);
    let reflected = outcome("fd00:10:2::b", "fe80::2");
    assert_eq!(
        reflected,
        Outcome::Drop,
        "the node would answer whom the source names"
    );
}

#[test]
fn only_nodes_feed_the_tunnels_between_nodes() {
    let node = set_up();
    let datagram = |input: &str, output: &str, source: &str, destination: &str| Packet {
        protocol: Protocol::Udp.into(),
        tcp_flags: TcpFlags(0),
        ..packet(input, output, source, destination, 8472)
    };
    let own = |input: &str, source: &str, to: &str| {
        node.outcome(Hook::Input, &datagram(input, "", source, to))
    };
    assert_eq!(
        own("eth0", "192.168.0.11", "192.168.0.11"),
        Outcome::Accept,
        "a node"
    );
    assert_eq!(
        own("eth0", "203.0.113.9", "192.168.0.11"),
        Outcome::Drop,
        "from outside"
    );
    for listening in [
        "192.168.0.11",
        "169.254.1.1",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
    ] {
        assert_eq!(
            own(&node.b, "10.0.1.11", listening),
            Outcome::Drop,
            "{listening}"
        );
    }
    for listening in ["fe80::1", "ff02::1", "fd01::11"] {
        assert_eq!(
            own(&node.a, "fd00:10:1::a", listening),
            Outcome::Drop,
            "{listening}"
        );
    }
    let forwarded =
        |to: &str| node.outcome(Hook::Forward, &datagram(&node.b, "eth0", "10.0.1.11", to));
    assert_eq!(forwarded("192.168.0.11"), Outcome::Drop);
    assert_eq!(
        forwarded("198.51.100.9"),
        Outcome::Drop,
        "may be a node's that nobody knows"
    );
    assert_eq!(
        forwarded("10.0.2.9"),
        Outcome::Accept,
        "a pod that happens to use the port"
    );
    // What a Service with such a backend has translated, which would leave under this node's source.
    let passed_on = |to: &str| {
        let datagram = datagram("eth0", "eth0", "203.0.113.9", to);
        node.outcome(Hook::Forward, &datagram)
    };
    assert_eq!(passed_on("192.168.0.11"), Outcome::Drop);
    assert_eq!(passed_on("198.51.100.9"), Outcome::Accept);
}

/// DP-22, where the server is the node itself.
#[test]
fn a_node_revives_no_connection_of_its_pods() {
    let node = set_up();
    let sent = |output: &str, flags: TcpFlags| {
        let mut packet = packet("", output, "192.168.0.11", "10.0.1.10", 8080);
        packet.tcp_flags = flags;
        node.outcome(Hook::Output, &packet)
    };
    assert_eq!(sent(&node.a, TcpFlags::ACK), Outcome::Drop);
    assert_eq!(sent(&node.a, TcpFlags::SYN), Outcome::Accept);
    assert_eq!(sent("eth0", TcpFlags::ACK), Outcome::Accept);
}

#[test]
fn tunnels_between_nodes_are_not_tracked_and_nothing_else() {
    let node = set_up();
    let datagram = |input: &str, source: &str, destination: &str, port: u16| Packet {
        protocol: Protocol::Udp.into(),
        tcp_flags: TcpFlags(0),
        ..packet(input, "", source, destination, port)
    };
    let is_untracked = |hook, packet: Packet| node.run(hook, &packet).untracked;
    for (source, destination, untracked) in [
        ("192.168.0.11", "192.168.0.11", true),
        ("fd01::11", "fd01::11", true),
        ("203.0.113.9", "192.168.0.11", false),
        ("192.168.0.11", "10.0.1.10", false),
        ("fd01::11", "fd00:10:1::a", false),
    ] {
        let arriving = datagram("eth0", source, destination, 8472);
        assert_eq!(
            is_untracked(Hook::Prerouting, arriving),
            untracked,
            "{source} {destination}"
        );
    }
    let other = datagram("eth0", "192.168.0.11", "192.168.0.11", 53);
    assert!(!is_untracked(Hook::Prerouting, other));
    let sent = |to, port| is_untracked(Hook::Output, datagram("", "192.168.0.11", to, port));
    assert!(sent("192.168.0.11", 8472));
    assert!(!sent("192.168.0.11", 53));
    assert!(!sent("10.0.2.9", 8472), "a pod of another node");
    let pod = datagram(&node.a, "10.0.1.10", "192.168.0.11", 8472);
    assert!(!is_untracked(Hook::Prerouting, pod));
}

#[test]
fn the_address_of_a_local_pod_comes_from_its_interface_alone() {
    let node = set_up();
    let arrives = |interface: &str, source: &str| {
        node.outcome(
            Hook::Prerouting,
            &packet(interface, "", source, "10.0.1.11", 80),
        )
    };
    assert_eq!(arrives("eth0", "10.0.1.10"), Outcome::Drop);
    assert_eq!(arrives("vxlan0", "10.0.1.10"), Outcome::Drop);
    assert_eq!(
        arrives("vxlan0", "10.0.2.10"),
        Outcome::Accept,
        "a pod of another node"
    );
    let own = packet("eth0", &node.a, "10.0.1.10", "10.0.1.10", 80);
    assert_eq!(
        node.outcome(Hook::Forward, &own),
        Outcome::Drop,
        "no hairpin from outside"
    );
}

#[test]
fn external_addresses_take_over_nobody_inside() {
    let hijack = service("aaa/hijack")
        .select("app", "thief")
        .external_address("10.96.0.10")
        .external_address("10.96.7.7")
        .external_address("10.0.9.9")
        .external_address("169.254.169.254")
        .external_address("198.51.100.4")
        .port(tcp(80), 80);
    let cluster = cluster()
        .with(
            pod("aaa/thief")
                .label("app", "thief")
                .address("10.0.1.66")
                .on_node("n1"),
        )
        .with(
            pod("x/web")
                .label("app", "web")
                .address("10.0.1.10")
                .on_node("n1"),
        )
        .with(hijack)
        .with(
            service("x/web")
                .select("app", "web")
                .address("10.96.0.10")
                .port(tcp(80), 80),
        )
        .build();
    let compiled = compile_node(&cluster, "n1", Enforcement::On);
    let services = &compiled.table.sets["services4"];
    let served: Vec<String> = services
        .elements
        .iter()
        .map(|(key, element)| services.element_text(key, element))
        .collect();
    assert_eq!(
        served,
        [
            "10.96.0.10 . tcp . 80 comment \"x/web:80\" : 0:1",
            "198.51.100.4 . tcp . 80 comment \"aaa/hijack:80\" : 0:1",
        ]
    );
}

/// Whatever is dropped is reported first, and the drop depends on nothing.
#[test]
fn a_load_balancer_lets_in_whom_its_service_lists() {
    let front = service("x/front")
        .select("app", "a")
        .address("10.96.0.20")
        .address("fd00:96::20")
        .port(tcp(80), 8080)
        .port(tcp(443), 8080)
        .node_port(30_443)
        .balanced(
            "198.51.100.20",
            &["203.0.113.0/29", "203.0.113.4/30", "203.0.113.64/26"],
        )
        .balanced("2001:db8:100::20", &["203.0.113.0/29", "2001:db8::/64"])
        .external_address("198.51.100.21");
    let cluster = cluster()
        .with(node("n1", &["192.168.0.11", "fd01::11"]))
        .with(
            pod("x/a")
                .label("app", "a")
                .address("10.0.1.10")
                .address("fd00:10:1::a")
                .on_node("n1"),
        )
        .with(front)
        .build();
    let table = compile_node(&cluster, "n1", Enforcement::On).table;
    let outcome = |hook, source: &str, destination: &str, port| {
        let input = if hook == Hook::Output { "" } else { "eth0" };
        let opening = packet(input, "", source, destination, port);
        evaluate(&table, hook, &opening, &mut |_| 0).outcome
    };
    for hook in [Hook::Prerouting, Hook::Output] {
        for (source, destination, port, expected) in [
            ("203.0.113.7", "198.51.100.20", 80, Outcome::Accept),
            ("203.0.113.8", "198.51.100.20", 80, Outcome::Drop),
            ("203.0.113.64", "198.51.100.20", 80, Outcome::Accept),
            ("192.168.0.11", "198.51.100.20", 443, Outcome::Drop),
            ("2001:db8::9", "2001:db8:100::20", 80, Outcome::Accept),
            ("2001:db8:0:1::9", "2001:db8:100::20", 80, Outcome::Drop),
            ("fd01::11", "2001:db8:100::20", 443, Outcome::Drop),
            ("203.0.113.9", "198.51.100.20", 81, Outcome::Accept),
            ("203.0.113.9", "198.51.100.21", 80, Outcome::Accept),
            ("203.0.113.9", "10.96.0.20", 80, Outcome::Accept),
            ("203.0.113.9", "192.168.0.11", 30_443, Outcome::Accept),
        ] {
            let found = outcome(hook, source, destination, port);
            assert_eq!(found, expected, "{hook:?} {source} -> {destination}:{port}");
        }
    }
}

#[test]
fn every_drop_is_reported() {
    let table = set_up().compiled.table;
    let dropping = |rule: &Rule| rule.statements.contains(&Statement::Verdict(Verdict::Drop));
    for (name, chain) in &table.chains {
        let drops = chain.rules.iter().filter(|rule| dropping(rule)).count();
        assert_eq!(drops, usize::from(name.starts_with("drop-")), "{name}");
        if drops == 1 {
            let [report, drop] = chain.rules.as_slice() else {
                panic!("{name}: {:?}", chain.rules)
            };
            let [Statement::Limit(_), Statement::Log(log)] = report.statements.as_slice() else {
                panic!("{name}: {report}")
            };
            let reason = Reason::of_prefix(&log.prefix).expect("a known prefix");
            assert_eq!(format!("drop-{}", reason.word()), *name);
            assert_eq!(drop.statements, [Statement::Verdict(Verdict::Drop)]);
        }
    }
}

/// What is let through is reported where that is asked for, and fares the same.
#[test]
fn allowed_connections_are_reported_on_demand() {
    let network = NetworkConfig {
        record: Record::All,
        ..network()
    };
    let view = NodeView {
        name: "n1",
        endpoints: &[],
        network: &network,
        enforcement: Enforcement::On,
    };
    let compiled = compile(&cluster().build(), &view).unwrap();
    assert_eq!(ringfence_ruleset::validate(&compiled.table), Ok(()));
    for chain in ["forward", "input"] {
        let last = compiled.table.chains[chain].rules.last().unwrap();
        assert!(
            last.to_string().contains("\"ringfence allowed\""),
            "{chain}: {last}"
        );
    }
    assert_ne!(set_up().compiled.table.comment, compiled.table.comment);
}
