//! Job: pods that run to their end, until enough have succeeded or too many failed.
//!
//! What has succeeded is counted by the pods that are there and by the status, whichever is more: there are no finalizers
//! that keep an ended pod until it is counted.

mod indexes;
pub(crate) mod outcome;

#[cfg(test)]
mod tests;

use ringfence_apiserver::object::{self, at, is_terminating, items, number, set, text};
use ringfence_apiserver::time::Timestamp;
use serde_json::{Map, Value, json};

use crate::claim::claim;
use crate::condition::{self, Condition};
use crate::name::{Endings, beginning};
use crate::pod::{self, PODS, is_active, is_ready};
use crate::template::{self, annotate, set_label};
use crate::view::View;
use crate::write::{Write, Writes, count, old_status};

/// The resource of Jobs.
pub(crate) const JOBS: &str = "jobs.batch";
/// Seconds after the first failure until the next try; twice as long after each further one.
const FIRST_DELAY: i64 = 10;
const LONGEST_DELAY: i64 = 600;

/// What is due for the Jobs.
#[must_use]
pub fn decide(view: &View, now: Timestamp) -> Vec<Write> {
    let mut writes = Writes::default();
    for job in view.objects(JOBS).filter(|job| !is_terminating(job)) {
        let attempts = Attempts::read(view, job, now, &mut writes);
        match outcome::finished(job) {
            Some(since) => attempts.clean_up(since, &mut writes),
            None => attempts.proceed(&mut writes),
        }
    }
    writes.into_list()
}

/// A Job and its pods.
struct Attempts<'a> {
    view: &'a View,
    job: &'a Value,
    now: Timestamp,
    active: Vec<&'a Value>,
    succeeded: Vec<&'a Value>,
    failed: Vec<&'a Value>,
    terminating: usize,
}

impl<'a> Attempts<'a> {
    fn read(view: &'a View, job: &'a Value, now: Timestamp, writes: &mut Writes) -> Self {
        let pods = claim(view, job, PODS, is_active, writes);
        let of_phase = |phase: &str| {
            let pods = pods.iter().copied();
            pods.filter(|pod| text(pod, &["status", "phase"]) == phase)
                .collect::<Vec<_>>()
        };
        Self {
            view,
            job,
            now,
            succeeded: of_phase("Succeeded"),
            failed: of_phase("Failed"),
            terminating: pods
                .iter()
                .filter(|pod| is_terminating(pod) && !pod::has_ended(pod))
                .count(),
            active: pods.into_iter().filter(|pod| is_active(pod)).collect(),
        }
    }

    fn wish(&self, field: &str) -> Option<i64> {
        number(self.job, &["spec", field])
    }

    fn is_suspended(&self) -> bool {
        at(self.job, &["spec", "suspend"]) == Some(&Value::Bool(true))
    }

    fn is_indexed(&self) -> bool {
        text(self.job, &["spec", "completionMode"]) == "Indexed"
    }

    /// How many have done the work: of an indexed Job each index counts once.
    fn done(&self) -> i64 {
        if self.is_indexed() {
            return length(indexes::of(&self.succeeded, self.completions()).len());
        }
        length(self.succeeded.len())
            .max(number(self.job, &["status", "succeeded"]).unwrap_or_default())
    }

    fn failures(&self) -> i64 {
        length(self.failed.len()).max(number(self.job, &["status", "failed"]).unwrap_or_default())
    }

    fn completions(&self) -> i64 {
        self.wish("completions").unwrap_or(i64::MAX)
    }

    fn proceed(&self, writes: &mut Writes) {
        let end = outcome::of(self);
        let mut created = 0;
        if end.is_some() || self.is_suspended() {
            self.active.iter().for_each(|pod| writes.delete(pod));
        } else {
            created = self.fit(writes);
        }
        let mut status = self.status(end.is_none() && !self.is_suspended(), created);
        if let Some(end) = end {
            end.write(&mut status, self.now);
        }
        writes.status(self.job, status);
    }

    /// Makes the pods that are missing and ends those that are too many; how many more run then.
    fn fit(&self, writes: &mut Writes) -> i64 {
        let running = length(self.active.len());
        let most = self.wish("parallelism").unwrap_or(1);
        let wanted = match self.wish("completions") {
            Some(completions) => most.min(completions - self.done()).max(0),
            // Once a pod of a work queue has succeeded the others only finish.
            None if self.done() > 0 => running.min(most),
            None => most,
        };
        if running > wanted {
            let surplus = usize::try_from(running - wanted).unwrap_or_default();
            for pod in crate::replica_set::victims(self.active.clone(), surplus) {
                writes.delete(pod);
            }
        }
        if running >= wanted || self.is_waiting() {
            return (wanted - running).min(0);
        }
        self.create(
            usize::try_from(wanted - running).unwrap_or_default(),
            writes,
        );
        wanted - running
    }

