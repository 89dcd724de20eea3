//! `ServiceAccount`.

use crate::kind::{Column, Kind, age_column, words};
use crate::object::items;

pub(super) fn kind() -> Kind {
    Kind {
        short_names: words(&["sa"]),
        columns: vec![
            Column::number("Secrets", |object, _| items(object, &["secrets"]).len().into()),
            age_column(),
        ],
        ..Kind::namespaced(
            "",
            "v1",
            "ServiceAccount",
            "serviceaccounts",
            "ServiceAccount is an identity for pods.",
            super::schema("v1", "ServiceAccount"),
        )
    }
}
