use super::*;
use crate::Verb;
use crate::sample::{NOW, only, pod, stored, told, view, with, workload};

fn node(name: &str, spec: Value) -> Value {
    stored(
        &json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"name": name}}, "spec": spec}),
    )
}

fn set(spec: Value) -> Value {
    workload("apps/v1", "DaemonSet", "log", spec)
}

/// A ready pod of the present template on a node.
fn daemon(set: &Value, node: &str) -> Value {
    let hash = template_hash(&set["spec"]["template"], 0);
    let pod = with(
        &pod(set, &format!("on-{node}"), 60),
        &["spec", "nodeName"],
        node,
    );
    with(&pod, &["metadata", "labels", REVISION_HASH], hash)
}

fn changes(writes: &[Write]) -> Vec<String> {
    told(writes)
        .into_iter()
        .filter(|line| !line.starts_with("Status"))
        .collect()
}

#[test]
fn each_eligible_node_gets_a_pod_that_only_it_can_take() {
    let tainted = json!({"taints": [{"key": "role", "effect": "NoSchedule"}]});
    let cordoned = json!({"unschedulable": true});
    let not_ready =
        json!({"taints": [{"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}]});
    let nodes = [
        node("n1", json!({})),
        node("n2", tainted),
        node("n3", cordoned),
        node("n4", not_ready),
    ];
    let mut objects = nodes.to_vec();
    objects.push(set(json!({})));
    let writes = decide(&view(&objects), NOW);
    let made: Vec<&Value> = writes
        .iter()
        .filter(|w| w.verb == Verb::Create)
        .map(|w| &w.object)
        .collect();
    let nodes: Vec<&str> = made.iter().map(|pod| node_of(pod)).collect();
    assert_eq!(nodes, ["n1", "n3", "n4"]);
    assert!(items(made[0], &["spec", "tolerations"]).len() >= 6);
    let status = &only(&writes, Verb::Status, "DaemonSet")["status"];
    assert_eq!(
        (
            &status["desiredNumberScheduled"],
            &status["currentNumberScheduled"]
        ),
        (&json!(3), &json!(0))
    );
}

#[test]
fn pods_that_failed_are_too_many_or_lost_their_node_go() {
    let set = set(json!({}));
    let failed = with(&daemon(&set, "n1"), &["status", "phase"], "Failed");
    let second = with(&daemon(&set, "n2"), &["metadata", "name"], "second");
    let second = with(
        &second,
        &["metadata", "creationTimestamp"],
        "2030-01-01T00:00:00Z",
    );
    let objects = [
        node("n1", json!({})),
        node("n2", json!({})),
        set.clone(),
        failed,
        daemon(&set, "n2"),
        second,
        daemon(&set, "gone"),
    ];
    let told = changes(&decide(&view(&objects), NOW));
    assert_eq!(
        told,
        [
            "Delete Pod/on-n1",
            "Delete Pod/second",
            "Delete Pod/on-gone"
        ]
    );
}

#[test]
fn a_pod_leaves_a_node_that_evicts_it_but_not_one_that_takes_no_more() {
    let set = set(json!({}));
    let taint = |effect: &str| json!({"taints": [{"key": "role", "effect": effect}]});
    for (effect, expected) in [
        ("NoSchedule", vec![]),
        ("NoExecute", vec!["Delete Pod/on-n1"]),
    ] {
        let objects = [node("n1", taint(effect)), set.clone(), daemon(&set, "n1")];
        let writes = decide(&view(&objects), NOW);
        assert_eq!(changes(&writes), expected, "{effect}");
        assert_eq!(
            only(&writes, Verb::Status, "DaemonSet")["status"]["numberMisscheduled"],
            1
        );
    }
}

#[test]
fn a_new_template_replaces_one_pod_at_a_time_and_those_that_are_down_at_once() {
    let old = set(json!({}));
    let new = with(
        &old,
        &["spec", "template", "spec", "containers"],
        json!([{"name": "c", "image": "i:2"}]),
    );
    let nodes = ["n1", "n2", "n3"].map(|name| node(name, json!({})));
    let mut objects = nodes.to_vec();
    objects.push(new.clone());
    objects.extend(["n1", "n2", "n3"].map(|name| daemon(&old, name)));
    assert_eq!(changes(&decide(&view(&objects), NOW)), ["Delete Pod/on-n1"]);
    objects[5] = with(&objects[5], &["status", "conditions"], json!([]));
    assert_eq!(
        changes(&decide(&view(&objects), NOW)),
        ["Delete Pod/on-n2"],
        "n2 is down already"
    );
    objects[3] = with(&new, &["spec", "updateStrategy", "type"], "OnDelete");
    assert_eq!(changes(&decide(&view(&objects), NOW)), Vec::<String>::new());
}

#[test]
fn the_status_is_that_of_all_nodes() {
    let set = set(json!({}));
    let unready = with(&daemon(&set, "n2"), &["status", "conditions"], json!([]));
    let objects = [
        node("n1", json!({})),
        node("n2", json!({})),
        set.clone(),
        daemon(&set, "n1"),
        unready,
    ];
    let writes = decide(&view(&objects), NOW);
    let expected = json!({
        "currentNumberScheduled": 2, "desiredNumberScheduled": 2, "numberMisscheduled": 0, "numberReady": 1,
        "updatedNumberScheduled": 2, "numberAvailable": 1, "numberUnavailable": 1, "observedGeneration": 1,
    });
    assert_eq!(only(&writes, Verb::Status, "DaemonSet")["status"], expected);
}

#[test]
fn nothing_is_made_while_the_last_pod_ends() {
    let set = set(json!({}));
    let ending = with(
        &daemon(&set, "n1"),
        &["metadata", "deletionTimestamp"],
        NOW.to_string(),
    );
    assert_eq!(
        changes(&decide(&view(&[node("n1", json!({})), set, ending]), NOW)),
        Vec::<String>::new()
    );
}
