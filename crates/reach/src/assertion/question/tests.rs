use ringfence_model::{
    ClusterAction, ClusterRule, Expected, HostFirewall, HostRules, LabelSelector,
};
use ringfence_reference::answer;
use ringfence_testkit::builder::{
    cluster, labels, name, node, pod, policy, port_named, ports, rule, service, tcp, udp,
};
use ringfence_testkit::generate::{self, Shape};

use super::*;

fn claim(source: &str, destination: Endpoint, connections: ConnectionSet) -> Claim {
    Claim {
        expected: Expected::Deny,
        source: Endpoint::Pod(name(source)),
        destination,
        connections,
    }
}

fn asked(cluster: &Cluster, claim: &Claim) -> Vec<String> {
    let found = questions(cluster, claim);
    found
        .iter()
        .map(|question| question.connections.to_string())
        .collect()
}

#[test]
fn ports_are_told_apart_where_a_rule_of_either_end_does() {
    let cluster = cluster()
        .with(pod("a/client").label("app", "client").address("10.0.0.1"))
        .with(
            pod("a/web")
                .label("app", "web")
                .address("10.0.0.2")
                .port("http", tcp(8080)),
        )
        .with(
            policy("a/web").select(labels(&[("app", "web")])).ingress(
                rule()
                    .port(ports(Protocol::Tcp, 90, 99))
                    .port(port_named(Protocol::Tcp, "http")),
            ),
        )
        .with(
            policy("a/client")
                .select(labels(&[("app", "client")]))
                .egress(rule().port(udp(53))),
        )
        .with(
            policy("a/other")
                .select(labels(&[("app", "none")]))
                .ingress(rule().port(tcp(7))),
        )
        .build();
    let to_web = || Endpoint::Pod(name("a/web"));
    assert_eq!(
        asked(&cluster, &claim("a/client", to_web(), ConnectionSet::all())),
        [
            "tcp/1-89",
            "tcp/90-99",
            "tcp/100-8079",
            "tcp/8080",
            "tcp/8081-65535",
            "udp/1-52",
            "udp/53",
            "udp/54-65535",
            "sctp/*",
            "other"
        ]
    );
    let some = ConnectionSet::of(
        Protocol::Tcp,
        PortSet::from_range(PortRange::new(95, 100).unwrap()),
    );
    assert_eq!(
        asked(&cluster, &claim("a/client", to_web(), some.clone())),
        ["tcp/95-99", "tcp/100"]
    );
    let by_address = Endpoint::Address("10.0.0.2".parse().unwrap());
    assert_eq!(
        asked(&cluster, &claim("a/client", by_address, some)),
        ["tcp/95-99", "tcp/100"]
    );
}

#[test]
fn a_service_is_asked_port_by_port() {
    let cluster = cluster()
        .with(pod("a/client").address("10.0.0.1"))
        .with(service("a/web").address("10.96.0.1").port(tcp(80), 8080))
        .build();
    let few = ConnectionSet::of(
        Protocol::Tcp,
        PortSet::from_range(PortRange::new(79, 81).unwrap()),
    );
    let to = Endpoint::Service(name("a/web"));
    assert_eq!(
        asked(&cluster, &claim("a/client", to, few.clone())),
        ["tcp/79", "tcp/80", "tcp/81"]
    );
    let to = Endpoint::Address("10.96.0.1".parse().unwrap());
    assert_eq!(
        asked(&cluster, &claim("a/client", to, few)),
        ["tcp/79", "tcp/80", "tcp/81"]
    );
}

/// The heart of it: an answer speaks for every connection that it is said to speak for.
#[test]
fn no_connection_is_answered_in_another_way_than_the_one_asked() {
    let mut told_apart = 0;
    for seed in 0..60 {
        let mut cluster = generate::cluster(seed, Shape::FULL);
        if seed % 3 == 0 {
            generate::close_nodes(seed, &mut cluster);
        }
        for (source, destination) in ends(&cluster) {
            let claim = Claim {
                expected: Expected::Allow,
                source,
                destination,
                connections: ConnectionSet::all(),
            };
            let found = questions(&cluster, &claim);
            let all = found.iter().map(|question| &question.connections);
            assert!(
                all.fold(ConnectionSet::none(), |sum, part| sum.union(part))
                    .is_all()
            );
            told_apart += found.len() - 4;
            for question in found {
                let asked = answer(&cluster, &question.query).map(|answer| answer.outcome);
                for query in spoken_for(&question) {
                    let answered = answer(&cluster, &query).map(|answer| answer.outcome);
                    assert_eq!(
                        answered, asked,
                        "seed {seed}: {query:?} by {:?}",
                        question.query
                    );
                }
            }
        }
    }
    assert!(told_apart > 1000, "only {told_apart}");
}

