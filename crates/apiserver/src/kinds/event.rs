//! `Event`.

use serde_json::Value;

use crate::kind::{Column, Kind, words};
use crate::object::{number, text};
use crate::time::{Timestamp, age};

pub(super) fn kind() -> Kind {
    Kind {
        short_names: words(&["ev"]),
        selectable: &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "type",
            "source",
            "reportingComponent",
        ],
        columns: columns(),
        names_are_made_up: true,
        ..Kind::namespaced(
            "",
            "v1",
            "Event",
            "events",
            "Event says what happened to an object.",
            &super::schemas::EVENT,
        )
    }
}

fn columns() -> Vec<Column> {
    vec![
        Column::new("Last Seen", |event, now| ago(event, "lastTimestamp", now)),
        Column::new("Type", |event, _| text(event, &["type"]).into()),
        Column::new("Reason", |event, _| text(event, &["reason"]).into()),
        Column::new("Object", |event, _| {
            let kind = text(event, &["involvedObject", "kind"]).to_lowercase();
            format!("{kind}/{}", text(event, &["involvedObject", "name"])).into()
        }),
        Column::new("Subobject", |event, _| text(event, &["involvedObject", "fieldPath"]).into()).wide(),
        Column::new("Source", |event, _| text(event, &["source", "component"]).into()).wide(),
        Column::new("Message", |event, _| text(event, &["message"]).trim().into()),
        Column::new("First Seen", |event, now| ago(event, "firstTimestamp", now)).wide(),
        Column::number("Count", |event, _| number(event, &["count"]).unwrap_or(1).into()).wide(),
    ]
}

fn ago(event: &Value, field: &str, now: Timestamp) -> Value {
    let times = [field, "eventTime"].map(|field| text(event, &[field]));
    let time = times.into_iter().find_map(Timestamp::parse);
    time.map_or_else(|| "<unknown>".into(), |time| age(now.seconds_since(time)).into())
}
