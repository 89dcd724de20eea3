//! Node leases: each node's sign of life, renewed as its kubelet would.

use ringfence_apiserver::object::{self, text};
use ringfence_apiserver::time::Timestamp;
use serde_json::{Value, json};

use crate::view::View;
use crate::write::{Write, Writes};

const LEASES: &str = "leases.coordination.k8s.io";
const NAMESPACE: &str = "kube-node-lease";
/// Seconds after which a node counts as gone.
const DURATION: i64 = 40;
/// Seconds between two signs.
const PERIOD: i64 = 10;

/// What is due for the leases of nodes. Without the namespace for them there are none.
#[must_use]
pub fn decide(view: &View, now: Timestamp) -> Vec<Write> {
    let mut writes = Writes::default();
    if view.get("namespaces", "", NAMESPACE).is_none() {
        return Vec::new();
    }
    for node in view.objects("nodes") {
        let present = view.get(LEASES, NAMESPACE, object::name(node));
        let renewed =
            present.and_then(|lease| Timestamp::parse(text(lease, &["spec", "renewTime"])));
        let due = renewed.is_none_or(|renewed| now.seconds_since(renewed) >= PERIOD);
        match present {
            Some(present) if due => {
                let mut lease = present.clone();
                object::fields(&mut lease).insert("spec".to_owned(), spec(node, now));
                writes.replace(present, lease);
            }
            Some(_) => {}
            None => writes.create(lease(node, now)),
        }
    }
    writes.into_list()
}

fn lease(node: &Value, now: Timestamp) -> Value {
    let owner = json!({
        "apiVersion": "v1", "kind": "Node", "name": object::name(node), "uid": object::uid(node),
    });
    json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": object::name(node), "namespace": NAMESPACE, "ownerReferences": [owner]},
        "spec": spec(node, now),
    })
}

fn spec(node: &Value, now: Timestamp) -> Value {
    let text = now.to_string();
    let time = format!("{}.000000Z", text.trim_end_matches('Z'));
    json!({"holderIdentity": object::name(node), "leaseDurationSeconds": DURATION, "renewTime": time})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verb;
    use crate::sample::{NOW, only, stored, told, view};

    #[test]
    fn each_node_has_a_lease_that_is_renewed_in_time() {
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}});
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
        let writes = decide(&view(&[node.clone(), namespace.clone()]), NOW);
        let lease = only(&writes, Verb::Create, "Lease");
        assert_eq!(lease["spec"]["renewTime"], "1970-01-12T13:46:40.000000Z");
        let objects = [node.clone(), namespace, stored(lease)];
        let at = |seconds| told(&decide(&view(&objects), Timestamp(NOW.0 + seconds)));
        assert_eq!(at(9), Vec::<String>::new());
        assert_eq!(at(10), ["Replace Lease/n1"]);
        assert_eq!(
            told(&decide(&view(&[node]), NOW)),
            Vec::<String>::new(),
            "without the namespace"
        );
    }
}
