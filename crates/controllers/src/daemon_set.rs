//! DaemonSet: one pod on each node that it may run on.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use ringfence_apiserver::object::{self, at, child, fields, is_terminating, items, number, text};
use ringfence_apiserver::time::Timestamp;
use serde_json::{Value, json};

use crate::claim::claim;
use crate::deployment::share;
use crate::name::{Endings, beginning, template_hash};
use crate::node::{NODES, obstacle};
use crate::pod::{self, PODS, has_ended, is_active, is_available, is_ready};
use crate::selector::label;
use crate::template::{self, REVISION_HASH, set_label};
use crate::view::View;
use crate::write::{Write, Writes, count, observe, old_status};

const DAEMON_SETS: &str = "daemonsets.apps";

/// What is due for the DaemonSets.
#[must_use]
pub fn decide(view: &View, now: Timestamp) -> Vec<Write> {
    let mut writes = Writes::default();
    for set in view.objects(DAEMON_SETS) {
        let daemons = Daemons::read(view, set, now, &mut writes);
        if !is_terminating(set) {
            daemons.place(&mut writes);
            daemons.update(&mut writes);
        }
        daemons.report(&mut writes);
    }
    writes.into_list()
}

/// A DaemonSet, its pods by node, and the nodes.
struct Daemons<'a> {
    view: &'a View,
    set: &'a Value,
    now: Timestamp,
    hash: String,
    /// The specification that its pods are made with.
    spec: Value,
    pods: BTreeMap<&'a str, Vec<&'a Value>>,
}

impl<'a> Daemons<'a> {
    fn read(view: &'a View, set: &'a Value, now: Timestamp, writes: &mut Writes) -> Self {
        let mut pods: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        for pod in claim(view, set, PODS, is_active, writes) {
            pods.entry(node_of(pod)).or_default().push(pod);
        }
        for pods in pods.values_mut() {
            pods.sort_by_key(|pod| (!is_active(pod), pod::created(pod), object::name(pod)));
        }
        let template = at(set, &["spec", "template"]).cloned().unwrap_or_default();
        Self {
            view,
            set,
            now,
            hash: template_hash(&template, 0),
            spec: tolerant(at(&template, &["spec"]).cloned().unwrap_or_default()),
            pods,
        }
    }

    fn on(&self, node: &Value) -> &[&'a Value] {
        self.pods.get(object::name(node)).map_or(&[], Vec::as_slice)
    }

    fn is_wanted(&self, node: &Value) -> bool {
        obstacle(node, &self.spec, &["NoSchedule", "NoExecute"]).is_none()
    }

    /// A pod that is there stays where a new one would not come.
    fn may_stay(&self, node: &Value) -> bool {
        obstacle(node, &self.spec, &["NoExecute"]).is_none()
    }

    /// Makes a pod where there is none, and ends those that have failed, are one too many, or have lost their node.
    fn place(&self, writes: &mut Writes) {
        let mut endings = Endings::new(self.view.seed(), object::uid(self.set));
        for node in self.view.objects(NODES) {
            let pods = self.on(node);
            if pods.is_empty() && self.is_wanted(node) {
                writes.create(self.pod(&mut endings, object::name(node)));
            }
            let kept = usize::from(self.may_stay(node));
            let running = pods.iter().filter(|pod| is_active(pod)).skip(kept);
            let ended = pods.iter().filter(|pod| has_ended(pod));
            running.chain(ended).for_each(|pod| writes.delete(pod));
        }
        for (node, pods) in &self.pods {
            if !node.is_empty() && self.view.get(NODES, "", node).is_none() {
                pods.iter().for_each(|pod| writes.delete(pod));
            }
        }
    }

