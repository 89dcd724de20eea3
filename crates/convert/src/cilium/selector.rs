//! Selectors of endpoints: labels of pods and of their namespaces, each with the source that it comes from.

use ringfence_model::{METADATA_NAME_LABEL, Requirement, SelectorOperator};
use serde_json::Value;

use crate::term::{Scope, named, possible};
use crate::written::Field;

/// The label of every pod with the name of its namespace.
const NAMESPACE: &str = "io.kubernetes.pod.namespace";

/// What stands before the labels of namespaces where they are labels of pods.
const OF_NAMESPACE: &str = "io.cilium.k8s.namespace.labels.";

const ACCOUNT: &str = "io.cilium.k8s.policy.serviceaccount";
const CLUSTER: &str = "io.cilium.k8s.policy.cluster";

/// Beginnings of labels that are no part of a pod's identity unless Cilium is told so, and that no selector therefore finds.
const HIDDEN: [&str; 13] = [
    "io.kubernetes",
    "kubernetes.io",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/job-completion-index",
    "batch.kubernetes.io/controller-uid",
    "k8s.io",
    "pod-template-generation",
    "pod-template-hash",
    "controller-revision-hash",
    "annotation.",
    "controller-uid",
    "etcd_node",
];

/// What is nowhere in a label of an identity.
const BETA: &str = "beta.kubernetes.io";

