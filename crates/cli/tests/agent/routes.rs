//! Routes to the pods of other nodes, on the way of packets.

use std::net::TcpListener;
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::Command;
use std::thread;

use ringfence_agent::node_routes::routes;
use ringfence_netlink::namespace::{self, run_in};
use ringfence_netlink::route::{InterfaceAddress, Route, RouteKind, RouteSocket, VethPair};
use ringfence_netlink::sysctl;
use serde_json::{Value, json};

use super::api::{Bench, namespace as shop, node, pod};
use super::node::Node;

const CLIENT: &str = "10.244.1.2";
/// A pod of the other node, and a block of a third one.
const SERVER: &str = "10.244.2.2";
const THIRD: &str = "10.244.3.0/24";

/// Pods reach those of another node as long as the cluster has that node; routes of others stay what they are.
pub(crate) fn an_agent_routes_to_the_pods_of_other_nodes() {
    let mut machine = Node::new();
    let other = connect();
    run_in(&other, listen).unwrap();
    by_hand(THIRD);
    let bench = Bench::start(&[
        shop(),
        node(),
        named("two", "192.0.2.2", "10.244.2.0/24"),
        named("three", "192.0.2.3", THIRD),
        named("far", "203.0.113.9", "10.244.9.0/24"),
        pod("client", CLIENT),
    ]);
    bench.write_kubeconfig(&machine.path("kubeconfig"));
    machine.start_with("network: routes\n");
    machine.eventually("a route", || !held().is_empty());
    assert_eq!(held(), ["10.244.2.0/24"]);
    let client = machine.wire("client", CLIENT);
    machine.eventually("a connection", || client.reaches(SERVER));
    let told = |text: &str| machine.log().contains(text);
    machine.eventually("a reason", || {
        told("a route to 10.244.3.0/24 already") && told("the Node `far` has no address")
    });

    bench.forget(&named("two", "192.0.2.2", "10.244.2.0/24"));
    machine.eventually("no route", || held().is_empty());
    bench.record(&named("two", "192.0.2.2", "10.244.2.0/24"));
    machine.eventually("a route again", || !held().is_empty());

    assert!(machine.end().success(), "{}", machine.log());
    assert_eq!(
        held(),
        ["10.244.2.0/24"],
        "an agent that ends takes nothing away"
    );
    let left = Command::new(env!("CARGO_BIN_EXE_ringfence"))
        .args(["uninstall", "--config"])
        .arg(machine.path("agent.yaml"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&left.stdout);
    assert!(said.contains("route 10.244.2.0/24: taken away"), "{left:?}");
    assert!(held().is_empty());
    let all = RouteSocket::open().unwrap().routes().unwrap();
    let by_hand: Vec<&Route> = all
        .iter()
        .filter(|route| route.destination.to_string() == THIRD)
        .collect();
    assert_eq!(by_hand.len(), 1, "{all:?}");
}

/// The blocks that routes of ringfence lead to.
fn held() -> Vec<String> {
    let held = routes().unwrap().into_iter();
    held.map(|route| route.destination.to_string()).collect()
}

fn named(name: &str, address: &str, block: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "uid": name},
        "spec": {"podCIDR": block, "podCIDRs": [block]},
        "status": {"addresses": [{"type": "InternalIP", "address": address}]},
    })
}

/// Another node: its pod's address, and the way back.
fn connect() -> OwnedFd {
    let other = namespace::create().unwrap();
    let pair = VethPair {
        name: "up0",
        mac: None,
        peer_name: "up0",
        peer_mac: None,
        peer_namespace: Some(other.as_fd()),
        mtu: 1500,
    };
    RouteSocket::open().unwrap().create_veth(&pair).unwrap();
    address("up0", "192.0.2.1/24");
    let there = || {
        sysctl::write(&["ipv4", "ip_forward"], "1").unwrap();
        address("up0", "192.0.2.2/24");
        address("lo", &format!("{SERVER}/32"));
        lead("10.244.1.0/24", "192.0.2.1");
    };
    run_in(&other, there).unwrap();
    other
}

fn address(interface: &str, address: &str) {
    let mut socket = RouteSocket::open().unwrap();
    let index = socket.link_by_name(interface).unwrap().index;
    let address = address.parse().unwrap();
    let given = socket.add_address(&InterfaceAddress { index, address });
    given.unwrap();
    socket.set_link_up(index, true).unwrap();
}

/// A route of somebody else.
fn by_hand(block: &str) {
    lead(block, "192.0.2.77");
}

fn lead(block: &str, gateway: &str) {
    let mut socket = RouteSocket::open().unwrap();
    let index = socket.link_by_name("up0").unwrap().index;
    let route = Route {
        destination: block.parse().unwrap(),
        kind: RouteKind::Device {
            index,
            gateway: Some(gateway.parse().unwrap()),
            onlink: false,
        },
        source: None,
        metric: None,
    };
    socket.add_route(&route).unwrap();
}

/// Takes every connection.
fn listen() {
    let listener = TcpListener::bind((SERVER, 8080)).unwrap();
    thread::spawn(move || listener.incoming().for_each(drop));
}
