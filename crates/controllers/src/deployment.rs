//! Deployment: a ReplicaSet for each template, and the way from one to the next.
//!
//! Kubernetes counts by the status of ReplicaSets, which may be late. Here pods themselves are counted, and a ReplicaSet
//! that still has more pods than it is asked for counts with all of them: so no step exceeds the limits, however late
//! anything is.

mod revision;
mod rolling;
mod status;

#[cfg(test)]
mod tests;

pub(crate) use rolling::share;

use ringfence_apiserver::object::{self, at, is_terminating, number, text};
use ringfence_apiserver::time::Timestamp;
use serde_json::Value;

use crate::claim::claim;
use crate::pod::{PODS, is_active, is_available, is_ready};
use crate::replica_set::REPLICA_SETS;
use crate::view::View;
use crate::write::{Write, Writes};

/// The resource of Deployments.
pub(crate) const DEPLOYMENTS: &str = "deployments.apps";

/// What is due for the Deployments.
#[must_use]
pub fn decide(view: &View, now: Timestamp) -> Vec<Write> {
    let mut writes = Writes::default();
    for deployment in view.objects(DEPLOYMENTS) {
        let sets = claim(view, deployment, REPLICA_SETS, |_| true, &mut writes);
        let rollout = Rollout::new(view, deployment, sets, now);
        if !is_terminating(deployment) {
            rollout.proceed(&mut writes);
        }
        status::report(&rollout, now, &mut writes);
    }
    writes.into_list()
}

/// A Deployment and its ReplicaSets, the oldest first.
struct Rollout<'a> {
    view: &'a View,
    deployment: &'a Value,
    /// The ReplicaSet of the present template.
    new: Option<Set<'a>>,
    old: Vec<Set<'a>>,
}

/// A ReplicaSet and what its pods have come to.
#[derive(Clone, Copy, Debug)]
struct Set<'a> {
    object: &'a Value,
    /// How many pods it is asked for.
    wanted: i64,
    /// Pods that run or will.
    active: i64,
    ready: i64,
    /// Of these, those that have been ready long enough.
    available: i64,
    /// Pods that are there in any way and have not ended.
    unfinished: i64,
}

impl<'a> Rollout<'a> {
    fn new(
        view: &'a View,
        deployment: &'a Value,
        mut sets: Vec<&'a Value>,
        now: Timestamp,
    ) -> Self {
        sets.sort_by_key(|set| {
            (
                text(set, &["metadata", "creationTimestamp"]),
                revision::of(set),
            )
        });
        let seconds = number(deployment, &["spec", "minReadySeconds"]).unwrap_or_default();
        let new = sets
            .iter()
            .position(|set| revision::is_of_template(set, deployment));
        let new = new.map(|position| sets.remove(position));
        let read = |set: &'a Value| Set::read(view, set, seconds, now);
        Self {
            view,
            deployment,
            new: new.map(read),
            old: sets.into_iter().map(read).collect(),
        }
    }

    fn proceed(&self, writes: &mut Writes) {
        let paused = at(self.deployment, &["spec", "paused"]) == Some(&Value::Bool(true));
        if paused {
            rolling::keep_size(self, writes);
        } else if text(self.deployment, &["spec", "strategy", "type"]) == "Recreate" {
            rolling::recreate(self, writes);
        } else {
            rolling::roll(self, writes);
        }
        if !paused && self.is_complete() {
            revision::forget_old(self, writes);
        }
        revision::publish(self, writes);
    }

    fn sets(&self) -> impl Iterator<Item = &Set<'a>> {
        self.old.iter().chain(&self.new)
    }

    fn sum(&self, count: impl Fn(&Set<'a>) -> i64) -> i64 {
        self.sets().map(count).sum()
    }

    /// How many pods the Deployment asks for.
    fn replicas(&self) -> i64 {
        number(self.deployment, &["spec", "replicas"]).unwrap_or(1)
    }

    /// Whether every pod is of the present template and available.
    fn is_complete(&self) -> bool {
        let replicas = self.replicas();
        let new = self
            .new
            .is_some_and(|new| new.active == replicas && new.available == replicas);
        new && self.sum(|set| set.active) == replicas
    }
}

impl<'a> Set<'a> {
    fn read(view: &'a View, set: &'a Value, seconds: i64, now: Timestamp) -> Self {
        let pods = || view.held(PODS, object::namespace(set), object::uid(set));
        let active = || pods().filter(|pod| is_active(pod));
        let length = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        Self {
            object: set,
            wanted: number(set, &["spec", "replicas"]).unwrap_or(1),
            active: length(active().count()),
            ready: length(active().filter(|pod| is_ready(pod)).count()),
            available: length(
                active()
                    .filter(|pod| is_available(pod, seconds, now))
                    .count(),
            ),
            unfinished: length(pods().filter(|pod| !crate::pod::has_ended(pod)).count()),
        }
    }

    /// How many pods there are or will be before anything else happens.
    fn size(&self) -> i64 {
        self.wanted.max(self.active)
    }

    /// How many available pods are left when it has as many as asked for: it gives up the others first.
    fn staying(&self) -> i64 {
        self.available.min(self.wanted)
    }
}
