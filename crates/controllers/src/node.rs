//! Which nodes a pod may run on.

use ringfence_apiserver::object::{self, at, items, text};
use serde_json::{Value, json};

use crate::selector::{has_labels, holds, label};

/// The resource of nodes.
pub(crate) const NODES: &str = "nodes";
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// Why a pod may not run on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// The node takes no new pods.
    Unschedulable,
    /// The node has a taint that the pod does not tolerate.
    Taint { key: String, value: String },
    /// The pod wants other nodes.
    Affinity,
    /// The node runs as many pods as it may.
    Full,
}

impl Obstacle {
    /// As the scheduler says it.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Unschedulable => "node(s) were unschedulable".to_owned(),
            Self::Taint { key, value } => {
                format!("node(s) had untolerated taint {{{key}: {value}}}")
            }
            Self::Affinity => "node(s) didn't match Pod's node affinity/selector".to_owned(),
            Self::Full => "Too many pods".to_owned(),
        }
    }
}

/// What keeps a pod with this specification off a node, whatever else runs there. Only taints with one of these `effects`
/// are looked at.
pub(crate) fn obstacle(node: &Value, spec: &Value, effects: &[&str]) -> Option<Obstacle> {
    untolerated(node, spec, effects)
        .or_else(|| (!is_wanted(node, spec)).then_some(Obstacle::Affinity))
}

fn untolerated(node: &Value, spec: &Value, effects: &[&str]) -> Option<Obstacle> {
    let tolerations = items(spec, &["tolerations"]);
    let tolerated = |taint: &Value| {
        tolerations
            .iter()
            .any(|toleration| tolerates(toleration, taint))
    };
    let cordoned = at(node, &["spec", "unschedulable"]) == Some(&Value::Bool(true));
    let cordon = json!({"key": UNSCHEDULABLE, "effect": "NoSchedule"});
    if cordoned && effects.contains(&"NoSchedule") && !tolerated(&cordon) {
        return Some(Obstacle::Unschedulable);
    }
    let taints = items(node, &["spec", "taints"]).iter();
    let mut taints = taints.filter(|taint| effects.contains(&text(taint, &["effect"])));
    let taint = taints.find(|taint| !tolerated(taint))?;
    Some(Obstacle::Taint {
        key: text(taint, &["key"]).to_owned(),
        value: text(taint, &["value"]).to_owned(),
    })
}

fn tolerates(toleration: &Value, taint: &Value) -> bool {
    let same = |field: &str| text(toleration, &[field]) == text(taint, &[field]);
    let given = |field: &str| !text(toleration, &[field]).is_empty();
    let exists = text(toleration, &["operator"]) == "Exists";
    (!given("effect") || same("effect"))
        && if given("key") {
            same("key") && (exists || same("value"))
        } else {
            exists
        }
}

/// Whether the node is one of those that `nodeSelector` and the required affinity name.
fn is_wanted(node: &Value, spec: &Value) -> bool {
    let required = [
        "affinity",
        "nodeAffinity",
        "requiredDuringSchedulingIgnoredDuringExecution",
    ];
    let terms = at(spec, &required).map(|required| items(required, &["nodeSelectorTerms"]));
    has_labels(at(spec, &["nodeSelector"]), node)
        && terms.is_none_or(|terms| terms.iter().any(|term| meets(node, term)))
}

/// An empty term names no node.
fn meets(node: &Value, term: &Value) -> bool {
    let (labels, fields) = (
        items(term, &["matchExpressions"]),
        items(term, &["matchFields"]),
    );
    let field = |one: &Value| match text(one, &["key"]) {
        "metadata.name" => Some(object::name(node).to_owned()),
        _ => None,
    };
    labels.len() + fields.len() > 0
        && labels
            .iter()
            .all(|one| compares(one, label(node, text(one, &["key"]))))
        && fields.iter().all(|one| holds(one, field(one).as_deref()))
}

fn compares(requirement: &Value, value: Option<&str>) -> bool {
    let bound = items(requirement, &["values"])
        .first()
        .and_then(Value::as_str);
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok());
    match (
        text(requirement, &["operator"]),
        number(value),
        number(bound),
    ) {
        ("Gt", Some(value), Some(bound)) => value > bound,
        ("Lt", Some(value), Some(bound)) => value < bound,
        _ => holds(requirement, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [&str; 2] = ["NoSchedule", "NoExecute"];

    fn node(taints: Value) -> Value {
        json!({
            "metadata": {"name": "n1", "labels": {"disk": "ssd", "cores": "8"}}, "spec": {"taints": taints},
        })
    }

    fn affinity(term: Value) -> Value {
        let required = json!({"nodeSelectorTerms": [{}, term]});
        json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}})
    }

    #[test]
    fn selectors_and_required_affinity_name_nodes() {
        let label = |key: &str, operator: &str, values: &[&str]| {
            affinity(
                json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]}),
            )
        };
        for (spec, wanted) in [
            (json!({}), true),
            (json!({"nodeSelector": {"disk": "ssd"}}), true),
            (json!({"nodeSelector": {"disk": "ssd", "zone": "a"}}), false),
            (label("disk", "In", &["ssd", "hdd"]), true),
            (label("disk", "NotIn", &["ssd"]), false),
            (label("cores", "Gt", &["4"]), true),
            (label("cores", "Gt", &["8"]), false),
            (label("cores", "Lt", &["9"]), true),
            (label("disk", "Gt", &["1"]), false),
            (affinity(json!({})), false),
            (
                affinity(
                    json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}),
                ),
                true,
            ),
            (
                affinity(
                    json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n2"]}]}),
                ),
                false,
            ),
        ] {
            let obstacle = obstacle(&node(json!([])), &spec, &ALL);
            assert_eq!(obstacle.is_none(), wanted, "{spec}: {obstacle:?}");
        }
    }

    #[test]
    fn taints_keep_off_who_does_not_tolerate_them() {
        let tainted = node(json!([{"key": "role", "value": "cp", "effect": "NoSchedule"}]));
        for (toleration, stays_off) in [
            (json!({"key": "other", "operator": "Exists"}), true),
            (json!({"key": "role", "value": "worker"}), true),
            (
                json!({"key": "role", "value": "cp", "effect": "NoExecute"}),
                true,
            ),
            (json!({"key": "role", "value": "cp"}), false),
            (
                json!({"key": "role", "operator": "Exists", "effect": "NoSchedule"}),
                false,
            ),
            (json!({"operator": "Exists"}), false),
        ] {
            let found = obstacle(&tainted, &json!({"tolerations": [toleration]}), &ALL);
            assert_eq!(found.is_some(), stays_off, "{toleration}");
        }
        let message = obstacle(&tainted, &json!({}), &ALL).unwrap().message();
        assert_eq!(message, "node(s) had untolerated taint {role: cp}");
        assert_eq!(obstacle(&tainted, &json!({}), &["NoExecute"]), None);
    }

    #[test]
    fn a_cordoned_node_takes_nothing_new() {
        let mut cordoned = node(json!([]));
        cordoned["spec"]["unschedulable"] = true.into();
        assert_eq!(
            obstacle(&cordoned, &json!({}), &ALL),
            Some(Obstacle::Unschedulable)
        );
        let all = json!({"tolerations": [{"operator": "Exists"}]});
        assert_eq!(obstacle(&cordoned, &all, &ALL), None);
    }
}
