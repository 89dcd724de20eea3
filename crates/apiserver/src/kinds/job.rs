//! `Job`.

use serde_json::{Value, json};

use crate::kind::{Column, Kind, Subresources, age_column, conditions, containers, template, words};
use crate::object::{child, default, fields, number, text};
use crate::time::{Timestamp, age};

pub(super) fn kind() -> Kind {
    Kind {
        short_names: words(&[]),
        categories: words(&["all"]),
        subresources: Subresources { status: true, scale: false },
        columns: columns(),
        defaults,
        immutable: &[("spec.template", "field is immutable")],
        selectable: &["status.successful"],
        ..Kind::namespaced(
            "batch",
            "v1",
            "Job",
            "jobs",
            "Job runs pods until so many of them have done their work.",
            super::schema("batch/v1", "Job"),
        )
    }
}

fn columns() -> Vec<Column> {
    let mut columns = vec![
        Column::new("Status", |object, _| status(object).into()),
        Column::new("Completions", |object, _| {
            let done = number(object, &["status", "succeeded"]).unwrap_or_default();
            let wanted = number(object, &["spec", "completions"]).unwrap_or(1);
            format!("{done}/{wanted}").into()
        }),
        Column::new("Duration", |object, now| duration(object, now).into()),
        age_column(),
    ];
    columns.extend(containers());
    columns
}

fn status(job: &Value) -> &'static str {
    let is = |condition| conditions(job, condition);
    match () {
        () if is("Complete") => "Complete",
        () if is("Failed") => "Failed",
        () if is("Suspended") => "Suspended",
        () => "Running",
    }
}

fn duration(job: &Value, now: Timestamp) -> String {
    let time = |field| Timestamp::parse(text(job, &["status", field]));
    let Some(start) = time("startTime") else {
        return String::new();
    };
    age(time("completionTime").unwrap_or(now).seconds_since(start))
}

fn defaults(object: &mut Value) {
    template(object);
    let spec = fields(child(object, "spec"));
    let single = !spec.contains_key("completions") && !spec.contains_key("parallelism");
    if single {
        default(spec, "completions", 1);
    }
    default(spec, "parallelism", 1);
    default(spec, "backoffLimit", 6);
    default(spec, "completionMode", "NonIndexed");
    default(spec, "suspend", json!(false));
}
