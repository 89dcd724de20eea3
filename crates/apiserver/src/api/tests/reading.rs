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
    let token = "/api/v1/namespaces/d/serviceaccounts/default/token";
    let (code, message) = client.refused(Method::Post, token, &json!({}));
    assert_eq!(code, 405);
    assert!(message.contains("the one of the kubeconfig"), "{message}");
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
fn a_long_list_is_written_piece_by_piece() {
    let client = client();
    let note = "x".repeat(10_000);
    for index in 0..30 {
        let mut pod = pod(&format!("p{index:02}"));
        pod["metadata"]["annotations"] = json!({"note": note});
        client.create(PODS, pod);
    }
    let list = || {
        let answer = client.send(Method::Get, PODS, "", Vec::new());
        let Body::List(list) = answer.body else {
            panic!("no list, but {answer:?}");
        };
        list
    };
    let (mut one, mut other) = (list(), list());
    let mut texts = [Vec::new(), Vec::new()];
    let mut pieces = 0;
    // The one is written while the other is, as for clients that read at the same pace.
    while let Some(piece) = one.piece() {
        assert!(piece.len() < 100_000, "{}", piece.len());
        texts[0].extend_from_slice(&piece);
        texts[1].extend_from_slice(&other.piece().unwrap());
        pieces += 1;
    }
    assert!(pieces > 3 && other.has_ended() && other.piece().is_none());
    assert_eq!(texts[0], texts[1]);
    let list: Value = serde_json::from_slice(&texts[0]).unwrap();
    let names = list["items"].as_array().unwrap().iter().map(object::name);
    assert!(names.eq((0..30).map(|index| format!("p{index:02}"))));
    let empty = client.get("/api/v1/namespaces/none/pods");
    assert_eq!(
        (&empty["kind"], &empty["items"]),
        (&json!("PodList"), &json!([]))
    );
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

#[test]
fn events_are_the_same_ones_in_both_groups() {
    let client = client();
    let (old, new) = (
        "/api/v1/namespaces/d/events",
        "/apis/events.k8s.io/v1/namespaces/d/events",
    );
    let about = json!({"kind": "Pod", "namespace": "d", "name": "a"});
    client.create(
        old,
        json!({"metadata": {"name": "e"}, "involvedObject": about, "reason": "Started", "message": "it runs",
               "type": "Normal", "source": {"component": "kubelet"}, "count": 2,
               "lastTimestamp": "1970-01-12T13:46:30Z"}),
    );
    let seen = client.get(&format!("{new}/e"));
    for (field, expected) in [
        ("apiVersion", json!("events.k8s.io/v1")),
        ("note", json!("it runs")),
        ("regarding", about.clone()),
        ("deprecatedSource", json!({"component": "kubelet"})),
        ("deprecatedCount", json!(2)),
        ("message", Value::Null),
    ] {
        assert_eq!(seen[field], expected, "{field}");
    }
    let recorded = json!({
        "metadata": {"name": "f"}, "regarding": about, "note": "moved", "reason": "Moved", "action": "Move",
        "reportingController": "example.com/mover", "reportingInstance": "mover-0", "type": "Normal",
        "eventTime": "1970-01-12T13:46:40.000000Z",
    });
    assert_eq!(client.create(new, recorded.clone())["note"], "moved");
    let stored = client.get(&format!("{old}/f"));
    assert_eq!(stored["apiVersion"], "v1");
    assert_eq!(stored["message"], "moved");
    assert_eq!(stored["reportingComponent"], "example.com/mover");
    let fields = &stored["metadata"]["managedFields"][0]["fieldsV1"];
    assert!(fields.get("f:message").is_some(), "{fields}");
    let patch = json!({"series": {"count": 3, "lastObservedTime": "1970-01-12T13:46:40.000000Z"}});
    let (code, patched) = client.merge(&format!("{new}/f"), &patch);
    assert_eq!((code, &patched["note"]), (200, &json!("moved")));
    assert_eq!(client.get(&format!("{old}/f"))["series"]["count"], 3);
    let list = client.get(&format!(
        "{new}?fieldSelector=regarding.name=a,reportingController!="
    ));
    assert_eq!(
        (&list["kind"], &list["apiVersion"]),
        (&json!("EventList"), &json!("events.k8s.io/v1"))
    );
    assert_eq!(list["items"][0]["note"], "moved");
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(client.table(new).1, client.table(old).1);
    assert_eq!(client.table(new).1[0][4], "pod/a");
    let wrong = json!({"metadata": {"name": "g"}, "regarding": about, "message": "old"});
    let (code, message) = client.refused(Method::Post, new, &wrong);
    assert_eq!(code, 400, "{message}");
    let (code, answer) = client.call(
        Method::Patch,
        &format!("{new}/f?fieldManager=m"),
        "application/apply-patch+yaml",
        &recorded,
    );
    assert_eq!(code, 415, "{answer}");
    assert_eq!(client.delete(&format!("{new}/e"), &json!({})).0, 200);
    assert_eq!(client.code(&format!("{old}/e")), 404);
}

#[test]
fn lists_and_tables_are_as_the_definition_of_their_kind_says() {
    let client = client();
    let properties = json!({"size": {"type": "integer"}, "open": {"type": "boolean"}, "parts": {
        "type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}},
    }});
    let version = |name: &str, columns: Value| {
        json!({
            "name": name, "served": true, "storage": name == "v1", "additionalPrinterColumns": columns,
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                "spec": {"type": "object", "properties": properties},
            }}},
        })
    };
    let columns = json!([
        {"name": "Size", "type": "integer", "format": "int32", "jsonPath": ".spec.size", "description": "How big."},
        {"name": "Parts", "type": "string", "jsonPath": ".spec.parts[*].name", "priority": 1},
        {"name": "Odd", "type": "number", "jsonPath": ".spec.open"},
    ]);
    client.create(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        json!({"metadata": {"name": "boxes.example.com"}, "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"plural": "boxes", "kind": "Box", "listKind": "BoxCollection"},
            "versions": [version("v1", columns), version("v1beta1", json!([]))],
        }}),
    );
    let url = |version: &str| format!("/apis/example.com/{version}/namespaces/d/boxes");
    let spec = json!({"size": 3, "open": true, "parts": [{"name": "lid"}, {"name": "base"}]});
    client.create(&url("v1"), json!({"metadata": {"name": "b"}, "spec": spec}));
    let list = client.get(&url("v1"));
    assert_eq!(list["kind"], "BoxCollection");
    let (headings, rows) = client.table(&url("v1"));
    assert_eq!(rows, [json!(["b", 3, "lid base", null])]);
    let expected = json!({"name": "Size", "type": "integer", "format": "int32", "description": "How big.", "priority": 0});
    assert_eq!(headings[1], expected);
    assert_eq!(headings[2]["priority"], 1);
    let said = "Custom resource definition column (in JSONPath format): .spec.parts[*].name";
    assert_eq!(headings[2]["description"], said);
    for path in [url("v1beta1"), format!("{}/b", url("v1beta1"))] {
        let (headings, rows) = client.table(&path);
        let names = headings
            .iter()
            .map(|column| (&column["name"], &column["type"]));
        let expected =
            [("Name", "string"), ("Age", "date")].map(|(name, kind)| (json!(name), json!(kind)));
        assert!(
            names.eq(expected.iter().map(|(name, kind)| (name, kind))),
            "{headings:?}"
        );
        assert_eq!(rows, [json!(["b", "0s"])]);
    }
}
