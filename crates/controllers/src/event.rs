//! Events: what is told of an object for people to read.

use ringfence_apiserver::object::{self, text};
use ringfence_apiserver::time::Timestamp;
use serde_json::{Value, json};

use crate::name::mark;
use crate::view::View;
use crate::write::Writes;

/// What is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said<'a> {
    /// `Normal` or `Warning`.
    pub(crate) kind: &'a str,
    pub(crate) reason: &'a str,
    pub(crate) message: &'a str,
    /// Who tells it.
    pub(crate) component: &'a str,
}

/// Tells something of an object, once: the event's name is made of what it says.
pub(crate) fn tell(
    view: &View,
    about: &Value,
    said: &Said<'_>,
    now: Timestamp,
    writes: &mut Writes,
) {
    let event = event(about, said, now);
    let (namespace, name) = (object::namespace(&event), object::name(&event));
    if view.get("events", namespace, name).is_none() {
        writes.create(event);
    }
}

/// The event that says this of an object.
pub(crate) fn event(about: &Value, said: &Said<'_>, now: Timestamp) -> Value {
    let text_of = |field| text(about, &[field]);
    let content = format!("{} {} {}", object::uid(about), said.reason, said.message);
    let name = format!("{}.{}", object::name(about), mark(&content));
    let own = object::namespace(about);
    let namespace = if own.is_empty() { "default" } else { own };
    json!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": {"name": name, "namespace": namespace},
        "involvedObject": {
            "apiVersion": text_of("apiVersion"), "kind": text_of("kind"), "namespace": own,
            "name": object::name(about), "uid": object::uid(about),
            "resourceVersion": object::revision(about),
        },
        "type": said.kind, "reason": said.reason, "message": said.message, "count": 1,
        "firstTimestamp": now.to_string(), "lastTimestamp": now.to_string(),
        "source": {"component": said.component}, "reportingComponent": said.component,
        "reportingInstance": "",
    })
}
