//! `Node`.

use serde_json::Value;

use crate::kind::{Column, Kind, Scope, Subresources, age_column, conditions, words};
use crate::object::{at, items, text};

pub(super) fn kind() -> Kind {
    Kind {
        scope: Scope::Cluster,
        short_names: words(&["no"]),
        subresources: Subresources { status: true, scale: false },
        selectable: &["spec.unschedulable"],
        columns: columns(),
        ..Kind::namespaced(
            "",
            "v1",
            "Node",
            "nodes",
            "Node is a machine of the cluster.",
            super::schema("v1", "Node"),
        )
    }
}

fn columns() -> Vec<Column> {
    vec![
        Column::new("Status", |node, _| status(node).into()),
        Column::new("Roles", |node, _| roles(node).into()),
        age_column(),
        Column::new("Version", |node, _| info(node, "kubeletVersion")),
        Column::new("Internal-IP", |node, _| address(node, "InternalIP")).wide(),
        Column::new("External-IP", |node, _| address(node, "ExternalIP")).wide(),
        Column::new("OS-Image", |node, _| info(node, "osImage")).wide(),
        Column::new("Kernel-Version", |node, _| info(node, "kernelVersion")).wide(),
        Column::new("Container-Runtime", |node, _| info(node, "containerRuntimeVersion")).wide(),
    ]
}

fn status(node: &Value) -> String {
    let ready = if conditions(node, "Ready") { "Ready" } else { "NotReady" };
    if at(node, &["spec", "unschedulable"]) == Some(&true.into()) {
        format!("{ready},SchedulingDisabled")
    } else {
        ready.to_owned()
    }
}

fn roles(node: &Value) -> String {
    let labels = at(node, &["metadata", "labels"]).and_then(Value::as_object);
    let roles = labels.into_iter().flatten();
    let mut roles: Vec<&str> = roles
        .filter_map(|(key, _)| key.strip_prefix("node-role.kubernetes.io/"))
        .collect();
    roles.sort_unstable();
    if roles.is_empty() { "<none>".to_owned() } else { roles.join(",") }
}

fn info(node: &Value, field: &str) -> Value {
    match text(node, &["status", "nodeInfo", field]) {
        "" => "<unknown>".into(),
        text => text.into(),
    }
}

fn address(node: &Value, kind: &str) -> Value {
    let addresses = items(node, &["status", "addresses"]).iter();
    let mut of_kind = addresses.filter(|address| text(address, &["type"]) == kind);
    of_kind.next().map_or("<none>", |address| text(address, &["address"])).into()
}
