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
    let containers = record.desired.containers.iter();
    let containers: Vec<Value> = containers.map(|one| container(record, one)).collect();
    let ips: Vec<Value> = pod.addresses.iter().map(|ip| json!({"ip": ip})).collect();
    let node = pod.node.as_deref();
    let hosts = node
        .map(|node| lab.node_addresses(node))
        .unwrap_or_default();
    let host_ips: Vec<Value> = hosts.iter().map(|ip| json!({"ip": ip})).collect();
    json!({
        "phase": format!("{:?}", pod.phase), "message": record.message,
        "podIP": pod.addresses.first(), "podIPs": ips, "hostIP": hosts.first(), "hostIPs": host_ips,
        "startTime": time(record.created), "qosClass": "BestEffort",
        "containerStatuses": containers, "conditions": conditions(record, stored),
    })
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
        condition("Initialized", true, created),
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
        "name": container.name, "image": container.image, "imageID": "",
        "ready": running && record.pod.ready, "started": running,
        "restartCount": known.restarts, "state": state(record, known), "lastState": last_state(record, known),
    })
}

fn state(record: &PodRecord, container: ContainerRecord) -> Value {
    match (container.running_since, container.end) {
        (Some(since), _) => json!({"running": {"startedAt": time(since)}}),
        (None, Some(end)) if is_final(record, end) => terminated(end),
        (None, Some(_)) => {
            json!({"waiting": {"reason": "CrashLoopBackOff", "message": record.message}})
        }
        (None, None) => json!({"waiting": {
            "reason": record.failure.unwrap_or("ContainerCreating"), "message": record.message,
        }}),
    }
}

fn last_state(record: &PodRecord, container: ContainerRecord) -> Value {
    match container.end {
        Some(end) if container.running_since.is_some() || !is_final(record, end) => terminated(end),
        Some(_) | None => json!({}),
    }
}

fn is_final(record: &PodRecord, end: ContainerEnd) -> bool {
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
