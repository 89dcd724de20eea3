//! CronJob: a Job at each time of a schedule.

mod history;
mod schedule;

#[cfg(test)]
mod tests;

use ringfence_apiserver::object::{self, at, is_terminating, number, text};
use ringfence_apiserver::time::Timestamp;
use serde_json::{Map, Value, json};

use crate::event::{self, Said};
use crate::job::{JOBS, outcome};
use crate::pod;
use crate::template::{annotate, annotation, from_template};
use crate::view::View;
use crate::write::{Write, Writes, old_status};

const CRON_JOBS: &str = "cronjobs.batch";
const SCHEDULED: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";

/// What is due for the CronJobs.
#[must_use]
pub fn decide(view: &View, now: Timestamp) -> Vec<Write> {
    let mut writes = Writes::default();
    for cron_job in view.objects(CRON_JOBS).filter(|one| !is_terminating(one)) {
        let (namespace, uid) = (object::namespace(cron_job), object::uid(cron_job));
        let jobs: Vec<&Value> = view.held(JOBS, namespace, uid).collect();
        history::forget(cron_job, &jobs, &mut writes);
        begin(view, cron_job, &jobs, now, &mut writes);
        report(cron_job, &jobs, &mut writes);
    }
    writes.into_list()
}

/// Makes the Job that is due, if there is one.
fn begin(view: &View, cron_job: &Value, jobs: &[&Value], now: Timestamp, writes: &mut Writes) {
    let spec = |field| text(cron_job, &["spec", field]);
    if at(cron_job, &["spec", "suspend"]) == Some(&Value::Bool(true)) {
        return;
    }
    let time = match schedule::last(spec("schedule"), spec("timeZone"), now) {
        Ok(Some(time)) => time,
        Ok(None) => return,
        Err(error) => return complain(view, cron_job, &error.to_string(), now, writes),
    };
    let since = Timestamp::parse(text(cron_job, &["status", "lastScheduleTime"]));
    let since = since.or_else(|| pod::created(cron_job));
    let deadline = number(cron_job, &["spec", "startingDeadlineSeconds"]);
    let too_late = deadline.is_some_and(|deadline| now.seconds_since(time) > deadline);
    if since.is_some_and(|since| time <= since) || too_late {
        return;
    }
    let active: Vec<&&Value> = jobs.iter().filter(|job| is_active(job)).collect();
    match spec("concurrencyPolicy") {
        "Forbid" if !active.is_empty() => return,
        "Replace" => active.iter().for_each(|job| writes.delete(job)),
        _ => {}
    }
    let job = job(cron_job, time);
    if view
        .get(JOBS, object::namespace(&job), object::name(&job))
        .is_none()
    {
        writes.create(job);
    }
}

fn is_active(job: &Value) -> bool {
    outcome::finished(job).is_none() && !is_terminating(job)
}

/// The Job of this time. Its name is made of the minute, so that no time gets two.
fn job(cron_job: &Value, time: Timestamp) -> Value {
    let template = at(cron_job, &["spec", "jobTemplate"]);
    let beginning: String = object::name(cron_job).chars().take(52).collect();
    let name = format!("{beginning}-{}", time.0 / 60);
    let mut job = from_template(template, ("batch/v1", "Job"), cron_job, &name);
    annotate(&mut job, SCHEDULED, &time.to_string());
    job
}

fn complain(view: &View, cron_job: &Value, error: &str, now: Timestamp, writes: &mut Writes) {
    let schedule = text(cron_job, &["spec", "schedule"]);
    let message = format!("unparseable schedule: {schedule:?} : {error}");
    let said = Said {
        kind: "Warning",
        reason: "UnparseableSchedule",
        message: &message,
        component: "cronjob-controller",
    };
    event::tell(view, cron_job, &said, now, writes);
}

/// The last time is that of the last Job that came to be.
fn report(cron_job: &Value, jobs: &[&Value], writes: &mut Writes) {
    let mut status = old_status(cron_job);
    let active: Vec<Value> = jobs
        .iter()
        .filter(|job| is_active(job))
        .map(|job| reference(job))
        .collect();
    object::set(
        &mut status,
        "active",
        (!active.is_empty()).then(|| active.into()),
    );
    later(
        &mut status,
        "lastScheduleTime",
        jobs.iter().map(|job| annotation(job, SCHEDULED)).max(),
    );
    let successes = jobs.iter().filter(|job| outcome::is_complete(job));
    let last = successes
        .map(|job| text(job, &["status", "completionTime"]))
        .max();
    later(&mut status, "lastSuccessfulTime", last);
    writes.status(cron_job, status);
}

fn later(status: &mut Map<String, Value>, field: &str, time: Option<&str>) {
    let known = status
        .get(field)
        .and_then(Value::as_str)
        .unwrap_or_default();
    if let Some(time) = time.filter(|time| *time > known).map(str::to_owned) {
        status.insert(field.to_owned(), time.into());
    }
}

fn reference(job: &Value) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "Job", "namespace": object::namespace(job),
        "name": object::name(job), "uid": object::uid(job),
    })
}
