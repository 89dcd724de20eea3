//! Pods that a workload of the lab makes, written one by one: their labels may change, their end makes room for a new one.

use std::sync::Arc;

use ringfence_apiserver::object::at;
use ringfence_model::{Labels, Object, ObjectKey, ObjectKind, ObjectName, SourceMap};
use serde_json::Value;

use super::super::super::Lab;

/// Gives the pod `name` the labels of `document`. All else of it comes from the template.
pub(super) fn change(
    lab: &Arc<Lab>,
    name: &ObjectName,
    before: Option<&Value>,
    document: Value,
) -> anyhow::Result<()> {
    let same = |path: &[&str]| before.and_then(|before| at(before, path)) == at(&document, path);
    anyhow::ensure!(
        same(&["spec"]),
        "a workload of the lab makes this pod: change the template of the workload"
    );
    if !same(&["metadata", "labels"]) {
        check_selected(lab, name, &document)?;
    }
    let key = ObjectKey::namespaced(ObjectKind::Pod, name);
    let former = lab.lock().documents.insert(key.clone(), document);
    let objects = lab.lock().objects.clone();
    let settled = lab.settle(objects, &SourceMap::default(), &mut |_| {});
    if settled.is_err() {
        let mut state = lab.lock();
        match former {
            Some(former) => drop(state.documents.insert(key, former)),
            None => drop(state.documents.remove(&key)),
        }
    }
    settled
}

/// Ends the pod `name`; the workload makes it anew, as its template has it.
pub(super) fn replace(lab: &Arc<Lab>, name: &ObjectName) -> anyhow::Result<()> {
    lab.stop_pods(std::slice::from_ref(name));
    let key = ObjectKey::namespaced(ObjectKind::Pod, name);
    lab.lock().documents.remove(&key);
    let objects = lab.lock().objects.clone();
    lab.settle(objects, &SourceMap::default(), &mut |_| {})
}

/// Without a controller nobody would make up for a pod that its workload selects no longer.
fn check_selected(lab: &Lab, name: &ObjectName, document: &Value) -> anyhow::Result<()> {
    let labels = at(document, &["metadata", "labels"]).cloned();
    let labels: Labels = serde_json::from_value(labels.unwrap_or_default()).unwrap_or_default();
    let state = lab.lock();
    let owner = state
        .pods
        .get(name)
        .and_then(|record| record.desired.owner.as_ref());
    let Some(owner) = owner else {
        anyhow::bail!("the lab itself makes this pod");
    };
    if let Some(Object::Workload(workload)) = state.objects.get(owner) {
        anyhow::ensure!(
            workload.selector.matches(&labels),
            "{owner} would select this pod no longer, and a lab has nobody who would replace it"
        );
    }
    Ok(())
}
