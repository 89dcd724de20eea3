//! Workloads as they were written, with how many of their pods there are and serve.

use ringfence_model::{ObjectKey, ObjectKind, Phase, Workload, WorkloadKind};
use serde_json::{Map, Value, json};

use super::super::super::PodRecord;
use super::pod::time;

/// A workload with its status, by those of `pods` that it made.
pub(super) fn workload<'a>(
    workload: &Workload,
    written: &Value,
    pods: impl Iterator<Item = &'a PodRecord>,
) -> Value {
    let key = ObjectKey::namespaced(ObjectKind::from(workload.kind), &workload.name);
    let own: Vec<&PodRecord> = pods
        .filter(|record| record.desired.owner.as_ref() == Some(&key))
        .collect();
    let mut object = written.clone();
    if let Some(object) = object.as_object_mut() {
        object.insert("status".to_owned(), status(workload, &own));
    }
    object
}

/// `observedGeneration` is what the API makes of it: the lab has always seen the newest.
fn status(workload: &Workload, pods: &[&PodRecord]) -> Value {
    let ready = pods.iter().filter(|record| record.pod.ready).count();
    let all = pods.len();
    match workload.kind {
        WorkloadKind::Deployment => with(
            counts(all, ready, &["updatedReplicas"]),
            json!({"conditions": conditions(workload, pods, ready)}),
        ),
        WorkloadKind::StatefulSet => counts(all, ready, &["updatedReplicas", "currentReplicas"]),
        WorkloadKind::ReplicaSet | WorkloadKind::ReplicationController => {
            counts(all, ready, &["fullyLabeledReplicas"])
        }
        WorkloadKind::DaemonSet => json!({
            "observedGeneration": 0, "desiredNumberScheduled": all, "currentNumberScheduled": all,
            "updatedNumberScheduled": all, "numberReady": ready, "numberAvailable": ready,
            "numberUnavailable": all - ready, "numberMisscheduled": 0,
        }),
        WorkloadKind::Job => job(pods),
        WorkloadKind::CronJob => json!({}),
    }
}

fn with(mut status: Value, more: Value) -> Value {
    if let (Some(status), Value::Object(more)) = (status.as_object_mut(), more) {
        status.extend(more);
    }
    status
}

fn counts(all: usize, ready: usize, like_all: &[&str]) -> Value {
    let mut status = Map::new();
    for field in [
        "observedGeneration",
        "replicas",
        "readyReplicas",
        "availableReplicas",
    ] {
        let count = match field {
            "observedGeneration" => 0,
            "replicas" => all,
            _ => ready,
        };
        status.insert(field.to_owned(), count.into());
    }
    for field in like_all {
        status.insert((*field).to_owned(), all.into());
    }
    if ready < all {
        status.insert("unavailableReplicas".to_owned(), (all - ready).into());
    }
    status.into()
}

fn conditions(workload: &Workload, pods: &[&PodRecord], ready: usize) -> Value {
    let enough = u32::try_from(ready).is_ok_and(|ready| ready >= workload.replicas);
    let since = pods.iter().map(|record| record.turned).max();
    let since = since.map(time);
    let condition = |kind: &str, reason: &str| {
        json!({
            "type": kind, "status": if enough { "True" } else { "False" }, "reason": reason,
            "lastTransitionTime": since, "lastUpdateTime": since,
        })
    };
    let (available, progressing) = if enough {
        ("MinimumReplicasAvailable", "NewReplicaSetAvailable")
    } else {
        ("MinimumReplicasUnavailable", "ReplicaSetUpdated")
    };
    let available = condition("Available", available);
    let progressing = with(
        condition("Progressing", progressing),
        json!({"status": "True"}),
    );
    json!([available, progressing])
}

fn job(pods: &[&PodRecord]) -> Value {
    let in_phase = |phase| {
        pods.iter()
            .filter(|record| record.pod.phase == phase)
            .count()
    };
    let (succeeded, failed) = (in_phase(Phase::Succeeded), in_phase(Phase::Failed));
    let mut status = json!({
        "active": pods.len() - succeeded - failed, "succeeded": succeeded, "failed": failed,
        "startTime": pods.iter().map(|record| record.created).min().map(time),
    });
    let over = !pods.is_empty() && succeeded + failed == pods.len();
    let ended = pods.iter().map(|record| record.turned).max().map(time);
    if over {
        let kind = if failed == 0 { "Complete" } else { "Failed" };
        let condition = json!({"type": kind, "status": "True", "lastTransitionTime": ended});
        status = with(status, json!({"conditions": [condition]}));
    }
    if over && failed == 0 {
        status = with(status, json!({"completionTime": ended}));
    }
    status
}
