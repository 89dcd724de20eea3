//! `ConfigMap`.

use serde_json::{Map, Value};

use crate::kind::{Column, Kind, age_column, words};
use crate::object::at;

pub(super) fn kind() -> Kind {
    Kind {
        short_names: words(&["cm"]),
        columns: vec![
            Column::number("Data", |object, _| {
                let count = |field| at(object, &[field]).and_then(Value::as_object).map_or(0, Map::len);
                (count("data") + count("binaryData")).into()
            }),
            age_column(),
        ],
        ..Kind::namespaced(
            "",
            "v1",
            "ConfigMap",
            "configmaps",
            "ConfigMap holds configuration for pods to read.",
            super::schema("v1", "ConfigMap"),
        )
    }
}
