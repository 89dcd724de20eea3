//! `NetworkPolicy`.

use serde_json::{Value, json};

use crate::kind::{Column, Kind, age_column, selector_text, words};
use crate::object::{at, child, default, fields};

pub(super) fn kind() -> Kind {
    Kind {
        short_names: words(&["netpol"]),
        columns: vec![
            Column::new("Pod-Selector", |policy, _| {
                selector_text(at(policy, &["spec", "podSelector"])).into()
            }),
            age_column(),
        ],
        defaults,
        ..Kind::namespaced(
            "networking.k8s.io",
            "v1",
            "NetworkPolicy",
            "networkpolicies",
            "NetworkPolicy says who may open connections to the pods that it selects, and to whom they may.",
            super::schema("networking.k8s.io/v1", "NetworkPolicy"),
        )
    }
}

/// Ingress is always meant, Egress if there are rules for it (rule NP-3).
fn defaults(policy: &mut Value) {
    let spec = fields(child(policy, "spec"));
    let egress = spec.get("egress").is_some_and(|rules| !rules.is_null());
    let types = if egress { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
    let given = spec.get("policyTypes").and_then(Value::as_array);
    if given.is_none_or(Vec::is_empty) {
        spec.insert("policyTypes".to_owned(), types);
    }
    default(spec, "podSelector", json!({}));
    for direction in ["ingress", "egress"] {
        let rules = spec.get_mut(direction).and_then(Value::as_array_mut);
        for rule in rules.into_iter().flatten() {
            let ports = rule.get_mut("ports").and_then(Value::as_array_mut);
            for port in ports.into_iter().flatten() {
                default(fields(port), "protocol", "TCP");
            }
        }
    }
}
