//! What an operator can rely on: how tables change, what they say, and what is refused.

use std::collections::BTreeSet;

use ringfence_compile::{
    Capacity, CompileError, Compiled, Enforcement, LocalEndpoint, NetworkConfig, NodeView,
    ObjectRef, compile,
};
use ringfence_model::{Cluster, Direction, ObjectName, Phase};
use ringfence_ruleset::{Datum, Key, Operation, diff, validate};
use ringfence_testkit::builder::{
    ClusterBuilder, block, cluster, labels, namespace, namespaces, node, pod, pods, policy,
    port_named, rule, service, tcp, udp,
};

use crate::world::{compile_node, network};

/// The demo's pods: a web application and its database on n1, a frontend on n2.
fn demo() -> ClusterBuilder {
    cluster()
        .with(namespace("netpol-demo", &[]))
        .with(namespace("frontend", &[("purpose", "frontend")]))
        .with(node("n1", &["192.168.0.11"]))
        .with(node("n2", &["192.168.0.12"]))
        .with(web("web-1", "10.0.1.10"))
        .with(
            pod("netpol-demo/db")
                .label("app", "db")
                .address("10.0.1.12")
                .on_node("n1"),
        )
        .with(frontend("client-1", "10.0.2.10"))
        .with(policy("netpol-demo/default-deny-ingress"))
        .with(
            policy("netpol-demo/web-allow-frontend")
                .select(labels(&[("app", "web")]))
                .ingress(
                    rule()
                        .peer(namespaces(labels(&[("purpose", "frontend")])))
                        .port(tcp(80)),
                ),
        )
        .with(
            policy("netpol-demo/db-policy")
                .select(labels(&[("app", "db")]))
                .ingress(rule().peer(pods(labels(&[("app", "web")]))).port(tcp(5432))),
        )
        .with(
            service("netpol-demo/web-app")
                .select("app", "web")
                .address("10.96.0.10")
                .port(tcp(80), 80),
        )
}

fn web(name: &str, address: &str) -> ringfence_testkit::builder::PodBuilder {
    pod(&format!("netpol-demo/{name}"))
        .label("app", "web")
        .address(address)
        .on_node("n1")
}

fn frontend(name: &str, address: &str) -> ringfence_testkit::builder::PodBuilder {
    pod(&format!("frontend/{name}"))
        .address(address)
        .on_node("n2")
}

fn on_n1(cluster: &Cluster) -> Compiled {
    compile_node(cluster, "n1", Enforcement::On)
}

/// The transaction on n1 from one cluster to the other.
fn change(from: ClusterBuilder, to: ClusterBuilder) -> Vec<Operation> {
    let (from, to) = (on_n1(&from.build()), on_n1(&to.build()));
    diff(Some(&from.table), &to.table)
}

/// Each operation in short: set, `+` or `-`, and keys.
fn summary(operations: &[Operation]) -> Vec<String> {
    let text = |set: &str, definition: &ringfence_ruleset::Set, sign: char, keys: Vec<&Key>| {
        let keys: Vec<String> = keys
            .into_iter()
            .map(|key| definition.key_text(key))
            .collect();
        format!("{set} {sign} {}", keys.join(", "))
    };
    operations
        .iter()
        .map(|operation| match operation {
            Operation::AddElements {
                set,
                definition,
                elements,
                lifetime: _,
            } => text(
                set,
                definition,
                '+',
                elements.iter().map(|(key, _)| key).collect(),
            ),
            Operation::DeleteElements {
                set,
                definition,
                keys,
            } => text(set, definition, '-', keys.iter().collect()),
            Operation::AddTable { .. } => "AddTable".to_owned(),
            Operation::DeleteTable => "DeleteTable".to_owned(),
            Operation::AddChain { name, .. } => format!("AddChain {name}"),
            Operation::DeleteChain { name } => format!("DeleteChain {name}"),
            Operation::FlushChain { name } => format!("FlushChain {name}"),
            Operation::AddRule { chain, rule } => format!("AddRule {chain} {rule}"),
            Operation::AddSet { name, .. } => format!("AddSet {name}"),
            Operation::DeleteSet { name } => format!("DeleteSet {name}"),
        })
        .collect()
}

