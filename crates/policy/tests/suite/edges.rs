//! What is easy to get wrong, one thing at a time.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeSet;
use std::net::IpAddr;

use ringfence_model::{Direction, Endpoint, LabelSelector, NetworkPolicy, ObjectName, Query};
use ringfence_net::{ConnectionSet, IpProtocol, PortSet, Protocol};
use ringfence_policy::{Change, ClassId, ClassKind, Engine, Reach};
use ringfence_reference::answer;
use ringfence_testkit::builder::{
    ClusterBuilder, accept, address, admin, block, cluster, deny, every_pod, labels, name, node,
    pod, pods, policy, port_named, rule, service, tcp,
};

fn engine(cluster: ClusterBuilder) -> Engine {
    Engine::new(cluster.build())
}

fn of(engine: &Engine, pod: &str) -> ClassId {
    engine.class_of_pod(&name(pod)).unwrap()
}

fn at(engine: &Engine, text: &str) -> ClassId {
    engine.class_of_address(address(text))
}

fn between(engine: &Engine, from: &str, to: &str) -> Reach {
    engine.between(of(engine, from), of(engine, to))
}

/// The examples of all classes of addresses.
fn examples(engine: &Engine) -> BTreeSet<IpAddr> {
    let examples = engine.classes().filter_map(|(_, class)| match class.kind {
        ClassKind::Addresses { example, .. } => Some(example),
        ClassKind::Pods { .. } | ClassKind::Node { .. } => None,
    });
    examples.collect()
}

fn only_tcp(port: u16) -> Reach {
    Reach {
        allowed: ConnectionSet::of(Protocol::Tcp, PortSet::single(port)),
        unknown: ConnectionSet::none(),
    }
}

/// From this block alone, every port.
fn from_block(cidr: &str) -> NetworkPolicy {
    let from = rule().peer(block(cidr, &[]));
    policy("default/from-block").ingress(from).build()
}

fn http(from: &str, to: &str) -> Query {
    Query {
        source: Endpoint::Pod(name(from)),
        destination: Endpoint::Pod(name(to)),
        protocol: IpProtocol::from(Protocol::Tcp),
        port: Some(80),
    }
}

fn set(engine: &mut Engine, policy: NetworkPolicy) {
    engine.apply(Change::SetNetworkPolicy(policy));
}

#[test]
fn a_class_moves_as_a_whole_or_is_split_and_made_one_again() {
    let pods = cluster()
        .with(pod("default/a").address("10.0.0.1"))
        .with(pod("default/b").address("10.0.0.2"))
        .with(pod("default/c").label("app", "c").address("10.0.1.1"));
    let mut engine = engine(pods);
    let class = of(&engine, "default/a");
    assert_eq!(class, of(&engine, "default/b"));
    set(&mut engine, from_block("10.0.0.0/24"));
    assert_eq!(
        [class; 2],
        [of(&engine, "default/a"), of(&engine, "default/b")]
    );
    assert_eq!(between(&engine, "default/a", "default/c"), Reach::all());
    assert_eq!(between(&engine, "default/c", "default/a"), Reach::none());
    set(&mut engine, from_block("10.0.0.2/32"));
    assert_ne!(of(&engine, "default/a"), of(&engine, "default/b"));
    assert_eq!(between(&engine, "default/a", "default/c"), Reach::none());
    assert_eq!(between(&engine, "default/b", "default/c"), Reach::all());
    engine.apply(Change::RemoveNetworkPolicy(name("default/from-block")));
    assert_eq!(of(&engine, "default/a"), of(&engine, "default/b"));
    assert_eq!(between(&engine, "default/a", "default/c"), Reach::all());
}

#[test]
fn an_engine_is_asked_by_several_threads() {
    fn shared(_: &(impl Send + Sync)) {}
    shared(&engine(cluster()));
}

