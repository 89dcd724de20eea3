//! Defaults that several kinds share.

use serde_json::{Value, json};

use crate::object::{child, default, fields};

/// Fills in what a pod's specification left out.
pub(crate) fn pod_spec(spec: &mut Value) {
    let spec = fields(spec);
    default(spec, "restartPolicy", "Always");
    default(spec, "dnsPolicy", "ClusterFirst");
    default(spec, "schedulerName", "default-scheduler");
    default(spec, "terminationGracePeriodSeconds", 30);
    default(spec, "securityContext", json!({}));
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        let containers = spec.get_mut(list).and_then(Value::as_array_mut);
        containers.into_iter().flatten().for_each(container);
    }
}

fn container(container: &mut Value) {
    let image = crate::object::text(container, &["image"]);
    let tag = image.rsplit('/').next().unwrap_or_default();
    let fixed = tag.contains('@') || tag.split_once(':').is_some_and(|(_, tag)| tag != "latest");
    let policy = if fixed { "IfNotPresent" } else { "Always" };
    let container = fields(container);
    default(container, "imagePullPolicy", policy);
    default(container, "terminationMessagePath", "/dev/termination-log");
    default(container, "terminationMessagePolicy", "File");
    default(container, "resources", json!({}));
    let ports = container.get_mut("ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten() {
        default(fields(port), "protocol", "TCP");
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        container.get_mut(probe).into_iter().for_each(probe_times);
    }
    let environment = container.get_mut("env").and_then(Value::as_array_mut);
    for variable in environment.into_iter().flatten() {
        let field = variable
            .get_mut("valueFrom")
            .and_then(|from| from.get_mut("fieldRef"));
        if let Some(field) = field {
            default(fields(field), "apiVersion", "v1");
        }
    }
}

fn probe_times(probe: &mut Value) {
    if let Some(get) = probe.get_mut("httpGet") {
        default(fields(get), "path", "/");
        default(fields(get), "scheme", "HTTP");
    }
    let probe = fields(probe);
    for (field, value) in [
        ("timeoutSeconds", 1),
        ("periodSeconds", 10),
        ("successThreshold", 1),
        ("failureThreshold", 3),
    ] {
        default(probe, field, value);
    }
}

/// Fills in the pod template of a workload.
pub(crate) fn template(object: &mut Value) {
    let template = child(child(object, "spec"), "template");
    pod_spec(child(template, "spec"));
}
