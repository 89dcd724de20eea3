//! `Job`.

use serde_json::{Value, json};

use crate::kind::{
    Column, Ignored, Kind, Subresources, age_column, conditions, containers, ignored, ignored_of, ignored_of_pods,
    template, words,
};
use crate::object::{at, child, default, fields, number, text};
use crate::time::{Timestamp, age};

/// Of the specification of a Job, a CronJob's too.
pub(super) const IGNORED: &[Ignored] = &[ignored(
    &[
        "podFailurePolicy", "successPolicy", "backoffLimitPerIndex", "maxFailedIndexes", "podReplacementPolicy",
        "managedBy",
    ],
    "failures are counted for the whole Job, by backoffLimit",
)];

pub(super) fn kind() -> Kind {
    Kind {
        short_names: words(&[]),
        categories: words(&["all"]),
        subresources: Subresources { status: true, scale: false },
        columns: columns(),
        defaults,
        immutable: &[("spec.template", "field is immutable")],
        selectable: &["status.successful"],
        warnings: |object| {
            let own = ignored_of(object, &["spec"], IGNORED);
            [own, ignored_of_pods(object, &["spec", "template", "spec"])].concat()
        },
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
    select_own_pods(object);
}

/// Selects the pods of this Job and no others, by its identity, as soon as it has one.
fn select_own_pods(job: &mut Value) {
    let uid = text(job, &["metadata", "uid"]).to_owned();
    let given = at(job, &["spec", "selector"]).is_some();
    let by_hand = at(job, &["spec", "manualSelector"]) == Some(&Value::Bool(true));
    if uid.is_empty() || given || by_hand {
        return;
    }
    let name = text(job, &["metadata", "name"]).to_owned();
    let spec = child(job, "spec");
    let selector = json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}});
    fields(spec).insert("selector".to_owned(), selector);
    let labels = fields(child(child(child(spec, "template"), "metadata"), "labels"));
    for (key, value) in [("controller-uid", &uid), ("job-name", &name)] {
        labels.insert(key.to_owned(), value.as_str().into());
        labels.insert(format!("batch.kubernetes.io/{key}"), value.as_str().into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_selects_its_own_pods_unless_it_says_which() {
        let mut job = json!({"metadata": {"name": "pi", "uid": "u"}, "spec": {}});
        defaults(&mut job);
        let labels = &job["spec"]["template"]["metadata"]["labels"];
        assert_eq!(job["spec"]["selector"]["matchLabels"]["batch.kubernetes.io/controller-uid"], "u");
        assert_eq!((&labels["job-name"], &labels["controller-uid"]), (&json!("pi"), &json!("u")));
        let before = job.clone();
        defaults(&mut job);
        assert_eq!(job, before);
        let mut by_hand = json!({"metadata": {"uid": "u"}, "spec": {"manualSelector": true}});
        defaults(&mut by_hand);
        assert_eq!(by_hand["spec"].get("selector"), None);
    }
}
