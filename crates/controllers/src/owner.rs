//! Whom an object belongs to.

use ringfence_apiserver::object::{self, at, child, items, text};
use serde_json::{Value, json};

/// The owner that controls the object: there is one at most.
pub(crate) fn controller(object: &Value) -> Option<&Value> {
    let owners = items(object, &["metadata", "ownerReferences"]);
    owners
        .iter()
        .find(|owner| at(owner, &["controller"]) == Some(&Value::Bool(true)))
}

/// What an object that `owner` controls says of it.
pub(crate) fn reference(owner: &Value) -> Value {
    json!({
        "apiVersion": text(owner, &["apiVersion"]), "kind": text(owner, &["kind"]),
        "name": object::name(owner), "uid": object::uid(owner),
        "controller": true, "blockOwnerDeletion": true,
    })
}

/// `object`, controlled by `owner` from now on.
pub(crate) fn adopted(object: &Value, owner: &Value) -> Value {
    with_owners(object, |owners| owners.push(reference(owner)))
}

/// `object` without the owner that has this uid.
pub(crate) fn released(object: &Value, uid: &str) -> Value {
    with_owners(object, |owners| {
        owners.retain(|owner| text(owner, &["uid"]) != uid)
    })
}

fn with_owners(object: &Value, change: impl FnOnce(&mut Vec<Value>)) -> Value {
    let mut object = object.clone();
    let mut owners = items(&object, &["metadata", "ownerReferences"]).to_vec();
    change(&mut owners);
    let owners = (!owners.is_empty()).then(|| owners.into());
    object::set(
        object::fields(child(&mut object, "metadata")),
        "ownerReferences",
        owners,
    );
    object
}
