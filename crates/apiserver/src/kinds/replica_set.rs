//! `ReplicaSet`.

use serde_json::{Value, json};

use crate::kind::{Column, Kind, Subresources, age_column, containers, count, template, ignored_of_pods, words};
use crate::object::{child, default, fields};

pub(super) fn kind() -> Kind {
    Kind {
        short_names: words(&["rs"]),
        categories: words(&["all"]),
        subresources: Subresources { status: true, scale: true },
        columns: columns(),
        defaults,
        immutable: &[("spec.selector", "field is immutable")],
        warnings: |object| ignored_of_pods(object, &["spec", "template", "spec"]),
        ..Kind::namespaced(
            "apps",
            "v1",
            "ReplicaSet",
            "replicasets",
            "ReplicaSet keeps so many equal pods running.",
            super::schema("apps/v1", "ReplicaSet"),
        )
    }
}

fn columns() -> Vec<Column> {
    let mut columns = vec![
        Column::number("Desired", |object, _| count(object, &["spec", "replicas"])),
        Column::number("Current", |object, _| count(object, &["status", "replicas"])),
        Column::number("Ready", |object, _| count(object, &["status", "readyReplicas"])),
        age_column(),
    ];
    columns.extend(containers());
    columns
}

fn defaults(object: &mut Value) {
    template(object);
    default(fields(child(object, "spec")), "replicas", 1);
    default(fields(child(object, "status")), "replicas", json!(0));
}
