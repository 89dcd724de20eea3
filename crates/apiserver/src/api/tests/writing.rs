//! Creating, replacing, patching.

use super::*;
use crate::kind::Kind;

#[test]
fn the_server_gives_what_only_it_may_give() {
    let client = client();
    let mut sent = pod("a");
    sent["metadata"]["uid"] = "mine".into();
    sent["metadata"]["creationTimestamp"] = Value::Null;
    sent["status"] = json!({"phase": "Running"});
    let made = client.create(PODS, sent);
    assert_eq!(
        made["metadata"]["creationTimestamp"],
        "1970-01-12T13:46:40Z"
    );
    assert_eq!(object::uid(&made).len(), 36);
    assert_eq!(made["metadata"]["resourceVersion"], "102");
    assert_eq!(made["metadata"]["namespace"], "d");
    assert_eq!(made["status"]["phase"], "Pending");
    assert_eq!(made["spec"]["restartPolicy"], "Always");
    assert_eq!(
        made["spec"]["containers"][0]["imagePullPolicy"],
        "IfNotPresent"
    );
}

#[test]
fn generated_names_are_new_each_time() {
    let client = client();
    let mut sent = pod("x");
    sent["metadata"] = json!({"generateName": "web-"});
    let names = [(); 2].map(|()| object::name(&client.create(PODS, sent.clone())).to_owned());
    assert!(
        names
            .iter()
            .all(|name| name.len() == 9 && name.starts_with("web-")),
        "{names:?}"
    );
    assert_ne!(names[0], names[1]);
}

#[test]
fn a_misspelt_policy_is_refused_and_not_stored() {
    let client = client();
    let policy =
        json!({"metadata": {"name": "p"}, "spec": {"podSelectorr": {}, "podSelector": {}}});
    let expected = "NetworkPolicy in version \"v1\" cannot be handled as a NetworkPolicy: \
                    strict decoding error: unknown field \"spec.podSelectorr\"";
    assert_eq!(
        client.refused(Method::Post, POLICIES, &policy),
        (400, expected.to_owned())
    );
    assert_eq!(client.code(&format!("{POLICIES}/p")), 404);
    let url = format!("{POLICIES}?fieldValidation=Warn");
    let answer = client.send(
        Method::Post,
        &url,
        "application/json",
        policy.to_string().into_bytes(),
    );
    assert_eq!(
        (answer.code, answer.warnings),
        (201, vec!["unknown field \"spec.podSelectorr\"".to_owned()])
    );
    assert!(
        client.get(&format!("{POLICIES}/p"))["spec"]
            .get("podSelectorr")
            .is_none()
    );
}

