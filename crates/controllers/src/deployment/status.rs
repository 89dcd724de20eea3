//! What a Deployment says of itself; `kubectl rollout status` and `kubectl wait` read it.

use ringfence_apiserver::object::{self, at, number, text};
use ringfence_apiserver::time::Timestamp;
use serde_json::{Map, Value};

use super::Rollout;
use super::rolling::Limits;
use crate::condition::{self, Condition, Truth};
use crate::pod;
use crate::write::{Writes, count, observe, old_status};

pub(super) fn report(rollout: &Rollout<'_>, now: Timestamp, writes: &mut Writes) {
    let deployment = rollout.deployment;
    let mut status = old_status(deployment);
    let available = rollout.sum(|set| set.available);
    count(&mut status, "replicas", rollout.sum(|set| set.active));
    count(
        &mut status,
        "updatedReplicas",
        rollout.new.map_or(0, |new| new.active),
    );
    count(&mut status, "readyReplicas", rollout.sum(|set| set.ready));
    count(&mut status, "availableReplicas", available);
    let missing = rollout.sum(|set| set.wanted) - available;
    count(&mut status, "unavailableReplicas", missing.max(0));
    observe(&mut status, deployment);
    if !object::is_terminating(deployment) {
        let least = rollout.replicas() - Limits::of(deployment).unavailable;
        availability(&mut status, available >= least, now);
        progress(rollout, &mut status, now);
    }
    writes.status(deployment, status);
}

fn availability(status: &mut Map<String, Value>, is_available: bool, now: Timestamp) {
    let (reason, message) = if is_available {
        (
            "MinimumReplicasAvailable",
            "Deployment has minimum availability.",
        )
    } else {
        (
            "MinimumReplicasUnavailable",
            "Deployment does not have minimum availability.",
        )
    };
    let condition = Condition {
        kind: "Available",
        status: is_available.into(),
        reason,
        message,
    };
    condition::set_with_update(status, &condition, false, now);
}

fn progress(rollout: &Rollout<'_>, status: &mut Map<String, Value>, now: Timestamp) {
    let deployment = rollout.deployment;
    let Some(deadline) = number(deployment, &["spec", "progressDeadlineSeconds"]) else {
        return condition::remove(status, "Progressing");
    };
    let old = pod::condition(deployment, "Progressing");
    let moved = has_moved(deployment, status);
    // What was complete and lost or gained pods of its template is not rolled out anew.
    let complete = rollout.is_complete() || (was_complete(old) && !is_mixed(status));
    let stage = match () {
        () if at(deployment, &["spec", "paused"]) == Some(&Value::Bool(true)) => Stage::Paused,
        () if rollout.new.is_none() => Stage::Begun,
        () if complete => Stage::Complete,
        () if !moved && is_late(old, deadline, now) => Stage::Late,
        () => Stage::UnderWay,
    };
    let name = rollout.new.map_or("", |new| object::name(new.object));
    let message = stage.message(name);
    let (truth, reason) = stage.condition();
    let condition = Condition {
        kind: "Progressing",
        status: truth,
        reason,
        message: &message,
    };
    condition::set_with_update(status, &condition, moved && stage != Stage::Paused, now);
}

/// How far a rollout has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Paused,
    Begun,
    UnderWay,
    Late,
    Complete,
}

impl Stage {
    const fn condition(self) -> (Truth, &'static str) {
        match self {
            Self::Paused => (Truth::Unknown, "DeploymentPaused"),
            Self::Begun => (Truth::True, "NewReplicaSetCreated"),
            Self::UnderWay => (Truth::True, "ReplicaSetUpdated"),
            Self::Late => (Truth::False, "ProgressDeadlineExceeded"),
            Self::Complete => (Truth::True, COMPLETE),
        }
    }

    fn message(self, set: &str) -> String {
        match self {
            Self::Paused => "Deployment is paused".to_owned(),
            Self::Begun => "Created new replica set".to_owned(),
            Self::UnderWay => format!("ReplicaSet {set:?} is progressing."),
            Self::Late => format!("ReplicaSet {set:?} has timed out progressing."),
            Self::Complete => format!("ReplicaSet {set:?} has successfully progressed."),
        }
    }
}

const COMPLETE: &str = "NewReplicaSetAvailable";

fn was_complete(old: Option<&Value>) -> bool {
    old.is_some_and(|old| text(old, &["reason"]) == COMPLETE)
}

/// Whether there are pods of another template than the present.
fn is_mixed(status: &Map<String, Value>) -> bool {
    status.get("replicas") != status.get("updatedReplicas")
}

/// Whether a rollout has come nearer to its end since the status was last written.
fn has_moved(deployment: &Value, status: &Map<String, Value>) -> bool {
    let counts = |status: Option<&Map<String, Value>>| {
        let fields = [
            "replicas",
            "updatedReplicas",
            "readyReplicas",
            "availableReplicas",
        ];
        fields.map(|field| {
            let count = status.and_then(|status| status.get(field));
            count.and_then(Value::as_i64).unwrap_or_default()
        })
    };
    let [all, updated, ready, available] =
        counts(deployment.get("status").and_then(Value::as_object));
    let [all_now, updated_now, ready_now, available_now] = counts(Some(status));
    let more = updated_now > updated || ready_now > ready || available_now > available;
    more || all_now - updated_now < all - updated
}

fn is_late(old: Option<&Value>, deadline: i64, now: Timestamp) -> bool {
    let Some(old) = old.filter(|old| !was_complete(Some(old))) else {
        return false;
    };
    let since = Timestamp::parse(text(old, &["lastUpdateTime"]));
    let late = since.is_some_and(|since| now.seconds_since(since) > deadline);
    match text(old, &["reason"]) {
        "ProgressDeadlineExceeded" => true,
        "DeploymentPaused" => false,
        _ => late,
    }
}
