//! `Event` of `events.k8s.io`: the same events, under the names by which newer clients know their fields.

use ringfence_model::{Schema, Type};

use super::event;
use super::schemas::{EVENT, EVENT_SERIES, EVENT_SOURCE, REFERENCE};
use crate::kind::{Kind, View, words};

pub(super) fn kind() -> Kind {
    Kind {
        short_names: words(&["ev"]),
        selectable: &[
            "regarding.kind",
            "regarding.namespace",
            "regarding.name",
            "regarding.uid",
            "regarding.apiVersion",
            "regarding.resourceVersion",
            "regarding.fieldPath",
            "reason",
            "reportingController",
            "type",
        ],
        columns: event::columns(),
        names_are_made_up: true,
        view: Some(&VIEW),
        ..Kind::namespaced(
            "events.k8s.io",
            "v1",
            "Event",
            "events",
            "Event says what happened to an object.",
            &SCHEMA,
        )
    }
}

static VIEW: View = View {
    resource: "events",
    api_version: "v1",
    schema: &EVENT,
    names: &[
        ("deprecatedCount", "count"),
        ("deprecatedFirstTimestamp", "firstTimestamp"),
        ("deprecatedLastTimestamp", "lastTimestamp"),
        ("deprecatedSource", "source"),
        ("note", "message"),
        ("regarding", "involvedObject"),
        ("reportingController", "reportingComponent"),
    ],
};

static SCHEMA: Schema = Schema {
    name: "Event",
    fields: &[
        ("action", Type::Text),
        ("apiVersion", Type::Text),
        ("deprecatedCount", Type::Int32),
        ("deprecatedFirstTimestamp", Type::Time),
        ("deprecatedLastTimestamp", Type::Time),
        ("deprecatedSource", Type::Object(&EVENT_SOURCE)),
        ("eventTime", Type::Time),
        ("kind", Type::Text),
        ("metadata", Type::Any),
        ("note", Type::Text),
        ("reason", Type::Text),
        ("regarding", Type::Object(&REFERENCE)),
        ("related", Type::Object(&REFERENCE)),
        ("reportingController", Type::Text),
        ("reportingInstance", Type::Text),
        ("series", Type::Object(&EVENT_SERIES)),
        ("type", Type::Text),
    ],
};