#[test]
fn a_policy_that_cannot_be_is_refused_with_its_field() {
    let client = client();
    let policy = json!({"metadata": {"name": "p"}, "spec": {"podSelector": {}, "ingress": [
        {"from": [{"ipBlock": {"cidr": "10.0.0.0/33"}}], "ports": [{"port": 70000}]},
    ]}});
    let (code, answer) = client.call(Method::Post, POLICIES, "application/json", &policy);
    assert_eq!(
        (code, &answer["reason"]),
        (422, &json!("Invalid")),
        "{answer}"
    );
    let fields: Vec<&Value> = answer["details"]["causes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cause| &cause["field"])
        .collect();
    assert!(
        fields.contains(&&json!("spec.ingress[0].from[0].ipBlock.cidr")),
        "{answer}"
    );
    assert!(
        object::text(&answer, &["message"])
            .starts_with("NetworkPolicy.networking.k8s.io \"p\" is invalid: ")
    );
}

#[test]
fn what_a_policy_leaves_out_is_filled_in() {
    let client = client();
    let policy = json!({"metadata": {"name": "p"}, "spec": {"podSelector": {}, "egress": [{"ports": [{"port": 53}]}]}});
    let made = client.create(POLICIES, policy);
    assert_eq!(made["spec"]["policyTypes"], json!(["Ingress", "Egress"]));
    assert_eq!(made["spec"]["egress"][0]["ports"][0]["protocol"], "TCP");
}

#[test]
fn a_stale_write_conflicts_and_an_equal_one_changes_nothing() {
    let client = client();
    let mut made = client.create(PODS, pod("a"));
    let url = format!("{PODS}/a");
    made["metadata"]["labels"]["x"] = "1".into();
    let (code, second) = client.call(Method::Put, &url, "application/json", &made);
    assert_eq!(code, 200);
    let (code, message) = client.refused(Method::Put, &url, &made);
    assert_eq!(code, 409);
    assert!(
        message.starts_with(
            "Operation cannot be fulfilled on pods \"a\": the object has been modified"
        )
    );
    let (_, third) = client.call(Method::Put, &url, "application/json", &second);
    assert_eq!(second, third);
    let (_, fourth) = client.merge(&url, &json!({}));
    assert_eq!(second, fourth);
}

#[test]
fn generation_counts_what_is_meant_and_not_what_is() {
    let client = client();
    let url = "/apis/apps/v1/namespaces/d/deployments";
    let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let spec = json!({"selector": {"matchLabels": {"a": "b"}}, "template": template});
    client.create(url, json!({"metadata": {"name": "w"}, "spec": spec}));
    let url = format!("{url}/w");
    let generation = |answer: (u16, Value)| answer.1["metadata"]["generation"].clone();
    assert_eq!(
        generation(client.merge(&url, &json!({"metadata": {"labels": {"x": "y"}}}))),
        1
    );
    assert_eq!(
        generation(client.merge(&url, &json!({"spec": {"replicas": 3}}))),
        2
    );
    let status = json!({"spec": {"replicas": 9}, "status": {"replicas": 1}});
    let (code, answer) = client.merge(&format!("{url}/status"), &status);
    assert_eq!(
        (
            code,
            &answer["spec"]["replicas"],
            &answer["status"]["replicas"]
        ),
        (200, &json!(3), &json!(1))
    );
    let (_, answer) = client.merge(&url, &json!({"status": {"replicas": 7}}));
    assert_eq!(answer["status"]["replicas"], 1);
    let (code, scale) = client.merge(&format!("{url}/scale"), &json!({"spec": {"replicas": 5}}));
    assert_eq!(
        (code, &scale["kind"], &scale["spec"]["replicas"]),
        (200, &json!("Scale"), &json!(5))
    );
    assert_eq!(client.get(&url)["spec"]["replicas"], 5);
    let (code, _) = client.merge(&format!("{url}/scale"), &json!({"spec": {"replicas": -1}}));
    assert_eq!(code, 422);
    let (code, _) = client.merge(
        &url,
        &json!({"spec": {"selector": {"matchLabels": {"a": "c"}}}}),
    );
    assert_eq!(code, 422);
}

#[test]
fn a_namespace_keeps_the_label_that_policies_rely_on() {
    let client = client();
    let patch = json!({"metadata": {"labels": {"kubernetes.io/metadata.name": "other", "x": "y"}}});
    let (code, answer) = client.merge("/api/v1/namespaces/d", &patch);
    assert_eq!(code, 200);
    assert_eq!(
        answer["metadata"]["labels"],
        json!({"kubernetes.io/metadata.name": "d", "x": "y"})
    );
}

#[test]
fn a_rehearsal_stores_nothing() {
    let client = client();
    let before = client.api.store().revision();
    let (code, made) = client.call(
        Method::Post,
        &format!("{PODS}?dryRun=All"),
        "application/json",
        &pod("a"),
    );
    assert_eq!((code, object::name(&made)), (201, "a"));
    assert_eq!(client.api.store().revision(), before);
    assert_eq!(
        client
            .refused(Method::Post, &format!("{PODS}?dryRun=Some"), &pod("a"))
            .0,
        400
    );
}

#[test]
fn what_is_refused_elsewhere_is_not_stored() {
    let client = client_with(false, Box::new(Refuse));
    assert_eq!(
        client.refused(Method::Post, PODS, &pod("a")),
        (500, "no room".to_owned())
    );
    assert_eq!(client.code(&format!("{PODS}/a")), 404);
}

#[test]
fn objects_must_be_what_and_where_their_path_says() {
    let client = client();
    client.create(PODS, pod("a"));
    let with = |field: &str, value: Value| {
        let mut object = pod("b");
        object[field] = value;
        object
    };
    for (object, code) in [
        (pod("a"), 409),
        (pod("Bad_Name"), 422),
        (json!({}), 422),
        (with("kind", json!("Service")), 400),
        (with("apiVersion", json!("v2")), 400),
        (
            with("metadata", json!({"name": "b", "namespace": "other"})),
            400,
        ),
        (
            with("metadata", json!({"name": "b", "resourceVersion": "1"})),
            400,
        ),
        (
            with("metadata", json!({"name": "b", "labels": {"-": "x"}})),
            422,
        ),
        (json!([]), 400),
    ] {
        assert_eq!(
            client.refused(Method::Post, PODS, &object).0,
            code,
            "{object}"
        );
    }
    let elsewhere = client.refused(Method::Post, "/api/v1/namespaces/x/pods", &pod("a"));
    assert_eq!(elsewhere, (404, "namespaces \"x\" not found".to_owned()));
}

#[test]
fn bodies_that_cannot_be_read_are_refused() {
    let client = client();
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_yaml = format!("a: {}{}", "[".repeat(5_000), "]".repeat(5_000));
    for (form, body, code) in [
        ("application/json", b"{".to_vec(), 400),
        ("application/json", deep.into_bytes(), 400),
        ("application/json", Vec::new(), 400),
        ("application/yaml", b"a: [".to_vec(), 400),
        ("application/yaml", b"a: 1\n---\nb: 1\n".to_vec(), 400),
        ("application/yaml", deep_yaml.into_bytes(), 400),
        ("application/yaml", vec![0xff, 0xfe], 400),
        ("application/json", b"k8s\0\x0a\x0b".to_vec(), 415),
        ("application/vnd.kubernetes.protobuf", b"x".to_vec(), 415),
        ("text/csv", b"{}".to_vec(), 415),
    ] {
        assert_eq!(
            client.send(Method::Post, PODS, form, body).code,
            code,
            "{form}"
        );
    }
    let yaml =
        b"metadata: {name: written}\nspec:\n  containers:\n  - {name: c, image: i}\n".to_vec();
    assert_eq!(
        client
            .send(Method::Post, PODS, "application/yaml", yaml)
            .code,
        201
    );
}

/// Numbers ConfigMaps, and lets them keep their number.
#[derive(Debug)]
struct Numbers;

impl Admission for Numbers {
    fn admit(&self, _: &Write<'_>) -> Result<(), ApiError> {
        Ok(())
    }

    fn complete(
        &self,
        store: &Store,
        kind: &Kind,
        before: Option<&Value>,
        object: &mut Value,
    ) -> Result<(), ApiError> {
        let count = store.objects("configmaps").count();
        if count == 2 {
            return Err(ApiError::internal("no number is left"));
        }
        if kind.kind == "ConfigMap" {
            let kept = before.map(|before| before["data"]["number"].clone());
            object["data"]["number"] = kept.unwrap_or_else(|| count.to_string().into());
        }
        Ok(())
    }
}

#[test]
fn what_the_cluster_gives_is_in_the_answer_and_stays() {
    const MAPS: &str = "/api/v1/namespaces/d/configmaps";
    let client = client_with(false, Box::new(Numbers));
    let map = |name: &str| json!({"metadata": {"name": name}, "data": {"a": "b"}});
    let dry = client.create(&format!("{MAPS}?dryRun=All"), map("first"));
    assert_eq!(dry["data"]["number"], "0");
    assert_eq!(client.create(MAPS, map("first"))["data"]["number"], "0");
    assert_eq!(client.create(MAPS, map("second"))["data"]["number"], "1");
    assert_eq!(client.refused(Method::Post, MAPS, &map("third")).0, 500);
    assert_eq!(client.code(&format!("{MAPS}/third")), 404);
    client.delete(&format!("{MAPS}/second"), &Value::Null);
    let first = format!("{MAPS}/first");
    let (code, put) = client.call(Method::Put, &first, "application/json", &map("first"));
    assert_eq!((code, &put["data"]["number"]), (200, &json!("0")));
}

/// Does not come to be true of what is `odd`, and notes what was taken back.
#[derive(Debug)]
struct Late(std::sync::mpsc::Sender<(bool, bool)>);

impl Admission for Late {
    fn admit(&self, _: &Write<'_>) -> Result<(), ApiError> {
        Ok(())
    }

    fn stored(&self, write: &Write<'_>) -> Result<(), ApiError> {
        let object = write.after.or(write.before).unwrap();
        if object["metadata"]["labels"]["odd"] == "yes" {
            return Err(ApiError::forbidden(
                "configmaps",
                object::name(object),
                "nobody comes along",
            ));
        }
        Ok(())
    }

    fn withdrawn(&self, write: &Write<'_>) {
        self.0
            .send((write.before.is_some(), write.after.is_some()))
            .unwrap();
    }
}

/// What does not come to be true after it was stored is refused, and what was there before is there again.
#[test]
fn what_does_not_become_true_is_taken_back() {
    const MAPS: &str = "/api/v1/namespaces/d/configmaps";
    let (sender, withdrawn) = std::sync::mpsc::channel();
    let client = client_with(false, Box::new(Late(sender)));
    let map = |odd: &str| json!({"metadata": {"name": "a", "labels": {"odd": odd}}});
    let (code, told) = client.refused(Method::Post, MAPS, &map("yes"));
    assert_eq!(
        (code, client.code(&format!("{MAPS}/a"))),
        (403, 404),
        "{told}"
    );
    assert!(told.contains("nobody comes along"), "{told}");
    let made = client.create(MAPS, map("no"));
    let (code, _) = client.merge(&format!("{MAPS}/a"), &map("yes"));
    let kept = client.get(&format!("{MAPS}/a"));
    assert_eq!(
        (code, &kept["metadata"]["labels"]["odd"]),
        (403, &json!("no"))
    );
    let revision = |object: &Value| object::revision(object).parse::<u64>().unwrap();
    assert!(
        revision(&kept) > revision(&made) + 1,
        "watchers hear of both"
    );
    assert_eq!(
        withdrawn.try_iter().collect::<Vec<_>>(),
        [(true, false), (true, true)]
    );
}

#[test]
fn ephemeral_containers_are_added_and_stay_as_they_are() {
    let client = client();
    client.create(PODS, pod("a"));
    let url = format!("{PODS}/a");
    let sub = format!("{url}/ephemeralcontainers");
    let with = |containers: Value| json!({"spec": {"ephemeralContainers": containers}});
    let look = json!({"name": "look", "image": "i:1"});
    let (code, answer) = client.merge(&url, &with(json!([look])));
    assert_eq!(code, 422, "{answer}");
    let (code, answer) = client.merge(&sub, &with(json!([look])));
    assert_eq!(code, 200, "{answer}");
    assert_eq!(answer["spec"]["ephemeralContainers"][0]["name"], "look");
    assert_eq!(answer["spec"]["containers"][0]["name"], "c");
    let another = json!({"name": "more", "image": "i:1"});
    let (code, _) = client.merge(&sub, &with(json!([look, another])));
    assert_eq!(code, 200);
    for wrong in [
        json!([another]),
        json!([look, another, {"name": "c", "image": "i:1"}]),
        json!([{"name": "look", "image": "i:2"}, another]),
        json!([look, another, {"name": "x", "image": "i:1", "ports": [{"containerPort": 1}]}]),
    ] {
        let (code, answer) = client.merge(&sub, &with(wrong.clone()));
        assert_eq!(code, 422, "{wrong}: {answer}");
    }
    // Whoever changes something else of the pod sends them along, or not.
    let (code, _) = client.merge(&url, &json!({"metadata": {"labels": {"x": "y"}}}));
    assert_eq!(code, 200);
}