/// What a key stands for.
enum Meaning<'a> {
    /// The name of the pod's namespace.
    Namespace,
    /// A label of it.
    OfNamespace(&'a str),
    OfPod(&'a str),
}

/// The requirements of a selector, apart by what they speak of.
#[derive(Default)]
struct Parts {
    names: Vec<Requirement>,
    namespaces: Vec<Requirement>,
    pods: Vec<Requirement>,
}

/// The pods that `endpointSelector` selects; `None` if there can be none. A policy with a namespace speaks of it alone.
pub(super) fn subject(selector: &Field<'_>, namespace: Option<&str>) -> Option<Scope> {
    let mut parts = parts(selector);
    if let Some(namespace) = namespace {
        if parts.names.iter().any(|one| *one != named(namespace)) {
            selector.refuse(
                "asks for a namespace, and a CiliumNetworkPolicy selects pods of its own, whatever else it says",
                "remove the requirement, or write a CiliumClusterwideNetworkPolicy",
            );
        }
        parts.names = vec![named(namespace)];
    }
    scope(parts, selector)
}

/// The pods that an item of `fromEndpoints` or `toEndpoints` selects; `None` if there can be none. One that asks for no
/// namespace means that of the policy, if it has one.
pub(super) fn peer(selector: &Field<'_>, namespace: Option<&str>) -> Option<Scope> {
    let mut parts = parts(selector);
    let asks = !parts.names.is_empty() || namespace.is_some() && !parts.namespaces.is_empty();
    if asks {
        refuse_strangers(&parts, selector);
    } else if let Some(namespace) = namespace {
        parts.names.push(named(namespace));
    }
    scope(parts, selector)
}

/// What is in no namespace has none of its labels: nodes, and the outside.
fn refuse_strangers(parts: &Parts, selector: &Field<'_>) {
    let demands = |one: &Requirement| match one.operator {
        SelectorOperator::In | SelectorOperator::Exists => true,
        SelectorOperator::NotIn | SelectorOperator::DoesNotExist => false,
    };
    if !parts.names.iter().chain(&parts.namespaces).any(demands) {
        selector.refuse(
            "matches nodes and outside addresses, too, as they are in no namespace; a Kubernetes selector matches pods alone",
            "add `{key: k8s:io.kubernetes.pod.namespace, operator: Exists}` if pods are meant",
        );
    }
}

fn scope(parts: Parts, at: &Field<'_>) -> Option<Scope> {
    let Parts {
        names,
        namespaces,
        pods,
    } = parts;
    let namespaces = [names, namespaces].concat();
    possible(Scope { namespaces, pods }, at)
}

fn parts(selector: &Field<'_>) -> Parts {
    let mut parts = Parts::default();
    for (field, requirement) in requirements(selector) {
        let key = requirement.key.clone();
        let with = |key: &str| Requirement {
            key: key.to_owned(),
            ..requirement
        };
        match meaning(&field, &key) {
            Some(Meaning::Namespace) => parts.names.push(with(METADATA_NAME_LABEL)),
            Some(Meaning::OfNamespace(key)) => parts.namespaces.push(with(key)),
            Some(Meaning::OfPod(key)) => parts.pods.push(with(key)),
            None => {}
        }
    }
    parts
}

/// What `key` stands for. What Kubernetes selectors do not see is refused.
fn meaning<'k>(at: &Field<'_>, key: &'k str) -> Option<Meaning<'k>> {
    let (source, key) = key.split_once(':').unwrap_or(("any", key));
    if source != "any" && source != "k8s" {
        at.refuse(
            &format!("asks for a label of the source `{source}`, and Kubernetes selectors see those of Kubernetes alone"),
            "select pods with labels of `k8s:`; `reserved:` ones have an entity in `fromEntities` and `toEntities`",
        );
        return None;
    }
    let refusal = match key {
        _ if key.contains(BETA) => Some(OUT_OF_SIGHT),
        NAMESPACE => return Some(Meaning::Namespace),
        ACCOUNT => Some((
            "selects by service account, which Kubernetes policies do not see",
            "give the pods a label that says which service account they have, and select by it",
        )),
        CLUSTER => Some((
            "selects by cluster, and Kubernetes policies see their own alone",
            "remove it, or allow the addresses of the other cluster's pods by hand",
        )),
        _ => match key.strip_prefix(OF_NAMESPACE) {
            Some(key) => return Some(Meaning::OfNamespace(key)),
            None => HIDDEN
                .iter()
                .any(|hidden| key.starts_with(hidden))
                .then_some(OUT_OF_SIGHT),
        },
    };
    let Some((why, instead)) = refusal else {
        return Some(Meaning::OfPod(key));
    };
    at.refuse(why, instead);
    None
}

const OUT_OF_SIGHT: (&str, &str) = (
    "asks for a label that Cilium leaves out of identities, unless it is told otherwise: no pod has it for Cilium, and for Kubernetes some do",
    "give the pods a label of your own, and select by it",
);

/// Every requirement with the field that it was written in.
fn requirements<'a>(selector: &Field<'a>) -> Vec<(Field<'a>, Requirement)> {
    selector.only(&["matchLabels", "matchExpressions"], &[]);
    let labels = selector
        .get("matchLabels")
        .map_or_else(Vec::new, |labels| labels.entries());
    let mut found: Vec<(Field<'a>, Requirement)> = Vec::new();
    for (key, field) in labels {
        let Some(value) = field.as_text() else {
            continue;
        };
        let requirement = Requirement {
            key: key.to_owned(),
            operator: SelectorOperator::In,
            values: vec![value.to_owned()],
        };
        found.push((field, requirement));
    }
    let expressions = selector.list("matchExpressions");
    found.extend(expressions.into_iter().filter_map(expression));
    found
}

fn expression(field: Field<'_>) -> Option<(Field<'_>, Requirement)> {
    field.only(&["key", "operator", "values"], &[]);
    let operator = match field.text_of("operator") {
        Some("In") => SelectorOperator::In,
        Some("NotIn") => SelectorOperator::NotIn,
        Some("Exists") => SelectorOperator::Exists,
        Some("DoesNotExist") => SelectorOperator::DoesNotExist,
        Some(_) | None => {
            field.refuse(
                "has no operator of selectors",
                "write In, NotIn, Exists or DoesNotExist",
            );
            return None;
        }
    };
    let values = field.list("values");
    let listed: Vec<String> = values
        .iter()
        .filter_map(|value| Some(value.as_text()?.to_owned()))
        .collect();
    let wants = matches!(operator, SelectorOperator::In | SelectorOperator::NotIn);
    if wants == listed.is_empty() {
        field.refuse(
            "has values and an operator that do not go together",
            "write values for In and NotIn, and none for Exists and DoesNotExist",
        );
    }
    let Some(Value::String(key)) = field.get("key").map(|key| key.value) else {
        field.refuse("has no key", "write the label's key");
        return None;
    };
    let requirement = Requirement {
        key: key.clone(),
        operator,
        values: listed,
    };
    Some((field, requirement))
}
