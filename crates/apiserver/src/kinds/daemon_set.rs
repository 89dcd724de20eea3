//! `DaemonSet`.

use serde_json::{Value, json};

use crate::kind::{Column, Kind, Subresources, age_column, containers, count, template, ignored_of_pods, words};
use crate::object::{at, child, default, fields};

pub(super) fn kind() -> Kind {
    Kind {
        short_names: words(&["ds"]),
        categories: words(&["all"]),
        subresources: Subresources { status: true, scale: false },
        columns: columns(),
        defaults,
        immutable: &[("spec.selector", "field is immutable")],
        warnings: |object| ignored_of_pods(object, &["spec", "template", "spec"]),
        ..Kind::namespaced(
            "apps",
            "v1",
            "DaemonSet",
            "daemonsets",
            "DaemonSet keeps one pod running on each node.",
            super::schema("apps/v1", "DaemonSet"),
        )
    }
}

fn columns() -> Vec<Column> {
    let mut columns = vec![
        Column::number("Desired", |object, _| count(object, &["status", "desiredNumberScheduled"])),
        Column::number("Current", |object, _| count(object, &["status", "currentNumberScheduled"])),
        Column::number("Ready", |object, _| count(object, &["status", "numberReady"])),
        Column::number("Up-to-date", |object, _| count(object, &["status", "updatedNumberScheduled"])),
        Column::number("Available", |object, _| count(object, &["status", "numberAvailable"])),
        Column::new("Node Selector", |object, _| node_selector(object).into()),
        age_column(),
    ];
    columns.extend(containers());
    columns
}

fn node_selector(object: &Value) -> String {
    let labels = at(object, &["spec", "template", "spec", "nodeSelector"]);
    let labels = labels.and_then(Value::as_object).into_iter().flatten();
    let labels: Vec<String> = labels
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    if labels.is_empty() { "<none>".to_owned() } else { labels.join(",") }
}

fn defaults(object: &mut Value) {
    template(object);
    let spec = fields(child(object, "spec"));
    default(spec, "revisionHistoryLimit", 10);
    let strategy = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}});
    default(spec, "updateStrategy", strategy);
}
