//! Pods with what became of them.

use ringfence_apiserver::time::Timestamp;
use ringfence_model::{ContainerPort, Phase, RestartPolicy};
use serde_json::{Value, json};

use super::super::super::containers::{ContainerEnd, ContainerRecord, Seconds};
use super::super::super::{Lab, PodRecord};
use super::{fields, metadata};
use crate::cluster::desired::DesiredContainer;

/// A pod as it was written, or as its workload or the lab made it, with its node and status.
pub(super) fn pod(record: &PodRecord, written: Option<&Value>, lab: &Lab) -> Value {
    let mut object = written.cloned().unwrap_or_else(|| made(record));
    if let (Some(node), Some(spec)) = (&record.pod.node, fields(&mut object, "spec")) {
        spec.insert("nodeName".to_owned(), json!(node));
    }
    if let Some(object) = object.as_object_mut() {
        object.insert("status".to_owned(), status(record, lab));
    }
    object
}

pub(super) fn time(seconds: Seconds) -> String {
    Timestamp(i64::try_from(seconds).unwrap_or(i64::MAX)).to_string()
}

/// A pod that no manifest names.
fn made(record: &PodRecord) -> Value {
    let mut metadata = metadata(&record.pod.name);
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.insert("labels".to_owned(), json!(record.pod.labels));
    }
    let containers = record.desired.containers.iter().map(|container| {
        let ports: Vec<Value> = container.ports.iter().map(port).collect();
        let asks = container.interactive.is_some();
        json!({
            "name": container.name, "image": container.image, "ports": ports,
            "stdin": asks, "tty": asks,
        })
    });
    let containers: Vec<Value> = containers.collect();
    let spec = json!({
        "containers": containers, "hostNetwork": record.pod.host_network.then_some(true),
        "restartPolicy": format!("{:?}", record.desired.restart),
    });
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
}

fn port(port: &ContainerPort) -> Value {
    json!({"name": port.name, "containerPort": port.port, "protocol": port.protocol.to_string()})
}

fn status(record: &PodRecord, lab: &Lab) -> Value {
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
        "containerStatuses": containers, "conditions": conditions(record),
    })
}

fn conditions(record: &PodRecord) -> Vec<Value> {
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
    vec![
        condition("PodScheduled", record.pod.node.is_some(), created),
        condition("Initialized", record.pod.node.is_some(), created),
        condition("ContainersReady", record.pod.ready, turned),
        condition("Ready", record.pod.ready, turned),
    ]
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
        (None, None) if record.failed_to_start => {
            json!({"waiting": {"reason": "CreateContainerError", "message": record.message}})
        }
        (None, None) => json!({"waiting": {"reason": "ContainerCreating"}}),
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
