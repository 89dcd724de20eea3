//! Objects made from the templates that others hold.

use ringfence_apiserver::object::{self, at, child, fields, set};
use serde_json::{Value, json};

use crate::name::beginning;
use crate::owner;

/// The label by which the pods of one template are told from those of another.
pub(crate) const TEMPLATE_HASH: &str = "pod-template-hash";

/// The label that says which template of a DaemonSet or StatefulSet a pod is of.
pub(crate) const REVISION_HASH: &str = "controller-revision-hash";

/// The pod that `owner` makes from its template.
pub(crate) fn pod(owner: &Value, name: &str) -> Value {
    let template = at(owner, &["spec", "template"]);
    let mut pod = from_template(template, ("v1", "Pod"), owner, name);
    let start = beginning(object::name(owner));
    object::metadata(&mut pod).insert("generateName".to_owned(), start.into());
    pod
}

/// An object of this version and kind with the template's labels, annotations and specification, that `owner` controls.
pub(crate) fn from_template(
    template: Option<&Value>,
    (version, kind): (&str, &str),
    owner: &Value,
    name: &str,
) -> Value {
    let part = |path: &[&str]| template.and_then(|template| at(template, path)).cloned();
    let mut object = json!({
        "apiVersion": version, "kind": kind,
        "metadata": {
            "name": name, "namespace": object::namespace(owner), "ownerReferences": [owner::reference(owner)],
        },
    });
    let metadata = object::metadata(&mut object);
    for field in ["labels", "annotations", "finalizers"] {
        set(metadata, field, part(&["metadata", field]));
    }
    set(fields(&mut object), "spec", part(&["spec"]));
    object
}

/// Sets a label.
pub(crate) fn set_label(object: &mut Value, key: &str, value: &str) {
    let labels = child(child(object, "metadata"), "labels");
    fields(labels).insert(key.to_owned(), value.into());
}

/// Sets an annotation.
pub(crate) fn annotate(object: &mut Value, key: &str, value: &str) {
    let annotations = child(child(object, "metadata"), "annotations");
    fields(annotations).insert(key.to_owned(), value.into());
}

/// The annotation's text, empty where there is none.
pub(crate) fn annotation<'a>(object: &'a Value, key: &str) -> &'a str {
    object::text(object, &["metadata", "annotations", key])
}
