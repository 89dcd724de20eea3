//! `CronJob`.

use serde_json::{Value, json};

use crate::kind::{
    Column, Kind, Subresources, age_column, ignored_of, ignored_of_pods, pod_spec, words,
};
use crate::object::{at, child, default, fields, items, text};
use crate::time::{Timestamp, age};

pub(super) fn kind() -> Kind {
    Kind {
        short_names: words(&["cj"]),
        categories: words(&["all"]),
        subresources: Subresources { status: true, scale: false },
        columns: columns(),
        defaults,
        warnings: |object| {
            let own = ignored_of(object, &["spec", "jobTemplate", "spec"], super::job::IGNORED);
            let pods = ["spec", "jobTemplate", "spec", "template", "spec"];
            [own, ignored_of_pods(object, &pods)].concat()
        },
        ..Kind::namespaced(
            "batch",
            "v1",
            "CronJob",
            "cronjobs",
            "CronJob makes a Job at certain times.",
            super::schema("batch/v1", "CronJob"),
        )
    }
}

fn columns() -> Vec<Column> {
    vec![
        Column::new("Schedule", |object, _| text(object, &["spec", "schedule"]).into()),
        Column::new("Timezone", |object, _| match text(object, &["spec", "timeZone"]) {
            "" => "<none>".into(),
            zone => zone.into(),
        }),
        Column::new("Suspend", |object, _| {
            let suspended = at(object, &["spec", "suspend"]) == Some(&true.into());
            if suspended { "True".into() } else { "False".into() }
        }),
        Column::number("Active", |object, _| items(object, &["status", "active"]).len().into()),
        Column::new("Last Schedule", |object, now| last(object, now).into()),
        age_column(),
    ]
}

fn last(object: &Value, now: Timestamp) -> String {
    let time = Timestamp::parse(text(object, &["status", "lastScheduleTime"]));
    time.map_or_else(|| "<none>".to_owned(), |time| age(now.seconds_since(time)))
}

fn defaults(object: &mut Value) {
    let spec = fields(child(object, "spec"));
    default(spec, "concurrencyPolicy", "Allow");
    default(spec, "suspend", json!(false));
    default(spec, "successfulJobsHistoryLimit", 3);
    default(spec, "failedJobsHistoryLimit", 1);
    let job = child(child(child(object, "spec"), "jobTemplate"), "spec");
    pod_spec(child(child(job, "template"), "spec"));
}
