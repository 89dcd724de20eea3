//! `ControllerRevision`.

use ringfence_model::{Schema, Type};

use crate::kind::{Column, Kind, age_column};
use crate::object::{items, number, text};

static REVISION: Schema = Schema {
    name: "ControllerRevision",
    fields: &[
        ("apiVersion", Type::Text),
        ("data", Type::Any),
        ("kind", Type::Text),
        ("metadata", Type::Any),
        ("revision", Type::Int64),
    ],
};

pub(super) fn kind() -> Kind {
    Kind {
        columns: vec![
            Column::new("Controller", |revision, _| {
                let owners = items(revision, &["metadata", "ownerReferences"]).iter();
                let mut controllers = owners.filter(|owner| owner.get("controller") == Some(&true.into()));
                controllers.next().map_or_else(|| "<none>".into(), |owner| controller(owner).into())
            }),
            Column::number("Revision", |revision, _| number(revision, &["revision"]).unwrap_or_default().into()),
            age_column(),
        ],
        immutable: &[("data", "field is immutable")],
        ..Kind::namespaced(
            "apps",
            "v1",
            "ControllerRevision",
            "controllerrevisions",
            "ControllerRevision is a template that a StatefulSet or DaemonSet has, or had, for `kubectl rollout undo`.",
            &REVISION,
        )
    }
}

/// As in `statefulset.apps/db`.
fn controller(owner: &serde_json::Value) -> String {
    let group = text(owner, &["apiVersion"]).split_once('/').map_or("", |(group, _)| group);
    let kind = text(owner, &["kind"]).to_lowercase();
    let dot = if group.is_empty() { "" } else { "." };
    format!("{kind}{dot}{group}/{}", text(owner, &["name"]))
}
