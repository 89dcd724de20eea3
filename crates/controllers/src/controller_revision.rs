//! ControllerRevision: the templates that a StatefulSet or DaemonSet has and had, so that `kubectl rollout undo` finds them.

use ringfence_apiserver::object::{self, at, fields, is_terminating, number};
use ringfence_apiserver::time::Timestamp;
use serde_json::{Value, json};

use crate::name::template_hash;
use crate::owner;
use crate::pod::PODS;
use crate::selector::label;
use crate::template::{REVISION_HASH, annotate, annotation, set_label};
use crate::view::View;
use crate::write::{Write, Writes};

const REVISIONS: &str = "controllerrevisions.apps";
/// Whose templates are kept.
const OWNERS: [&str; 2] = ["statefulsets.apps", "daemonsets.apps"];
/// How many that are no longer used are kept, where nobody says it.
const KEPT: i64 = 10;
/// Why a template was changed, in the words of whoever did it.
const CAUSE: &str = "kubernetes.io/change-cause";

/// What is due for the templates of StatefulSets and DaemonSets.
#[must_use]
pub fn decide(view: &View, _: Timestamp) -> Vec<Write> {
    let mut writes = Writes::default();
    for owner in OWNERS.iter().flat_map(|resource| view.objects(resource)) {
        if !is_terminating(owner) {
            keep(view, owner, &mut writes);
        }
    }
    writes.into_list()
}

fn keep(view: &View, owner: &Value, writes: &mut Writes) {
    let (namespace, uid) = (object::namespace(owner), object::uid(owner));
    let template = at(owner, &["spec", "template"])
        .cloned()
        .unwrap_or_default();
    let hash = template_hash(&template, 0);
    let name = format!("{}-{hash}", object::name(owner));
    let mut revisions: Vec<&Value> = view.held(REVISIONS, namespace, uid).collect();
    revisions.sort_by_key(|revision| place(revision));
    let last = revisions.last().map_or(0, |revision| place(revision));
    match revisions
        .iter()
        .find(|revision| object::name(revision) == name)
    {
        None => writes.create(revision(owner, &template, &name, &hash, last + 1)),
        // A template that comes back is the newest again.
        Some(present) if place(present) < last => {
            let mut newest = Value::clone(present);
            fields(&mut newest).insert("revision".to_owned(), (last + 1).into());
            writes.replace(present, newest);
        }
        Some(_) => {}
    }
    let pods: Vec<&str> = view
        .held(PODS, namespace, uid)
        .filter_map(|pod| label(pod, REVISION_HASH))
        .collect();
    let is_used = |revision: &Value| {
        let (own, hash) = (object::name(revision), label(revision, REVISION_HASH));
        own == name || pods.iter().any(|pod| *pod == own || Some(*pod) == hash)
    };
    let limit = number(owner, &["spec", "revisionHistoryLimit"]).unwrap_or(KEPT);
    let unused: Vec<&Value> = revisions.into_iter().filter(|one| !is_used(one)).collect();
    let surplus = unused
        .len()
        .saturating_sub(usize::try_from(limit).unwrap_or(0));
    unused
        .iter()
        .take(surplus)
        .for_each(|one| writes.delete(one));
}

fn place(revision: &Value) -> i64 {
    number(revision, &["revision"]).unwrap_or_default()
}

/// The template as a patch that puts it in the place of another one.
fn revision(owner: &Value, template: &Value, name: &str, hash: &str, number: i64) -> Value {
    let mut whole = template.clone();
    fields(&mut whole).insert("$patch".to_owned(), "replace".into());
    let mut revision = json!({
        "apiVersion": "apps/v1", "kind": "ControllerRevision",
        "metadata": {
            "name": name, "namespace": object::namespace(owner), "ownerReferences": [owner::reference(owner)],
            "labels": at(template, &["metadata", "labels"]).cloned().unwrap_or_else(|| json!({})),
        },
        "data": {"spec": {"template": whole}}, "revision": number,
    });
    set_label(&mut revision, REVISION_HASH, hash);
    let cause = annotation(owner, CAUSE);
    if !cause.is_empty() {
        annotate(&mut revision, CAUSE, cause);
    }
    revision
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verb;
    use crate::sample::{NOW, only, pod, stored, told, view, with, workload};

    const IMAGE: [&str; 4] = ["spec", "template", "spec", "containers"];

    fn with_image(set: &Value, image: &str) -> Value {
        with(set, &IMAGE, json!([{"name": "c", "image": image}]))
    }

    /// What the API has stored of the one revision that is due.
    fn made(objects: &[Value]) -> Value {
        let writes = decide(&view(objects), NOW);
        stored(only(&writes, Verb::Create, "ControllerRevision"))
    }

    #[test]
    fn templates_are_kept_as_long_as_they_are_used_or_may_be_asked_for() {
        let set = workload("apps/v1", "StatefulSet", "db", json!({"serviceName": "db"}));
        let first = made(std::slice::from_ref(&set));
        assert_eq!(first["revision"], 1);
        assert_eq!(first["metadata"]["labels"]["app"], "db");
        let template = &first["data"]["spec"]["template"];
        assert_eq!(template["$patch"], "replace");
        assert_eq!(template["spec"]["containers"][0]["image"], "i:1");
        let settled = decide(&view(&[set.clone(), first.clone()]), NOW);
        assert_eq!(settled, []);
        let changed = with_image(&set, "i:2");
        let second = made(&[changed.clone(), first.clone()]);
        assert_eq!(second["revision"], 2);
        let both = [first.clone(), second.clone()];
        let back = decide(&view(&[&[set][..], &both].concat()), NOW);
        assert_eq!(
            only(&back, Verb::Replace, "ControllerRevision")["revision"],
            3
        );
        let short = with(&changed, &["spec", "revisionHistoryLimit"], 0);
        let gone = [format!(
            "Delete ControllerRevision/{}",
            object::name(&first)
        )];
        let all = [&[short][..], &both].concat();
        assert_eq!(told(&decide(&view(&all), NOW)), gone);
        let user = with(
            &pod(&stored(&changed), "db-0", 60),
            &["metadata", "labels", REVISION_HASH],
            object::name(&first),
        );
        assert_eq!(decide(&view(&[&all[..], &[user]].concat()), NOW), []);
    }
}
