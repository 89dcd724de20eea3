//! `HorizontalPodAutoscaler`.

use serde_json::Value;

use super::schemas::{LABEL_SELECTOR, tables};
use crate::kind::{Column, Kind, Subresources, age_column, count, words};
use crate::object::{child, default, fields, number, text};
use crate::status::Cause;

tables! {
    AUTOSCALER "HorizontalPodAutoscaler" { apiVersion: Text, kind: Text, metadata: Any, spec: SPEC, status: Any }
    SPEC "HorizontalPodAutoscalerSpec" {
        behavior: BEHAVIOR, maxReplicas: Int32, metrics: [METRIC], minReplicas: Int32, scaleTargetRef: TARGET_REF,
    }
    TARGET_REF "CrossVersionObjectReference" { apiVersion: Text, kind: Text, name: Text }
    BEHAVIOR "HorizontalPodAutoscalerBehavior" { scaleDown: SCALING, scaleUp: SCALING }
    SCALING "HPAScalingRules" {
        policies: [POLICY], selectPolicy: Text, stabilizationWindowSeconds: Int32, tolerance: Quantity,
    }
    POLICY "HPAScalingPolicy" { periodSeconds: Int32, type: Text, value: Int32 }
    METRIC "MetricSpec" {
        containerResource: RESOURCE, external: MEASURED, object: MEASURED, pods: MEASURED, resource: RESOURCE, type: Text,
    }
    RESOURCE "ResourceMetricSource" { container: Text, name: Text, target: TARGET }
    MEASURED "MetricSource" { describedObject: TARGET_REF, metric: IDENTIFIER, target: TARGET }
    IDENTIFIER "MetricIdentifier" { name: Text, selector: LABEL_SELECTOR }
    TARGET "MetricTarget" { averageUtilization: Int32, averageValue: Quantity, type: Text, value: Quantity }
}

pub(super) fn kind() -> Kind {
    Kind {
        short_names: words(&["hpa"]),
        categories: words(&["all"]),
        subresources: Subresources { status: true, scale: false },
        columns: columns(),
        defaults: |object| default(fields(child(object, "spec")), "minReplicas", 1),
        validate,
        warnings: |_| {
            let warning = "stored, but not carried out: nobody measures load; use `kubectl scale`";
            vec![warning.to_owned()]
        },
        ..Kind::namespaced(
            "autoscaling",
            "v2",
            "HorizontalPodAutoscaler",
            "horizontalpodautoscalers",
            "HorizontalPodAutoscaler says how many pods a workload has under which load.",
            &AUTOSCALER,
        )
    }
}

fn columns() -> Vec<Column> {
    vec![
        Column::new("Reference", |object, _| {
            let part = |field| text(object, &["spec", "scaleTargetRef", field]);
            format!("{}/{}", part("kind"), part("name")).into()
        }),
        Column::new("Targets", |_, _| "<unknown>".into()),
        Column::new("MinPods", |object, _| count(object, &["spec", "minReplicas"])),
        Column::number("MaxPods", |object, _| count(object, &["spec", "maxReplicas"])),
        Column::number("Replicas", |object, _| count(object, &["status", "currentReplicas"])),
        age_column(),
    ]
}

fn validate(object: &Value, causes: &mut Vec<Cause>) {
    let spec = |field| number(object, &["spec", field]);
    let (least, most) = (spec("minReplicas").unwrap_or(1), spec("maxReplicas").unwrap_or(0));
    if most < 1 {
        causes.push(Cause::invalid("spec.maxReplicas", &most.into(), "must be greater than 0"));
    } else if most < least {
        let message = "must be greater than or equal to `minReplicas`";
        causes.push(Cause::invalid("spec.maxReplicas", &most.into(), message));
    }
    for field in ["kind", "name"] {
        if text(object, &["spec", "scaleTargetRef", field]).is_empty() {
            causes.push(Cause::required(&format!("spec.scaleTargetRef.{field}"), ""));
        }
    }
}
