//! Objects and views for tests.

use ringfence_apiserver::kinds::Kinds;
use ringfence_apiserver::object::{self, text};
use ringfence_apiserver::store::Store;
use ringfence_apiserver::time::Timestamp;
use serde_json::{Value, json};

use crate::{Settings, Verb, View, Write, owner};

pub(crate) const NOW: Timestamp = Timestamp(1_000_000);

/// A view of these objects, defaulted, each with its name as identity.
pub(crate) fn view(objects: &[Value]) -> View {
    let mut store = Store::new(1);
    let kinds = Kinds::default();
    for object in objects {
        let object = stored(object);
        let kind = kinds.of_object(text(&object, &["apiVersion"]), text(&object, &["kind"]));
        store.put(&kind.unwrap().resource(), &object);
    }
    let settings = Settings {
        seed: 7,
        authority: "the authority".into(),
    };
    View::of(&store, &settings)
}

/// As the API would have stored it.
pub(crate) fn stored(object: &Value) -> Value {
    let mut object = object.clone();
    let kinds = Kinds::default();
    let kind = kinds
        .of_object(text(&object, &["apiVersion"]), text(&object, &["kind"]))
        .unwrap();
    (kind.defaults)(&mut object);
    let name = object::name(&object).to_owned();
    let metadata = object::metadata(&mut object);
    if kind.is_namespaced() {
        object::default(metadata, "namespace", "d");
    }
    object::default(metadata, "uid", format!("uid-{name}"));
    object::default(
        metadata,
        "creationTimestamp",
        Timestamp(900_000).to_string(),
    );
    object::default(metadata, "generation", 1);
    object
}

/// A workload with the label `app` of its own name.
pub(crate) fn workload(version: &str, kind: &str, name: &str, mut spec: Value) -> Value {
    let labels = json!({"app": name});
    let fields = object::fields(&mut spec);
    object::default(fields, "selector", json!({"matchLabels": labels}));
    object::default(
        fields,
        "template",
        json!({"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}),
    );
    stored(&json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}))
}

/// A pod of `owner`, running on a node, ready since so many seconds before [`NOW`]; not ready if that is negative.
pub(crate) fn pod(owner: &Value, name: &str, ready_for: i64) -> Value {
    let mut pod = crate::template::pod(owner, name);
    let ready = if ready_for < 0 { "False" } else { "True" };
    let since = Timestamp(NOW.0 - ready_for.abs()).to_string();
    object::fields(object::child(&mut pod, "spec")).insert("nodeName".to_owned(), "n1".into());
    object::fields(&mut pod).insert(
        "status".to_owned(),
        json!({
            "phase": "Running", "podIP": "10.0.0.1",
            "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": since}],
        }),
    );
    stored(&pod)
}

/// `object` without an owner.
pub(crate) fn free(object: &Value) -> Value {
    let uid = owner::controller(object)
        .map(|owner| text(owner, &["uid"]))
        .unwrap_or_default();
    owner::released(object, uid)
}

/// `object` with a field set.
pub(crate) fn with(object: &Value, path: &[&str], value: impl Into<Value>) -> Value {
    let mut object = object.clone();
    let mut place = &mut object;
    for field in path {
        place = object::child(place, field);
    }
    *place = value.into();
    object
}

/// What is done to which objects: `Delete Pod/a`.
pub(crate) fn told(writes: &[Write]) -> Vec<String> {
    let told = |write: &Write| {
        let (kind, name) = (text(&write.object, &["kind"]), object::name(&write.object));
        format!("{:?} {kind}/{name}", write.verb)
    };
    writes.iter().map(told).collect()
}

/// The object of the only write of this verb to this kind.
pub(crate) fn only<'a>(writes: &'a [Write], verb: Verb, kind: &str) -> &'a Value {
    let mut found = writes
        .iter()
        .filter(|write| write.verb == verb && text(&write.object, &["kind"]) == kind);
    let object = &found
        .next()
        .unwrap_or_else(|| panic!("no {verb:?} {kind} in {:?}", told(writes)))
        .object;
    assert!(found.next().is_none(), "more than one {verb:?} {kind}");
    object
}
