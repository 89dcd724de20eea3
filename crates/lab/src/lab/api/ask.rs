//! Writes of the lab itself. They go through the API like anybody's.

use ringfence_apiserver::api::{Body, Method, Moment, Request};
use ringfence_apiserver::object::text;
use ringfence_apiserver::server::random;
use ringfence_apiserver::time::Timestamp;
use ringfence_controllers::{Verb, Write};
use serde_json::Value;

use super::super::Lab;
use super::super::containers::now;

/// Who manages the fields that `ringfence lab apply` writes.
const MANAGER: &str = "ringfence-lab";

/// What the API says if it does not do as it is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The HTTP code.
    pub code: u16,
    /// For people to read.
    pub message: String,
}

impl Lab {
    /// Makes, replaces or deletes an object, as the program `manager`.
    pub(in super::super) fn write(
        &self,
        verb: Verb,
        object: Value,
        manager: &str,
    ) -> Result<Value, Refusal> {
        let request = self.request(verb, object, manager)?;
        self.ask(&request)
    }

    /// Deletes an object that has ended: nobody waits for its end any more.
    pub(in super::super) fn remove(&self, object: Value, manager: &str) -> Result<Value, Refusal> {
        let mut request = self.request(Verb::Delete, object, manager)?;
        let grace = ("gracePeriodSeconds".to_owned(), "0".to_owned());
        request.query.push(grace);
        self.ask(&request)
    }

    /// Makes of an object what a manifest says, and leaves alone what others manage of it.
    pub(in super::super) fn put_manifest(&self, manifest: Value) -> Result<Value, Refusal> {
        let version = text(&manifest, &["apiVersion"]).rsplit('/').next();
        let version = version.unwrap_or_default().to_owned();
        let mut request = self.request(Verb::Replace, manifest, MANAGER)?;
        request.method = Method::Patch;
        request.content_type = "application/apply-patch+yaml".to_owned();
        let place = usize::from(request.path.first().is_some_and(|first| first == "apis")) + 1;
        if let Some(served) = request.path.get_mut(place) {
            *served = version;
        }
        for (name, value) in [("fieldManager", MANAGER), ("force", "true")] {
            request.query.push((name.to_owned(), value.to_owned()));
        }
        self.ask(&request)
    }

    /// Changes those fields of `object` that `patch` has; `null` removes one.
    pub(in super::super) fn merge(&self, object: Value, patch: &Value) -> Result<Value, Refusal> {
        let mut request = self.request(Verb::Replace, object, MANAGER)?;
        request.method = Method::Patch;
        request.content_type = "application/merge-patch+json".to_owned();
        request.body = patch.to_string().into_bytes();
        self.ask(&request)
    }

    fn request(&self, verb: Verb, object: Value, manager: &str) -> Result<Request, Refusal> {
        let write = Write { verb, object };
        let request = write.request(self.api.kinds(), manager);
        request.ok_or_else(|| Refusal {
            code: 404,
            message: format!(
                "the API of a lab has no kind {}",
                text(&write.object, &["kind"])
            ),
        })
    }

    fn ask(&self, request: &Request) -> Result<Value, Refusal> {
        let answer = self.api.handle(request, &moment(&random));
        let value = if let Body::Json(value) = answer.body {
            value
        } else {
            Value::Null
        };
        if answer.code < 300 {
            return Ok(value);
        }
        Err(Refusal {
            code: answer.code,
            message: text(&value, &["message"]).to_owned(),
        })
    }
}

/// Now, by the clock of this machine.
pub(in super::super) fn moment(random: &dyn Fn() -> u128) -> Moment<'_> {
    Moment {
        now: timestamp(),
        random,
    }
}

/// The time by the clock of this machine.
pub(in super::super) fn timestamp() -> Timestamp {
    Timestamp(i64::try_from(now()).unwrap_or(i64::MAX))
}
