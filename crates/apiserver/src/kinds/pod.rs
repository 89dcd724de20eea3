//! `Pod`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::kind::{Column, Kind, Subresources, age_column, conditions, pod_spec, ignored_of_pods, words};
use crate::object::{at, child, default, fields, is_terminating, items, number, text};
use crate::status::Cause;

pub(super) fn kind() -> Kind {
    Kind {
        short_names: words(&["po"]),
        categories: words(&["all"]),
        subresources: Subresources { status: true, scale: false },
        selectable: &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        columns: columns(),
        defaults,
        validate,
        immutable: &[
            ("spec.nodeName", "a pod stays on its node"),
            ("spec.restartPolicy", "pod updates may not change fields other than the image"),
            ("spec.hostNetwork", "pod updates may not change fields other than the image"),
            ("spec.serviceAccountName", "pod updates may not change fields other than the image"),
            ("spec.volumes", "pod updates may not change fields other than the image"),
        ],
        grace,
        warnings: |pod| ignored_of_pods(pod, &["spec"]),
        ..Kind::namespaced(
            "",
            "v1",
            "Pod",
            "pods",
            "Pod is a collection of containers that share one network and run on one node.",
            super::schema("v1", "Pod"),
        )
    }
}

fn columns() -> Vec<Column> {
    vec![
        Column::new("Ready", |pod, _| ready(pod).into()),
        Column::new("Status", |pod, _| status(pod).into()),
        Column::new("Restarts", |pod, _| restarts(pod).to_string().into()),
        age_column(),
        Column::new("IP", |pod, _| or_none(text(pod, &["status", "podIP"])).into()).wide(),
        Column::new("Node", |pod, _| or_none(text(pod, &["spec", "nodeName"])).into()).wide(),
        Column::new("Nominated Node", |pod, _| {
            or_none(text(pod, &["status", "nominatedNodeName"])).into()
        })
        .wide(),
        Column::new("Readiness Gates", |pod, _| gates(pod).into()).wide(),
    ]
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "<none>" } else { text }
}

fn ready(pod: &Value) -> String {
    let states = items(pod, &["status", "containerStatuses"]);
    let ready = states.iter().filter(|state| state.get("ready") == Some(&true.into()));
    format!("{}/{}", ready.count(), items(pod, &["spec", "containers"]).len())
}

fn restarts(pod: &Value) -> i64 {
    let states = items(pod, &["status", "containerStatuses"]).iter();
    states.filter_map(|state| number(state, &["restartCount"])).sum()
}

/// What keeps its containers from running, else its phase.
fn status(pod: &Value) -> String {
    if is_terminating(pod) {
        return "Terminating".to_owned();
    }
    let own = [text(pod, &["status", "reason"]), text(pod, &["status", "phase"])];
    let own = own.into_iter().find(|word| !word.is_empty()).unwrap_or("Pending");
    initializing(pod)
        .or_else(|| items(pod, &["status", "containerStatuses"]).iter().find_map(trouble))
        .unwrap_or_else(|| own.to_owned())
}

fn initializing(pod: &Value) -> Option<String> {
    let states = items(pod, &["status", "initContainerStatuses"]);
    let open = |state: &Value| number(state, &["state", "terminated", "exitCode"]) != Some(0);
    let done = states.iter().position(open)?;
    let state = states.get(done)?;
    if state.get("started") == Some(&true.into()) {
        return None;
    }
    let reason = trouble(state).filter(|reason| reason != "PodInitializing");
    Some(match reason {
        Some(reason) => format!("Init:{reason}"),
        None => format!("Init:{done}/{}", items(pod, &["spec", "initContainers"]).len()),
    })
}

/// Why a container does not run.
fn trouble(state: &Value) -> Option<String> {
    let waiting = text(state, &["state", "waiting", "reason"]);
    let ended = text(state, &["state", "terminated", "reason"]);
    let reason = [waiting, ended].into_iter().find(|reason| !reason.is_empty());
    reason.map(str::to_owned).or_else(|| {
        let code = number(state, &["state", "terminated", "exitCode"])?;
        Some(format!("ExitCode:{code}"))
    })
}

fn gates(pod: &Value) -> String {
    let gates = items(pod, &["spec", "readinessGates"]);
    if gates.is_empty() {
        return "<none>".to_owned();
    }
    let open = gates.iter().filter(|gate| conditions(pod, text(gate, &["conditionType"])));
    format!("{}/{}", open.count(), gates.len())
}

