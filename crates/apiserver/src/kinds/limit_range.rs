//! `LimitRange`.

use super::schemas::tables;
use crate::kind::{Column, Kind, words};
use crate::object::text;

tables! {
    LIMIT_RANGE "LimitRange" { apiVersion: Text, kind: Text, metadata: Any, spec: SPEC }
    SPEC "LimitRangeSpec" { limits: [ITEM] }
    ITEM "LimitRangeItem" {
        default: {Quantity}, defaultRequest: {Quantity}, max: {Quantity}, maxLimitRequestRatio: {Quantity},
        min: {Quantity}, type: Text,
    }
}

pub(super) fn kind() -> Kind {
    Kind {
        short_names: words(&["limits"]),
        columns: vec![Column::new("Created At", |range, _| {
            text(range, &["metadata", "creationTimestamp"]).into()
        })],
        warnings: |_| vec!["stored, but not carried out: pods get no defaults by it, and none is refused".to_owned()],
        ..Kind::namespaced(
            "",
            "v1",
            "LimitRange",
            "limitranges",
            "LimitRange says how much one pod or container of its namespace may ask for.",
            &LIMIT_RANGE,
        )
    }
}
