//! CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy.

use ringfence_model::Direction;
use serde_json::Value;

use super::outside::Outside;
use super::rule::{Context, rule};
use super::selector;
use crate::input::Given;
use crate::ladder::{Action, Policy, Rule};
use crate::written::{Field, Written};

pub(super) const NAMESPACED: &str = "CiliumNetworkPolicy";
pub(super) const CLUSTERWIDE: &str = "CiliumClusterwideNetworkPolicy";

/// One `spec`, or one item of `specs`.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub(super) policy: Policy,
    pub(super) denied: Sides,
    pub(super) allowed: Sides,
}

/// Rules of both directions.
#[derive(Clone, Debug, Default)]
pub(super) struct Sides {
    pub(super) ingress: Vec<Rule>,
    pub(super) egress: Vec<Rule>,
}

const KNOWN: [&str; 10] = [
    "endpointSelector",
    "nodeSelector",
    "ingress",
    "ingressDeny",
    "egress",
    "egressDeny",
    "enableDefaultDeny",
    "labels",
    "description",
    "log",
];

/// What `written`, the foreign object at `index`, states.
pub(super) fn statements(given: &Given<'_>, index: usize, written: &Written) -> Vec<Statement> {
    let namespaced = written.type_of().0 == NAMESPACED;
    let namespace = namespaced.then(|| given.namespace_of(written));
    let root = written.root();
    let known = ["apiVersion", "kind", "metadata", "spec", "specs", "status"];
    root.only(&known, &[]);
    if written.metadata("name").is_empty() {
        root.refuse("has no name", "write `metadata.name`");
    }
    let specs: Vec<Field<'_>> = root
        .get("spec")
        .into_iter()
        .chain(root.list("specs"))
        .collect();
    if specs.is_empty() {
        root.refuse(
            "has neither `spec` nor `specs`",
            "write what the policy is to say",
        );
    }
    let context = Context {
        namespace: namespace.as_deref(),
        outside: Outside { given },
    };
    let policy = |spec: &Field<'_>| Policy {
        object: Some(index),
        name: written.metadata("name").to_owned(),
        subject: subject(spec, namespace.as_deref()),
        namespace: namespace.clone(),
        isolates_ingress: isolates(spec, Direction::Ingress),
        isolates_egress: isolates(spec, Direction::Egress),
    };
    let statement = |spec: &Field<'_>| {
        spec.only(&KNOWN, &[]);
        Statement {
            policy: policy(spec),
            denied: sides(&context, spec, Action::Deny),
            allowed: sides(&context, spec, Action::Allow),
        }
    };
    specs.iter().map(statement).collect()
}

/// The fields of the rules of `direction`: those that allow, and those that deny.
const fn fields(direction: Direction) -> (&'static str, &'static str) {
    match direction {
        Direction::Ingress => ("ingress", "ingressDeny"),
        Direction::Egress => ("egress", "egressDeny"),
    }
}

fn sides(context: &Context<'_>, spec: &Field<'_>, action: Action) -> Sides {
    let rules = |direction| {
        let (allow, deny) = fields(direction);
        let key = if action == Action::Deny { deny } else { allow };
        let rules = spec.list(key);
        let read = |field| rule(context, direction, action, field);
        rules.iter().filter_map(read).collect()
    };
    Sides {
        ingress: rules(Direction::Ingress),
        egress: rules(Direction::Egress),
    }
}

fn subject(spec: &Field<'_>, namespace: Option<&str>) -> Vec<crate::term::Scope> {
    if let Some(nodes) = spec.get("nodeSelector") {
        nodes.refuse(
            "is about hosts, and no Kubernetes policy speaks of hosts",
            "keep a firewall on the hosts (nftables, or the cloud's security groups)",
        );
        return Vec::new();
    }
    let Some(selector) = spec.get("endpointSelector") else {
        spec.refuse(
            "has no `endpointSelector`, so that Cilium takes it for no valid policy",
            "write `endpointSelector: {}` if every pod is meant",
        );
        return Vec::new();
    };
    selector::subject(&selector, namespace)
        .into_iter()
        .collect()
}

/// Whether pods are denied what no rule allows: a section with a rule, be it an empty one, isolates, unless
/// `enableDefaultDeny` says that it does not.
fn isolates(spec: &Field<'_>, direction: Direction) -> bool {
    let (allow, deny) = fields(direction);
    let has_rules = [allow, deny].iter().any(|key| !spec.list(key).is_empty());
    let wanted = spec.get("enableDefaultDeny").and_then(|wanted| {
        wanted.only(&["ingress", "egress"], &[]);
        wanted.get(allow)
    });
    has_rules && wanted.is_none_or(|wanted| is_true(&wanted))
}

fn is_true(field: &Field<'_>) -> bool {
    if !matches!(field.value, Value::Bool(_)) {
        field.refuse("is neither true nor false", "write true or false");
    }
    field.value.as_bool().unwrap_or(true)
}
