use ringfence_kube::read;
use ringfence_model::{LoadOptions, assemble, load};
use serde_json::{Value, json};

use super::fake::{Fake, status};
use super::server::{Bench, pod};

/// Three pages of pods over TLS, and every other kind once.
#[test]
fn a_cluster_is_read_to_its_end() {
    let bench = Bench::start();
    for namespace in ["a", "b"] {
        bench.record(&json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "uid": namespace},
        }));
    }
    for number in 0..1_200 {
        bench.record(&pod("a", &format!("p{number}")));
    }
    bench.record(&json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": "deny", "namespace": "a", "uid": "deny"}, "spec": {"podSelector": {}},
    }));
    bench.record(&json!({
        "apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy",
        "metadata": {"name": "wide", "uid": "wide"},
        "spec": {"tier": "Admin", "priority": 1, "subject": {"namespaces": {}}, "ingress": [{"action": "Deny", "from": [{"namespaces": {}}]}]},
    }));
    bench.record(&json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "b", "uid": "web"},
        "spec": {"selector": {"matchLabels": {"app": "w"}}, "template": {
            "metadata": {"labels": {"app": "w"}}, "spec": {"containers": [{"name": "c", "image": "i"}]},
        }},
    }));

    let snapshot = read(&bench.access()).unwrap();
    assert_eq!(snapshot.context, "lab");
    let names: Vec<&str> = snapshot
        .policies
        .iter()
        .map(|found| found.name.as_str())
        .collect();
    let expected = [
        "cluster: NetworkPolicy a/deny",
        "cluster: ClusterNetworkPolicy wide",
    ];
    assert_eq!(names, expected);
    let inputs = [snapshot.policies, snapshot.objects].concat();
    let loaded = load(&inputs, &LoadOptions::default());
    assert_eq!(loaded.diagnostics, []);
    let (cluster, _) = assemble(&loaded.objects);
    let of_a = cluster.pods.keys().filter(|name| name.namespace == "a");
    assert_eq!(of_a.count(), 1_200);
    assert_eq!(
        cluster
            .pods
            .keys()
            .filter(|name| name.namespace == "b")
            .count(),
        1
    );
    assert_eq!(
        (
            cluster.network_policies.len(),
            cluster.cluster_policies.len()
        ),
        (1, 1)
    );
}

fn item(name: &str) -> Value {
    json!({"metadata": {"name": name}})
}

/// Pages of two moments do not fit together.
#[test]
fn a_list_that_grows_too_old_is_asked_for_as_a_whole() {
    let fake = Fake::start(|path| match path {
        "/api/v1/namespaces?limit=500" => {
            let first = json!({"metadata": {"continue": "a b&c"}, "items": [item("old")]});
            Some((200, first))
        }
        "/api/v1/namespaces?limit=500&continue=a+b%26c" => status(410, "Expired"),
        "/api/v1/namespaces" => Some((200, json!({"items": [item("x"), item("y")]}))),
        _ => None,
    });
    let snapshot = read(&fake.access()).unwrap();
    let names: Vec<&str> = snapshot
        .objects
        .iter()
        .map(|found| found.name.as_str())
        .collect();
    assert_eq!(names, ["cluster: Namespace x", "cluster: Namespace y"]);
}
