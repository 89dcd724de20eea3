//! The scenarios, in the order of upstream's suite: who is let in, who is let out, and what changes.
//!
//! Expectations follow from the documentation of NetworkPolicy and are written by hand; no code of ringfence has a part in them.

use serde_json::{Value, json};

use super::table::Table;
use super::world::Names;

/// What is done, and what is expected then.
pub(super) enum Step {
    /// `Policy(namespace, name, spec)`: created, or replaced if there is one.
    Policy(&'static str, &'static str, Value),
    /// The policy of this namespace and name is deleted.
    Remove(&'static str, &'static str),
    /// A label of a namespace, or of `namespace/pod`.
    Label(&'static str, &'static str, &'static str),
    /// `Expect(port, table)`, with ports as `tcp/80`.
    Expect(&'static str, Table),
}

use Step::{Expect, Label, Policy, Remove};

pub(super) type Scenario = (&'static str, fn(&Names) -> Vec<Step>);

pub(super) const SCENARIOS: [Scenario; 36] = [
    ("without policies everything opens", |_| {
        let all = |port| Expect(port, Table::all());
        ["tcp/80", "tcp/81", "udp/80", "udp/81"].map(all).into()
    }),
    ("default deny for ingress, and its end", |_| {
        vec![
            Policy(
                "x",
                "deny",
                json!({"podSelector": {}, "policyTypes": ["Ingress"]}),
            ),
            Expect("tcp/80", Table::all().deny("*/*", "x/*")),
            Expect("udp/80", Table::all().deny("*/*", "x/*")),
            Remove("x", "deny"),
            Expect("tcp/80", Table::all()),
        ]
    }),
    ("default deny both ways", |_| {
        vec![
            Policy(
                "x",
                "deny",
                json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}),
            ),
            Expect("tcp/80", Table::all().deny("*/*", "x/*").deny("x/*", "*/*")),
        ]
    }),
    ("from pods of the own namespace, by label", |_| {
        vec![
            ingress(json!([{"podSelector": pod("b")}])),
            Expect("tcp/80", to_a().allow("x/b", "x/a")),
        ]
    }),
    ("allow one pod beside a default deny", |_| {
        vec![
            Policy(
                "x",
                "deny",
                json!({"podSelector": {}, "policyTypes": ["Ingress"]}),
            ),
            Policy(
                "x",
                "allow",
                json!({"podSelector": pod("a"), "ingress": [{}]}),
            ),
            Expect(
                "tcp/80",
                Table::all().deny("*/*", "x/*").allow("*/*", "x/a"),
            ),
        ]
    }),
    ("from pods of all namespaces", |_| {
        vec![
            ingress(json!([{"namespaceSelector": {}}])),
            Expect("tcp/80", Table::all()),
        ]
    }),
    ("from one other namespace", |names| {
        vec![
            ingress(json!([{"namespaceSelector": names.is("y")}])),
            Expect("tcp/80", to_a().allow("y/*", "x/a")),
        ]
    }),
    ("pods by expression", |_| {
        vec![
            ingress(json!([{"podSelector": one_of("pod", &["b"])}])),
            Expect("tcp/80", to_a().allow("x/b", "x/a")),
        ]
    }),
    ("namespaces by expression", |names| {
        let y = names.real("y");
        let selector = one_of("kubernetes.io/metadata.name", &[&y]);
        vec![
            ingress(json!([{"namespaceSelector": selector}])),
            Expect("tcp/80", to_a().allow("y/*", "x/a")),
        ]
    }),
    ("pods of the own namespace or all of another", |names| {
        let from = json!([{"podSelector": pod("b")}, {"namespaceSelector": names.is("y")}]);
        vec![
            ingress(from),
            Expect("tcp/80", to_a().allow("x/b", "x/a").allow("y/*", "x/a")),
        ]
    }),
    ("pods of another namespace", |names| {
        let from = json!([{"podSelector": pod("b"), "namespaceSelector": names.is("y")}]);
        vec![ingress(from), Expect("tcp/80", to_a().allow("y/b", "x/a"))]
    }),
    ("some pods of several namespaces", |names| {
        let (y, z) = (names.real("y"), names.real("z"));
        let namespaces = one_of("kubernetes.io/metadata.name", &[&y, &z]);
        let from =
            json!([{"podSelector": one_of("pod", &["b", "c"]), "namespaceSelector": namespaces}]);
        let table = to_a().allow("y/b", "x/a").allow("y/c", "x/a");
        vec![
            ingress(from),
            Expect("tcp/80", table.allow("z/b", "x/a").allow("z/c", "x/a")),
        ]
    }),
    ("from a namespace to one port", |names| {
        vec![
            ingress_ports("a", names.from("y"), json!([{"port": 81}])),
            Expect("tcp/81", to_a().allow("y/*", "x/a")),
            Expect("tcp/80", to_a()),
        ]
    }),
    ("policies add up", |names| {
        vec![
            ingress_ports("a", names.from("y"), json!([{"port": 81}])),
            Expect("tcp/80", to_a()),
            ingress_ports("b", names.from("y"), json!([{"port": 80}])),
            Expect("tcp/80", to_a().allow("y/*", "x/a")),
            Expect("tcp/81", to_a().allow("y/*", "x/a")),
        ]
    }),
    ("an allowance of everything beside a default deny", |_| {
        vec![
            Policy(
                "x",
                "deny",
                json!({"podSelector": {}, "policyTypes": ["Ingress"]}),
            ),
            Policy("x", "allow", json!({"podSelector": {}, "ingress": [{}]})),
            Expect("tcp/81", Table::all()),
        ]
    }),
    ("a named port", |_| {
        vec![
            ingress_ports("a", json!([]), json!([{"port": "serve-81-tcp"}])),
            Expect("tcp/81", Table::all()),
            Expect("tcp/80", to_a()),
        ]
    }),
    ("from a namespace to a named port", |names| {
        vec![
            ingress_ports("a", names.from("y"), json!([{"port": "serve-80-tcp"}])),
            Expect("tcp/80", to_a().allow("y/*", "x/a")),
            Expect("tcp/81", to_a()),
        ]
    }),
    ("egress to a named port", |_| {
        vec![
            Policy(
                "x",
                "a",
                json!({"podSelector": pod("a"), "policyTypes": ["Egress"],
                "egress": [{"ports": [{"port": "serve-80-tcp"}]}]}),
            ),
            Expect("tcp/80", Table::all()),
            Expect("tcp/81", from_a()),
        ]
    }),
    ("a policy is replaced", |names| {
        vec![
            Policy("x", "a", json!({"podSelector": pod("a"), "ingress": [{}]})),
            Expect("tcp/81", Table::all()),
            ingress(names.from("y")),
            Expect("tcp/81", to_a().allow("y/*", "x/a")),
        ]
    }),
    ("labels of a namespace change", |_| {
        let from = json!([{"namespaceSelector": {"matchLabels": {"ns2": "updated"}}}]);
        vec![
            ingress(from),
            Expect("tcp/80", to_a()),
            Label("y", "ns2", "updated"),
            Expect("tcp/80", to_a().allow("y/*", "x/a")),
        ]
    }),
    ("labels of a pod change", |names| {
        let selector = json!({"matchLabels": {"pod2": "updated"}});
        let from = json!([{"podSelector": selector, "namespaceSelector": names.is("y")}]);
        vec![
            ingress(from),
            Expect("tcp/80", to_a()),
            Label("y/b", "pod2", "updated"),
            Expect("tcp/80", to_a().allow("y/b", "x/a")),
        ]
    }),
    ("nobody from other namespaces", |_| {
        vec![
            Policy(
                "x",
                "a",
                json!({"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}]}]}),
            ),
            Expect("tcp/80", Table::all().deny("y/*", "x/*").deny("z/*", "x/*")),
        ]
    }),
    ("a pod becomes one that a policy selects", |_| {
        let selector = json!({"matchLabels": {"target": "isolated"}});
        vec![
            Policy(
                "x",
                "a",
                json!({"podSelector": selector, "policyTypes": ["Ingress"]}),
            ),
            Expect("tcp/80", Table::all()),
            Label("x/a", "target", "isolated"),
            Expect("tcp/80", to_a()),
        ]
    }),
    ("egress to pods of a namespace", |names| {
        let to = json!([{"podSelector": pod("a"), "namespaceSelector": names.is("y")}]);
        vec![
            egress("a", to),
            Expect("tcp/80", from_a().allow("x/a", "y/a")),
        ]
    }),
    ("several policies for egress", |names| {
        vec![
            egress("a", names.from("y")),
            Expect("tcp/80", from_a().allow("x/a", "y/*")),
            egress(
                "b",
                json!([{"podSelector": pod("a"), "namespaceSelector": names.is("z")}]),
            ),
            Expect("tcp/80", from_a().allow("x/a", "y/*").allow("x/a", "z/a")),
        ]
    }),
    ("egress to an address", |names| {
        vec![
            egress("a", json!([{"ipBlock": {"cidr": names.block("y/b")}}])),
            Expect("tcp/80", from_a().allow("x/a", "y/b")),
        ]
    }),
    (
        "egress to a block but an address, which another policy then allows",
        |names| {
            let (pods, one) = (Names::all_pods(), names.block("y/b"));
            vec![
                egress("a", json!([{"ipBlock": {"cidr": pods, "except": [one]}}])),
                Expect("tcp/80", Table::all().deny("x/a", "y/b")),
                egress("b", json!([{"ipBlock": {"cidr": one}}])),
                Expect("tcp/80", Table::all()),
            ]
        },
    ),
    ("ingress from an address", |names| {
        vec![
            ingress(json!([{"ipBlock": {"cidr": names.block("y/b")}}])),
            Expect("tcp/80", to_a().allow("y/b", "x/a")),
        ]
    }),
    ("ingress from a block but an address", |names| {
        let block = json!({"cidr": Names::all_pods(), "except": [names.block("z/c")]});
        vec![
            ingress(json!([{"ipBlock": block}])),
            Expect("udp/80", Table::all().deny("z/c", "x/a")),
        ]
    }),
    ("a port of UDP is none of TCP", |_| {
        vec![
            ingress_ports("a", json!([]), json!([{"port": 80, "protocol": "UDP"}])),
            Expect("udp/80", Table::all()),
            Expect("tcp/80", to_a()),
        ]
    }),
    ("a port of SCTP is none of TCP or UDP", |_| {
        vec![
            ingress_ports("a", json!([]), json!([{"port": 80, "protocol": "SCTP"}])),
            Expect("tcp/80", to_a()),
            Expect("udp/80", to_a()),
        ]
    }),
    ("every port of a protocol", |_| {
        vec![
            ingress_ports("a", json!([]), json!([{"protocol": "TCP"}])),
            Expect("tcp/81", Table::all()),
            Expect("udp/80", to_a()),
        ]
    }),
    ("a range of ports", |_| {
        vec![
            Policy(
                "x",
                "a",
                json!({"podSelector": pod("a"), "policyTypes": ["Egress"],
                "egress": [{"ports": [{"port": 81, "endPort": 90}]}]}),
            ),
            Expect("tcp/81", Table::all()),
            Expect("tcp/80", from_a()),
        ]
    }),
    ("egress is denied although ingress is allowed", |names| {
        vec![
            Policy(
                "x",
                "a",
                json!({"podSelector": pod("a"), "policyTypes": ["Egress"]}),
            ),
            Policy(
                "y",
                "a",
                json!({"podSelector": {}, "ingress": [{"from": names.from("x")}]}),
            ),
            Expect("tcp/80", from_a().deny("y/*", "y/*").deny("z/*", "y/*")),
        ]
    }),
    ("ingress and egress are apart", |names| {
        vec![
            ingress(names.from("y")),
            egress("b", names.from("z")),
            Expect(
                "tcp/80",
                to_a()
                    .allow("y/*", "x/a")
                    .deny("x/a", "*/*")
                    .allow("x/a", "z/*"),
            ),
        ]
    }),
    ("both ways in one policy", |names| {
        let spec = json!({"podSelector": pod("a"), "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": names.from("y")}], "egress": [{"to": names.from("y")}]});
        vec![
            Policy("x", "a", spec),
            Expect(
                "tcp/80",
                to_a()
                    .allow("y/*", "x/a")
                    .deny("x/a", "*/*")
                    .allow("x/a", "y/*"),
            ),
        ]
    }),
];

/// Nobody reaches `x/a`.
fn to_a() -> Table {
    Table::all().deny("*/*", "x/a")
}

/// `x/a` reaches nobody.
fn from_a() -> Table {
    Table::all().deny("x/a", "*/*")
}

fn pod(name: &str) -> Value {
    json!({"matchLabels": {"pod": name}})
}

fn one_of(key: &str, values: &[&str]) -> Value {
    json!({"matchExpressions": [{"key": key, "operator": "In", "values": values}]})
}

/// Into `x/a`.
fn ingress(from: Value) -> Step {
    Policy(
        "x",
        "a",
        json!({"podSelector": pod("a"), "ingress": [{"from": from}]}),
    )
}

/// Into `x/a` from `from` to `ports`.
fn ingress_ports(name: &'static str, from: Value, ports: Value) -> Step {
    let rule = json!({"from": from, "ports": ports});
    Policy(
        "x",
        name,
        json!({"podSelector": pod("a"), "ingress": [rule]}),
    )
}

/// Out of `x/a`.
fn egress(name: &'static str, to: Value) -> Step {
    Policy(
        "x",
        name,
        json!({"podSelector": pod("a"), "policyTypes": ["Egress"], "egress": [{"to": to}]}),
    )
}