#[test]
fn the_demo_prints_as_nft_lists_it() {
    let compiled = on_n1(&demo().build());
    assert_eq!(validate(&compiled.table), Ok(()));
    assert_eq!(
        compiled.table.to_string(),
        include_str!("../golden/demo.nft")
    );
}

#[test]
fn a_new_remote_pod_is_one_element() {
    let more = demo().with(frontend("client-2", "10.0.2.11"));
    assert_eq!(summary(&change(demo(), more)), ["peers4 + 10.0.2.11"]);
}

#[test]
fn a_policy_edit_touches_only_its_entries() {
    let wider = policy("netpol-demo/web-allow-frontend")
        .select(labels(&[("app", "web")]))
        .ingress(
            rule()
                .peer(namespaces(labels(&[("purpose", "frontend")])))
                .port(tcp(80))
                .port(tcp(443)),
        );
    let class = on_n1(&demo().build()).table.sets["peers4"].elements
        [&Key::point(vec![Datum::Address("10.0.2.10".parse().unwrap())])]
        .value
        .clone();
    let ringfence_ruleset::Value::Data(class) = class else {
        panic!("{class:?}")
    };
    let [Datum::Number(class)] = class[..] else {
        panic!("{class:?}")
    };
    let class = format!("{:x}:{:x}", class >> 16, class & 0xffff);
    assert_eq!(
        summary(&change(demo(), demo().with(wider))),
        [format!("ingress-ports4 + 10.0.1.10 . {class} . tcp . 443")]
    );
}

#[test]
fn a_policy_for_pods_of_other_nodes_changes_nothing_here() {
    let other = policy("frontend/deny").types(&[Direction::Ingress, Direction::Egress]);
    assert_eq!(change(demo(), demo().with(other)), []);
}

/// The steps of the change that gives `web` so many backends more than one.
fn steps_of_backends(before: u8, after: u8) -> Vec<String> {
    let with = |count: u8| {
        (0..count).fold(demo(), |demo, number| {
            let name = format!("web-more-{number:02}");
            demo.with(web(&name, &format!("10.0.2.{}", 20 + number)).on_node("n2"))
        })
    };
    let operations = summary(&change(with(before), with(after)));
    let first = |text: &String| text.split(' ').next().unwrap_or_default().to_owned();
    operations.iter().map(first).collect()
}

/// The kernel need not look through the backends of all Services.
#[test]
fn a_new_backend_adds_elements_alone() {
    assert_eq!(
        steps_of_backends(0, 1),
        ["services4", "backends4", "peers4", "services4"]
    );
}

#[test]
fn one_of_many_backends_adds_a_balance_chain_too() {
    assert_eq!(
        steps_of_backends(16, 17),
        [
            "balances",  // no longer balance-17
            "services4", // nor to it
            "AddChain",
            "FlushChain",
            "AddRule",
            "AddRule",
            "AddRule",
            "AddRule",
            "AddRule",
            "backends4",
            "balances",
            "peers4",
            "services4",
            "DeleteChain",
        ]
    );
}

#[test]
fn class_numbers_do_not_depend_on_other_policies() {
    let numbers = |cluster: ClusterBuilder| {
        let table = on_n1(&cluster.build()).table;
        let key = Key::point(vec![Datum::Address("10.0.2.10".parse().unwrap())]);
        table.sets["peers4"].elements[&key].value.clone()
    };
    let unrelated = policy("netpol-demo/a")
        .select(labels(&[("app", "db")]))
        .egress(rule().peer(pods(labels(&[("app", "none")]))));
    assert_eq!(numbers(demo()), numbers(demo().with(unrelated)));
}

