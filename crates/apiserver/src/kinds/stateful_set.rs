//! `StatefulSet`.

use serde_json::{Value, json};

use crate::kind::{
    Column, Ignored, Kind, Subresources, age_column, containers, ignored, ignored_of, ignored_of_pods, template, words,
};
use crate::object::{child, default, fields, number};

const IGNORED: &[Ignored] = &[ignored(
    &["volumeClaimTemplates", "persistentVolumeClaimRetentionPolicy"],
    "each pod has an empty folder in the place of its claim, which goes with it",
)];

pub(super) fn kind() -> Kind {
    Kind {
        short_names: words(&["sts"]),
        categories: words(&["all"]),
        subresources: Subresources { status: true, scale: true },
        columns: columns(),
        defaults,
        immutable: &[
            ("spec.selector", "field is immutable"),
            ("spec.serviceName", "field is immutable"),
            ("spec.podManagementPolicy", "field is immutable"),
        ],
        warnings: |object| {
            let own = ignored_of(object, &["spec"], IGNORED);
            [own, ignored_of_pods(object, &["spec", "template", "spec"])].concat()
        },
        ..Kind::namespaced(
            "apps",
            "v1",
            "StatefulSet",
            "statefulsets",
            "StatefulSet keeps pods running that have names of their own.",
            super::schema("apps/v1", "StatefulSet"),
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
    default(spec, "podManagementPolicy", "OrderedReady");
    default(spec, "updateStrategy", json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}));
    default(fields(child(object, "status")), "replicas", 0);
}
