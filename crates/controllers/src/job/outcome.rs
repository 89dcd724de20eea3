//! How a Job ends.

use ringfence_apiserver::object::{items, text};
use ringfence_apiserver::time::Timestamp;
use serde_json::{Map, Value};

use super::{Attempts, restarts};
use crate::condition::{self, Condition};
use crate::pod;

/// The end of a Job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Complete,
    TooManyFailures,
    TooLate,
}

/// How the Job ends now, if it does.
pub(super) fn of(attempts: &Attempts<'_>) -> Option<Outcome> {
    let limit = attempts.wish("backoffLimit").unwrap_or(6);
    let restarts = restarts(&attempts.active);
    let in_place =
        text(attempts.job, &["spec", "template", "spec", "restartPolicy"]) == "OnFailure";
    if attempts.failures() > limit || (in_place && restarts > 0 && restarts >= limit) {
        return Some(Outcome::TooManyFailures);
    }
    let start = Timestamp::parse(text(attempts.job, &["status", "startTime"]));
    let late = |limit: i64| start.is_some_and(|start| attempts.now.seconds_since(start) >= limit);
    if !attempts.is_suspended() && attempts.wish("activeDeadlineSeconds").is_some_and(late) {
        return Some(Outcome::TooLate);
    }
    let complete = match attempts.wish("completions") {
        Some(completions) => attempts.done() >= completions,
        None => attempts.done() > 0 && attempts.active.is_empty() && attempts.terminating == 0,
    };
    complete.then_some(Outcome::Complete)
}

impl Outcome {
    pub(super) fn write(self, status: &mut Map<String, Value>, now: Timestamp) {
        let (kind, reason, message) = match self {
            Self::Complete => (
                "Complete",
                "CompletionsReached",
                "Reached expected number of succeeded pods",
            ),
            Self::TooManyFailures => (
                "Failed",
                "BackoffLimitExceeded",
                "Job has reached the specified backoff limit",
            ),
            Self::TooLate => (
                "Failed",
                "DeadlineExceeded",
                "Job was active longer than specified deadline",
            ),
        };
        let condition = Condition {
            kind,
            status: true.into(),
            reason,
            message,
        };
        condition::set(status, &condition, now);
        if self == Self::Complete {
            status.insert("completionTime".to_owned(), now.to_string().into());
        }
    }
}

/// Since when the Job is finished.
pub(crate) fn finished(job: &Value) -> Option<Timestamp> {
    let mut ends = ["Complete", "Failed"]
        .into_iter()
        .filter_map(|kind| pod::condition(job, kind));
    let end = ends.find(|end| text(end, &["status"]) == "True")?;
    Some(Timestamp::parse(text(end, &["lastTransitionTime"])).unwrap_or(Timestamp(0)))
}

/// When a pod ended.
pub(super) fn ended(pod: &Value) -> Option<Timestamp> {
    let states = items(pod, &["status", "containerStatuses"]).iter();
    let times = states
        .filter_map(|state| Timestamp::parse(text(state, &["state", "terminated", "finishedAt"])));
    let ready = || Timestamp::parse(text(pod::condition(pod, "Ready")?, &["lastTransitionTime"]));
    times.max().or_else(ready).or_else(|| pod::created(pod))
}

/// Whether the Job is complete, as its status says.
pub(crate) fn is_complete(job: &Value) -> bool {
    pod::condition(job, "Complete").is_some_and(|end| text(end, &["status"]) == "True")
}