#[test]
fn terms_that_mean_the_same_are_one() {
    let (as_label, as_expression) = (
        labels(&[("app", "web")]),
        ringfence_testkit::builder::requirement(
            "app",
            ringfence_model::SelectorOperator::In,
            &["web", "web"],
        ),
    );
    let with = |selector| {
        let allow = policy("netpol-demo/db-policy")
            .select(labels(&[("app", "db")]))
            .ingress(rule().peer(pods(selector)).port(tcp(5432)));
        on_n1(&demo().with(allow).build()).table
    };
    assert_eq!(with(as_label), with(as_expression));
}

#[test]
fn elements_say_whose_they_are() {
    let compiled = on_n1(&demo().build());
    let comments = |set: &str| -> Vec<String> {
        let elements = compiled.table.sets[set].elements.values();
        elements
            .filter_map(|element| element.comment.clone())
            .collect()
    };
    assert_eq!(
        comments("ingress4"),
        [
            "netpol-demo/default-deny-ingress, netpol-demo/web-allow-frontend",
            "netpol-demo/db-policy, netpol-demo/default-deny-ingress",
        ]
    );
    assert_eq!(
        comments("ingress-ports4"),
        [
            "netpol-demo/web-allow-frontend ingress[0]",
            "netpol-demo/db-policy ingress[0]"
        ]
    );
    let wired: BTreeSet<String> = comments("endpoints4").into_iter().collect();
    assert_eq!(
        wired,
        ["netpol-demo/db", "netpol-demo/web-1"]
            .map(str::to_owned)
            .into()
    );
    assert_eq!(comments("services4"), ["netpol-demo/web-app:80"]);
    assert_eq!(comments("backends4"), ["netpol-demo/web-1"]);
    let isolation = ObjectRef::Element {
        set: "ingress4".to_owned(),
        key: Key::point(vec![Datum::Address("10.0.1.12".parse().unwrap())]),
    };
    let origins: Vec<(String, Option<usize>)> = compiled.origins[&isolation]
        .iter()
        .map(|origin| (origin.policy.to_string(), origin.rule))
        .collect();
    assert_eq!(
        origins,
        [
            ("netpol-demo/db-policy".to_owned(), None),
            ("netpol-demo/default-deny-ingress".to_owned(), None),
        ]
    );
}

fn view<'a>(endpoints: &'a [LocalEndpoint], network: &'a NetworkConfig) -> NodeView<'a> {
    NodeView {
        name: "n1",
        endpoints,
        network,
        enforcement: Enforcement::On,
    }
}

fn endpoint(pod: &str, interface: &str, address: &str) -> LocalEndpoint {
    LocalEndpoint {
        pod: pod.parse().unwrap(),
        host_interface: interface.to_owned(),
        addresses: vec![address.parse().unwrap()],
    }
}

#[test]
fn a_wired_address_overrides_the_status() {
    let cluster = demo().with(pod("netpol-demo/new").on_node("n1")).build();
    let endpoints = [
        endpoint("netpol-demo/new", "vethrf7", "10.0.1.77"),
        endpoint("netpol-demo/web-1", "vethrf8", "10.0.1.78"),
    ];
    let compiled = compile(&cluster, &view(&endpoints, &network())).unwrap();
    let isolated: Vec<String> = compiled.table.sets["ingress4"]
        .elements
        .keys()
        .map(|key| compiled.table.sets["ingress4"].key_text(key))
        .collect();
    assert_eq!(isolated, ["10.0.1.77", "10.0.1.78"]);
    assert_eq!(compiled.unknown, []);
}

#[test]
fn wired_pods_that_nobody_knows_stay_closed() {
    let finished = web("web-1", "10.0.1.10").phase(Phase::Succeeded);
    let cluster = demo().with(finished).build();
    let endpoints = [
        endpoint("netpol-demo/nobody", "vethrf1", "10.0.1.66"),
        endpoint("netpol-demo/web-1", "vethrf2", "10.0.1.10"),
    ];
    let compiled = compile(&cluster, &view(&endpoints, &network())).unwrap();
    assert!(compiled.table.sets["endpoints4"].elements.is_empty());
    let names = ["netpol-demo/nobody", "netpol-demo/web-1"];
    assert_eq!(
        compiled.unknown,
        names.map(|name| name.parse::<ObjectName>().unwrap())
    );
}

