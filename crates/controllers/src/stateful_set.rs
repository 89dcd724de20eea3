//! StatefulSet: pods with names that stay, made, updated and ended in the order of their numbers.
//!
//! A pod below the partition that has to be made anew is made of the present template.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use ringfence_apiserver::object::{self, at, child, fields, is_terminating, items, number, text};
use ringfence_apiserver::time::Timestamp;
use serde_json::{Value, json};

use crate::claim::claim;
use crate::name::template_hash;
use crate::pod::{PODS, has_ended, is_active, is_available, is_ready};
use crate::selector::label;
use crate::template::{self, REVISION_HASH, set_label};
use crate::view::View;
use crate::write::{Write, Writes, count, observe, old_status};

const STATEFUL_SETS: &str = "statefulsets.apps";

/// What is due for the StatefulSets.
#[must_use]
pub fn decide(view: &View, now: Timestamp) -> Vec<Write> {
    let mut writes = Writes::default();
    for set in view.objects(STATEFUL_SETS) {
        let members = Members::read(view, set, now, &mut writes);
        if !is_terminating(set) {
            members.proceed(&mut writes);
        }
        members.report(&mut writes);
    }
    writes.into_list()
}

/// A StatefulSet and its pods by number.
struct Members<'a> {
    view: &'a View,
    set: &'a Value,
    now: Timestamp,
    /// The name of the present template.
    revision: String,
    pods: BTreeMap<i64, &'a Value>,
}

impl<'a> Members<'a> {
    fn read(view: &'a View, set: &'a Value, now: Timestamp, writes: &mut Writes) -> Self {
        let name = object::name(set);
        let adoptable = |pod: &Value| is_active(pod) && ordinal(name, pod).is_some();
        let pods = claim(view, set, PODS, adoptable, writes).into_iter();
        let template = at(set, &["spec", "template"]).cloned().unwrap_or_default();
        Self {
            view,
            set,
            now,
            revision: format!("{name}-{}", template_hash(&template, 0)),
            pods: pods
                .filter_map(|pod| Some((ordinal(name, pod)?, pod)))
                .collect(),
        }
    }

    /// The numbers that there are to be.
    fn wanted(&self) -> std::ops::Range<i64> {
        let first = number(self.set, &["spec", "ordinals", "start"]).unwrap_or_default();
        first..first + number(self.set, &["spec", "replicas"]).unwrap_or(1)
    }

    fn proceed(&self, writes: &mut Writes) {
        let in_order = text(self.set, &["spec", "podManagementPolicy"]) != "Parallel";
        if self.grow(in_order, writes) && self.shrink(in_order, writes) {
            self.update(writes);
        }
    }

    /// Makes the pods that are missing; in order, each when the one before is available. Whether all are there.
    fn grow(&self, in_order: bool, writes: &mut Writes) -> bool {
        let mut complete = true;
        for number in self.wanted() {
            match self.pods.get(&number) {
                None => {
                    complete = false;
                    let name = format!("{}-{number}", object::name(self.set));
                    // Another's pod may have the name; it is waited for.
                    if self
                        .view
                        .get(PODS, object::namespace(self.set), &name)
                        .is_none()
                    {
                        writes.create(self.pod(&name, number));
                    }
                }
                Some(pod) if has_ended(pod) => {
                    complete = false;
                    writes.delete(pod);
                }
                Some(pod) if in_order && !self.is_well(pod) => complete = false,
                Some(_) => {}
            }
            if in_order && !complete {
                return false;
            }
        }
        complete
    }

    /// Ends the pods that are too many, the last first; in order, each when the one after is gone and those before are well.
    fn shrink(&self, in_order: bool, writes: &mut Writes) -> bool {
        let wanted = self.wanted();
        let mut surplus = self
            .pods
            .iter()
            .rev()
            .filter(|(number, _)| !wanted.contains(number))
            .peekable();
        let none = surplus.peek().is_none();
        let most = if in_order { 1 } else { usize::MAX };
        surplus.take(most).for_each(|(_, pod)| writes.delete(pod));
        none
    }

