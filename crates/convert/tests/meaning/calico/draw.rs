//! Random policies.

use ringfence_testkit::random::Random;

use super::{Action, Calico, Policy, Port, Rule, Selector, Set, Side};
use crate::world::NAMESPACES;

/// Everything that there is.
pub(super) fn anything(random: &mut Random) -> Calico {
    let shape = Shape {
        actions: &[
            Action::Allow,
            Action::Allow,
            Action::Allow,
            Action::Deny,
            Action::Pass,
        ],
        blocks: true,
        tiers: true,
        numbered: false,
    };
    calico(random, shape)
}

/// Policies that allow, and isolate by that.
pub(super) fn allowing(random: &mut Random) -> Calico {
    let shape = Shape {
        actions: &[Action::Allow],
        blocks: true,
        tiers: false,
        numbered: false,
    };
    calico(random, shape)
}

/// Denials of pods among allowances, each policy with an order of its own.
pub(super) fn denying(random: &mut Random) -> Calico {
    let shape = Shape {
        actions: &[Action::Allow, Action::Deny],
        blocks: false,
        tiers: false,
        numbered: true,
    };
    calico(random, shape)
}

#[derive(Clone, Copy)]
struct Shape {
    actions: &'static [Action],
    /// Whether rules name addresses.
    blocks: bool,
    tiers: bool,
    /// Whether orders are unique, and below that of Kubernetes' policies.
    numbered: bool,
}

fn calico(random: &mut Random, shape: Shape) -> Calico {
    let count = random.between(1, 4);
    let policies = (0..count)
        .map(|index| policy(random, shape, index))
        .collect();
    let sets = if shape.blocks {
        random.between(0, 2)
    } else {
        0
    };
    Calico {
        policies,
        sets: random.many(sets, |random| Set {
            label: *random
                .pick(&[("app", "web"), ("app", "db"), ("zone", "x")])
                .unwrap(),
            nets: nets(random),
        }),
        first_passes: random.chance(70),
        kept: random.chance(30),
    }
}

fn policy(random: &mut Random, shape: Shape, index: usize) -> Policy {
    let namespace = random
        .chance(50)
        .then(|| random.pick(&NAMESPACES).unwrap().0);
    let orders = [None, None, Some(10), Some(20), Some(1000), Some(1500)];
    let order = if shape.numbered {
        Some(u32::try_from(index * 10).unwrap())
    } else {
        *random.pick(&orders).unwrap()
    };
    let namespace_selector =
        (namespace.is_none() && random.chance(40)).then(|| namespaces(random, 2));
    let rules = |random: &mut Random| {
        let count = random.between(0, 3);
        random.many(count, |random| rule(random, shape))
    };
    let types = *random
        .pick(&[(true, false), (false, true), (true, true)])
        .unwrap();
    Policy {
        name: format!("policy-{index}"),
        namespace,
        first: shape.tiers && random.chance(20),
        order,
        selector: selector(random, 2),
        namespace_selector,
        types,
        ingress: if types.0 { rules(random) } else { Vec::new() },
        egress: if types.1 { rules(random) } else { Vec::new() },
    }
}

fn rule(random: &mut Random, shape: Shape) -> Rule {
    let protocol = random
        .chance(60)
        .then(|| *random.pick(&[6, 6, 17, 132]).unwrap());
    let ports = if protocol.is_some() && random.chance(60) {
        ports(random)
    } else {
        Vec::new()
    };
    let numeric = ports.iter().all(|port| matches!(port, Port::Range(..)));
    let holes = protocol.is_some() && numeric && random.chance(20);
    Rule {
        action: *random.pick(shape.actions).unwrap(),
        protocol,
        ports,
        not_ports: if holes {
            vec![*random.pick(&[80, 443]).unwrap()]
        } else {
            Vec::new()
        },
        side: side(random, shape),
    }
}

fn ports(random: &mut Random) -> Vec<Port> {
    let ports = [
        Port::Range(80, 80),
        Port::Range(443, 443),
        Port::Range(53, 100),
        Port::Range(8000, 9000),
        Port::Http,
    ];
    let count = random.between(1, 2);
    random.many(count, |random| random.pick(&ports).unwrap().clone())
}

fn side(random: &mut Random, shape: Shape) -> Side {
    let mut side = Side::default();
    if shape.blocks && random.chance(40) {
        match random.below(4) {
            0 => {}
            1 => side.not_nets = nets(random),
            2 => (side.nets, side.not_nets) = (nets(random), nets(random)),
            _ => side.nets = nets(random),
        }
        return side;
    }
    side.selector = random.chance(70).then(|| selector(random, 2));
    side.namespace_selector = random.chance(40).then(|| namespaces(random, 1));
    if side.selector.is_none() && side.namespace_selector.is_none() {
        side.selector = Some(Selector::All);
    }
    if shape.tiers && random.chance(15) {
        side.not_selector = Some(selector(random, 1));
    }
    side
}

fn nets(random: &mut Random) -> Vec<ipnet::IpNet> {
    let nets = [
        "10.0.0.0/8",
        "10.0.0.0/24",
        "10.0.1.2/32",
        "192.168.0.0/30",
        "203.0.113.0/24",
        "203.0.0.0/16",
        "0.0.0.0/0",
        "0.0.0.0/1",
    ];
    let count = random.between(1, 2);
    random.many(count, |random| random.pick(&nets).unwrap().parse().unwrap())
}

fn selector(random: &mut Random, depth: usize) -> Selector {
    let leaves = [
        Selector::All,
        Selector::Has("tier"),
        Selector::Is("app", "web"),
        Selector::Is("app", "db"),
        Selector::IsNot("app", "db"),
        Selector::In("app", vec!["web", "x"]),
        Selector::NotIn("tier", vec!["front", "back"]),
        Selector::Is("projectcalico.org/namespace", "red"),
        Selector::IsNot("projectcalico.org/namespace", "blue"),
        Selector::Is("projectcalico.org/orchestrator", "k8s"),
    ];
    combined(random, depth, &leaves)
}

fn namespaces(random: &mut Random, depth: usize) -> Selector {
    let leaves = [
        Selector::All,
        Selector::Has("env"),
        Selector::Is("team", "a"),
        Selector::IsNot("team", "b"),
        Selector::In("projectcalico.org/name", vec!["red", "blue"]),
        Selector::Is("kubernetes.io/metadata.name", "green"),
    ];
    combined(random, depth, &leaves)
}

fn combined(random: &mut Random, depth: usize, leaves: &[Selector]) -> Selector {
    if depth == 0 || random.chance(50) {
        return random.pick(leaves).unwrap().clone();
    }
    let one = Box::new(combined(random, depth - 1, leaves));
    let two = Box::new(combined(random, depth - 1, leaves));
    match random.below(3) {
        0 => Selector::Not(one),
        1 => Selector::And(one, two),
        _ => Selector::Or(one, two),
    }
}