#[test]
fn endpoints_that_rules_cannot_tell_apart_are_refused() {
    let cluster = demo().build();
    let compiled = |endpoints: &[LocalEndpoint]| compile(&cluster, &view(endpoints, &network()));
    for name in ["eth0", "vethrf-\"", "vethrf0123456789", "veth"] {
        let error = compiled(&[endpoint("netpol-demo/db", name, "10.0.1.12")]).unwrap_err();
        assert!(matches!(error, CompileError::Interface { .. }), "{name}");
    }
    let error = compiled(&[
        endpoint("netpol-demo/web-1", "vethrf1", "10.0.1.12"),
        endpoint("netpol-demo/db", "vethrf2", "::ffff:10.0.1.12"),
    ]);
    assert_eq!(
        error.unwrap_err().to_string(),
        "pods `netpol-demo/db` and `netpol-demo/web-1` on this node both have the address 10.0.1.12"
    );
}

#[test]
fn two_pods_never_share_an_interface() {
    let error = compile(
        &demo().build(),
        &view(
            &[
                endpoint("netpol-demo/web-1", "vethrf1", "10.0.1.10"),
                endpoint("netpol-demo/db", "vethrf1", "10.0.1.12"),
            ],
            &network(),
        ),
    );
    assert_eq!(
        error.unwrap_err().to_string(),
        "pods `netpol-demo/db` and `netpol-demo/web-1` both have the interface `vethrf1`"
    );
}

/// A stale pod object elsewhere must not lend its labels to an address that a local pod has.
#[test]
fn an_address_that_two_pods_claim_has_only_what_both_have() {
    let impostor = pod("frontend/impostor").address("10.0.2.10").on_node("n2");
    let other = pod("netpol-demo/other").address("10.0.2.10").on_node("n2");
    let address = Key::point(vec![Datum::Address("10.0.2.10".parse().unwrap())]);
    let peers = |cluster: ClusterBuilder| on_n1(&cluster.build()).table.sets["peers4"].clone();
    let agreeing = peers(demo().with(impostor));
    assert!(agreeing.elements.contains_key(&address));
    assert!(!peers(demo().with(other)).elements.contains_key(&address));
    let of_local = pod("frontend/stale").address("10.0.1.12").on_node("n2");
    assert_eq!(peers(demo().with(of_local)), peers(demo()));
}

#[test]
fn a_service_takes_over_nobodys_address() {
    let greedy = service("netpol-demo/greedy")
        .select("app", "web")
        .address("10.96.0.11")
        .external_address("10.0.2.10")
        .external_address("192.168.0.12")
        .external_address("198.51.100.1")
        .port(tcp(80), 80);
    let table = on_n1(&demo().with(greedy).build()).table;
    let services = &table.sets["services4"];
    let keys: Vec<String> = services
        .elements
        .keys()
        .map(|key| services.key_text(key))
        .collect();
    assert_eq!(
        keys,
        [
            "10.96.0.10 . tcp . 80",
            "10.96.0.11 . tcp . 80",
            "198.51.100.1 . tcp . 80"
        ]
    );
}

#[test]
fn of_two_services_with_one_address_the_first_by_name_has_it() {
    let rival = service("a/rival")
        .select("app", "db")
        .address("10.96.0.10")
        .port(tcp(80), 9999)
        .port(udp(53), 53);
    let table = on_n1(&demo().with(rival).build()).table;
    let unserved = &table.sets["unserved4"];
    let keys: Vec<String> = unserved
        .elements
        .keys()
        .map(|key| unserved.key_text(key))
        .collect();
    assert_eq!(keys, ["10.96.0.10 . tcp . 80", "10.96.0.10 . udp . 53"]);
    assert!(table.sets["services4"].elements.is_empty());
}