    /// Ends the last pod of an older template, if those after it are well.
    fn update(&self, writes: &mut Writes) {
        let strategy = ["spec", "updateStrategy"];
        let strategy = at(self.set, &strategy).unwrap_or(&Value::Null);
        if text(strategy, &["type"]) == "OnDelete" {
            return;
        }
        let wanted = self.wanted();
        let first =
            wanted.start + number(strategy, &["rollingUpdate", "partition"]).unwrap_or_default();
        for (number, pod) in self
            .pods
            .iter()
            .rev()
            .filter(|(number, _)| wanted.contains(number))
        {
            if *number < first {
                return;
            }
            if !self.is_current(pod) {
                return writes.delete(pod);
            }
            if !self.is_well(pod) {
                return;
            }
        }
    }

    fn is_current(&self, pod: &Value) -> bool {
        label(pod, REVISION_HASH) == Some(self.revision.as_str())
    }

    fn is_well(&self, pod: &Value) -> bool {
        let seconds = number(self.set, &["spec", "minReadySeconds"]).unwrap_or_default();
        is_active(pod)
            && text(pod, &["status", "phase"]) == "Running"
            && is_available(pod, seconds, self.now)
    }

    fn pod(&self, name: &str, number: i64) -> Value {
        let mut pod = template::pod(self.set, name);
        set_label(&mut pod, "statefulset.kubernetes.io/pod-name", name);
        set_label(
            &mut pod,
            "apps.kubernetes.io/pod-index",
            &number.to_string(),
        );
        set_label(&mut pod, REVISION_HASH, &self.revision);
        let spec = fields(child(&mut pod, "spec"));
        spec.insert("hostname".to_owned(), name.into());
        object::set(
            spec,
            "subdomain",
            at(self.set, &["spec", "serviceName"]).cloned(),
        );
        let mut volumes = spec
            .get("volumes")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        for claim in items(self.set, &["spec", "volumeClaimTemplates"])
            .iter()
            .map(object::name)
        {
            volumes.retain(|volume| text(volume, &["name"]) != claim);
            let claimed = json!({"claimName": format!("{claim}-{name}")});
            volumes.push(json!({"name": claim, "persistentVolumeClaim": claimed}));
        }
        object::set(
            spec,
            "volumes",
            (!volumes.is_empty()).then(|| volumes.into()),
        );
        pod
    }

    fn report(&self, writes: &mut Writes) {
        let number_of = |counts: &dyn Fn(&Value) -> bool| {
            let pods = self
                .pods
                .values()
                .filter(|pod| !has_ended(pod) && counts(pod));
            i64::try_from(pods.count()).unwrap_or(i64::MAX)
        };
        let seconds = number(self.set, &["spec", "minReadySeconds"]).unwrap_or_default();
        let updated = number_of(&|pod| is_active(pod) && self.is_current(pod));
        let ready = number_of(&is_ready);
        let mut status = old_status(self.set);
        let before = status
            .get("currentRevision")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let wanted = self.wanted();
        let complete = updated == wanted.end - wanted.start
            && ready == updated
            && number_of(&|_| true) == updated;
        let current = if before.is_empty() || complete {
            self.revision.as_str()
        } else {
            before.as_str()
        };
        status.insert("replicas".to_owned(), number_of(&|_| true).into());
        status.insert(
            "availableReplicas".to_owned(),
            number_of(&|pod| is_available(pod, seconds, self.now)).into(),
        );
        count(&mut status, "readyReplicas", ready);
        count(&mut status, "updatedReplicas", updated);
        let of_current = |pod: &Value| is_active(pod) && label(pod, REVISION_HASH) == Some(current);
        count(&mut status, "currentReplicas", number_of(&of_current));
        status.insert("currentRevision".to_owned(), current.into());
        status.insert("updateRevision".to_owned(), self.revision.as_str().into());
        observe(&mut status, self.set);
        writes.status(self.set, status);
    }
}

/// The number at the end of a pod's name, if what is before is the StatefulSet's.
fn ordinal(set: &str, pod: &Value) -> Option<i64> {
    let number = object::name(pod).strip_prefix(set)?.strip_prefix('-')?;
    let plain = number.bytes().all(|byte| byte.is_ascii_digit())
        && (number == "0" || !number.starts_with('0'));
    number.parse().ok().filter(|_| plain)
}