    fn pod(&self, endings: &mut Endings<'_>, node: &str) -> Value {
        let namespace = object::namespace(self.set);
        let start = beginning(object::name(self.set));
        let name = endings.name(&start, |name| {
            self.view.get(PODS, namespace, name).is_some()
        });
        let mut pod = template::pod(self.set, &name);
        set_label(&mut pod, REVISION_HASH, &self.hash);
        fields(&mut pod).insert("spec".to_owned(), self.spec.clone());
        let only = json!([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}]);
        let affinity = child(child(child(&mut pod, "spec"), "affinity"), "nodeAffinity");
        let required = json!({"nodeSelectorTerms": only});
        fields(affinity).insert(
            "requiredDuringSchedulingIgnoredDuringExecution".to_owned(),
            required,
        );
        pod
    }

    /// Ends pods of an older template: those that are not available at once, others as long as enough are.
    fn update(&self, writes: &mut Writes) {
        let strategy =
            |path: &[&str]| at(self.set, &["spec", "updateStrategy"]).and_then(|it| at(it, path));
        if strategy(&["type"]).and_then(Value::as_str) == Some("OnDelete") {
            return;
        }
        let wanted: Vec<&Value> = self
            .view
            .objects(NODES)
            .filter(|node| self.is_wanted(node))
            .collect();
        let all = i64::try_from(wanted.len()).unwrap_or(i64::MAX);
        let most = share(strategy(&["rollingUpdate", "maxUnavailable"]), all, true).max(1);
        let missing = wanted
            .iter()
            .filter(|node| !self.on(node).iter().any(|pod| self.is_available(pod)));
        let mut room = most - i64::try_from(missing.count()).unwrap_or(i64::MAX);
        let running = wanted
            .iter()
            .filter_map(|node| self.on(node).first().copied());
        for pod in running.filter(|pod| is_active(pod) && !self.is_current(pod)) {
            if !self.is_available(pod) {
                writes.delete(pod);
            } else if room > 0 {
                room -= 1;
                writes.delete(pod);
            }
        }
    }

    fn is_current(&self, pod: &Value) -> bool {
        label(pod, REVISION_HASH) == Some(self.hash.as_str())
    }

    fn is_available(&self, pod: &Value) -> bool {
        let seconds = number(self.set, &["spec", "minReadySeconds"]).unwrap_or_default();
        is_active(pod) && is_available(pod, seconds, self.now)
    }

    fn report(&self, writes: &mut Writes) {
        let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
        let always = [
            "currentNumberScheduled",
            "desiredNumberScheduled",
            "numberMisscheduled",
            "numberReady",
        ];
        counts.extend(always.map(|field| (field, 0)));
        for node in self.view.objects(NODES) {
            let pod = self.on(node).first().filter(|pod| is_active(pod));
            let mut add = |field: &'static str, yes: bool| {
                *counts.entry(field).or_default() += i64::from(yes)
            };
            if !self.is_wanted(node) {
                add("numberMisscheduled", pod.is_some());
                continue;
            }
            let available = pod.is_some_and(|pod| self.is_available(pod));
            add("desiredNumberScheduled", true);
            add("currentNumberScheduled", pod.is_some());
            add("numberReady", pod.is_some_and(|pod| is_ready(pod)));
            add(
                "updatedNumberScheduled",
                pod.is_some_and(|pod| self.is_current(pod)),
            );
            add("numberAvailable", available);
            add("numberUnavailable", !available);
        }
        let mut status = old_status(self.set);
        for (field, number) in counts {
            count(&mut status, field, number);
            if always.contains(&field) {
                status.insert(field.to_owned(), number.into());
            }
        }
        observe(&mut status, self.set);
        writes.status(self.set, status);
    }
}

/// The node that a pod is on, or is made for.
fn node_of(pod: &Value) -> &str {
    let bound = text(pod, &["spec", "nodeName"]);
    if !bound.is_empty() {
        return bound;
    }
    let required = [
        "spec",
        "affinity",
        "nodeAffinity",
        "requiredDuringSchedulingIgnoredDuringExecution",
        "nodeSelectorTerms",
    ];
    let terms = items(pod, &required)
        .iter()
        .flat_map(|term| items(term, &["matchFields"]));
    let mut names = terms
        .flat_map(|field| items(field, &["values"]))
        .filter_map(Value::as_str);
    names.next().unwrap_or_default()
}

/// Daemons stay on nodes that are in trouble.
fn tolerant(mut spec: Value) -> Value {
    let taint = |name: &str, effect: &str| json!({"key": format!("node.kubernetes.io/{name}"), "operator": "Exists", "effect": effect});
    let mut added = vec![
        taint("not-ready", "NoExecute"),
        taint("unreachable", "NoExecute"),
    ];
    for name in [
        "disk-pressure",
        "memory-pressure",
        "pid-pressure",
        "unschedulable",
    ] {
        added.push(taint(name, "NoSchedule"));
    }
    if at(&spec, &["hostNetwork"]) == Some(&Value::Bool(true)) {
        added.push(taint("network-unavailable", "NoSchedule"));
    }
    let mut tolerations = items(&spec, &["tolerations"]).to_vec();
    added.retain(|taint| !tolerations.contains(taint));
    tolerations.extend(added);
    fields(&mut spec).insert("tolerations".to_owned(), tolerations.into());
    spec
}