/// CN-35: two pods that differ in nothing but that one has the address of a node.
#[test]
fn a_node_peer_tells_a_pod_with_the_nodes_address_from_others() {
    let to_nodes = deny().nodes(LabelSelector::default());
    let mut engine = engine(
        cluster()
            .with(node("n1", &["10.0.0.1"]))
            .with(pod("default/a").address("10.0.0.1"))
            .with(pod("default/b").address("10.0.0.2"))
            .with(admin("no-nodes", 1).subject(every_pod()).egress(to_nodes)),
    );
    assert_ne!(of(&engine, "default/a"), of(&engine, "default/b"));
    assert_eq!(between(&engine, "default/b", "default/a"), Reach::none());
    assert_eq!(between(&engine, "default/a", "default/b"), Reach::all());
    engine.apply(Change::RemoveNode("n1".to_owned()));
    assert_eq!(of(&engine, "default/a"), of(&engine, "default/b"));
    assert_eq!(between(&engine, "default/b", "default/a"), Reach::all());
}

/// NP-40: a hole of the other family takes nothing away from who has an address of both; whether the policy or the pod
/// comes first.
#[test]
fn a_hole_of_the_other_family_is_none() {
    let both = || pod("default/both").label("app", "both");
    let both = || both().address("10.0.0.1").address("fd00::1");
    let target = || pod("default/target").address("10.0.0.9").address("fd00::9");
    let from = |cidr, hole| rule().peer(block(cidr, &[hole]));
    let rules = policy("default/from-block")
        .ingress(from("10.0.0.0/8", "fd00::/8"))
        .build();
    let mut policy_last = engine(cluster().with(both()).with(target()));
    assert_eq!(
        between(&policy_last, "default/both", "default/target"),
        Reach::all()
    );
    set(&mut policy_last, rules.clone());
    let mut pod_last = engine(cluster().with(target()).with(rules));
    pod_last.for_each_row(|_, _| {});
    pod_last.apply(Change::SetPod(both().build()));
    for engine in [policy_last, pod_last] {
        assert_eq!(
            between(&engine, "default/both", "default/target"),
            Reach::all()
        );
        let question = http("default/both", "default/target");
        assert_eq!(
            engine.answer(&question),
            answer(engine.cluster(), &question)
        );
    }
}

/// AM-22: what is compared with an address that is not known may come out either way.
#[test]
fn a_pod_without_address_leaves_blocks_open() {
    let to_block = deny().networks(&["10.0.0.0/8"]);
    let engine = engine(
        cluster()
            .with(pod("default/a"))
            .with(pod("default/b").label("app", "b").address("10.0.0.2"))
            .with(from_block("10.0.0.0/8"))
            .with(admin("no-tens", 1).subject(every_pod()).egress(to_block)),
    );
    let unknown = Reach {
        allowed: ConnectionSet::none(),
        unknown: ConnectionSet::all(),
    };
    let (a, b) = (of(&engine, "default/a"), of(&engine, "default/b"));
    assert_eq!(engine.one_way(Direction::Ingress, b, a), unknown);
    assert_eq!(engine.one_way(Direction::Egress, b, a), unknown);
    assert_eq!(engine.between(b, a), unknown);
    assert_eq!(engine.one_way(Direction::Egress, a, b), Reach::none());
    assert_eq!(
        engine.between(a, b),
        Reach::none(),
        "a refusal outweighs it"
    );
    assert_eq!(engine.row(a).reach(b), Reach::none());
    assert_eq!(engine.row(b).reach(a), unknown);
}

/// NP-34, AM-12: a name is each destination's own.
#[test]
fn a_named_port_is_what_each_peer_declares() {
    let to_web = rule()
        .peer(pods(LabelSelector::default()))
        .port(port_named(Protocol::Tcp, "web"));
    let engine = engine(
        cluster()
            .with(pod("default/a").label("app", "a"))
            .with(pod("default/b").port("web", tcp(8080)))
            .with(pod("default/c").port("web", tcp(9090)))
            .with(pod("default/d").port("other", tcp(8080)))
            .with(
                policy("default/egress")
                    .select(labels(&[("app", "a")]))
                    .types(&[Direction::Egress])
                    .egress(to_web),
            ),
    );
    assert_eq!(between(&engine, "default/a", "default/b"), only_tcp(8080));
    assert_eq!(between(&engine, "default/a", "default/c"), only_tcp(9090));
    assert_eq!(between(&engine, "default/a", "default/d"), Reach::none());
}

