//! The status of pods, as a kubelet writes it.

use std::sync::PoisonError;

use ringfence_apiserver::object::{self, items, text};
use ringfence_apiserver::time::Timestamp;
use ringfence_controllers::Verb;
use ringfence_model::{Phase, RestartPolicy};
use serde_json::{Value, json};

use super::super::containers::{ContainerEnd, ContainerRecord, Seconds};
use super::super::{Lab, PodId, PodRecord};
use super::MANAGER;
use crate::cluster::desired::DesiredContainer;

impl Lab {
    /// Writes how the pod is now.
    pub(super) fn tell_status(&self, pod: &PodId) {
        let _telling = self.telling.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(stored) = self.stored_as(pod) else {
            return;
        };
        let status = {
            let state = self.lock();
            let record = state.pods.get(&pod.name);
            let record = record.filter(|record| record.uid == pod.uid);
            record.map(|record| status(record, self, &stored))
        };
        if let Some(status) = status {
            self.write_status(&stored, status);
        }
    }

    /// Writes that none of the pod's containers can be made, and why.
    pub(super) fn tell_waiting(&self, pod: &Value, reason: &str, message: &str) {
        let container = |container: &Value| {
            json!({
                "name": text(container, &["name"]), "image": text(container, &["image"]), "imageID": "",
                "ready": false, "started": false, "restartCount": 0, "lastState": {},
                "state": {"waiting": {"reason": reason, "message": message}},
            })
        };
        let containers = items(pod, &["spec", "containers"]).iter().map(container);
        let containers: Vec<Value> = containers.collect();
        let mut conditions = kept(pod);
        for kind in ["Initialized", "ContainersReady", "Ready"] {
            conditions.push(json!({
                "type": kind, "status": if kind == "Initialized" { "True" } else { "False" },
                "lastTransitionTime": text(pod, &["metadata", "creationTimestamp"]),
            }));
        }
        self.write_status(
            pod,
            json!({"phase": "Pending", "containerStatuses": containers, "conditions": conditions}),
        );
    }

    /// The kubelet alone says how a pod is, so it matters to nobody that another part of it has changed meanwhile.
    fn write_status(&self, pod: &Value, status: Value) {
        let mut object = pod.clone();
        object::metadata(&mut object).shift_remove("resourceVersion");
        object::fields(&mut object).insert("status".to_owned(), status);
        object::drop_nulls(object::child(&mut object, "status"));
        if let Err(refusal) = self.write(Verb::Status, object, MANAGER)
            && !matches!(refusal.code, 404 | 409)
        {
            tracing::warn!("the status of a pod is not taken: {refusal}");
        }
    }
}

/// Conditions of a pod that others write.
fn kept(pod: &Value) -> Vec<Value> {
    let scheduled = |one: &&Value| text(one, &["type"]) == "PodScheduled";
    let conditions = items(pod, &["status", "conditions"]);
    let scheduled = conditions.iter().find(scheduled).cloned();
    let since = text(pod, &["metadata", "creationTimestamp"]);
    let made = || json!({"type": "PodScheduled", "status": "True", "lastTransitionTime": since});
    vec![scheduled.unwrap_or_else(made)]
}

fn time(seconds: Seconds) -> String {
    Timestamp(i64::try_from(seconds).unwrap_or(i64::MAX)).to_string()
}

fn status(record: &PodRecord, lab: &Lab, stored: &Value) -> Value {
    let pod = &record.pod;
    let spec = |field| items(stored, &["spec", field]);
    let of = |field| {
        let all = record.desired.init.iter().chain(&record.desired.containers);
        let in_spec =
            |one: &&DesiredContainer| spec(field).iter().any(|it| text(it, &["name"]) == one.name);
        let statuses = all.filter(in_spec).map(|one| container(record, one));
        statuses.collect::<Vec<Value>>()
    };
    let ephemeral = record.ephemeral.iter().map(|one| container(record, one));
    let ephemeral: Vec<Value> = ephemeral.collect();
    let ephemeral = (!ephemeral.is_empty()).then_some(ephemeral);
    let ips: Vec<Value> = pod.addresses.iter().map(|ip| json!({"ip": ip})).collect();
    let node = pod.node.as_deref();
    let hosts = node
        .map(|node| lab.node_addresses(node))
        .unwrap_or_default();
    let host_ips: Vec<Value> = hosts.iter().map(|ip| json!({"ip": ip})).collect();
    json!({
        "phase": format!("{:?}", pod.phase), "message": record.message,
        "podIP": pod.addresses.first(), "podIPs": ips, "hostIP": hosts.first(), "hostIPs": host_ips,
        "startTime": time(record.created), "qosClass": quality(stored),
        "initContainerStatuses": of("initContainers"), "containerStatuses": of("containers"),
        "ephemeralContainerStatuses": ephemeral, "conditions": conditions(record, stored),
    })
}

