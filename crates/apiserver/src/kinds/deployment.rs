//! `Deployment`.

use serde_json::{Value, json};

use crate::kind::{Column, Kind, Subresources, age_column, containers, count, template, ignored_of_pods, words};
use crate::object::{child, default, fields, number};

pub(super) fn kind() -> Kind {
    Kind {
        short_names: words(&["deploy"]),
        categories: words(&["all"]),
        subresources: Subresources { status: true, scale: true },
        columns: columns(),
        defaults,
        immutable: &[("spec.selector", "field is immutable")],
        warnings: |object| ignored_of_pods(object, &["spec", "template", "spec"]),
        ..Kind::namespaced(
            "apps",
            "v1",
            "Deployment",
            "deployments",
            "Deployment keeps so many equal pods running, and replaces them step by step.",
            super::schema("apps/v1", "Deployment"),
        )
    }
}

fn columns() -> Vec<Column> {
    let mut columns = vec![
        Column::new("Ready", |object, _| {
            let ready = number(object, &["status", "readyReplicas"]).unwrap_or_default();
            let wanted = number(object, &["spec", "replicas"]).unwrap_or_default();
            format!("{ready}/{wanted}").into()
        }),
        Column::number("Up-to-date", |object, _| count(object, &["status", "updatedReplicas"])),
        Column::number("Available", |object, _| count(object, &["status", "availableReplicas"])),
        age_column(),
    ];
    columns.extend(containers());
    columns
}

fn defaults(object: &mut Value) {
    template(object);
    let spec = fields(child(object, "spec"));
    default(spec, "replicas", 1);
    default(spec, "revisionHistoryLimit", 10);
    default(spec, "progressDeadlineSeconds", 600);
    let strategy = fields(child(child(object, "spec"), "strategy"));
    default(strategy, "type", "RollingUpdate");
    if strategy.get("type") == Some(&"RollingUpdate".into()) {
        let rolling = fields(strategy.entry("rollingUpdate").or_insert(json!({})));
        default(rolling, "maxSurge", "25%");
        default(rolling, "maxUnavailable", "25%");
    }
}
