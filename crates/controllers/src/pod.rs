//! What a pod has come to.

use ringfence_apiserver::object::{is_terminating, items, text};
use ringfence_apiserver::time::Timestamp;
use serde_json::Value;

/// The resource of pods.
pub(crate) const PODS: &str = "pods";

/// Whether it has ended by itself.
pub(crate) fn has_ended(pod: &Value) -> bool {
    matches!(text(pod, &["status", "phase"]), "Succeeded" | "Failed")
}

/// Whether it counts as one that runs or will.
pub(crate) fn is_active(pod: &Value) -> bool {
    !has_ended(pod) && !is_terminating(pod)
}

pub(crate) fn is_ready(pod: &Value) -> bool {
    condition(pod, "Ready").is_some_and(|ready| text(ready, &["status"]) == "True")
}

/// Whether it has been ready for so many seconds.
pub(crate) fn is_available(pod: &Value, seconds: i64, now: Timestamp) -> bool {
    let long = || ready_since(pod).is_some_and(|since| now.seconds_since(since) >= seconds);
    is_ready(pod) && (seconds == 0 || long())
}

/// When it became ready, if it is.
pub(crate) fn ready_since(pod: &Value) -> Option<Timestamp> {
    let ready = condition(pod, "Ready").filter(|ready| text(ready, &["status"]) == "True")?;
    Timestamp::parse(text(ready, &["lastTransitionTime"]))
}

/// The condition of this type.
pub(crate) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    let conditions = items(object, &["status", "conditions"]);
    conditions
        .iter()
        .find(|condition| text(condition, &["type"]) == kind)
}

/// When an object was made.
pub(crate) fn created(object: &Value) -> Option<Timestamp> {
    Timestamp::parse(text(object, &["metadata", "creationTimestamp"]))
}
