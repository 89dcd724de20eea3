//! Events: what is told of an object for people to read, and forgotten after an hour.

use ringfence_apiserver::object::{self, text};
use ringfence_apiserver::time::Timestamp;
use serde_json::{Value, json};

use crate::name::mark;
use crate::view::View;
use crate::write::{Write, Writes};

/// What is told.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    /// `Normal` or `Warning`.
    pub kind: &'a str,
    /// Why, in one word.
    pub reason: &'a str,
    /// For people to read.
    pub message: &'a str,
    /// Who tells it.
    pub component: &'a str,
}

/// Seconds after which an event is forgotten.
const KEPT: i64 = 3_600;

/// What is due for events that are old.
#[must_use]
pub fn decide(view: &View, now: Timestamp) -> Vec<Write> {
    let mut writes = Writes::default();
    let last = |event| Timestamp::parse(text(event, &["lastTimestamp"]));
    for event in view.objects("events") {
        if last(event).is_some_and(|last| now.seconds_since(last) > KEPT) {
            writes.delete(event);
        }
    }
    writes.into_list()
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
#[must_use]
pub fn event(about: &Value, said: &Said<'_>, now: Timestamp) -> Value {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{NOW, told, view};

    #[test]
    fn an_event_is_forgotten_after_an_hour() {
        let said = Said {
            kind: "Normal",
            reason: "Started",
            message: "it runs",
            component: "kubelet",
        };
        let about = json!({"kind": "Pod", "metadata": {"name": "p", "namespace": "default"}});
        let event = event(&about, &said, NOW);
        let later = |seconds| {
            told(&decide(
                &view(std::slice::from_ref(&event)),
                Timestamp(NOW.0 + seconds),
            ))
        };
        assert_eq!(later(KEPT), Vec::<String>::new());
        assert_eq!(later(KEPT + 1).len(), 1);
    }
}
