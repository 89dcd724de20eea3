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

/// Of objects of either group.
pub(super) fn columns() -> Vec<Column> {
    vec![
        Column::new("Last Seen", |event, now| {
            ago(event, [&["series", "lastObservedTime"], &["lastTimestamp"], &["deprecatedLastTimestamp"]], now)
        }),
        Column::new("Type", |event, _| text(event, &["type"]).into()),
        Column::new("Reason", |event, _| text(event, &["reason"]).into()),
        Column::new("Object", |event, _| {
            let kind = about(event, "kind").to_lowercase();
            format!("{kind}/{}", about(event, "name")).into()
        }),
        Column::new("Subobject", |event, _| about(event, "fieldPath").into()).wide(),
        Column::new("Source", |event, _| source(event).into()).wide(),
        Column::new("Message", |event, _| first(event, &[&["message"], &["note"]]).trim().into()),
        Column::new("First Seen", |event, now| {
            ago(event, [&["firstTimestamp"], &["deprecatedFirstTimestamp"], &[]], now)
        })
        .wide(),
        Column::number("Count", |event, _| count(event).into()).wide(),
    ]
}

/// The first of these fields that says something.
fn first<'a>(event: &'a Value, fields: &[&[&str]]) -> &'a str {
    let mut texts = fields.iter().map(|field| text(event, field));
    texts.find(|text| !text.is_empty()).unwrap_or_default()
}

/// What is said of the object that something happened to.
fn about<'a>(event: &'a Value, field: &str) -> &'a str {
    first(event, &[&["involvedObject", field], &["regarding", field]])
}

/// Who tells it.
fn source(event: &Value) -> &str {
    let fields: [&[&str]; 4] = [
        &["source", "component"],
        &["deprecatedSource", "component"],
        &["reportingComponent"],
        &["reportingController"],
    ];
    first(event, &fields)
}

fn count(event: &Value) -> i64 {
    let fields: [&[&str]; 3] = [&["series", "count"], &["count"], &["deprecatedCount"]];
    let mut counts = fields.iter().filter_map(|field| number(event, field));
    counts.next().unwrap_or(1)
}

fn ago(event: &Value, fields: [&[&str]; 3], now: Timestamp) -> Value {
    let mut times = fields.iter().map(|field| text(event, field));
    let time = times.find_map(Timestamp::parse);
    let time = time.or_else(|| Timestamp::parse(text(event, &["eventTime"])));
    time.map_or_else(|| "<unknown>".into(), |time| age(now.seconds_since(time)).into())
}
