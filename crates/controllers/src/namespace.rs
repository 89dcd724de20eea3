//! What every namespace has from the start: a ServiceAccount `default`, and the certificate by which pods know the API.

use ringfence_apiserver::object::{self, at, is_terminating};
use ringfence_apiserver::time::Timestamp;
use serde_json::{Value, json};

use crate::view::View;
use crate::write::{Write, Writes};

const CERTIFICATE: &str = "kube-root-ca.crt";

/// What is due for namespaces that stay.
#[must_use]
pub fn decide(view: &View, _: Timestamp) -> Vec<Write> {
    let mut writes = Writes::default();
    for namespace in view
        .objects("namespaces")
        .filter(|namespace| !is_terminating(namespace))
    {
        let name = object::name(namespace);
        if view.get("serviceaccounts", name, "default").is_none() {
            writes.create(json!({
                "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": name},
            }));
        }
        certify(view, name, &mut writes);
    }
    writes.into_list()
}

fn certify(view: &View, namespace: &str, writes: &mut Writes) {
    let data = json!({"ca.crt": view.authority()});
    match view.get("configmaps", namespace, CERTIFICATE) {
        None => writes.create(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": data,
            "metadata": {
                "name": CERTIFICATE, "namespace": namespace,
                "annotations": {"kubernetes.io/description": "The certificate that the cluster's API is known by."},
            },
        })),
        Some(present) if at(present, &["data"]) != Some(&data) => {
            let mut certificate: Value = present.clone();
            object::fields(&mut certificate).insert("data".to_owned(), data);
            writes.replace(present, certificate);
        }
        Some(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{NOW, told, view, with};

    fn namespace(name: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    }

    #[test]
    fn a_namespace_gets_both_and_one_that_ends_nothing() {
        let ending = with(
            &namespace("b"),
            &["metadata", "deletionTimestamp"],
            NOW.to_string(),
        );
        let writes = decide(&view(&[namespace("a"), ending]), NOW);
        assert_eq!(
            told(&writes),
            [
                "Create ServiceAccount/default",
                "Create ConfigMap/kube-root-ca.crt"
            ]
        );
        assert!(
            writes
                .iter()
                .all(|write| object::namespace(&write.object) == "a")
        );
    }

    #[test]
    fn a_certificate_that_somebody_changed_is_put_right() {
        let account = json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "a"},
        });
        let map = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": {"ca.crt": "other"},
            "metadata": {"name": CERTIFICATE, "namespace": "a"},
        });
        let objects = [namespace("a"), account, map];
        let writes = decide(&view(&objects), NOW);
        assert_eq!(told(&writes), ["Replace ConfigMap/kube-root-ca.crt"]);
        assert_eq!(writes[0].object["data"]["ca.crt"], "the authority");
        let objects = [
            objects[0].clone(),
            objects[1].clone(),
            writes[0].object.clone(),
        ];
        assert_eq!(decide(&view(&objects), NOW), []);
    }
}
