//! What happens to pods, told as events.

use ringfence_apiserver::object::{self, number};
use ringfence_controllers::Verb;
use ringfence_controllers::event::{Said, event};
use serde_json::Value;

use super::super::api::timestamp;
use super::super::{Lab, PodId};
use super::MANAGER;

/// The reason of something that is as it should be.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Normal(pub(in super::super) &'static str);

/// The reason of something that is not.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Warning(pub(in super::super) &'static str);

/// A kind of event and its reason.
pub(in super::super) trait Reason {
    /// `Normal` or `Warning`, and why.
    fn words(self) -> (&'static str, &'static str);
}

impl Reason for Normal {
    fn words(self) -> (&'static str, &'static str) {
        ("Normal", self.0)
    }
}

impl Reason for Warning {
    fn words(self) -> (&'static str, &'static str) {
        ("Warning", self.0)
    }
}

impl Lab {
    /// Tells of something that happened to a pod; if it was told before, that it happened again.
    pub(in super::super) fn event(&self, pod: &PodId, reason: impl Reason, message: &str) {
        let Some(about) = self.stored_as(pod) else {
            return;
        };
        let (kind, reason) = reason.words();
        let said = Said {
            kind,
            reason,
            message,
            component: MANAGER,
        };
        let new = event(&about, &said, timestamp());
        let written = match self.stored_like(&new) {
            Some(old) => self.write(Verb::Replace, again(&old, &new), MANAGER),
            None => self.write(Verb::Create, new, MANAGER),
        };
        if let Err(error) = written {
            tracing::debug!("an event is not taken: {error}");
        }
    }
}

fn again(old: &Value, new: &Value) -> Value {
    let mut event = old.clone();
    let count = number(old, &["count"]).unwrap_or(1) + 1;
    let fields = object::fields(&mut event);
    fields.insert("count".to_owned(), count.into());
    object::set(fields, "lastTimestamp", new.get("lastTimestamp").cloned());
    event
}
