use serde_json::json;

use super::*;
use crate::Verb;
use crate::sample::{NOW, only, stored, told, view, with};

fn node(name: &str, spec: Value) -> Value {
    let status = json!({"allocatable": {"pods": "2"}});
    stored(
        &json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": spec, "status": status}),
    )
}

fn pod(name: &str, spec: Value) -> Value {
    let mut spec = spec;
    let containers = json!([{"name": "c", "image": "i:1"}]);
    object::default(fields(&mut spec), "containers", containers);
    stored(&json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}))
}

fn placed(writes: &[Write]) -> Vec<(&str, &str)> {
    let bound = writes.iter().filter(|write| write.verb == Verb::Replace);
    bound
        .map(|write| {
            (
                object::name(&write.object),
                text(&write.object, &["spec", "nodeName"]),
            )
        })
        .collect()
}

#[test]
fn pods_spread_by_count_until_nodes_are_full() {
    let mut objects = vec![
        node("n1", json!({})),
        node("n2", json!({})),
        pod("there", json!({"nodeName": "n1"})),
    ];
    objects.extend(["a", "b", "c", "d"].map(|name| pod(name, json!({}))));
    let writes = decide(&view(&objects), NOW);
    assert_eq!(placed(&writes), [("a", "n2"), ("b", "n1"), ("c", "n2")]);
    let told = told(&writes);
    assert!(told.contains(&"Status Pod/d".to_owned()), "{told:?}");
}

#[test]
fn a_pod_that_was_placed_says_so_and_an_event_tells_it() {
    let objects = [node("n1", json!({})), pod("a", json!({}))];
    let writes = decide(&view(&objects), NOW);
    let event = only(&writes, Verb::Create, "Event");
    assert_eq!(event["message"], "Successfully assigned d/a to n1");
    assert_eq!(
        (&event["reason"], &event["type"]),
        (&json!("Scheduled"), &json!("Normal"))
    );
    assert_eq!(event["involvedObject"]["uid"], "uid-a");
    let bound = only(&writes, Verb::Replace, "Pod");
    let writes = decide(&view(&[objects[0].clone(), bound.clone()]), NOW);
    let confirmed = only(&writes, Verb::Status, "Pod");
    assert_eq!(confirmed["status"]["conditions"][0]["type"], "PodScheduled");
    assert_eq!(confirmed["status"]["conditions"][0]["status"], "True");
    assert_eq!(
        decide(&view(&[objects[0].clone(), confirmed.clone()]), NOW),
        []
    );
}

#[test]
fn a_pod_without_a_node_says_why_once() {
    let taint = json!({"taints": [{"key": "role", "value": "", "effect": "NoSchedule"}]});
    let nodes = [
        node("n1", taint),
        node("n2", json!({})),
        node("n3", json!({"unschedulable": true})),
    ];
    let wish = json!({"nodeSelector": {"disk": "ssd"}});
    let mut objects = nodes.to_vec();
    objects.push(pod("a", wish));
    let writes = decide(&view(&objects), NOW);
    let message = "0/3 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, \
                   1 node(s) had untolerated taint {role: }, 1 node(s) were unschedulable.";
    let event = only(&writes, Verb::Create, "Event");
    assert_eq!(
        (&event["reason"], &event["message"]),
        (&json!("FailedScheduling"), &json!(message))
    );
    let status = only(&writes, Verb::Status, "Pod");
    assert_eq!(status["status"]["conditions"][0]["reason"], "Unschedulable");
    objects[3] = status.clone();
    objects.push(stored(event));
    assert_eq!(
        told(&decide(&view(&objects), Timestamp(NOW.0 + 60))),
        Vec::<String>::new()
    );
}

#[test]
fn without_nodes_and_for_other_schedulers() {
    let objects = [
        pod("a", json!({})),
        pod("b", json!({"schedulerName": "mine"})),
    ];
    let writes = decide(&view(&objects), NOW);
    let status = only(&writes, Verb::Status, "Pod");
    assert_eq!(object::name(status), "a");
    assert_eq!(
        status["status"]["conditions"][0]["message"],
        "no nodes available to schedule pods"
    );
}

#[test]
fn pods_that_end_or_have_ended_get_no_node() {
    let ending = with(
        &pod("a", json!({})),
        &["metadata", "deletionTimestamp"],
        NOW.to_string(),
    );
    let done = with(&pod("b", json!({})), &["status", "phase"], "Failed");
    assert_eq!(
        decide(&view(&[node("n1", json!({})), ending, done]), NOW),
        []
    );
}
