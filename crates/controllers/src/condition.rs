//! Conditions of objects, whose times tell when they last became other than they were.

use ringfence_apiserver::object::{self, text};
use ringfence_apiserver::time::Timestamp;
use serde_json::{Map, Value, json};

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    True,
    False,
    Unknown,
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// What is to be said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Condition<'a> {
    pub(crate) kind: &'a str,
    pub(crate) status: Truth,
    pub(crate) reason: &'a str,
    pub(crate) message: &'a str,
}

/// The conditions in `status` with this one in its place. The time of transition stays while the truth does; a new reason or
/// message alone is written without one.
pub(crate) fn set(status: &mut Map<String, Value>, new: &Condition<'_>, now: Timestamp) {
    let since = |old: Option<&Value>| {
        let same = old.filter(|old| text(old, &["status"]) == word(new.status));
        let time = same.map(|old| text(old, &["lastTransitionTime"]).to_owned());
        time.filter(|time| !time.is_empty())
            .unwrap_or_else(|| now.to_string())
    };
    place(status, new.kind, |old| {
        let mut condition = plain(new);
        insert(&mut condition, "lastTransitionTime", &since(old));
        condition
    });
}

/// As [`set`], for the kinds whose conditions also say when they were last confirmed: at each new reason or message, and
/// whenever there was `progress`.
pub(crate) fn set_with_update(
    status: &mut Map<String, Value>,
    new: &Condition<'_>,
    progress: bool,
    now: Timestamp,
) {
    place(status, new.kind, |old| {
        let field = |name| old.map_or("", |old| text(old, &[name]));
        let same = field("status") == word(new.status);
        let kept =
            same && field("reason") == new.reason && field("message") == new.message && !progress;
        let now = now.to_string();
        let mut condition = plain(new);
        insert(
            &mut condition,
            "lastUpdateTime",
            if kept { field("lastUpdateTime") } else { &now },
        );
        insert(
            &mut condition,
            "lastTransitionTime",
            if same {
                field("lastTransitionTime")
            } else {
                &now
            },
        );
        condition
    });
}

/// Takes the condition of this type away.
pub(crate) fn remove(status: &mut Map<String, Value>, kind: &str) {
    if let Some(conditions) = status.get_mut("conditions").and_then(Value::as_array_mut) {
        conditions.retain(|condition| text(condition, &["type"]) != kind);
    }
}

fn place(status: &mut Map<String, Value>, kind: &str, make: impl FnOnce(Option<&Value>) -> Value) {
    let conditions = status.entry("conditions").or_insert_with(|| json!([]));
    let Some(conditions) = conditions.as_array_mut() else {
        return;
    };
    let position = conditions
        .iter()
        .position(|condition| text(condition, &["type"]) == kind);
    let slot = position.and_then(|position| conditions.get_mut(position));
    match slot {
        Some(slot) => *slot = make(Some(slot)),
        None => conditions.push(make(None)),
    }
}

fn plain(condition: &Condition<'_>) -> Value {
    let mut plain = json!({"type": condition.kind, "status": word(condition.status)});
    for (field, text) in [("reason", condition.reason), ("message", condition.message)] {
        let text = (!text.is_empty()).then(|| text.into());
        object::set(object::fields(&mut plain), field, text);
    }
    plain
}

fn insert(condition: &mut Value, field: &str, time: &str) {
    object::fields(condition).insert(field.to_owned(), time.into());
}

const fn word(status: Truth) -> &'static str {
    match status {
        Truth::True => "True",
        Truth::False => "False",
        Truth::Unknown => "Unknown",
    }
}
