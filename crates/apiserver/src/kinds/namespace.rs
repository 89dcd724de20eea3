//! `Namespace`.

use serde_json::{Value, json};

use crate::kind::{Column, Kind, Scope, Subresources, age_column, words};
use crate::object::{child, default, fields, metadata, name, text};

pub(super) fn kind() -> Kind {
    Kind {
        scope: Scope::Cluster,
        short_names: words(&["ns"]),
        subresources: Subresources { status: true, scale: false },
        selectable: &["status.phase"],
        columns: vec![
            Column::new("Status", |object, _| text(object, &["status", "phase"]).into()),
            age_column(),
        ],
        defaults,
        ..Kind::namespaced(
            "",
            "v1",
            "Namespace",
            "namespaces",
            "A Namespace is a scope for names; policies select pods and peers by it.",
            super::schema("v1", "Namespace"),
        )
    }
}

fn defaults(object: &mut Value) {
    let own_name = name(object).to_owned();
    let labels = child(child(object, "metadata"), "labels");
    // Whatever is written, a policy may rely on this label.
    fields(labels).insert(ringfence_model::METADATA_NAME_LABEL.to_owned(), own_name.into());
    if metadata(object).get("deletionTimestamp").is_none() {
        default(fields(child(object, "spec")), "finalizers", json!(["kubernetes"]));
    }
    default(fields(child(object, "status")), "phase", "Active");
}