/// OB-19: with the node's own ports on both sides.
#[test]
fn ports_at_nodes_that_a_service_has_are_told_apart() {
    let web = service("a/web").select("app", "web").address("10.96.0.1");
    let cluster = cluster()
        .with(node("n1", &["192.168.0.1"]))
        .with(pod("a/host").host_network().on_node("n1"))
        .with(pod("a/client").address("10.0.0.1"))
        .with(web.port(tcp(80), 8080).node_port(30_080))
        .build();
    let range = PortRange::new(30_000, 30_100).unwrap();
    let range = ConnectionSet::of(Protocol::Tcp, PortSet::from_range(range));
    let node = Endpoint::Address("192.168.0.1".parse().unwrap());
    for end in [
        node,
        Endpoint::Node("n1".into()),
        Endpoint::Pod(name("a/host")),
    ] {
        assert_eq!(
            asked(&cluster, &claim("a/client", end, range.clone())),
            ["tcp/30000-30079", "tcp/30080", "tcp/30081-30100"]
        );
    }
    let pod = Endpoint::Address("10.0.0.1".parse().unwrap());
    let asked = asked(&cluster, &claim("a/client", pod, range));
    assert_eq!(asked, ["tcp/30000-30100"]);
}

/// HF-5, HF-7: the ports of rules for nodes, and those that stay open.
#[test]
fn ports_that_a_firewall_of_a_node_names_are_told_apart() {
    let mut cluster = cluster()
        .with(node("n1", &["192.168.0.1"]))
        .with(pod("a/client").address("10.0.0.1"))
        .build();
    let accepting = ClusterRule {
        name: None,
        action: ClusterAction::Accept,
        peers: Vec::new(),
        ports: vec![ClusterPort::Range(
            Protocol::Tcp,
            PortRange::new(90, 99).unwrap(),
        )],
        source: None,
    };
    let firewall = HostFirewall {
        name: "w".to_owned(),
        confirmed: Some(HostRules {
            nodes: LabelSelector::default(),
            ingress: vec![accepting],
        }),
        trial: None,
        source: None,
    };
    cluster.host_firewalls.insert("w".to_owned(), firewall);
    let range = PortRange::new(20, 100).unwrap();
    let range = ConnectionSet::of(Protocol::Tcp, PortSet::from_range(range));
    let claim = claim("a/client", Endpoint::Node("n1".into()), range);
    assert_eq!(
        asked(&cluster, &claim),
        ["tcp/20-21", "tcp/22", "tcp/23-89", "tcp/90-99", "tcp/100"]
    );
}

/// Every way in a random cluster, by name and by address.
fn ends(cluster: &Cluster) -> Vec<(Endpoint, Endpoint)> {
    let pods: Vec<Endpoint> = cluster.pods.keys().cloned().map(Endpoint::Pod).collect();
    let nodes = cluster.nodes.keys().cloned().map(Endpoint::Node);
    let services = cluster.services.keys().cloned().map(Endpoint::Service);
    let own = cluster.pods.values().flat_map(|pod| pod.addresses.clone());
    let outside = [
        "203.0.113.9".parse().unwrap(),
        "2001:db8::9".parse().unwrap(),
    ];
    let of_nodes = cluster
        .nodes
        .values()
        .flat_map(|node| node.addresses.clone());
    let addresses = own.chain(of_nodes).chain(outside).map(Endpoint::Address);
    let others: Vec<Endpoint> = nodes.chain(services).chain(addresses).collect();
    let to: Vec<Endpoint> = pods.iter().chain(&others).cloned().collect();
    let every = pods
        .iter()
        .flat_map(|from| to.iter().map(|to| (from.clone(), to.clone())));
    let back = others
        .iter()
        .flat_map(|from| pods.iter().map(|to| (from.clone(), to.clone())));
    every.chain(back).collect()
}

/// The question's connections at the ends of its ranges and in their middle, and another protocol without ports.
fn spoken_for(question: &Question) -> Vec<Query> {
    let mut found = Vec::new();
    for (protocol, ports) in question.connections.iter() {
        for range in ports.ranges() {
            let middle = range.first() + (range.last() - range.first()) / 2;
            for port in [range.first(), middle, range.last()] {
                found.push(Query {
                    protocol: protocol.into(),
                    port: Some(port),
                    ..question.query.clone()
                });
            }
        }
    }
    if question.connections.allows_other() {
        found.push(Query {
            protocol: IpProtocol(47),
            ..question.query.clone()
        });
    }
    found
}
