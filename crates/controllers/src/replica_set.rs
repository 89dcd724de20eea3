//! ReplicaSet: so many pods of one template, no more and no fewer.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;

use ringfence_apiserver::object::{self, is_terminating, items, number, text};
use ringfence_apiserver::time::Timestamp;
use serde_json::Value;

use crate::claim::claim;
use crate::name::{Endings, beginning};
use crate::pod::{self, PODS, is_active, is_available, is_ready};
use crate::selector::label;
use crate::template;
use crate::view::View;
use crate::write::{Write, Writes, count, observe, old_status};

/// The resource of ReplicaSets.
pub(crate) const REPLICA_SETS: &str = "replicasets.apps";
/// What says how much it costs to lose a pod: the cheapest go first.
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// What is due for the ReplicaSets.
#[must_use]
pub fn decide(view: &View, now: Timestamp) -> Vec<Write> {
    let mut writes = Writes::default();
    for set in view.objects(REPLICA_SETS) {
        let pods = claim(view, set, PODS, is_active, &mut writes);
        let active: Vec<&Value> = pods.into_iter().filter(|pod| is_active(pod)).collect();
        if !is_terminating(set) {
            fit(view, set, &active, &mut writes);
        }
        report(set, &active, now, &mut writes);
    }
    writes.into_list()
}

/// Makes or ends pods until there are as many as asked for.
fn fit(view: &View, set: &Value, active: &[&Value], writes: &mut Writes) {
    let wanted = replicas(set);
    if active.len() > wanted {
        for pod in victims(active.to_vec(), active.len() - wanted) {
            writes.delete(pod);
        }
    }
    let namespace = object::namespace(set);
    let mut endings = Endings::new(view.seed(), object::uid(set));
    let start = beginning(object::name(set));
    for _ in active.len()..wanted {
        let name = endings.name(&start, |name| view.get(PODS, namespace, name).is_some());
        writes.create(template::pod(set, &name));
    }
}

/// How many pods an object asks for.
pub(crate) fn replicas(object: &Value) -> usize {
    let wanted = number(object, &["spec", "replicas"]).unwrap_or(1);
    usize::try_from(wanted).unwrap_or_default()
}

/// The pods whose loss costs least: those that do less than others, and of equals the newest.
pub(crate) fn victims(mut pods: Vec<&Value>, number: usize) -> Vec<&Value> {
    pods.sort_by_cached_key(|pod| worth(pod));
    pods.truncate(number);
    pods
}

type Worth = (
    bool,
    u8,
    bool,
    i64,
    Reverse<i64>,
    Reverse<i64>,
    Reverse<i64>,
    String,
);

fn worth(pod: &Value) -> Worth {
    let assigned = !text(pod, &["spec", "nodeName"]).is_empty();
    let phase = match text(pod, &["status", "phase"]) {
        "Running" => 2,
        "Unknown" => 1,
        _ => 0,
    };
    let cost = template::annotation(pod, DELETION_COST)
        .parse()
        .unwrap_or(0);
    let time = |time: Option<Timestamp>| Reverse(time.map_or(0, |time| time.0));
    let states = items(pod, &["status", "containerStatuses"]).iter();
    let restarts = states
        .filter_map(|state| number(state, &["restartCount"]))
        .max();
    (
        assigned,
        phase,
        is_ready(pod),
        cost,
        time(pod::ready_since(pod)),
        Reverse(restarts.unwrap_or_default()),
        time(pod::created(pod)),
        object::name(pod).to_owned(),
    )
}

fn report(set: &Value, active: &[&Value], now: Timestamp, writes: &mut Writes) {
    let seconds = number(set, &["spec", "minReadySeconds"]).unwrap_or_default();
    let labels = object::at(set, &["spec", "template", "metadata", "labels"]);
    let labels = labels.and_then(Value::as_object);
    let labeled = |pod: &Value| {
        let mut labels = labels.into_iter().flatten();
        labels.all(|(key, value)| label(pod, key) == value.as_str())
    };
    let number_of = |counts: &dyn Fn(&Value) -> bool| {
        i64::try_from(active.iter().filter(|pod| counts(pod)).count()).unwrap_or(i64::MAX)
    };
    let mut status = old_status(set);
    status.insert("replicas".to_owned(), number_of(&|_| true).into());
    count(&mut status, "fullyLabeledReplicas", number_of(&labeled));
    count(&mut status, "readyReplicas", number_of(&is_ready));
    count(
        &mut status,
        "availableReplicas",
        number_of(&|pod| is_available(pod, seconds, now)),
    );
    observe(&mut status, set);
    writes.status(set, status);
}
