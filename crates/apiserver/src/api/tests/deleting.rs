//! Deleting, and what goes with what.

use super::*;

const CONFIG_MAPS: &str = "/api/v1/namespaces/d/configmaps";

fn map(name: &str, metadata: &Value) -> Value {
    let mut object = json!({"metadata": {"name": name}});
    for (field, value) in metadata.as_object().unwrap() {
        object["metadata"][field] = value.clone();
    }
    object
}

fn owned_by(owner: &Value, blocking: bool) -> Value {
    json!({"ownerReferences": [{
        "apiVersion": "v1", "kind": "ConfigMap", "name": object::name(owner), "uid": object::uid(owner),
        "blockOwnerDeletion": blocking,
    }]})
}

#[test]
fn finalizers_hold_an_object_until_the_last_is_gone() {
    let client = client();
    client.create(CONFIG_MAPS, map("a", &json!({"finalizers": ["x/y"]})));
    let url = format!("{CONFIG_MAPS}/a");
    let (code, answer) = client.delete(&url, &Value::Null);
    assert_eq!(code, 200);
    assert_eq!(
        answer["metadata"]["deletionTimestamp"],
        "1970-01-12T13:46:40Z"
    );
    let revision = answer["metadata"]["resourceVersion"].clone();
    let (_, again) = client.delete(&url, &Value::Null);
    assert_eq!(again["metadata"]["resourceVersion"], revision);
    let (code, _) = client.merge(&url, &json!({"metadata": {"finalizers": ["x/y", "z/z"]}}));
    assert_eq!(code, 422);
    let (code, _) = client.merge(&url, &json!({"metadata": {"finalizers": null}}));
    assert_eq!((code, client.code(&url)), (200, 404));
}

#[test]
fn a_pod_on_a_node_has_its_time_to_end() {
    let client = client_with(true, Box::new(AdmitAll));
    let mut sent = pod("a");
    sent["spec"]["nodeName"] = "n".into();
    client.create(PODS, sent.clone());
    let url = format!("{PODS}/a");
    let (_, answer) = client.delete(&url, &Value::Null);
    assert_eq!(answer["metadata"]["deletionGracePeriodSeconds"], 30);
    assert_eq!(
        answer["metadata"]["deletionTimestamp"],
        "1970-01-12T13:47:10Z"
    );
    let (_, answer) = client.delete(&url, &json!({"gracePeriodSeconds": 5}));
    assert_eq!(answer["metadata"]["deletionGracePeriodSeconds"], 5);
    let (_, answer) = client.delete(&url, &json!({"gracePeriodSeconds": 60}));
    assert_eq!(answer["metadata"]["deletionGracePeriodSeconds"], 5);
    client.delete(&url, &json!({"gracePeriodSeconds": 0}));
    assert_eq!(client.code(&url), 404);
    client.create(PODS, pod("unscheduled"));
    client.delete(&format!("{PODS}/unscheduled"), &Value::Null);
    assert_eq!(client.code(&format!("{PODS}/unscheduled")), 404);
}

#[test]
fn where_nothing_ends_pods_they_are_gone_at_once() {
    let client = client();
    let mut sent = pod("a");
    sent["spec"]["nodeName"] = "n".into();
    client.create(PODS, sent);
    client.delete(&format!("{PODS}/a"), &Value::Null);
    assert_eq!(client.code(&format!("{PODS}/a")), 404);
}

#[test]
fn preconditions_protect_what_was_not_meant() {
    let client = client();
    let made = client.create(CONFIG_MAPS, map("a", &json!({})));
    let url = format!("{CONFIG_MAPS}/a");
    let (code, _) = client.delete(&url, &json!({"preconditions": {"uid": "other"}}));
    assert_eq!(code, 409);
    let (code, _) = client.delete(&url, &json!({"preconditions": {"resourceVersion": "1"}}));
    assert_eq!(code, 409);
    let (code, _) = client.delete(&url, &json!({"preconditions": {"uid": object::uid(&made)}}));
    assert_eq!((code, client.code(&url)), (200, 404));
}

