//! Cilium's objects as manifests.

use serde_json::{Map, Value, json};

use super::{Cilium, Operator, Peers, Policy, Port, Requirement, Rule, Selector, Spec};

/// [`KEPT`](crate::world::KEPT) as Cilium sees it.
pub(super) fn kept() -> Policy {
    let spec = Spec {
        selector: vec![Requirement {
            key: "app",
            operator: Operator::In,
            values: vec!["web"],
        }],
        ingress: vec![Rule {
            peers: Peers::Endpoints(vec![Vec::new()]),
            ports: vec![Port {
                port: "80",
                end: None,
                protocol: Some("TCP"),
            }],
        }],
        ingress_deny: Vec::new(),
        egress: Vec::new(),
        egress_deny: Vec::new(),
        default_deny: [None, None],
    };
    Policy {
        name: "kept".to_owned(),
        namespace: Some("red"),
        specs: vec![spec],
    }
}

/// Manifests of JSON, which is YAML.
pub(super) fn manifests(cilium: &Cilium) -> String {
    let policies = cilium
        .policies
        .iter()
        .map(|one| format!("---\n{}\n", policy(one)));
    let kept = if cilium.kept { crate::world::KEPT } else { "" };
    policies.chain([kept.to_owned()]).collect()
}

fn policy(policy: &Policy) -> Value {
    let (kind, metadata) = match policy.namespace {
        Some(namespace) => (
            "CiliumNetworkPolicy",
            json!({"name": policy.name, "namespace": namespace}),
        ),
        None => (
            "CiliumClusterwideNetworkPolicy",
            json!({"name": policy.name}),
        ),
    };
    let specs: Vec<Value> = policy.specs.iter().map(spec).collect();
    let mut manifest = json!({"apiVersion": "cilium.io/v2", "kind": kind, "metadata": metadata});
    match specs.as_slice() {
        [only] => manifest["spec"] = only.clone(),
        more => manifest["specs"] = json!(more),
    }
    manifest
}

fn spec(spec: &Spec) -> Value {
    let mut fields = Map::new();
    fields.insert("endpointSelector".to_owned(), selector(&spec.selector));
    let sections = [
        ("ingress", "from", &spec.ingress),
        ("ingressDeny", "from", &spec.ingress_deny),
        ("egress", "to", &spec.egress),
        ("egressDeny", "to", &spec.egress_deny),
    ];
    for (key, side, rules) in sections {
        if !rules.is_empty() {
            let rules: Vec<Value> = rules.iter().map(|one| rule(one, side)).collect();
            fields.insert(key.to_owned(), json!(rules));
        }
    }
    let names = ["ingress", "egress"].into_iter().zip(spec.default_deny);
    let wanted = names.filter_map(|(name, wanted)| Some((name.to_owned(), json!(wanted?))));
    let wanted: Map<String, Value> = wanted.collect();
    if !wanted.is_empty() {
        fields.insert("enableDefaultDeny".to_owned(), Value::Object(wanted));
    }
    Value::Object(fields)
}

fn rule(rule: &Rule, side: &str) -> Value {
    let mut fields = Map::new();
    let peers = match &rule.peers {
        Peers::Unsaid => None,
        Peers::Endpoints(selectors) => {
            let selectors: Vec<Value> = selectors.iter().map(selector).collect();
            Some(("Endpoints", json!(selectors)))
        }
        Peers::Cidrs(blocks) => Some(("CIDR", json!(blocks))),
        Peers::CidrSets(sets) => {
            let set = |(cidr, except): &(&str, Vec<&str>)| json!({"cidr": cidr, "except": except});
            Some(("CIDRSet", json!(sets.iter().map(set).collect::<Vec<_>>())))
        }
        Peers::Entities(names) => Some(("Entities", json!(names))),
    };
    if let Some((name, list)) = peers {
        fields.insert(format!("{side}{name}"), list);
    }
    if !rule.ports.is_empty() {
        let ports: Vec<Value> = rule.ports.iter().map(port).collect();
        fields.insert("toPorts".to_owned(), json!([{"ports": ports}]));
    }
    Value::Object(fields)
}

fn port(port: &Port) -> Value {
    let mut fields = json!({"port": port.port});
    if let Some(end) = port.end {
        fields["endPort"] = json!(end);
    }
    if let Some(protocol) = port.protocol {
        fields["protocol"] = json!(protocol);
    }
    fields
}

/// One value of `In` stands in `matchLabels`.
fn selector(selector: &Selector) -> Value {
    let mut labels = Map::new();
    let mut expressions = Vec::new();
    for one in selector {
        match (one.operator, one.values.as_slice()) {
            (Operator::In, [value]) if !labels.contains_key(one.key) => {
                labels.insert(one.key.to_owned(), json!(value));
            }
            (operator, []) => {
                expressions.push(json!({"key": one.key, "operator": format!("{operator:?}")}));
            }
            (operator, values) => expressions.push(
                json!({"key": one.key, "operator": format!("{operator:?}"), "values": values}),
            ),
        }
    }
    json!({"matchLabels": labels, "matchExpressions": expressions})
}