/// an error for a question, and nothing for a row.
#[test]
fn without_a_common_family_nothing_is_opened() {
    let engine = engine(
        cluster()
            .with(pod("default/four").address("10.0.0.1"))
            .with(pod("default/six").address("fd00::1"))
            .with(pod("default/both").address("fd00::2").address("10.0.0.2")),
    );
    assert_eq!(
        between(&engine, "default/four", "default/six"),
        Reach::none()
    );
    assert_eq!(
        between(&engine, "default/four", "default/both"),
        Reach::all()
    );
    let (four, six) = (of(&engine, "default/four"), of(&engine, "default/six"));
    assert_eq!(engine.row(four).reach(six), Reach::none());
    assert_eq!(engine.column(four).reach(six), Reach::none());
    assert_eq!(
        engine.row(six).reach(at(&engine, "2001:db8::1")),
        Reach::all()
    );
    assert_eq!(
        engine.row(six).reach(at(&engine, "203.0.113.1")),
        Reach::none()
    );
}

/// NP-61: a block of loopback is in no row, and whoever asks for the class hears what an answer says.
#[test]
fn loopback_is_no_end_of_a_row() {
    let engine = engine(
        cluster()
            .with(pod("default/a").address("10.0.0.1"))
            .with(from_block("127.0.0.0/16"))
            .with(policy("default/closed").types(&[Direction::Egress])),
    );
    let (pod, loopback) = (of(&engine, "default/a"), at(&engine, "127.0.0.1"));
    assert_eq!(engine.between(pod, loopback), Reach::all());
    assert_eq!(engine.between(loopback, pod), Reach::none());
    assert!(engine.classes().all(|(class, _)| class != loopback));
    assert!(!examples(&engine).iter().any(IpAddr::is_loopback));
}

#[test]
fn addresses_are_in_the_class_of_their_owner() {
    let engine = engine(
        cluster()
            .with(node("n1", &["192.168.0.1", "fd01::1"]))
            .with(pod("default/a").address("10.0.0.1").on_node("n2"))
            .with(pod("default/b").host_address("192.168.0.9")),
    );
    assert_eq!(at(&engine, "10.0.0.1"), of(&engine, "default/a"));
    assert_eq!(at(&engine, "::ffff:10.0.0.1"), of(&engine, "default/a"));
    assert_eq!(Some(at(&engine, "192.168.0.1")), engine.class_of_node("n1"));
    let second = &engine.class(at(&engine, "fd01::1")).kind;
    let wanted = ClassKind::Node {
        name: "n1".to_owned(),
        address: "fd01::1".parse().ok(),
        by_name: false,
    };
    assert_eq!(*second, wanted);
    assert!(engine.class_of_node("n2").is_some(), "a pod names it");
    assert_eq!(at(&engine, "192.168.0.9"), at(&engine, "203.0.113.1"));
    assert_eq!(engine.class_of_node("n3"), None);
    assert_eq!(engine.class_of_pod(&ObjectName::new("default", "z")), None);
}

#[test]
fn a_block_that_its_owner_fills_is_no_class_until_he_goes() {
    let owner = pod("default/a").address("10.0.0.1").build();
    let mut engine = engine(
        cluster()
            .with(owner.clone())
            .with(from_block("10.0.0.1/32")),
    );
    assert!(!examples(&engine).contains(&address("10.0.0.1")));
    engine.apply(Change::RemovePod(owner.name.clone()));
    assert!(examples(&engine).contains(&address("10.0.0.1")));
    let stranger = at(&engine, "10.0.0.1");
    assert!(engine.classes().any(|(class, _)| class == stranger));
    engine.apply(Change::SetPod(owner));
    assert!(!examples(&engine).contains(&address("10.0.0.1")));
    assert_eq!(at(&engine, "10.0.0.1"), of(&engine, "default/a"));
}

