//! Paths, lists and what the server says about itself.

use super::*;

#[test]
fn paths_that_lead_nowhere_are_not_found() {
    let client = client();
    for path in [
        "/nothing",
        "/api/v2/pods",
        "/apis/apps/v1/pods",
        "/api/v1/pods/a",
        "/api/v1/namespaces/d/nodes",
        "/api/v1/namespaces/d/pods/a/b/c",
        "/apis/apps/v9",
        "/apis/none",
    ] {
        assert_eq!(client.code(path), 404, "{path}");
    }
    client.create(PODS, pod("a"));
    let url = format!("{PODS}/a/ephemeralcontainers");
    let (code, message) = client.refused(Method::Post, &url, &json!({}));
    assert_eq!(code, 405);
    assert!(message.contains("read, replaced and patched"), "{message}");
}

#[test]
fn lists_select_and_page() {
    let client = client();
    for name in ["a", "b", "c"] {
        client.create(PODS, pod(name));
    }
    let names = |answer: &Value| -> Vec<String> {
        answer["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| object::name(item).to_owned())
            .collect()
    };
    assert_eq!(
        names(&client.get(&format!("{PODS}?labelSelector=app!=b"))),
        ["a", "c"]
    );
    assert_eq!(
        names(&client.get("/api/v1/pods?fieldSelector=metadata.name=b")),
        ["b"]
    );
    let first = client.get(&format!("{PODS}?limit=2"));
    assert_eq!(first["metadata"]["remainingItemCount"], 1);
    let next = object::text(&first, &["metadata", "continue"]);
    assert_eq!(
        names(&client.get(&format!("{PODS}?limit=2&continue={next}"))),
        ["c"]
    );
    assert_eq!(client.code(&format!("{PODS}?fieldSelector=spec.x=1")), 400);
    assert_eq!(client.code(&format!("{PODS}?labelSelector=a%20b")), 400);
    assert_eq!(client.code(&format!("{PODS}?limit=x")), 400);
}

#[test]
fn one_policy_is_served_in_both_its_versions() {
    let client = client();
    let url =
        |version: &str| format!("/apis/policy.networking.k8s.io/{version}/clusternetworkpolicies");
    let spec = json!({"tier": "Admin", "priority": 1, "subject": {"namespaces": {}}});
    client.create(
        &url("v1alpha2"),
        json!({"metadata": {"name": "p"}, "spec": spec}),
    );
    for version in ["v1beta1", "v1alpha2"] {
        let found = client.get(&format!("{}/p", url(version)));
        assert_eq!(
            found["apiVersion"],
            format!("policy.networking.k8s.io/{version}")
        );
    }
    let (code, answer) = client.merge(
        &format!("{}/p", url("v1alpha2")),
        &json!({"spec": {"priority": 2}}),
    );
    assert_eq!(
        (code, &answer["apiVersion"]),
        (200, &json!("policy.networking.k8s.io/v1alpha2"))
    );
    assert_eq!(
        client.get(&format!("{}/p", url("v1beta1")))["spec"]["priority"],
        2
    );
}

#[test]
fn every_served_version_has_a_document_whose_references_hold() {
    let client = client();
    let index = client.get("/openapi/v3");
    let groups = client.api.groups();
    let count: usize = groups.iter().map(|(_, versions)| versions.len()).sum();
    let paths = index["paths"].as_object().unwrap();
    assert_eq!(paths.len(), count);
    for path in paths.keys() {
        let document = client.get(&format!("/openapi/v3/{path}"));
        let schemas = document["components"]["schemas"].as_object().unwrap();
        for part in document.to_string().split("#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(schemas.contains_key(name), "{name} of {path}");
        }
    }
}
