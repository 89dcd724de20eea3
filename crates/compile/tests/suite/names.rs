//! Addresses of names in tables: what they open, for whom, and what is left when the kernel has ended them (rules CN-37, AM-19).

use std::net::IpAddr;

use ringfence_compile::{Compiled, Enforcement};
use ringfence_model::Cluster;
use ringfence_net::{Packet, Protocol};
use ringfence_ruleset::{Hook, Outcome, Table, evaluate};
use ringfence_testkit::builder::{
    ClusterBuilder, accept, admin, cluster, deny, labels, node, pods_anywhere,
};

use crate::world::{compile_node, endpoints, opening, wired_pod};

const KNOWN: [&str; 2] = ["203.0.113.9", "2001:db8::9"];

/// `x/a` may open port 443 of names of example.com and port 80 of `x/b`, and nothing else; `x/c` nothing.
fn base() -> ClusterBuilder {
    let only = |name: &str| pods_anywhere(labels(&[("app", name)]));
    let names = accept()
        .domains(&["*.example.com"])
        .port(Protocol::Tcp, 443);
    let peer = accept().pods(only("b")).port(Protocol::Tcp, 80);
    let nothing = || deny().networks(&["0.0.0.0/0", "::/0"]);
    cluster()
        .with(node("n1", &["192.168.0.11", "fd01::11"]))
        .with(wired_pod("a", 10))
        .with(wired_pod("b", 11))
        .with(wired_pod("c", 12))
        .with(
            admin("a", 1)
                .subject(only("a"))
                .egress(names)
                .egress(peer)
                .egress(nothing()),
        )
        .with(admin("c", 2).subject(only("c")).egress(nothing()))
}

fn compiled(cluster: &Cluster) -> Compiled {
    compile_node(cluster, "n1", Enforcement::On)
}

fn opens(cluster: &Cluster, table: &Table, from: &str, to: &str, port: u16) -> bool {
    let to = to.parse::<IpAddr>().ok();
    let wired = endpoints(cluster, "n1");
    let source = wired.iter().find(|endpoint| endpoint.pod.name == from);
    let own = source.zip(to).and_then(|(source, to)| {
        let own = source.addresses.iter().copied();
        let mut own = own.filter(|own| own.is_ipv4() == to.is_ipv4());
        Some((source, own.next()?, to))
    });
    assert!(own.is_some(), "{from} has no address of the family");
    let Some((source, own, to)) = own else {
        return false;
    };
    let peer = wired
        .iter()
        .find(|endpoint| endpoint.addresses.contains(&to));
    let packet = Packet {
        input_interface: source.host_interface.clone(),
        output_interface: peer.map_or("eth0".to_owned(), |peer| peer.host_interface.clone()),
        ..opening(own, to, Protocol::Tcp.into(), Some(port))
    };
    evaluate(table, Hook::Forward, &packet, &mut |_| 0).outcome == Outcome::Accept
}

/// The table when the kernel has ended what ends by itself.
fn ended(compiled: &Compiled) -> Table {
    let mut table = compiled.table.clone();
    let timed = table.sets.values_mut().filter(|set| set.timed);
    timed.for_each(|set| set.elements.clear());
    table
}

#[test]
fn a_name_opens_its_addresses_to_those_whom_its_policy_selects() {
    let known = base().domain("api.example.com", &KNOWN).build();
    let compiled = compiled(&known);
    for address in KNOWN {
        assert!(opens(&known, &compiled.table, "a", address, 443));
        assert!(
            !opens(&known, &compiled.table, "a", address, 80),
            "another port"
        );
        assert!(
            !opens(&known, &compiled.table, "c", address, 443),
            "another pod"
        );
    }
    assert!(!opens(&known, &compiled.table, "a", "203.0.113.10", 443));
    let unknown = base().domain("example.com", &KNOWN).build();
    let compiled = compile_node(&unknown, "n1", Enforcement::On);
    assert!(!opens(&unknown, &compiled.table, "a", KNOWN[0], 443));
    assert_eq!(compiled.table.sets["names4"].elements.len(), 0);
}

#[test]
fn an_address_whose_name_the_kernel_has_ended_is_what_it_was_without() {
    let names = ["203.0.113.9", "2001:db8::9", "10.0.1.11", "fd00:10:1::11"];
    let known = base().domain("api.example.com", &names).build();
    let compiled = compiled(&known);
    let table = ended(&compiled);
    for address in ["10.0.1.11", "fd00:10:1::11"] {
        assert!(opens(&known, &compiled.table, "a", address, 443));
        assert!(
            opens(&known, &compiled.table, "a", address, 80),
            "the pod's own"
        );
        assert!(!opens(&known, &table, "a", address, 443));
        assert!(
            opens(&known, &table, "a", address, 80),
            "the pod's own stays"
        );
    }
    for address in KNOWN {
        assert!(!opens(&known, &table, "a", address, 443));
    }
}

/// A set for each name would be the trap that `docs/design/dataplane.md` tells of.
#[test]
fn names_make_elements_and_no_sets() {
    let one = compiled(&base().build());
    let many = (0..40).fold(base(), |cluster, number| {
        let address = format!("198.51.100.{number}");
        let name = format!("*.n{number}.example.org");
        let rule = accept().domains(&[&name]).port(Protocol::Tcp, 443);
        cluster
            .domain(&format!("www.n{number}.example.org"), &[&address])
            .with(admin(&format!("n{number}"), 3).egress(rule))
    });
    let many = compiled(&many.build());
    let names = |compiled: &Compiled| compiled.table.sets.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&one), names(&many));
    assert_eq!(one.table.chains, many.table.chains);
    assert_eq!(many.table.sets["names4"].elements.len(), 40);
}