/// Whoever asks about an example must hear of the class, not of somebody who has the address.
#[test]
fn an_example_is_nobodys() {
    let web = service("default/web").external_address("203.0.113.1");
    let mut engine = engine(cluster().with(web));
    assert!(examples(&engine).contains(&address("198.51.100.1")));
    let pod = pod("default/a").address("198.51.100.1").build();
    engine.apply(Change::SetPod(pod));
    assert!(examples(&engine).contains(&address("0.0.0.1")));
    engine.apply(Change::SetNode(node("n1", &["0.0.0.1"])));
    assert!(examples(&engine).contains(&address("0.0.0.2")));
    let other = service("default/other").external_address("0.0.0.2").build();
    engine.apply(Change::SetService(other));
    assert!(examples(&engine).contains(&address("0.0.0.3")));
}

/// NP-50: a node is judged as one that is not the pod's own. NP-16: selectors do not match it, blocks do.
#[test]
fn nodes_come_in_by_blocks_alone() {
    let mut engine = engine(
        cluster()
            .with(node("n1", &["192.168.0.1"]))
            .with(pod("default/a").address("10.0.0.1").on_node("n1"))
            .with(policy("default/pods").ingress(rule().peer(pods(LabelSelector::default())))),
    );
    let node = engine.class_of_node("n1").unwrap();
    let to_pod = |engine: &Engine| engine.between(node, of(engine, "default/a"));
    assert_eq!(to_pod(&engine), Reach::none());
    set(&mut engine, from_block("192.168.0.0/24"));
    assert_eq!(to_pod(&engine), Reach::all());
    assert_eq!(engine.between(of(&engine, "default/a"), node), Reach::all());
}

/// CN-21, CN-27: what an earlier rule decided stays decided, port by port.
#[test]
fn the_first_rule_that_matches_decides_each_port() {
    let engine = engine(
        cluster()
            .with(pod("default/a").address("10.0.0.1"))
            .with(pod("default/b").label("app", "b").address("10.0.0.2"))
            .with(
                admin("ordered", 1)
                    .subject(every_pod())
                    .ingress(accept().pods(every_pod()).port(Protocol::Tcp, 80))
                    .ingress(deny().pods(every_pod()).ports(Protocol::Tcp, 1, 1024)),
            )
            .with(policy("default/closed").types(&[Direction::Ingress])),
    );
    assert_eq!(between(&engine, "default/a", "default/b"), only_tcp(80));
}

#[test]
fn rows_of_some_are_rows_of_all() {
    let engine = engine(
        cluster()
            .with(pod("default/a").label("app", "a").address("10.0.0.1"))
            .with(pod("default/b").label("app", "b").address("10.0.0.2"))
            .with(pod("default/c").label("app", "c").address("10.0.0.3"))
            .with(
                policy("default/from-a")
                    .select(labels(&[("app", "c")]))
                    .ingress(rule().peer(pods(labels(&[("app", "a")])))),
            ),
    );
    let some = ["default/b", "default/c"].map(|pod| of(&engine, pod));
    let mut found = BTreeSet::new();
    engine.for_each_row_of(&some.into_iter().collect(), |sources, row| {
        for source in sources.iter() {
            assert_eq!(engine.row(source), *row);
            assert!(found.insert(source));
        }
    });
    assert_eq!(found, BTreeSet::from(some));
    engine.for_each_column_of(&some.into_iter().collect(), |destinations, column| {
        for destination in destinations.iter() {
            assert_eq!(engine.column(destination), *column);
            assert!(found.remove(&destination));
        }
    });
    assert!(found.is_empty());
}
