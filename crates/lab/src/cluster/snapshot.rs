//! What of a lab's objects is kept in a file, and what another lab makes of it. Pure.

use std::collections::BTreeSet;

use ringfence_apiserver::object::{self, at, is_terminating, items, name, namespace, text};
use ringfence_model::ObjectName;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::system;

const API_VERSION: &str = "ringfence.dev/v1alpha1";
const KIND: &str = "LabSnapshot";
/// What is told of nodes and of things that happened is of the lab that is gone.
const NOT_KEPT: [&str; 2] = ["events", "leases.coordination.k8s.io"];
/// Labels of what a controller makes anew.
const MADE_ANEW: [&str; 2] = [
    "endpointslice.kubernetes.io/managed-by",
    "endpoints.kubernetes.io/managed-by",
];
/// The ConfigMap by which pods know the API, which is another one in each lab.
const CERTIFICATE: &str = "kube-root-ca.crt";

/// The content of the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Snapshot {
    api_version: String,
    kind: String,
    /// The lab that holds the file, or held it last.
    #[serde(default)]
    pub lab: String,
    /// The objects, each as the API has it.
    pub objects: Vec<Value>,
}

/// Why a file is no snapshot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// It is not of this form.
    #[error("not a snapshot of a lab: {0}")]
    Malformed(String),
    /// It says that it is something else.
    #[error("{api_version:?} {kind:?} is not `{API_VERSION}` `{KIND}`")]
    OtherKind {
        /// What it says.
        api_version: String,
        /// What it says.
        kind: String,
    },
}

impl Snapshot {
    /// Of the objects of the store of a lab, by resource.
    #[must_use]
    pub fn of<'a>(lab: &str, objects: impl Iterator<Item = (&'a str, &'a Value)>) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: KIND.to_owned(),
            lab: lab.to_owned(),
            objects: objects
                .filter_map(|(resource, object)| kept(resource, object))
                .collect(),
        }
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// If it is no snapshot, with the line.
    pub fn parse(text: &str) -> Result<Self, SnapshotError> {
        let snapshot: Self = serde_json::from_str(text)
            .map_err(|error| SnapshotError::Malformed(error.to_string()))?;
        if (snapshot.api_version.as_str(), snapshot.kind.as_str()) != (API_VERSION, KIND) {
            return Err(SnapshotError::OtherKind {
                api_version: snapshot.api_version,
                kind: snapshot.kind,
            });
        }
        Ok(snapshot)
    }

    /// The objects as a lab with these `nodes` can have them.
    #[must_use]
    pub fn for_nodes(self, nodes: &BTreeSet<String>) -> Vec<Value> {
        let objects = self.objects.into_iter();
        objects.filter_map(|object| moved(object, nodes)).collect()
    }
}

/// What is kept of an object.
fn kept(resource: &str, object: &Value) -> Option<Value> {
    let labels = |label: &str| at(object, &["metadata", "labels", label]).is_some();
    let is_made_anew = MADE_ANEW.iter().any(|label| labels(label));
    if NOT_KEPT.contains(&resource) || is_made_anew || is_own(resource, object) {
        return None;
    }
    let mut object = match resource {
        "nodes" => of_people(object),
        "pods" if is_terminating(object) => return None,
        "pods" => at_rest(object),
        _ => object.clone(),
    };
    object::metadata(&mut object).shift_remove("resourceVersion");
    Some(object)
}

/// Whether each lab has its own.
fn is_own(resource: &str, object: &Value) -> bool {
    let named = ObjectName::new(namespace(object), name(object));
    match resource {
        "pods" => named == system::dns_pod_name(),
        "services" => system::is_own_service(&named),
        "configmaps" => named.name == CERTIFICATE,
        _ => false,
    }
}

/// What people have decided about a node.
fn of_people(node: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {
            "name": name(node), "labels": at(node, &["metadata", "labels"]),
            "annotations": at(node, &["metadata", "annotations"]),
        },
        "spec": {"unschedulable": at(node, &["spec", "unschedulable"]), "taints": at(node, &["spec", "taints"])},
    })
}

