//! Which ReplicaSet is of which template, and the numbers that `kubectl rollout history` shows.

use ringfence_apiserver::object::{self, at, child, fields, number, set};
use serde_json::{Map, Value, json};

use super::rolling::note_size;
use super::{Rollout, Set};
use crate::name::template_hash;
use crate::owner;
use crate::replica_set::REPLICA_SETS;
use crate::template::{TEMPLATE_HASH, annotate, annotation, set_label};
use crate::write::{Writes, old_status};

const REVISION: &str = "deployment.kubernetes.io/revision";
const HISTORY: &str = "deployment.kubernetes.io/revision-history";

/// Annotations that are the Deployment's or the ReplicaSet's own.
const OWN: [&str; 5] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    HISTORY,
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
];

/// The revision of a ReplicaSet; 0 if it has none.
pub(super) fn of(set: &Value) -> i64 {
    annotation(set, REVISION).parse().unwrap_or_default()
}

/// Whether a ReplicaSet is made from the Deployment's present template.
pub(super) fn is_of_template(set: &Value, deployment: &Value) -> bool {
    let template = |object: &Value| {
        let mut template = at(object, &["spec", "template"])
            .cloned()
            .unwrap_or_default();
        let labels = child(child(&mut template, "metadata"), "labels");
        fields(labels).shift_remove(TEMPLATE_HASH);
        template
    };
    template(set) == template(deployment)
}

/// Makes the ReplicaSet of the present template. If another object has its name the next try is made with another.
pub(super) fn create(rollout: &Rollout<'_>, replicas: i64, writes: &mut Writes) {
    let deployment = rollout.deployment;
    let (namespace, name) = (object::namespace(deployment), object::name(deployment));
    let template = at(deployment, &["spec", "template"])
        .cloned()
        .unwrap_or_default();
    let collisions = number(deployment, &["status", "collisionCount"]).unwrap_or_default();
    let hash = template_hash(&template, collisions);
    let name = format!("{name}-{hash}");
    if rollout.view.get(REPLICA_SETS, namespace, &name).is_some() {
        let mut status = old_status(deployment);
        status.insert("collisionCount".to_owned(), (collisions + 1).into());
        return writes.status(deployment, status);
    }
    let mut set = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": name, "namespace": namespace, "ownerReferences": [owner::reference(deployment)],
            "labels": at(&template, &["metadata", "labels"]),
        },
        "spec": {
            "replicas": replicas, "selector": at(deployment, &["spec", "selector"]), "template": template,
        },
    });
    set_label(&mut set, TEMPLATE_HASH, &hash);
    let spec = child(&mut set, "spec");
    let labels = child(child(spec, "selector"), "matchLabels");
    fields(labels).insert(TEMPLATE_HASH.to_owned(), hash.as_str().into());
    set_label(child(spec, "template"), TEMPLATE_HASH, &hash);
    update(rollout, &mut set);
    note_size(rollout, &mut set);
    object::drop_nulls(&mut set);
    writes.create(set);
}

/// Hands on to the ReplicaSet of the present template what the Deployment says, and makes it the latest revision.
pub(super) fn update(rollout: &Rollout<'_>, replica_set: &mut Value) {
    let wait = at(rollout.deployment, &["spec", "minReadySeconds"]).cloned();
    set(fields(child(replica_set, "spec")), "minReadySeconds", wait);
    for (key, value) in annotations(rollout.deployment) {
        if !OWN.contains(&key.as_str()) {
            annotate(replica_set, key, value.as_str().unwrap_or_default());
        }
    }
    let latest = rollout
        .old
        .iter()
        .map(|set| of(set.object))
        .max()
        .unwrap_or_default()
        + 1;
    let before = of(replica_set);
    if before >= latest {
        return;
    }
    annotate(replica_set, REVISION, &latest.to_string());
    if before > 0 {
        let history = annotation(replica_set, HISTORY);
        let history = if history.is_empty() {
            before.to_string()
        } else {
            format!("{history},{before}")
        };
        annotate(replica_set, HISTORY, &history);
    }
}

/// Notes on the Deployment which revision it is at.
pub(super) fn publish(rollout: &Rollout<'_>, writes: &mut Writes) {
    let Some(revision) = rollout.new.map(|new| annotation(new.object, REVISION)) else {
        return;
    };
    if !revision.is_empty() && annotation(rollout.deployment, REVISION) != revision {
        let mut deployment = rollout.deployment.clone();
        annotate(&mut deployment, REVISION, revision);
        writes.replace(rollout.deployment, deployment);
    }
}

/// Deletes the oldest ReplicaSets that are not in use, beyond those that the history keeps.
pub(super) fn forget_old(rollout: &Rollout<'_>, writes: &mut Writes) {
    let limit = number(rollout.deployment, &["spec", "revisionHistoryLimit"]).unwrap_or(10);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let idle = |set: &&Set<'_>| {
        set.wanted == 0 && set.unfinished == 0 && !object::is_terminating(set.object)
    };
    let mut idle: Vec<&Set<'_>> = rollout.old.iter().filter(idle).collect();
    idle.sort_by_key(|set| of(set.object));
    let surplus = idle.len().saturating_sub(limit);
    for set in idle.into_iter().take(surplus) {
        writes.delete(set.object);
    }
}

fn annotations(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let annotations = at(object, &["metadata", "annotations"]).and_then(Value::as_object);
    annotations.into_iter().flat_map(Map::iter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_known_again_whatever_its_hash() {
        let object =
            |labels: Value| json!({"spec": {"template": {"metadata": {"labels": labels}}}});
        let deployment = object(json!({"app": "web"}));
        assert!(is_of_template(
            &object(json!({"app": "web", TEMPLATE_HASH: "abc"})),
            &deployment
        ));
        assert!(!is_of_template(&object(json!({"app": "db"})), &deployment));
    }
}
