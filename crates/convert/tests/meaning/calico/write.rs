//! Calico's objects as manifests.

use std::fmt::Write as _;

use super::{Action, Calico, Policy, Port, Rule, Selector, Side};

/// [`KEPT`](crate::world::KEPT) as Calico sees it.
pub(super) fn kept() -> Policy {
    let side = Side {
        selector: Some(Selector::All),
        ..Side::default()
    };
    Policy {
        name: "kept".to_owned(),
        namespace: Some("red"),
        first: false,
        order: Some(1000),
        selector: Selector::Is("app", "web"),
        namespace_selector: None,
        types: (true, false),
        ingress: vec![Rule {
            action: Action::Allow,
            protocol: Some(6),
            ports: vec![Port::Range(80, 80)],
            not_ports: Vec::new(),
            side,
        }],
        egress: Vec::new(),
    }
}

pub(super) fn manifests(calico: &Calico) -> String {
    let mut text = String::new();
    let ends = if calico.first_passes { "Pass" } else { "Deny" };
    writeln!(
        text,
        "---\napiVersion: projectcalico.org/v3\nkind: Tier\nmetadata: {{name: first}}\nspec: {{order: 500, defaultAction: {ends}}}"
    )
    .unwrap();
    for (index, set) in calico.sets.iter().enumerate() {
        let (key, value) = set.label;
        writeln!(
            text,
            "---\napiVersion: projectcalico.org/v3\nkind: GlobalNetworkSet\n\
             metadata: {{name: set-{index}, labels: {{{key}: {value}}}}}\nspec: {{nets: {:?}}}",
            set.nets.iter().map(ToString::to_string).collect::<Vec<_>>()
        )
        .unwrap();
    }
    calico
        .policies
        .iter()
        .for_each(|policy| text.push_str(&manifest(policy)));
    if calico.kept {
        text.push_str(crate::world::KEPT);
    }
    text
}

fn manifest(policy: &Policy) -> String {
    let (kind, namespace) = match policy.namespace {
        Some(namespace) => ("NetworkPolicy", format!(", namespace: {namespace}")),
        None => ("GlobalNetworkPolicy", String::new()),
    };
    let mut text = format!(
        "---\napiVersion: projectcalico.org/v3\nkind: {kind}\nmetadata: {{name: {}{namespace}}}\nspec:\n  selector: {:?}\n",
        policy.name,
        selector(&policy.selector)
    );
    if policy.first {
        text.push_str("  tier: first\n");
    }
    if let Some(order) = policy.order {
        writeln!(text, "  order: {order}").unwrap();
    }
    if let Some(namespaces) = &policy.namespace_selector {
        writeln!(text, "  namespaceSelector: {:?}", selector(namespaces)).unwrap();
    }
    let types = [(policy.types.0, "Ingress"), (policy.types.1, "Egress")];
    let types: Vec<&str> = types
        .iter()
        .filter(|(is, _)| *is)
        .map(|(_, name)| *name)
        .collect();
    writeln!(text, "  types: [{}]", types.join(", ")).unwrap();
    for (key, rules, peer) in [
        ("ingress", &policy.ingress, "source"),
        ("egress", &policy.egress, "destination"),
    ] {
        if !rules.is_empty() {
            writeln!(text, "  {key}:").unwrap();
        }
        rules.iter().for_each(|one| text.push_str(&rule(one, peer)));
    }
    text
}

fn rule(rule: &Rule, peer: &str) -> String {
    let mut text = format!("  - action: {:?}\n", rule.action);
    if let Some(protocol) = rule.protocol {
        let name = match protocol {
            6 => "TCP",
            17 => "UDP",
            _ => "SCTP",
        };
        writeln!(text, "    protocol: {name}").unwrap();
    }
    let mut ports = Vec::new();
    list(&mut ports, "ports", rule.ports.iter().map(port));
    list(
        &mut ports,
        "notPorts",
        rule.not_ports.iter().map(ToString::to_string),
    );
    let side = side(&rule.side);
    let all: Vec<String> = side.iter().chain(&ports).cloned().collect();
    if peer == "destination" {
        writeln!(text, "    destination: {{{}}}", all.join(", ")).unwrap();
    } else {
        writeln!(
            text,
            "    source: {{{}}}\n    destination: {{{}}}",
            side.join(", "),
            ports.join(", ")
        )
        .unwrap();
    }
    text
}

fn port(port: &Port) -> String {
    match port {
        Port::Range(first, last) if first == last => first.to_string(),
        Port::Range(first, last) => format!("\"{first}:{last}\""),
        Port::Http => "http".to_owned(),
    }
}

fn list(fields: &mut Vec<String>, key: &str, items: impl Iterator<Item = String>) {
    let items: Vec<String> = items.collect();
    if !items.is_empty() {
        fields.push(format!("{key}: [{}]", items.join(", ")));
    }
}

fn side(side: &Side) -> Vec<String> {
    let mut fields = Vec::new();
    list(
        &mut fields,
        "nets",
        side.nets.iter().map(ToString::to_string),
    );
    list(
        &mut fields,
        "notNets",
        side.not_nets.iter().map(ToString::to_string),
    );
    let selectors = [
        ("selector", &side.selector),
        ("notSelector", &side.not_selector),
        ("namespaceSelector", &side.namespace_selector),
    ];
    for (key, value) in selectors {
        fields.extend(
            value
                .as_ref()
                .map(|value| format!("{key}: {:?}", selector(value))),
        );
    }
    fields
}

fn selector(wanted: &Selector) -> String {
    let set = |values: &[&str]| {
        let values: Vec<String> = values.iter().map(|value| format!("'{value}'")).collect();
        format!("{{{}}}", values.join(", "))
    };
    match wanted {
        Selector::All => "all()".to_owned(),
        Selector::Has(key) => format!("has({key})"),
        Selector::Is(key, value) => format!("{key} == '{value}'"),
        Selector::IsNot(key, value) => format!("{key} != '{value}'"),
        Selector::In(key, values) => format!("{key} in {}", set(values)),
        Selector::NotIn(key, values) => format!("{key} not in {}", set(values)),
        Selector::Not(inner) => format!("!({})", selector(inner)),
        Selector::And(one, two) => format!("({}) && ({})", selector(one), selector(two)),
        Selector::Or(one, two) => format!("({}) || ({})", selector(one), selector(two)),
    }
}
