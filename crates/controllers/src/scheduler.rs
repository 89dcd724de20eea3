//! The scheduler: gives each pod a node, or says why none will do.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use ringfence_apiserver::object::{self, at, child, fields, is_terminating, text};
use ringfence_apiserver::time::Timestamp;
use serde_json::Value;

use crate::condition::{self, Condition};
use crate::event;
use crate::node::{NODES, Obstacle, obstacle};
use crate::pod::{self, PODS, has_ended};
use crate::view::View;
use crate::write::{Write, Writes, old_status};

/// The scheduler that pods ask for if they ask for none.
const NAME: &str = "default-scheduler";
const EFFECTS: [&str; 2] = ["NoSchedule", "NoExecute"];

/// What is due for pods without a node, and for those that have just got one.
#[must_use]
pub fn decide(view: &View, now: Timestamp) -> Vec<Write> {
    let mut writes = Writes::default();
    let mut load = load(view);
    for pod in view
        .objects(PODS)
        .filter(|pod| !is_terminating(pod) && !has_ended(pod))
    {
        if !text(pod, &["spec", "nodeName"]).is_empty() {
            confirm(pod, now, &mut writes);
        } else if text(pod, &["spec", "schedulerName"]) == NAME {
            match choose(view, pod, &load) {
                Ok(node) => {
                    *load.entry(node).or_default() += 1;
                    bind(view, pod, node, now, &mut writes);
                }
                Err(reason) => complain(view, pod, &reason, now, &mut writes),
            }
        }
    }
    writes.into_list()
}

/// How many pods each node runs.
fn load(view: &View) -> BTreeMap<&str, i64> {
    let mut load = BTreeMap::new();
    for pod in view.objects(PODS).filter(|pod| !has_ended(pod)) {
        *load.entry(text(pod, &["spec", "nodeName"])).or_default() += 1;
    }
    load
}

/// The node with the fewest pods of those that will do, the first by name of equals.
fn choose<'a>(view: &'a View, pod: &Value, load: &BTreeMap<&str, i64>) -> Result<&'a str, String> {
    let mut obstacles: BTreeMap<String, usize> = BTreeMap::new();
    let mut best: Option<(i64, &str)> = None;
    let (spec, mut nodes) = (at(pod, &["spec"]).unwrap_or(&Value::Null), 0);
    for node in view.objects(NODES) {
        nodes += 1;
        let pods = load.get(object::name(node)).copied().unwrap_or_default();
        let full = || (room(node) <= pods).then_some(Obstacle::Full);
        match obstacle(node, spec, &EFFECTS).or_else(full) {
            Some(obstacle) => *obstacles.entry(obstacle.message()).or_default() += 1,
            None if best.is_none_or(|(fewest, _)| pods < fewest) => {
                best = Some((pods, object::name(node)))
            }
            None => {}
        }
    }
    best.map(|(_, node)| node)
        .ok_or_else(|| explain(nodes, &obstacles))
}

/// How many pods a node may run.
fn room(node: &Value) -> i64 {
    let pods = at(node, &["status", "allocatable", "pods"]);
    let count = pods.and_then(|pods| pods.as_i64().or_else(|| pods.as_str()?.parse().ok()));
    count.unwrap_or(i64::MAX)
}

fn explain(nodes: usize, obstacles: &BTreeMap<String, usize>) -> String {
    if nodes == 0 {
        return "no nodes available to schedule pods".to_owned();
    }
    let mut reasons: Vec<String> = obstacles
        .iter()
        .map(|(reason, count)| format!("{count} {reason}"))
        .collect();
    reasons.sort();
    format!("0/{nodes} nodes are available: {}.", reasons.join(", "))
}

fn bind(view: &View, pod: &Value, node: &str, now: Timestamp, writes: &mut Writes) {
    let mut bound = pod.clone();
    fields(child(&mut bound, "spec")).insert("nodeName".to_owned(), node.into());
    writes.replace(pod, bound);
    let message = format!(
        "Successfully assigned {}/{} to {node}",
        object::namespace(pod),
        object::name(pod)
    );
    let said = event::Said {
        kind: "Normal",
        reason: "Scheduled",
        message: &message,
        component: NAME,
    };
    event::tell(view, pod, &said, now, writes);
}

/// A pod that has a node says so. Who has no condition yet may have been given its node by hand.
fn confirm(pod: &Value, now: Timestamp, writes: &mut Writes) {
    if pod::condition(pod, "PodScheduled").is_some_and(|old| text(old, &["status"]) == "True") {
        return;
    }
    let mut status = old_status(pod);
    let condition = Condition {
        kind: "PodScheduled",
        status: true.into(),
        reason: "",
        message: "",
    };
    condition::set(&mut status, &condition, now);
    writes.status(pod, status);
}

fn complain(view: &View, pod: &Value, reason: &str, now: Timestamp, writes: &mut Writes) {
    let mut status = old_status(pod);
    let condition = Condition {
        kind: "PodScheduled",
        status: false.into(),
        reason: "Unschedulable",
        message: reason,
    };
    condition::set(&mut status, &condition, now);
    writes.status(pod, status);
    let said = event::Said {
        kind: "Warning",
        reason: "FailedScheduling",
        message: reason,
        component: NAME,
    };
    event::tell(view, pod, &said, now, writes);
}