#[test]
fn dependents_go_with_their_last_owner() {
    let client = client();
    let a = client.create(CONFIG_MAPS, map("a", &json!({})));
    let b = client.create(CONFIG_MAPS, map("b", &owned_by(&a, false)));
    client.create(CONFIG_MAPS, map("c", &owned_by(&b, false)));
    client.create(CONFIG_MAPS, map("free", &json!({})));
    client.delete(&format!("{CONFIG_MAPS}/a"), &Value::Null);
    let left: Vec<String> = client.get(CONFIG_MAPS)["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| object::name(item).to_owned())
        .collect();
    assert_eq!(left, ["free"]);
}

#[test]
fn an_owner_waits_for_those_that_block_it() {
    let client = client();
    let a = client.create(CONFIG_MAPS, map("a", &json!({})));
    let mut held = owned_by(&a, true);
    held["finalizers"] = json!(["x/y"]);
    client.create(CONFIG_MAPS, map("b", &held));
    client.delete(
        &format!("{CONFIG_MAPS}/a"),
        &json!({"propagationPolicy": "Foreground"}),
    );
    assert_eq!(
        client.get(&format!("{CONFIG_MAPS}/a"))["metadata"]["finalizers"],
        json!(["foregroundDeletion"])
    );
    client.merge(
        &format!("{CONFIG_MAPS}/b"),
        &json!({"metadata": {"finalizers": null}}),
    );
    assert_eq!(client.code(&format!("{CONFIG_MAPS}/b")), 404);
    assert_eq!(client.code(&format!("{CONFIG_MAPS}/a")), 404);
}

#[test]
fn an_owner_waits_for_the_dependents_of_its_dependents() {
    let client = client();
    let a = client.create(CONFIG_MAPS, map("a", &json!({})));
    let b = client.create(CONFIG_MAPS, map("b", &owned_by(&a, true)));
    let mut held = owned_by(&b, true);
    held["finalizers"] = json!(["x/y"]);
    client.create(CONFIG_MAPS, map("c", &held));
    let foreground = json!({"propagationPolicy": "Foreground"});
    client.delete(&format!("{CONFIG_MAPS}/a"), &foreground);
    for name in ["a", "b", "c"] {
        assert_eq!(client.code(&format!("{CONFIG_MAPS}/{name}")), 200, "{name}");
    }
    let release = json!({"metadata": {"finalizers": null}});
    client.merge(&format!("{CONFIG_MAPS}/c"), &release);
    for name in ["a", "b", "c"] {
        assert_eq!(client.code(&format!("{CONFIG_MAPS}/{name}")), 404, "{name}");
    }
}

#[test]
fn orphans_stay_and_forget_their_owner() {
    let client = client();
    let a = client.create(CONFIG_MAPS, map("a", &json!({})));
    client.create(CONFIG_MAPS, map("b", &owned_by(&a, true)));
    client.delete(
        &format!("{CONFIG_MAPS}/a"),
        &json!({"propagationPolicy": "Orphan"}),
    );
    assert_eq!(client.code(&format!("{CONFIG_MAPS}/a")), 404);
    assert_eq!(
        client.get(&format!("{CONFIG_MAPS}/b"))["metadata"]["ownerReferences"],
        json!([])
    );
}

#[test]
fn a_namespace_goes_with_all_that_is_in_it() {
    let client = client();
    client.create(PODS, pod("a"));
    client.create(CONFIG_MAPS, map("held", &json!({"finalizers": ["x/y"]})));
    let (_, answer) = client.delete("/api/v1/namespaces/d", &Value::Null);
    assert_eq!(answer["status"]["phase"], "Terminating");
    assert_eq!(client.code(&format!("{PODS}/a")), 404);
    let (code, message) = client.refused(Method::Post, PODS, &pod("b"));
    assert_eq!(code, 403);
    assert!(
        message.contains("because it is being terminated"),
        "{message}"
    );
    assert_eq!(client.code("/api/v1/namespaces/d"), 200);
    client.merge(
        &format!("{CONFIG_MAPS}/held"),
        &json!({"metadata": {"finalizers": null}}),
    );
    assert_eq!(client.code("/api/v1/namespaces/d"), 404);
}

#[test]
fn a_collection_is_deleted_by_selector() {
    let client = client();
    for name in ["a", "b"] {
        client.create(PODS, pod(name));
    }
    let (code, _) = client.delete(&format!("{PODS}?labelSelector=app=a"), &Value::Null);
    assert_eq!(
        (
            code,
            client.code(&format!("{PODS}/a")),
            client.code(&format!("{PODS}/b"))
        ),
        (200, 404, 200)
    );
}

/// A pod that ends is as closed as before until it is gone.
#[test]
fn policies_of_a_namespace_that_ends_outlive_its_pods() {
    let client = client_with(true, Box::new(AdmitAll));
    let policy = format!("{POLICIES}/closed");
    client.create(
        POLICIES,
        json!({"metadata": {"name": "closed"}, "spec": {"podSelector": {}}}),
    );
    client.create(CONFIG_MAPS, map("a", &json!({})));
    for name in ["one", "two"] {
        let mut sent = pod(name);
        sent["spec"]["nodeName"] = "n".into();
        client.create(PODS, sent);
    }
    client.delete("/api/v1/namespaces/d", &Value::Null);
    assert_eq!(client.code(&format!("{CONFIG_MAPS}/a")), 404);
    let end = |name| client.delete(&format!("{PODS}/{name}"), &json!({"gracePeriodSeconds": 0}));
    assert_eq!(client.code(&policy), 200);
    end("one");
    assert_eq!(client.code(&policy), 200);
    end("two");
    assert_eq!(client.code(&policy), 404);
    assert_eq!(client.code("/api/v1/namespaces/d"), 404);
}
