//! Which labels stand for what, and the pods that alternatives of labels select.

use ringfence_model::{METADATA_NAME_LABEL, Requirement, SelectorOperator};

use super::selector::{NAMESPACE, OF_ACCOUNT, OF_NAMESPACE};
use crate::term::{Scope, possible};
use crate::written::Field;

/// The label that Calico gives a namespace, with its name.
pub(super) const NAMESPACE_NAME: &str = "projectcalico.org/name";

/// What stands for an endpoint's label.
enum Meaning {
    /// A label of the pod's namespace.
    OfNamespace(String),
    /// A label of the pod.
    OfPod(String),
    /// A label that every pod has, with this value if it is one and the same.
    Everywhere(Option<&'static str>),
    /// Something that Kubernetes selectors do not see.
    Unseen,
}

fn meaning(key: &str) -> Meaning {
    if let Some(key) = key.strip_prefix(OF_NAMESPACE) {
        return Meaning::OfNamespace(match key {
            NAMESPACE_NAME => METADATA_NAME_LABEL.to_owned(),
            _ => key.to_owned(),
        });
    }
    match key {
        NAMESPACE => Meaning::OfNamespace(METADATA_NAME_LABEL.to_owned()),
        "projectcalico.org/orchestrator" => Meaning::Everywhere(Some("k8s")),
        "projectcalico.org/serviceaccount" => Meaning::Unseen,
        _ if key.starts_with(OF_ACCOUNT) => Meaning::Unseen,
        _ => Meaning::OfPod(key.to_owned()),
    }
}

/// The pods that satisfy `term`, `None` if none can. What no selector of Kubernetes can say is refused at `at`.
pub(super) fn pods(term: &[Requirement], at: &Field<'_>) -> Option<Scope> {
    let mut scope = Scope::default();
    for requirement in term {
        match meaning(&requirement.key) {
            Meaning::OfNamespace(key) => scope.namespaces.push(with_key(requirement, key)),
            Meaning::OfPod(key) => scope.pods.push(with_key(requirement, key)),
            Meaning::Everywhere(value) => {
                if !always(requirement, value) {
                    return None;
                }
            }
            Meaning::Unseen => at.refuse(
                "selects by service account, which Kubernetes policies do not see",
                "give the pods a label that says which service account they have, and select by it",
            ),
        }
    }
    possible(scope, at)
}

fn with_key(requirement: &Requirement, key: String) -> Requirement {
    Requirement {
        key,
        ..requirement.clone()
    }
}

/// Whether a label that every pod has, with `value`, satisfies the requirement.
fn always(requirement: &Requirement, value: Option<&str>) -> bool {
    let listed = value.is_some_and(|value| requirement.values.iter().any(|one| one == value));
    match requirement.operator {
        SelectorOperator::In => listed,
        SelectorOperator::NotIn => !listed,
        SelectorOperator::Exists => true,
        SelectorOperator::DoesNotExist => false,
    }
}
