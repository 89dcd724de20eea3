//! What is told of writes that were taken: whom a controller has made or ended for an object, and how it scales.

use ringfence_apiserver::object::{self, items, number, text};
use ringfence_apiserver::time::Timestamp;
use serde_json::{Value, json};

use crate::event::{Said, event};
use crate::{Controller, Verb, Write, owner};

/// The event that a write is worth, if it is worth one; `before` is what the object was.
pub(super) fn event_of(
    controller: &Controller,
    write: &Write,
    before: Option<&Value>,
    now: Timestamp,
) -> Option<Write> {
    let (about, reason, message) = match text(&write.object, &["kind"]) {
        "ReplicaSet" => scaled(write, before)?,
        "Job" if write.verb == Verb::Status => finished(write, before)?,
        "Pod" | "Job" => made(controller, write)?,
        _ => return None,
    };
    let has_failed = write.verb == Verb::Status && reason != COMPLETED;
    let said = Said {
        kind: if has_failed { "Warning" } else { "Normal" },
        reason: &reason,
        message: &message,
        component: &format!("{}-controller", controller.name),
    };
    Some(Write {
        verb: Verb::Create,
        object: event(&about, &said, now),
    })
}

/// The object that controls another one, as far as events name it.
pub(super) fn owner(object: &Value) -> Option<Value> {
    let owner = owner::controller(object)?;
    let field = |name| text(owner, &[name]);
    Some(json!({
        "apiVersion": field("apiVersion"), "kind": field("kind"),
        "metadata": {
            "namespace": object::namespace(object), "name": field("name"), "uid": field("uid"),
        },
    }))
}

/// The object that is told of, the reason and the message.
type Told = (Value, String, String);

const COMPLETED: &str = "Completed";

fn made(controller: &Controller, write: &Write) -> Option<Told> {
    let about = owner(&write.object)?;
    let (kind, name) = (
        text(&write.object, &["kind"]).to_lowercase(),
        object::name(&write.object),
    );
    let set = object::name(&about);
    let told = match (write.verb, controller.name) {
        (Verb::Create, "statefulset") => (
            "SuccessfulCreate",
            format!("create Pod {name} in StatefulSet {set} successful"),
        ),
        (Verb::Delete, "statefulset") => (
            "SuccessfulDelete",
            format!("delete Pod {name} in StatefulSet {set} successful"),
        ),
        (Verb::Create, _) => ("SuccessfulCreate", format!("Created {kind}: {name}")),
        (Verb::Delete, _) => ("SuccessfulDelete", format!("Deleted {kind}: {name}")),
        (Verb::Replace | Verb::Status, _) => return None,
    };
    Some((about, told.0.to_owned(), told.1))
}

fn scaled(write: &Write, before: Option<&Value>) -> Option<Told> {
    let about = owner(&write.object)?;
    let replicas = |set| number(set, &["spec", "replicas"]).unwrap_or_default();
    let (old, new) = (before.map_or(0, replicas), replicas(&write.object));
    let writes = matches!(write.verb, Verb::Create | Verb::Replace);
    if !writes || old == new {
        return None;
    }
    let way = if old < new { "up" } else { "down" };
    let name = object::name(&write.object);
    let message = format!("Scaled {way} replica set {name} from {old} to {new}");
    Some((about, "ScalingReplicaSet".to_owned(), message))
}

fn finished(write: &Write, before: Option<&Value>) -> Option<Told> {
    let holds = |job: &Value, kind: &str| {
        let mut conditions = items(job, &["status", "conditions"]).iter();
        let held = |one: &Value| text(one, &["type"]) == kind && text(one, &["status"]) == "True";
        conditions.any(held)
    };
    let is_new = |kind| holds(&write.object, kind) && !before.is_some_and(|job| holds(job, kind));
    if is_new("Complete") {
        let message = "Job completed".to_owned();
        return Some((write.object.clone(), COMPLETED.to_owned(), message));
    }
    let failed = is_new("Failed");
    let mut conditions = items(&write.object, &["status", "conditions"]).iter();
    let condition = conditions.find(|one| text(one, &["type"]) == "Failed")?;
    let word = |field| text(condition, &[field]).to_owned();
    failed.then(|| (write.object.clone(), word("reason"), word("message")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTROLLER: Controller = crate::CONTROLLERS[2];

    fn told(verb: Verb, object: Value, before: Option<&Value>) -> Option<String> {
        let write = Write { verb, object };
        let event = event_of(&CONTROLLER, &write, before, Timestamp(0))?.object;
        let (about, said) = (&event["involvedObject"], &event["message"]);
        Some(format!("{} {}: {said}", about["kind"], event["reason"]))
    }

    fn owned(kind: &str, replicas: i64) -> Value {
        let owner = json!({"kind": "Owner", "name": "o", "uid": "u", "controller": true});
        json!({
            "kind": kind, "metadata": {"name": "x", "ownerReferences": [owner]},
            "spec": {"replicas": replicas},
        })
    }

    #[test]
    fn owners_hear_of_their_pods_and_of_nothing_that_is_only_noted() {
        let said = told(Verb::Create, owned("Pod", 0), None);
        assert_eq!(
            said.as_deref(),
            Some("\"Owner\" \"SuccessfulCreate\": \"Created pod: x\"")
        );
        assert_eq!(told(Verb::Status, owned("Pod", 0), None), None);
        let nobodys = json!({"kind": "Pod", "metadata": {"name": "x"}});
        assert_eq!(told(Verb::Create, nobodys, None), None);
    }

    #[test]
    fn a_replica_set_tells_when_it_scales() {
        let before = owned("ReplicaSet", 3);
        let said = told(Verb::Replace, owned("ReplicaSet", 1), Some(&before));
        assert_eq!(
            said.as_deref(),
            Some("\"Owner\" \"ScalingReplicaSet\": \"Scaled down replica set x from 3 to 1\"")
        );
        let same = told(Verb::Replace, owned("ReplicaSet", 3), Some(&before));
        assert_eq!(same, None);
    }
}
