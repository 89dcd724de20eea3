//! Namespaces, and what Kubernetes puts into each.

use ringfence_model::{Namespace, ObjectKey, ObjectKind, ObjectName};
use serde_json::{Value, json};

use super::metadata;

/// A namespace as it was written, or as every cluster has it.
pub(super) fn namespace(namespace: &Namespace, written: Option<&Value>) -> Value {
    written.cloned().unwrap_or_else(|| {
        let metadata = json!({"name": namespace.name, "labels": namespace.labels});
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    })
}

/// The ServiceAccount that pods have by default, and the certificate of the API's authority, where nobody has written others.
pub(super) fn content(
    namespace: &Namespace,
    authority: &str,
    is_missing: impl Fn(&ObjectKey) -> bool,
) -> Vec<Value> {
    let account = ObjectName::new(&namespace.name, "default");
    let certificate = ObjectName::new(&namespace.name, "kube-root-ca.crt");
    let objects = [
        (
            ObjectKey::namespaced(ObjectKind::ServiceAccount, &account),
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(&account)}),
        ),
        (
            ObjectKey::namespaced(ObjectKind::ConfigMap, &certificate),
            json!({
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(&certificate),
                "data": {"ca.crt": authority},
            }),
        ),
    ];
    let missing = objects.into_iter().filter(|(key, _)| is_missing(key));
    missing.map(|(_, object)| object).collect()
}
