//! NetworkPolicy and GlobalNetworkPolicy of Calico.

use ringfence_model::Direction;
use serde_json::Value;

use super::Surroundings;
use super::entity::{read, terms};
use super::rule::rule;
use super::selector::Selector;
use super::subject::pods;
use crate::ladder::{Policy, Rule};
use crate::term::Scope;
use crate::written::{Field, Written};

pub(super) const NAMESPACED: &str = "NetworkPolicy";
pub(super) const GLOBAL: &str = "GlobalNetworkPolicy";

/// A policy with its place in the order.
#[derive(Debug)]
pub(super) struct Ordered {
    pub(super) policy: Policy,
    pub(super) tier: String,
    /// Infinite without an order.
    pub(super) order: f64,
    pub(super) ingress: Vec<Rule>,
    pub(super) egress: Vec<Rule>,
}

const HOSTS: &str = "is about hosts, and no Kubernetes policy speaks of hosts";
const FIREWALL: &str = "keep a firewall on the hosts (nftables, or the cloud's security groups)";

const WITHOUT: [(&str, &str, &str); 4] = [
    ("doNotTrack", HOSTS, FIREWALL),
    ("preDNAT", HOSTS, FIREWALL),
    ("applyOnForward", HOSTS, FIREWALL),
    (
        "serviceAccountSelector",
        "selects by service account, which Kubernetes policies do not see",
        "give the pods a label that says which service account they have, and select by it",
    ),
];

/// The policy that `written`, the foreign object at `index`, is.
pub(super) fn policy(
    surroundings: &Surroundings<'_>,
    index: usize,
    written: &Written,
) -> Option<Ordered> {
    let namespaced = written.type_of().0 == NAMESPACED;
    let namespace = namespaced.then(|| surroundings.given.namespace_of(written));
    let root = written.root();
    root.only(&["apiVersion", "kind", "metadata", "spec", "status"], &[]);
    let Some(spec) = root.get("spec") else {
        root.refuse("has no `spec`", "write what the policy is to say");
        return None;
    };
    refuse_unknown(&spec, namespaced);
    let rules = |direction, key| -> Vec<Rule> {
        let rules = spec.list(key);
        let read = |field| rule(surroundings, namespace.as_deref(), direction, field);
        rules.iter().filter_map(read).collect()
    };
    let ingress = rules(Direction::Ingress, "ingress");
    let egress = rules(Direction::Egress, "egress");
    let (isolates_ingress, isolates_egress) = types(&spec, written.group());
    let tier = spec.text_of("tier").unwrap_or("default").to_owned();
    Some(Ordered {
        policy: Policy {
            object: Some(index),
            name: name(written, &root, &tier),
            subject: subject(&spec, namespace.as_deref()),
            namespace,
            isolates_ingress,
            isolates_egress,
        },
        tier,
        order: order(&spec),
        ingress: if isolates_ingress {
            ingress
        } else {
            Vec::new()
        },
        egress: if isolates_egress { egress } else { Vec::new() },
    })
}

fn refuse_unknown(spec: &Field<'_>, namespaced: bool) {
    let known = [
        "tier",
        "order",
        "selector",
        "types",
        "ingress",
        "egress",
        "performanceHints",
    ];
    let global = ["namespaceSelector"];
    let more: &[&str] = if namespaced { &[] } else { &global };
    spec.only(&[&known[..], more].concat(), &WITHOUT);
}

/// The name without the tier that Calico stores before it.
fn name(written: &Written, root: &Field<'_>, tier: &str) -> String {
    let name = written.metadata("name");
    if name.is_empty() {
        root.refuse("has no name", "write `metadata.name`");
    }
    let stored = name
        .strip_prefix(tier)
        .and_then(|rest| rest.strip_prefix('.'));
    stored.unwrap_or(name).to_owned()
}

fn subject(spec: &Field<'_>, namespace: Option<&str>) -> Vec<Scope> {
    let namespaces = read(spec, "namespaceSelector").map(Selector::of_namespaces);
    let namespaces = namespaces.or_else(|| namespace.map(Selector::within));
    let parts = namespaces.into_iter().chain(read(spec, "selector"));
    let selector = Selector::And(parts.collect());
    let terms = terms(spec, &selector);
    terms.iter().filter_map(|term| pods(term, spec)).collect()
}

fn order(spec: &Field<'_>) -> f64 {
    let Some(field) = spec.get("order") else {
        return f64::INFINITY;
    };
    let order = field.value.as_f64();
    if order.is_none() {
        field.refuse("is no number", "write a number, lower is asked earlier");
    }
    order.unwrap_or(f64::INFINITY)
}

/// Whether the policy is about ingress, and about egress. Without `types` the rules say so.
fn types(spec: &Field<'_>, group: &str) -> (bool, bool) {
    let types = spec.list("types");
    if types.is_empty() {
        return default_types(spec, group);
    }
    let named = |name: &str| types.iter().any(|field| field.value.as_str() == Some(name));
    for field in &types {
        let known =
            matches!(field.value, Value::String(name) if name == "Ingress" || name == "Egress");
        if !known {
            field.refuse("is no type of policy", "write Ingress or Egress");
        }
    }
    (named("Ingress"), named("Egress"))
}

fn default_types(spec: &Field<'_>, group: &str) -> (bool, bool) {
    if group.starts_with("crd.") {
        spec.refuse(
            "has no `types`, which Calico's API writes into every stored policy",
            "write `types: [Ingress]`, `[Egress]` or both; or give the policy as projectcalico.org/v3",
        );
    }
    let has = |key| !spec.list(key).is_empty();
    (has("ingress") || !has("egress"), has("egress"))
}
