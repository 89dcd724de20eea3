//! Server-side apply.

use super::*;

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/d/deployments";

fn deployment(replicas: Option<u8>, image: &str) -> Value {
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "w", "labels": {"a": "b"}},
        "spec": {
            "selector": {"matchLabels": {"a": "b"}},
            "template": {
                "metadata": {"labels": {"a": "b"}},
                "spec": {"containers": [{"name": "c", "image": image, "ports": [{"containerPort": 80}]}]},
            },
        },
    });
    if let Some(replicas) = replicas {
        object["spec"]["replicas"] = replicas.into();
    }
    object
}

fn apply(client: &Client, manager: &str, object: &Value, force: bool) -> (u16, Value) {
    let url = format!("{DEPLOYMENTS}/w?fieldManager={manager}&force={force}");
    client.call(Method::Patch, &url, "application/apply-patch+yaml", object)
}

#[test]
fn apply_creates_and_then_changes_nothing() {
    let client = client();
    let (code, made) = apply(&client, "one", &deployment(Some(2), "i:1"), false);
    assert_eq!(code, 201, "{made}");
    client.now.set(2_000_000);
    let (code, again) = apply(&client, "one", &deployment(Some(2), "i:1"), false);
    assert_eq!((code, again), (200, made));
}

#[test]
fn what_another_manages_is_changed_by_force_only() {
    let client = client();
    apply(&client, "one", &deployment(Some(2), "i:1"), false);
    let (code, answer) = apply(&client, "two", &deployment(Some(3), "i:1"), false);
    assert_eq!(code, 409, "{answer}");
    assert_eq!(
        answer["message"],
        "Apply failed with 1 conflict: conflict with \"one\" using apps/v1: .spec.replicas"
    );
    assert_eq!(
        answer["details"]["causes"][0]["reason"],
        "FieldManagerConflict"
    );
    let (code, answer) = apply(&client, "two", &deployment(Some(3), "i:1"), true);
    assert_eq!((code, &answer["spec"]["replicas"]), (200, &json!(3)));
    let (code, _) = apply(&client, "one", &deployment(Some(2), "i:1"), false);
    assert_eq!(code, 409);
}

#[test]
fn what_its_only_manager_leaves_out_goes() {
    let client = client();
    apply(&client, "one", &deployment(Some(2), "i:1"), false);
    let (_, answer) = apply(&client, "one", &deployment(None, "i:1"), false);
    assert_eq!(answer["spec"]["replicas"], 1, "the default is back");
    let mut extra = deployment(None, "i:1");
    extra["spec"]["template"]["spec"]["containers"][0]["env"] =
        json!([{"name": "A", "value": "1"}]);
    extra["metadata"]["labels"]["x"] = "y".into();
    apply(&client, "one", &extra, false);
    client.merge(
        &format!("{DEPLOYMENTS}/w"),
        &json!({"metadata": {"labels": {"mine": "1"}}}),
    );
    let (_, answer) = apply(&client, "one", &deployment(None, "i:1"), false);
    assert_eq!(answer["metadata"]["labels"], json!({"a": "b", "mine": "1"}));
    let container = &answer["spec"]["template"]["spec"]["containers"][0];
    assert!(
        container.get("env").is_none_or(|env| *env == json!([])),
        "{container}"
    );
    assert_eq!(container["image"], "i:1");
}

#[test]
fn a_write_that_is_no_apply_takes_over_what_it_changes() {
    let client = client();
    apply(&client, "one", &deployment(Some(2), "i:1"), false);
    let url = format!("{DEPLOYMENTS}/w/scale?fieldManager=scaler");
    client.call(
        Method::Patch,
        &url,
        "application/merge-patch+json",
        &json!({"spec": {"replicas": 7}}),
    );
    let (code, answer) = apply(&client, "one", &deployment(Some(2), "i:1"), false);
    assert_eq!(code, 409);
    assert!(
        object::text(&answer, &["message"]).contains("\"scaler\" using apps/v1: .spec.replicas"),
        "{answer}"
    );
}

#[test]
fn a_policy_is_applied_over_its_defaults_without_conflict() {
    let client = client();
    let policy = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "p"},
        "spec": {"podSelector": {}, "ingress": [{"ports": [{"port": 80}]}]},
    });
    client.create(POLICIES, policy.clone());
    let url = format!("{POLICIES}/p?fieldManager=two");
    let (code, answer) = client.call(Method::Patch, &url, "application/apply-patch+yaml", &policy);
    assert_eq!(code, 200, "{answer}");
    assert_eq!(answer["spec"]["ingress"][0]["ports"][0]["protocol"], "TCP");
}

#[test]
fn apply_wants_a_manager_and_a_clean_record() {
    let client = client();
    let object = deployment(None, "i");
    let url = format!("{DEPLOYMENTS}/w");
    assert_eq!(
        client
            .call(Method::Patch, &url, "application/apply-patch+yaml", &object)
            .0,
        400
    );
    let mut with_record = object.clone();
    with_record["metadata"]["managedFields"] = json!([{"manager": "x"}]);
    assert_eq!(apply(&client, "one", &with_record, false).0, 400);
    let mut typo = object;
    typo["spec"]["replicass"] = 1.into();
    assert_eq!(apply(&client, "one", &typo, false).0, 400);
}
