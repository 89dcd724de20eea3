//! Random policies.

use ringfence_testkit::random::Random;

use super::{Cilium, Operator, Peers, Policy, Port, Requirement, Rule, Selector, Spec};
use crate::world::NAMESPACES;

/// Everything that there is.
pub(super) fn anything(random: &mut Random) -> Cilium {
    let shape = Shape {
        denies: true,
        addresses: true,
        opens: true,
    };
    cilium(random, shape)
}

/// Policies that allow, and isolate by that.
pub(super) fn allowing(random: &mut Random) -> Cilium {
    let shape = Shape {
        denies: false,
        addresses: true,
        opens: false,
    };
    cilium(random, shape)
}

/// Denials of pods among allowances of pods.
pub(super) fn denying(random: &mut Random) -> Cilium {
    let shape = Shape {
        denies: true,
        addresses: false,
        opens: false,
    };
    cilium(random, shape)
}

#[derive(Clone, Copy)]
struct Shape {
    denies: bool,
    /// Whether rules name addresses and entities.
    addresses: bool,
    /// Whether there is `enableDefaultDeny`.
    opens: bool,
}

fn cilium(random: &mut Random, shape: Shape) -> Cilium {
    let count = random.between(1, 3);
    Cilium {
        policies: (0..count)
            .map(|index| policy(random, shape, index))
            .collect(),
        kept: random.chance(30),
    }
}

fn policy(random: &mut Random, shape: Shape, index: usize) -> Policy {
    let namespace = random
        .chance(60)
        .then(|| random.pick(&NAMESPACES).unwrap().0);
    let specs = if random.chance(80) { 1 } else { 2 };
    Policy {
        name: format!("policy-{index}"),
        namespace,
        specs: random.many(specs, |random| spec(random, shape, namespace)),
    }
}

fn spec(random: &mut Random, shape: Shape, namespace: Option<&str>) -> Spec {
    let rules = |random: &mut Random, wanted: bool, names: bool| {
        let count = if wanted { random.between(0, 2) } else { 0 };
        random.many(count, |random| rule(random, shape, names))
    };
    let (into, out) = *random
        .pick(&[(true, false), (false, true), (true, true)])
        .unwrap();
    let deny = shape.denies && random.chance(60);
    let flag = |random: &mut Random| {
        let said = shape.opens && random.chance(20);
        said.then(|| random.chance(30))
    };
    Spec {
        selector: subject(random, namespace),
        ingress: rules(random, into, true),
        ingress_deny: rules(random, into && deny, false),
        egress: rules(random, out, false),
        egress_deny: rules(random, out && deny, false),
        default_deny: [flag(random), flag(random)],
    }
}

fn rule(random: &mut Random, shape: Shape, names: bool) -> Rule {
    let ports = if random.chance(50) {
        let count = random.between(1, 2);
        random.many(count, |random| port(random, names))
    } else {
        Vec::new()
    };
    Rule {
        peers: peers(random, shape),
        ports,
    }
}

fn port(random: &mut Random, names: bool) -> Port {
    let (port, end) = *random
        .pick(&[
            ("80", None),
            ("443", None),
            ("53", Some(100)),
            ("8000", Some(9000)),
            ("0", None),
            ("http", None),
        ])
        .unwrap();
    let port = if port == "http" && !names {
        "8080"
    } else {
        port
    };
    let protocols = [None, Some("ANY"), Some("TCP"), Some("UDP"), Some("SCTP")];
    let named = *random.pick(&protocols).unwrap();
    let protocol = if port == "0" { Some("TCP") } else { named };
    Port {
        port,
        end,
        protocol,
    }
}

fn peers(random: &mut Random, shape: Shape) -> Peers {
    if !shape.addresses || random.chance(50) {
        let count = random.between(1, 2);
        return Peers::Endpoints(random.many(count, peer));
    }
    let blocks = [
        "10.0.0.0/8",
        "10.0.1.2/32",
        "192.168.0.0/16",
        "203.0.113.0/24",
        "203.0.113.5",
        "0.0.0.0/0",
        "::/0",
    ];
    let entities = [
        vec!["world"],
        vec!["world-ipv4"],
        vec!["cluster"],
        vec!["all"],
        vec!["none"],
        vec!["host", "remote-node"],
        vec!["world", "cluster"],
    ];
    let sets = [
        ("0.0.0.0/0", vec!["203.0.0.0/8"]),
        ("203.0.113.0/24", vec!["203.0.113.5/32"]),
        ("10.0.0.0/8", vec!["10.0.0.0/9"]),
        ("198.51.100.0/24", Vec::new()),
    ];
    let count = random.between(1, 2);
    match random.below(4) {
        0 => Peers::Unsaid,
        1 => Peers::Cidrs(random.many(count, |random| *random.pick(&blocks).unwrap())),
        2 => Peers::CidrSets(random.many(count, |random| random.pick(&sets).unwrap().clone())),
        _ => Peers::Entities(random.pick(&entities).unwrap().clone()),
    }
}

fn one(key: &'static str, operator: Operator, values: &[&'static str]) -> Requirement {
    Requirement {
        key,
        operator,
        values: values.to_vec(),
    }
}

/// Labels of pods.
fn labels(random: &mut Random) -> Selector {
    let labels = [
        one("app", Operator::In, &["web"]),
        one("k8s:app", Operator::In, &["db"]),
        one("any:app", Operator::In, &["web", "x"]),
        one("app", Operator::NotIn, &["db"]),
        one("k8s:tier", Operator::Exists, &[]),
        one("tier", Operator::DoesNotExist, &[]),
    ];
    let count = random.between(0, 1);
    random.many(count, |random| random.pick(&labels).unwrap().clone())
}

/// Labels that say of which namespaces pods are.
fn homes(random: &mut Random) -> Requirement {
    let homes = [
        one("k8s:io.kubernetes.pod.namespace", Operator::In, &["red"]),
        one(
            "io.kubernetes.pod.namespace",
            Operator::In,
            &["red", "blue"],
        ),
        one("k8s:io.kubernetes.pod.namespace", Operator::Exists, &[]),
        one(
            "k8s:io.cilium.k8s.namespace.labels.team",
            Operator::In,
            &["a"],
        ),
        one("io.cilium.k8s.namespace.labels.env", Operator::Exists, &[]),
        one(
            "k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name",
            Operator::In,
            &["green"],
        ),
    ];
    random.pick(&homes).unwrap().clone()
}

fn peer(random: &mut Random) -> Selector {
    let mut selector = labels(random);
    if random.chance(60) {
        selector.push(homes(random));
        if random.chance(20) {
            let team = "io.cilium.k8s.namespace.labels.team";
            selector.push(one(team, Operator::NotIn, &["b"]));
        }
    }
    selector
}

fn subject(random: &mut Random, namespace: Option<&str>) -> Selector {
    let mut selector = labels(random);
    if namespace.is_none() && random.chance(50) {
        selector.push(homes(random));
    }
    if namespace.is_some() && random.chance(10) {
        selector.push(one(
            "io.cilium.k8s.namespace.labels.team",
            Operator::In,
            &["a"],
        ));
    }
    selector
}