    /// Whether the last failure is too recent for another try.
    fn is_waiting(&self) -> bool {
        let last = self
            .failed
            .iter()
            .filter_map(|pod| outcome::ended(pod))
            .max();
        let doublings = u32::try_from(self.failed.len().saturating_sub(1))
            .unwrap_or(u32::MAX)
            .min(6);
        let delay = (FIRST_DELAY << doublings).min(LONGEST_DELAY);
        last.is_some_and(|last| self.now.seconds_since(last) < delay)
    }

    fn create(&self, missing: usize, writes: &mut Writes) {
        let namespace = object::namespace(self.job);
        let name = object::name(self.job);
        let mut endings = Endings::new(self.view.seed(), object::uid(self.job));
        let mut name_of = |start: &str| {
            endings.name(start, |name| self.view.get(PODS, namespace, name).is_some())
        };
        if !self.is_indexed() {
            for _ in 0..missing {
                writes.create(self.pod(&name_of(&beginning(name))));
            }
            return;
        }
        let mut busy = indexes::of(&self.succeeded, self.completions());
        busy.extend(indexes::of(&self.active, self.completions()));
        for index in (0..self.completions())
            .filter(|index| !busy.contains(index))
            .take(missing)
        {
            let mut pod = self.pod(&name_of(&beginning(&format!("{name}-{index}"))));
            indexes::number_pod(&mut pod, name, index);
            writes.create(pod);
        }
    }

    fn pod(&self, name: &str) -> Value {
        let mut pod = template::pod(self.job, name);
        for (prefix, value) in [
            ("controller-uid", object::uid(self.job)),
            ("job-name", object::name(self.job)),
        ] {
            set_label(&mut pod, prefix, value);
            set_label(&mut pod, &format!("batch.kubernetes.io/{prefix}"), value);
        }
        pod
    }

    fn status(&self, runs: bool, created: i64) -> Map<String, Value> {
        let mut status = old_status(self.job);
        self.note_suspension(&mut status);
        let active = if runs {
            length(self.active.len()) + created
        } else {
            0
        };
        count(&mut status, "active", active);
        count(&mut status, "succeeded", self.done());
        count(&mut status, "failed", self.failures());
        let ready = self
            .active
            .iter()
            .filter(|pod| runs && is_ready(pod))
            .count();
        status.insert("ready".to_owned(), ready.into());
        let ending = if runs {
            self.terminating
        } else {
            self.terminating + self.active.len()
        };
        status.insert("terminating".to_owned(), ending.into());
        status.insert("uncountedTerminatedPods".to_owned(), json!({}));
        if self.is_indexed() {
            let done = indexes::of(&self.succeeded, self.completions());
            let done = (!done.is_empty()).then(|| indexes::print(&done).into());
            set(&mut status, "completedIndexes", done);
        }
        status
    }

    /// The start of its time, which a suspension takes away.
    fn note_suspension(&self, status: &mut Map<String, Value>) {
        let suspended = self.is_suspended();
        let was = pod::condition(self.job, "Suspended").is_some();
        if suspended {
            set(status, "startTime", None);
        } else if !status.contains_key("startTime") {
            status.insert("startTime".to_owned(), self.now.to_string().into());
        }
        if suspended || was {
            let (reason, message) = if suspended {
                ("JobSuspended", "Job suspended")
            } else {
                ("JobResumed", "Job resumed")
            };
            let condition = Condition {
                kind: "Suspended",
                status: suspended.into(),
                reason,
                message,
            };
            condition::set(status, &condition, self.now);
        }
    }

    /// Ends what still runs of a finished Job, and the Job itself when its time is over.
    fn clean_up(&self, since: Timestamp, writes: &mut Writes) {
        self.active.iter().for_each(|pod| writes.delete(pod));
        let stays = self.wish("ttlSecondsAfterFinished");
        if stays.is_some_and(|stays| self.now.seconds_since(since) >= stays) {
            return writes.delete(self.job);
        }
        let mut status = old_status(self.job);
        status.insert(
            "terminating".to_owned(),
            (self.terminating + self.active.len()).into(),
        );
        writes.status(self.job, status);
    }
}

/// How often containers of the running pods were started anew.
fn restarts(pods: &[&Value]) -> i64 {
    let states = pods
        .iter()
        .flat_map(|pod| items(pod, &["status", "containerStatuses"]));
    states
        .filter_map(|state| number(state, &["restartCount"]))
        .sum()
}

fn length(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Notes which index a pod works on.
fn note_index(pod: &mut Value, key: &str, index: &str) {
    annotate(pod, key, index);
    set_label(pod, key, index);
}
