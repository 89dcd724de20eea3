//! Rules HF-1 to HF-8: the engine beside the reference, for connections to nodes and for classes.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ringfence_model::{
    Because, ClusterAction, ClusterPeer, ClusterPort, ClusterRule, Direction, DirectionVerdict,
    Endpoint, HostFirewall, HostRules, LabelSelector, Node, Outcome, Party, Query,
};
use ringfence_net::{Family, IpProtocol, PortRange, Protocol};
use ringfence_policy::Engine;
use ringfence_reference::answer;
use ringfence_testkit::builder::{cluster as cluster_of, labels, node, pod, service, tcp};
use ringfence_testkit::generate::{HOST_PORTS, Shape, close_nodes, cluster};

const SEEDS: u64 = 300;
const OUTSIDE: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9)),
    IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9)),
];

/// Which of the reasons came up how often.
#[derive(Debug, Default)]
struct Seen(BTreeMap<&'static str, usize>);

#[test]
fn engine_and_reference_agree_about_closed_nodes() {
    let (mut seen, mut compared, mut shut) = (Seen::default(), 0, 0);
    for seed in 0..SEEDS {
        let shape = if seed % 2 == 0 {
            Shape::EVERYTHING
        } else {
            Shape::WIRED
        };
        let mut cluster = cluster(seed, shape);
        close_nodes(seed, &mut cluster);
        let engine = Engine::new(cluster.clone());
        let nodes = cluster.nodes.keys().cloned().map(Endpoint::Node);
        let nodes: Vec<Endpoint> = nodes.collect();
        let pods = cluster.pods.keys().cloned().map(Endpoint::Pod);
        let outside = OUTSIDE.map(Endpoint::Address);
        let sources: Vec<Endpoint> = nodes.iter().cloned().chain(pods).chain(outside).collect();
        for (source, node) in sources
            .iter()
            .flat_map(|it| nodes.iter().map(move |to| (it, to)))
        {
            let asked = Protocol::ALL.map(IpProtocol::from);
            let asked = asked
                .into_iter()
                .flat_map(|protocol| HOST_PORTS.map(|port| (protocol, Some(port))));
            for (protocol, port) in asked.chain([(IpProtocol::ICMP, None)]) {
                let query = Query {
                    source: source.clone(),
                    destination: node.clone(),
                    protocol,
                    port,
                };
                let expected = answer(&cluster, &query);
                let found = engine.answer(&query);
                assert_eq!(found, expected, "seed {seed}: {query:?}");
                for connection in expected.into_iter().flat_map(|it| it.connections) {
                    seen.count(&connection.ingress.because, connection.ingress.verdict);
                }
            }
        }
        compared += classes_agree(seed, &engine);
        shut += node_ports_are_closed(seed, &engine);
    }
    assert!(compared > 1_000, "{compared}");
    assert!(shut > 20, "{shut}");
    for reason in [
        "itself", "protocol", "rules", "failsafe", "closed", "unknown",
    ] {
        let count = seen.0.get(reason).copied().unwrap_or(0);
        assert!(count > 20, "{reason}: {count} of {seen:?}");
    }
}

impl Seen {
    fn count(&mut self, because: &Because, verdict: DirectionVerdict) {
        use ringfence_model::HostReason as Reason;
        let Because::Host(reason) = because else {
            return;
        };
        let (name, expected) = match reason {
            Reason::Itself => ("itself", DirectionVerdict::Allow),
            Reason::OtherProtocol => ("protocol", DirectionVerdict::Allow),
            Reason::Rules { .. } => ("rules", DirectionVerdict::Allow),
            Reason::Failsafe { .. } => ("failsafe", DirectionVerdict::Allow),
            Reason::NoRuleMatched { .. } => ("closed", DirectionVerdict::Deny),
            Reason::AddressUnknown { .. } => ("unknown", DirectionVerdict::Unknown),
        };
        assert_eq!(verdict, expected, "{because}");
        *self.0.entry(name).or_default() += 1;
    }
}

/// What the engine says of a class is what it says of its members. Gives how often that was compared.
fn classes_agree(seed: u64, engine: &Engine) -> usize {
    let mut compared = 0;
    let cluster = engine.cluster();
    for node in cluster.nodes.keys() {
        for pod in cluster.pods.keys() {
            let Some(class) = engine.class_of_pod(pod) else {
                continue;
            };
            for (protocol, port) in Protocol::ALL
                .into_iter()
                .flat_map(|it| HOST_PORTS.map(|port| (it, port)))
            {
                let query = Query {
                    source: Endpoint::Pod(pod.clone()),
                    destination: Endpoint::Node(node.clone()),
                    protocol: protocol.into(),
                    port: Some(port),
                };
                let Ok(answer) = engine.answer(&query) else {
                    continue;
                };
                let Some(connection) = answer.connections.first() else {
                    continue;
                };
                // A port of a Service leads elsewhere (rule HF-8).
                if !matches!(connection.destination, Party::Node { .. }) {
                    continue;
                }
                // A node has a class for each of its addresses (rule Q-5).
                let Some(address) = connection.destination.address() else {
                    continue;
                };
                let own = engine.class_of_address(address);
                let reach = engine.between(class, own);
                let verdict = connection.verdict();
                let is_allowed = reach.allowed.allows(protocol.into(), Some(port));
                let expected = verdict == DirectionVerdict::Allow;
                assert_eq!(is_allowed, expected, "seed {seed}: {query:?}");
                compared += 1;
            }
        }
    }
    compared
}

/// HF-8: what a node does not let in from outside at a port of a Service leads nowhere, whatever the backends say. Gives how
/// often that was so.
fn node_ports_are_closed(seed: u64, engine: &Engine) -> usize {
    let cluster = engine.cluster();
    let ports = cluster.services.values().flat_map(|service| &service.ports);
    let ports: Vec<_> = ports
        .filter_map(|it| Some((it.protocol, it.node_port?)))
        .collect();
    let mut shut = 0;
    let addresses = cluster.nodes.values().flat_map(|node| &node.addresses);
    let ways = addresses.flat_map(|to| OUTSIDE.map(|from| (*to, from)));
    let is_way = |(to, from): &(IpAddr, IpAddr)| Family::of(*to) == Family::of(*from);
    for (to, from) in ways.filter(is_way) {
        let (own, peer) = (engine.class_of_address(to), engine.class_of_address(from));
        let open = engine.one_way(Direction::Ingress, own, peer).allowed;
        for (protocol, port) in &ports {
            let query = Query {
                source: Endpoint::Address(from),
                destination: Endpoint::Address(to),
                protocol: (*protocol).into(),
                port: Some(*port),
            };
            if !open.allows(query.protocol, query.port) {
                let outcome = engine.answer(&query).map(|answer| answer.outcome);
                assert_eq!(outcome, Ok(Outcome::Deny), "seed {seed}: {query:?}");
                shut += 1;
            }
        }
    }
    shut
}

/// OB-19, HF-5: a backend elsewhere sees the node that forwards, and a host pod is no exception.
#[test]
fn a_host_pod_elsewhere_sees_the_node_that_forwards() {
    let rules = HostRules {
        nodes: labels(&[("kubernetes.io/hostname", "n2")]),
        ingress: vec![ClusterRule {
            name: None,
            action: ClusterAction::Accept,
            peers: vec![ClusterPeer::Nodes(LabelSelector::default())],
            ports: vec![ClusterPort::Range(Protocol::Tcp, PortRange::single(9100))],
            source: None,
        }],
    };
    let firewall = HostFirewall {
        name: "w".to_owned(),
        confirmed: Some(rules),
        trial: None,
        source: None,
    };
    let exporter = service("b/exporter")
        .select("app", "host")
        .address("10.96.0.1");
    let mut cluster = cluster_of()
        .with(named_node("n1", "192.168.0.1"))
        .with(named_node("n2", "192.168.0.2"))
        .with(
            pod("b/host")
                .label("app", "host")
                .host_network()
                .on_node("n2"),
        )
        .with(exporter.port(tcp(9100), 9100).node_port(30_910))
        .build();
    cluster.host_firewalls.insert("w".to_owned(), firewall);
    let engine = Engine::new(cluster.clone());
    for (to, outcome, seen) in [
        ("192.168.0.1", Outcome::Allow, Some("n1")),
        // The port itself is closed where the firewall is.
        ("192.168.0.2", Outcome::Deny, None),
    ] {
        let query = Query {
            source: Endpoint::Address("203.0.113.10".parse().unwrap()),
            destination: Endpoint::Address(to.parse().unwrap()),
            protocol: Protocol::Tcp.into(),
            port: Some(30_910),
        };
        let found = engine.answer(&query).unwrap();
        assert_eq!(Ok(&found), answer(&cluster, &query).as_ref());
        assert_eq!(found.outcome, outcome, "{to}: {found}");
        let source = &found.connections[0].source;
        let node = match source {
            Party::Node { name, .. } => name.as_deref(),
            Party::Pod { .. } | Party::Other(_) | Party::Loopback(_) => None,
        };
        assert_eq!(node, seen, "{to}: {source}");
    }
}

fn named_node(name: &str, address: &str) -> Node {
    let mut node = node(name, &[address]);
    let label = ("kubernetes.io/hostname".to_owned(), name.to_owned());
    node.labels.extend([label]);
    node
}
