//! Tables of kinds that no manifest holds. `metadata` is the same in every kind and is checked apart.

use ringfence_model::{Schema, Type};

/// Writes tables: `CONSTANT "ApiName" { field: Type, list: [Type], map: {Type} }`.
macro_rules! tables {
    ($($constant:ident $name:literal { $($field:ident : $kind:tt),* $(,)? })*) => {
        $(static $constant: ringfence_model::Schema = ringfence_model::Schema {
            name: $name,
            fields: &[$((stringify!($field), tables!(@ $kind))),*],
        };)*
    };
    (@ [$inner:tt]) => { ringfence_model::Type::List(&tables!(@ $inner)) };
    (@ {$inner:tt}) => { ringfence_model::Type::Map(&tables!(@ $inner)) };
    (@ Text) => { ringfence_model::Type::Text };
    (@ Bool) => { ringfence_model::Type::Bool };
    (@ Int32) => { ringfence_model::Type::Int32 };
    (@ Int64) => { ringfence_model::Type::Int64 };
    (@ IntOrString) => { ringfence_model::Type::IntOrString };
    (@ Quantity) => { ringfence_model::Type::Quantity };
    (@ Time) => { ringfence_model::Type::Time };
    (@ Any) => { ringfence_model::Type::Any };
    (@ $object:ident) => { ringfence_model::Type::Object(&$object) };
}

pub(super) use tables;

pub(super) static LABEL_SELECTOR: Schema = Schema {
    name: "LabelSelector",
    fields: &[
        (
            "matchExpressions",
            Type::List(&Type::Object(&LABEL_SELECTOR_REQUIREMENT)),
        ),
        ("matchLabels", Type::Map(&Type::Text)),
    ],
};

static LABEL_SELECTOR_REQUIREMENT: Schema = Schema {
    name: "LabelSelectorRequirement",
    fields: &[
        ("key", Type::Text),
        ("operator", Type::Text),
        ("values", Type::List(&Type::Text)),
    ],
};

pub(super) static EVENT: Schema = Schema {
    name: "Event",
    fields: &[
        ("action", Type::Text),
        ("apiVersion", Type::Text),
        ("count", Type::Int32),
        ("eventTime", Type::Time),
        ("firstTimestamp", Type::Time),
        ("involvedObject", Type::Object(&REFERENCE)),
        ("kind", Type::Text),
        ("lastTimestamp", Type::Time),
        ("message", Type::Text),
        ("metadata", Type::Any),
        ("reason", Type::Text),
        ("related", Type::Object(&REFERENCE)),
        ("reportingComponent", Type::Text),
        ("reportingInstance", Type::Text),
        ("series", Type::Object(&EVENT_SERIES)),
        ("source", Type::Object(&EVENT_SOURCE)),
        ("type", Type::Text),
    ],
};

pub(super) static EVENT_SERIES: Schema = Schema {
    name: "EventSeries",
    fields: &[("count", Type::Int32), ("lastObservedTime", Type::Time)],
};

pub(super) static EVENT_SOURCE: Schema = Schema {
    name: "EventSource",
    fields: &[("component", Type::Text), ("host", Type::Text)],
};

pub(super) static REFERENCE: Schema = Schema {
    name: "ObjectReference",
    fields: &[
        ("apiVersion", Type::Text),
        ("fieldPath", Type::Text),
        ("kind", Type::Text),
        ("name", Type::Text),
        ("namespace", Type::Text),
        ("resourceVersion", Type::Text),
        ("uid", Type::Text),
    ],
};

pub(super) static LEASE: Schema = Schema {
    name: "Lease",
    fields: &[
        ("apiVersion", Type::Text),
        ("kind", Type::Text),
        ("metadata", Type::Any),
        ("spec", Type::Object(&LEASE_SPEC)),
    ],
};

static LEASE_SPEC: Schema = Schema {
    name: "LeaseSpec",
    fields: &[
        ("acquireTime", Type::Time),
        ("holderIdentity", Type::Text),
        ("leaseDurationSeconds", Type::Int32),
        ("leaseTransitions", Type::Int32),
        ("preferredHolder", Type::Text),
        ("renewTime", Type::Time),
        ("strategy", Type::Text),
    ],
};
