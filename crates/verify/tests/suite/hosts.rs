//! Nodes that host firewalls close (rules HF-*): the table, packet by packet, beside the engine; and that a table is only
//! called right if it is.

use std::net::IpAddr;

use ringfence_compile::{Enforcement, Trial};
use ringfence_model::{Cluster, DirectionVerdict, Endpoint, HostFirewall, Party, Query};
use ringfence_net::{ConnectionState, Family, Packet, Protocol, TcpFlags};
use ringfence_policy::Engine;
use ringfence_ruleset::{Hook, Outcome, Table, evaluate};
use ringfence_testkit::generate::{HOST_PORTS, Shape, close_nodes, cluster};
use ringfence_verify::verify;

use crate::world;

const SEEDS: u64 = 16;

fn closed(seed: u64) -> Cluster {
    let shape = if seed.is_multiple_of(2) {
        Shape::WIRED
    } else {
        Shape::WIRED_EVERYTHING
    };
    let mut cluster = cluster(seed, shape);
    close_nodes(seed, &mut cluster);
    cluster
}

/// From pods of other nodes, other nodes and outside: whoever comes in by an interface that is no pod's.
fn sources(cluster: &Cluster, node: &str) -> Vec<IpAddr> {
    let pods = cluster.pods.values();
    let elsewhere = pods.filter(|pod| pod.is_on_pod_network() && pod.node.as_deref() != Some(node));
    let elsewhere = elsewhere.flat_map(|pod| &pod.addresses);
    let others = cluster.nodes.values().filter(|it| it.name != node);
    let others = others.flat_map(|it| &it.addresses);
    let outside = ["203.0.113.9", "198.51.100.1", "2001:db8::9"];
    let outside = outside.map(|text| text.parse::<IpAddr>().unwrap());
    let local = cluster.pods.values();
    let local = local.filter(|pod| pod.is_on_pod_network() && pod.node.as_deref() == Some(node));
    let local: Vec<IpAddr> = local.flat_map(|pod| pod.addresses.clone()).collect();
    let all = elsewhere.chain(others).copied().chain(outside);
    all.filter(|address| !local.contains(address)).collect()
}

fn packet(source: IpAddr, destination: IpAddr, protocol: Protocol, port: u16) -> Packet {
    Packet {
        source,
        destination,
        protocol: protocol.into(),
        source_port: Some(40_000),
        destination_port: Some(port),
        tcp_flags: TcpFlags::SYN,
        state: ConnectionState::New,
        input_interface: "eth0".to_owned(),
        output_interface: String::new(),
    }
}

#[test]
fn a_table_lets_in_whom_the_engine_lets_in() {
    let (mut dropped, mut passed) = (0, 0);
    for seed in 0..SEEDS {
        let cluster = closed(seed);
        let engine = Engine::new(cluster.clone());
        for node in world::nodes(&cluster) {
            let report = verify(&node.table, &cluster, &node.wiring).unwrap();
            assert!(report.is_equal(), "seed {seed}: {:#?}", report.differences);
            let name = &node.wiring.node;
            let Some(object) = cluster.nodes.get(name) else {
                continue;
            };
            for source in sources(&cluster, name) {
                let mut own = object.addresses.iter().copied();
                let Some(destination) = own.find(|it| Family::of(*it) == Family::of(source)) else {
                    continue;
                };
                for (protocol, port) in Protocol::ALL
                    .into_iter()
                    .flat_map(|it| HOST_PORTS.map(|port| (it, port)))
                {
                    let query = Query {
                        source: Endpoint::Address(source),
                        destination: Endpoint::Address(destination),
                        protocol: protocol.into(),
                        port: Some(port),
                    };
                    let Ok(answer) = engine.answer(&query) else {
                        continue;
                    };
                    let Some(connection) = answer.connections.first() else {
                        continue;
                    };
                    let is_node = matches!(connection.destination, Party::Node { .. });
                    if answer.service.is_some() || !is_node {
                        continue;
                    }
                    let expected = connection.ingress.verdict == DirectionVerdict::Allow;
                    let packet = packet(source, destination, protocol, port);
                    let found = evaluate(&node.table, Hook::Input, &packet, &mut |_| 0);
                    let is_let_in = found.outcome == Outcome::Accept;
                    assert_eq!(is_let_in, expected, "seed {seed}: {packet:?}");
                    passed += usize::from(is_let_in);
                    dropped += usize::from(!is_let_in);
                }
            }
        }
    }
    assert!(dropped > 500 && passed > 500, "{dropped} {passed}");
}