/// What a pod may count on when a node runs short.
fn quality(pod: &Value) -> &'static str {
    let containers = ["containers", "initContainers"].map(|field| items(pod, &["spec", field]));
    let asks = |one: &Value, what: &str, resource: &str| {
        text(one, &["resources", what, resource]).to_owned()
    };
    let all: Vec<&Value> = containers.into_iter().flatten().collect();
    let resources = ["cpu", "memory"];
    let any = |one: &&Value| {
        let mut asked = resources.iter();
        asked.any(|it| !asks(one, "limits", it).is_empty() || !asks(one, "requests", it).is_empty())
    };
    let full = |one: &&Value| {
        resources.iter().all(|it| {
            let (limit, request) = (asks(one, "limits", it), asks(one, "requests", it));
            !limit.is_empty() && (request.is_empty() || request == limit)
        })
    };
    if !all.iter().any(any) {
        "BestEffort"
    } else if all.iter().all(full) {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

fn conditions(record: &PodRecord, stored: &Value) -> Vec<Value> {
    let condition = |kind: &str, holds: bool, since| {
        let reason = (!holds).then_some(match record.pod.phase {
            Phase::Succeeded => "PodCompleted",
            Phase::Failed => "PodFailed",
            Phase::Pending | Phase::Running | Phase::Unknown => "ContainersNotReady",
        });
        json!({
            "type": kind, "status": if holds { "True" } else { "False" }, "reason": reason,
            "lastTransitionTime": time(since),
        })
    };
    let (created, turned) = (record.created, record.turned);
    let mut conditions = kept(stored);
    conditions.extend([
        condition("Initialized", record.initialized, created),
        condition("ContainersReady", record.pod.ready, turned),
        condition("Ready", record.pod.ready, turned),
    ]);
    conditions
}

fn container(record: &PodRecord, container: &DesiredContainer) -> Value {
    let known = record.containers.get(&container.name).copied();
    let known = known.unwrap_or_default();
    let running = known.running_since.is_some();
    json!({
        "name": container.name, "image": container.image, "imageID": image_id(container),
        "ready": is_ready(record, container, known), "started": running,
        "restartCount": known.restarts, "state": state(record, container, known), "lastState": last_state(record, container, known),
    })
}

/// The digest of the image that it runs; nothing if something stands in for that.
fn image_id(container: &DesiredContainer) -> &str {
    container
        .image_program()
        .map_or("", |program| &program.image.digest)
}

/// One that runs before the others is ready when it has done its work.
fn is_ready(record: &PodRecord, container: &DesiredContainer, known: ContainerRecord) -> bool {
    if record.is_ephemeral(&container.name) {
        return false;
    }
    if record.desired.init.contains(container) {
        return known.end.is_some_and(|end| end.code == 0);
    }
    record.pod.phase == Phase::Running && record.is_ready(&container.name)
}

fn state(record: &PodRecord, of: &DesiredContainer, container: ContainerRecord) -> Value {
    match (container.running_since, container.end) {
        (Some(since), _) => json!({"running": {"startedAt": time(since)}}),
        (None, Some(end)) if is_final(record, of, end) => terminated(end),
        (None, Some(_)) => {
            json!({"waiting": {"reason": "CrashLoopBackOff", "message": record.message}})
        }
        (None, None) => json!({"waiting": {
            "reason": record.failure.unwrap_or(if record.initialized { "ContainerCreating" } else { "PodInitializing" }),
            "message": record.message,
        }}),
    }
}

fn last_state(record: &PodRecord, of: &DesiredContainer, container: ContainerRecord) -> Value {
    match container.end {
        Some(end) if container.running_since.is_some() || !is_final(record, of, end) => {
            terminated(end)
        }
        Some(_) | None => json!({}),
    }
}

fn is_final(record: &PodRecord, of: &DesiredContainer, end: ContainerEnd) -> bool {
    if record.has_ended()
        || record.is_ephemeral(&of.name)
        || (end.code == 0 && record.desired.init.contains(of))
    {
        return true;
    }
    if record.desired.is_sidecar(&of.name) && !record.desired.init.contains(of) {
        return false;
    }
    match record.desired.restart {
        RestartPolicy::Always => false,
        RestartPolicy::OnFailure => end.code == 0,
        RestartPolicy::Never => true,
    }
}

fn terminated(end: ContainerEnd) -> Value {
    json!({"terminated": {
        "exitCode": end.code, "reason": if end.code == 0 { "Completed" } else { "Error" },
        "startedAt": time(end.began), "finishedAt": time(end.ended),
    }})
}