/// A pod that has not ended runs anew.
fn at_rest(pod: &Value) -> Value {
    let mut pod = pod.clone();
    if !matches!(text(&pod, &["status", "phase"]), "Succeeded" | "Failed") {
        let conditions = items(&pod, &["status", "conditions"]);
        let scheduled = conditions
            .iter()
            .find(|one| text(one, &["type"]) == "PodScheduled");
        let conditions: Vec<Value> = scheduled.cloned().into_iter().collect();
        let status = json!({"phase": "Pending", "conditions": conditions});
        object::fields(&mut pod).insert("status".to_owned(), status);
    }
    pod
}

/// A pod whose node is not there goes to another one, by the hand of whoever keeps it.
fn moved(mut object: Value, nodes: &BTreeSet<String>) -> Option<Value> {
    let kind = text(&object, &["kind"]).to_owned();
    match kind.as_str() {
        "Node" if !nodes.contains(name(&object)) => return None,
        "Pod" => {}
        _ => return Some(object),
    }
    let node = text(&object, &["spec", "nodeName"]);
    if node.is_empty() || nodes.contains(node) {
        return Some(object);
    }
    if !items(&object, &["metadata", "ownerReferences"]).is_empty() {
        return None;
    }
    object::fields(object::child(&mut object, "spec")).shift_remove("nodeName");
    object::fields(object::child(&mut object, "status")).shift_remove("conditions");
    Some(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, node: &str, owners: &Value) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": "d", "resourceVersion": "7", "ownerReferences": owners},
            "spec": {"nodeName": node}, "status": {"phase": "Running", "podIP": "10.244.0.2"},
        })
    }

    #[test]
    fn what_each_lab_has_of_its_own_is_not_kept() {
        let object = |namespace: &str, name: &str| json!({"metadata": {"name": name, "namespace": namespace}});
        let mut ending = pod("a", "n", &json!([]));
        ending["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        let slice = json!({"metadata": {"name": "s", "labels": {MADE_ANEW[0]: "x"}}});
        for (resource, object) in [
            ("events", object("d", "e")),
            ("services", object("default", "kubernetes")),
            ("pods", object("kube-system", "ringfence-dns")),
            ("pods", ending),
            ("configmaps", object("d", CERTIFICATE)),
            ("endpointslices.discovery.k8s.io", slice),
        ] {
            assert_eq!(kept(resource, &object), None, "{resource}");
        }
        assert!(kept("services", &object("d", "kubernetes")).is_some());
    }

    #[test]
    fn pods_that_ran_are_to_run_anew() {
        let objects = [("pods", pod("a", "n", &json!([])))];
        let snapshot = Snapshot::of(
            "first",
            objects.iter().map(|(resource, object)| (*resource, object)),
        );
        let text = serde_json::to_string(&snapshot).unwrap();
        let read = Snapshot::parse(&text).unwrap();
        assert_eq!(
            read.objects[0]["status"],
            json!({"phase": "Pending", "conditions": []})
        );
        assert_eq!(read.objects[0]["metadata"].get("resourceVersion"), None);
        let error = Snapshot::parse(&text.replace(KIND, "Lab")).unwrap_err();
        assert!(error.to_string().contains("LabSnapshot"), "{error}");
        assert!(matches!(
            Snapshot::parse("{"),
            Err(SnapshotError::Malformed(_))
        ));
    }

    #[test]
    fn pods_of_nodes_that_are_gone_move() {
        let owner = json!([{"uid": "u"}]);
        let nobody = json!([]);
        let pods = [
            pod("here", "n", &owner),
            pod("owned", "gone", &owner),
            pod("alone", "gone", &nobody),
        ];
        let snapshot = Snapshot::of("first", pods.iter().map(|pod| ("pods", pod)));
        let moved = snapshot.for_nodes(&BTreeSet::from(["n".to_owned()]));
        let nodes: Vec<(&str, &str)> = moved
            .iter()
            .map(|pod| (name(pod), text(pod, &["spec", "nodeName"])))
            .collect();
        assert_eq!(nodes, [("here", "n"), ("alone", "")]);
    }
}