/// Every element of a host firewall that is taken away, and every one that is put where it is not.
#[test]
fn a_table_that_lets_others_in_is_found() {
    let (mut missing, mut found) = (0, 0);
    for seed in 0..SEEDS {
        let cluster = closed(seed);
        for node in world::nodes(&cluster) {
            let sets = node.table.sets.iter();
            let elements = sets
                .filter(|(name, _)| name.starts_with("host"))
                .flat_map(|(name, set)| set.elements.keys().map(move |key| (name, key)));
            for (name, key) in elements.take(12) {
                let mut wrong = node.table.clone();
                wrong.sets.get_mut(name).unwrap().elements.remove(key);
                let report = verify(&wrong, &cluster, &node.wiring).unwrap();
                missing += 1;
                found += usize::from(!report.is_equal());
                if matches!(name.as_str(), "host4" | "host6") {
                    assert!(!report.is_equal(), "seed {seed}: {name} without {key:?}");
                }
            }
            for chain in ["host", "host-ports"] {
                let mut wrong = node.table.clone();
                wrong.chains.get_mut(chain).unwrap().rules.clear();
                let report = verify(&wrong, &cluster, &node.wiring).unwrap();
                let is_closed = cluster
                    .host_firewalls_of(&node.wiring.node)
                    .next()
                    .is_some();
                assert_eq!(report.is_equal(), !is_closed, "seed {seed}: {chain}");
            }
        }
    }
    // What an element says may be about nobody, or about the node itself.
    assert!(
        missing > 100 && found * 10 > missing * 8,
        "{found} of {missing}"
    );
}

fn on_trial(cluster: &Cluster, name: &str) -> (Cluster, Table, ringfence_verify::Wiring) {
    let mut tried = cluster.clone();
    for firewall in tried.host_firewalls.values_mut() {
        let rules = firewall.confirmed.take();
        firewall.confirmed = rules.map(|mut rules| {
            rules.ingress.pop();
            rules
        });
    }
    let firewalls = tried.host_firewalls.clone();
    let trial = Trial {
        firewalls,
        name: "test".to_owned(),
    };
    let node = world::node_on_trial(cluster, name, Enforcement::On, Some(trial));
    (tried, node.table, node.wiring)
}

/// While the kernel keeps the elements of a trial, the table does what is tried out; without them what is confirmed.
#[test]
fn a_trial_decides_until_its_elements_leave() {
    let mut different = 0;
    for seed in 0..SEEDS {
        let cluster = closed(seed);
        for name in cluster.nodes.keys() {
            let (tried, mut table, wiring) = on_trial(&cluster, name);
            let runs = !table.sets["trial4"].elements.is_empty();
            let during = verify(&table, &tried, &wiring).unwrap();
            assert!(during.is_equal(), "seed {seed}: {:#?}", during.differences);
            for set in ["trial4", "trial6"] {
                table.sets.get_mut(set).unwrap().elements.clear();
            }
            let afterwards = verify(&table, &cluster, &wiring).unwrap();
            assert!(afterwards.is_equal(), "{:#?}", afterwards.differences);
            let is_told = !verify(&table, &tried, &wiring).unwrap().is_equal();
            different += usize::from(runs && is_told);
        }
    }
    assert!(different > 5, "{different}");
}

/// A firewall that nobody has confirmed closes nothing, and is not in the table.
#[test]
fn what_nobody_confirmed_is_nowhere() {
    let mut cluster = cluster(3, Shape::WIRED);
    let firewall = HostFirewall {
        name: "wish".to_owned(),
        confirmed: None,
        trial: None,
        source: None,
    };
    cluster.host_firewalls.insert("wish".to_owned(), firewall);
    for node in world::nodes(&cluster) {
        let hosts = node.table.sets.iter().filter(|it| it.0.starts_with("host"));
        assert!(hosts.flat_map(|it| &it.1.elements).next().is_none());
        assert!(
            verify(&node.table, &cluster, &node.wiring)
                .unwrap()
                .is_equal()
        );
    }
}