fn defaults(pod: &mut Value) {
    pod_spec(child(pod, "spec"));
    let spec = fields(child(pod, "spec"));
    default(spec, "enableServiceLinks", true);
    default(spec, "serviceAccountName", "default");
    let account = spec.get("serviceAccountName").cloned();
    default(spec, "serviceAccount", account.unwrap_or(json!("default")));
    default(fields(child(pod, "status")), "phase", "Pending");
}

fn validate(pod: &Value, causes: &mut Vec<Cause>) {
    ephemeral(pod, causes);
    mounts(pod, causes);
}

/// Containers mount volumes that the pod has, and ephemeral ones all of a volume.
fn mounts(pod: &Value, causes: &mut Vec<Cause>) {
    let volumes = items(pod, &["spec", "volumes"]).iter();
    let volumes: BTreeSet<&str> = volumes.map(|volume| text(volume, &["name"])).collect();
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for (index, container) in items(pod, &["spec", list]).iter().enumerate() {
            for (mount, seen) in items(container, &["volumeMounts"]).iter().enumerate() {
                let place = |field: &str| format!("spec.{list}[{index}].volumeMounts[{mount}].{field}");
                let name = text(seen, &["name"]);
                if !volumes.contains(name) {
                    causes.push(Cause::not_found(&place("name"), &name.into()));
                }
                let parts = ["subPath", "subPathExpr"].into_iter();
                for field in parts.filter(|field| !text(seen, &[field]).is_empty()) {
                    if list == "ephemeralContainers" {
                        causes.push(Cause::forbidden(&place(field), "cannot be set for an ephemeral container"));
                    }
                }
            }
        }
    }
}

/// What an ephemeral container may not have, or must not share with others.
fn ephemeral(pod: &Value, causes: &mut Vec<Cause>) {
    let of = |list| items(pod, &["spec", list]).iter();
    let mut names: BTreeSet<&str> = of("containers")
        .chain(of("initContainers"))
        .map(|one| text(one, &["name"]))
        .collect();
    for (index, container) in of("ephemeralContainers").enumerate() {
        let place = |field: &str| format!("spec.ephemeralContainers[{index}].{field}");
        let name = text(container, &["name"]);
        if name.is_empty() {
            causes.push(Cause::required(&place("name"), ""));
        } else if !names.insert(name) {
            causes.push(Cause::invalid(&place("name"), &name.into(), "another container has this name"));
        }
        for field in ["ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle"] {
            if at(container, &[field]).is_some() {
                causes.push(Cause::forbidden(&place(field), "cannot be set for an ephemeral container"));
            }
        }
    }
}

/// A pod that never came to a node, or has ended, is gone at once.
fn grace(pod: &Value) -> i64 {
    let ended = matches!(text(pod, &["status", "phase"]), "Succeeded" | "Failed");
    if text(pod, &["spec", "nodeName"]).is_empty() || ended {
        return 0;
    }
    let seconds = at(pod, &["spec", "terminationGracePeriodSeconds"]);
    seconds.and_then(Value::as_i64).unwrap_or(30)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_cell_says_what_hinders() {
        let waiting = json!([{"state": {"waiting": {"reason": "ContainerCreating"}}}]);
        let failed = json!([{"state": {"terminated": {"exitCode": 3}}}]);
        let starting = json!([{"state": {"waiting": {"reason": "PodInitializing"}}}]);
        for (pod, expected) in [
            (json!({}), "Pending"),
            (json!({"status": {"phase": "Running"}}), "Running"),
            (json!({"status": {"phase": "Failed", "reason": "Evicted"}}), "Evicted"),
            (json!({"status": {"phase": "Pending", "containerStatuses": waiting}}), "ContainerCreating"),
            (json!({"status": {"containerStatuses": failed}}), "ExitCode:3"),
            (
                json!({"spec": {"initContainers": [{}, {}]}, "status": {"initContainerStatuses": starting}}),
                "Init:0/2",
            ),
            (json!({"metadata": {"deletionTimestamp": "x"}, "status": {"phase": "Running"}}), "Terminating"),
        ] {
            assert_eq!(status(&pod), expected);
        }
    }
}