#[test]
fn sets_grow_by_powers_of_two() {
    let mut many = demo();
    for number in 0..40 {
        many = many.with(frontend(
            &format!("c{number}"),
            &format!("10.0.2.{}", 100 + number),
        ));
    }
    let network = NetworkConfig {
        capacity: Capacity {
            addresses: 16,
            entries: 8,
        },
        ..network()
    };
    let compiled = compile(
        &many.build(),
        &view(
            &[endpoint("netpol-demo/web-1", "vethrf0", "10.0.1.10")],
            &network,
        ),
    );
    let table = compiled.unwrap().table;
    assert_eq!(table.sets["peers4"].elements.len(), 41);
    assert_eq!(table.sets["peers4"].size, Some(128));
    assert_eq!(table.sets["endpoints4"].size, Some(16));
    assert_eq!(table.sets["ingress-ports4"].size, Some(8));
}

#[test]
fn a_set_that_has_become_smaller_keeps_its_size_on_request() {
    let small = NetworkConfig {
        capacity: Capacity {
            addresses: 2,
            entries: 2,
        },
        ..network()
    };
    let wired = [endpoint("netpol-demo/web-1", "vethrf0", "10.0.1.10")];
    let compiled =
        |cluster: ClusterBuilder| compile(&cluster.build(), &view(&wired, &small)).unwrap();
    let live = compiled(demo().with(frontend("client-2", "10.0.2.11"))).table;
    let mut fewer = compiled(demo());
    assert!(diff(Some(&live), &fewer.table).contains(&Operation::DeleteTable));
    fewer.keep_sizes(&live);
    assert_eq!(
        summary(&diff(Some(&live), &fewer.table)),
        ["peers4 - 10.0.2.11"]
    );
}

/// A named port of an egress rule opens on each pod the number that this pod declares (rule NP-34), and nothing on
/// addresses that are no pods (rule NP-35).
#[test]
fn named_ports_of_egress_rules_are_those_of_the_peer() {
    let allow = policy("netpol-demo/to-web")
        .select(labels(&[("app", "db")]))
        .types(&[Direction::Egress])
        .egress(rule().port(port_named(ringfence_net::Protocol::Tcp, "http")))
        .egress(
            rule()
                .peer(block("203.0.113.0/24", &[]))
                .port(port_named(ringfence_net::Protocol::Tcp, "http")),
        );
    let cluster = demo()
        .with(frontend("b", "10.0.2.30").port("http", tcp(8080)))
        .with(frontend("c", "10.0.2.31").port("http", tcp(9090)))
        .with(allow)
        .build();
    let table = on_n1(&cluster).table;
    let ports: Vec<Datum> = table.sets["egress-ports4"]
        .elements
        .keys()
        .map(|key| key.first[3].clone())
        .collect();
    assert_eq!(ports.len(), 2);
    assert!(ports.contains(&Datum::Port(8080)) && ports.contains(&Datum::Port(9090)));
}

/// Blocks and `except` become disjoint ranges: none overlaps, none is lost at the edges.
#[test]
fn blocks_become_disjoint_ranges() {
    let allow = policy("netpol-demo/blocks").ingress(
        rule()
            .peer(block("0.0.0.0/0", &["10.0.0.0/8"]))
            .peer(block("10.1.0.0/16", &["10.1.255.0/24"]))
            .peer(block("203.0.113.9/32", &[])),
    );
    let table = on_n1(&demo().with(allow).build()).table;
    let blocks = &table.sets["blocks4"];
    let keys: Vec<String> = blocks
        .elements
        .keys()
        .map(|key| blocks.key_text(key))
        .collect();
    assert_eq!(
        keys,
        [
            "0.0.0.0-9.255.255.255",
            "10.1.0.0-10.1.254.255",
            "11.0.0.0-203.0.113.8",
            "203.0.113.9",
            "203.0.113.10-255.255.255.255"
        ]
    );
}
