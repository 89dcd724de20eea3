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
    let (namespace, uid) = (object::namespace(about), object::uid(about));
    let text_of = |field| text(about, &[field]);
    let name = format!(
        "{}.{}",
        object::name(about),
        mark(&format!("{uid} {} {}", said.reason, said.message))
    );
    let namespace = if namespace.is_empty() {
        "default"
    } else {
        namespace
    };
    if view.get("events", namespace, &name).is_some() {
        return;
    }
    writes.create(json!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": {"name": name, "namespace": namespace},
        "involvedObject": {
            "apiVersion": text_of("apiVersion"), "kind": text_of("kind"), "namespace": object::namespace(about),
            "name": object::name(about), "uid": uid, "resourceVersion": object::revision(about),
        },
        "type": said.kind, "reason": said.reason, "message": said.message, "count": 1,
        "firstTimestamp": now.to_string(), "lastTimestamp": now.to_string(),
        "source": {"component": said.component}, "reportingComponent": said.component, "reportingInstance": "",
    }));
}
