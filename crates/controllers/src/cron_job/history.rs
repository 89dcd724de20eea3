//! The finished Jobs that are kept to be looked at.

use ringfence_apiserver::object::{self, number, text};
use serde_json::Value;

use crate::job::outcome;
use crate::write::Writes;

/// Deletes the oldest finished Jobs beyond those that are kept.
pub(super) fn forget(cron_job: &Value, jobs: &[&Value], writes: &mut Writes) {
    for (field, default, succeeded) in [
        ("successfulJobsHistoryLimit", 3, true),
        ("failedJobsHistoryLimit", 1, false),
    ] {
        let limit = number(cron_job, &["spec", field]).unwrap_or(default);
        let finished = jobs.iter().filter(|job| outcome::finished(job).is_some());
        let mut finished: Vec<&&Value> = finished
            .filter(|job| outcome::is_complete(job) == succeeded)
            .collect();
        finished.sort_by_key(|job| (text(job, &["status", "startTime"]), object::name(job)));
        let surplus = finished
            .len()
            .saturating_sub(usize::try_from(limit).unwrap_or(usize::MAX));
        finished
            .iter()
            .take(surplus)
            .for_each(|job| writes.delete(job));
    }
}
