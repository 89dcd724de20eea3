use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Node, Secret};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::{
    DynamicObject, ListParams, ObjectMeta, Patch, PatchParams, PostParams, ValidationDirective,
};
use kube::core::{GroupVersionKind, PartialObjectMetaExt as _};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};

use super::bench::{Bench, map, refusal};

fn deployment() -> Deployment {
    serde_json::from_value(json!({
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 2, "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [
                    {"name": "c", "image": "i:1", "env": [{"name": "A", "value": "1"}]},
                    {"name": "d", "image": "j:1"},
                ]},
            },
        },
    }))
    .unwrap()
}

fn images(deployment: &Deployment) -> Vec<&str> {
    let template = deployment.spec.template.spec.as_ref().unwrap();
    template
        .containers
        .iter()
        .map(|container| container.image.as_deref().unwrap())
        .collect()
}

#[tokio::test]
async fn every_patch_does_what_its_type_says() {
    let bench = Bench::start();
    let deployments: Api<Deployment> = Api::default_namespaced(bench.client().await);
    deployments
        .create(&PostParams::default(), &deployment())
        .await
        .unwrap();
    let params = PatchParams::default();

    let strategic =
        json!({"spec": {"template": {"spec": {"containers": [{"name": "d", "image": "j:2"}]}}}});
    let patched = deployments
        .patch("web", &params, &Patch::Strategic(strategic))
        .await
        .unwrap();
    assert_eq!(images(&patched), ["i:1", "j:2"]);

    let operations = json!([
        {"op": "test", "path": "/spec/replicas", "value": 2},
        {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "i:2"},
    ]);
    let operations: Patch<Value> = Patch::Json(serde_json::from_value(operations).unwrap());
    let patched = deployments
        .patch("web", &params, &operations)
        .await
        .unwrap();
    assert_eq!(images(&patched), ["i:2", "j:2"]);
    let failing = json!([{"op": "test", "path": "/spec/replicas", "value": 9}]);
    let failing: Patch<Value> = Patch::Json(serde_json::from_value(failing).unwrap());
    assert_eq!(
        refusal(deployments.patch("web", &params, &failing).await).0,
        422
    );

    let merge =
        json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "i:3"}]}}}});
    let patched = deployments
        .patch("web", &params, &Patch::Merge(merge))
        .await
        .unwrap();
    assert_eq!(images(&patched), ["i:3"]);
    let label = Patch::Merge(json!({"metadata": {"labels": {"a": "b"}}}));
    let shown = deployments.patch_metadata("web", &params, &label);
    assert_eq!(shown.await.unwrap().labels()["a"], "b");
}

#[tokio::test]
async fn a_write_of_what_has_changed_since_is_refused() {
    let bench = Bench::start();
    let maps: Api<ConfigMap> = Api::default_namespaced(bench.client().await);
    let seen = maps
        .create(&PostParams::default(), &map("a", "1"))
        .await
        .unwrap();
    let mut newer = seen.clone();
    newer.data = Some([("value".to_owned(), "2".to_owned())].into());
    let newer = maps
        .replace("a", &PostParams::default(), &newer)
        .await
        .unwrap();
    assert_ne!(newer.resource_version(), seen.resource_version());
    let (code, reason, message) = refusal(maps.replace("a", &PostParams::default(), &seen).await);
    assert_eq!((code, reason.as_str()), (409, "Conflict"));
    assert!(
        message.contains("please apply your changes to the latest version"),
        "{message}"
    );
    let (code, reason, _) = refusal(maps.create(&PostParams::default(), &map("a", "1")).await);
    assert_eq!((code, reason.as_str()), (409, "AlreadyExists"));
    assert_eq!(maps.get_opt("none").await.unwrap(), None);
    let (code, reason, message) = refusal(maps.get("none").await);
    assert_eq!(
        (code, reason.as_str(), message.as_str()),
        (404, "NotFound", "configmaps \"none\" not found")
    );
}

#[tokio::test]
async fn an_entry_is_made_or_changed() {
    let bench = Bench::start();
    let maps: Api<ConfigMap> = Api::default_namespaced(bench.client().await);
    for value in ["1", "2"] {
        let entry = maps.entry("a").await.unwrap();
        let mut entry = entry.or_insert(|| map("a", "0"));
        entry
            .get_mut()
            .data
            .as_mut()
            .unwrap()
            .insert("value".to_owned(), value.to_owned());
        entry.commit(&PostParams::default()).await.unwrap();
        assert_eq!(maps.get("a").await.unwrap().data.unwrap()["value"], value);
    }
}

#[tokio::test]
async fn names_are_made_up_on_request() {
    let bench = Bench::start();
    let maps: Api<ConfigMap> = Api::default_namespaced(bench.client().await);
    let metadata = ObjectMeta {
        generate_name: Some("made-".to_owned()),
        ..ObjectMeta::default()
    };
    let wanted = ConfigMap {
        metadata,
        ..ConfigMap::default()
    };
    let one = maps.create(&PostParams::default(), &wanted).await.unwrap();
    let two = maps.create(&PostParams::default(), &wanted).await.unwrap();
    assert!(one.name_any().starts_with("made-") && one.name_any().len() == 10);
    assert_ne!(one.name_any(), two.name_any());
    let tried = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    maps.create(&tried, &wanted).await.unwrap();
    assert_eq!(
        maps.list(&ListParams::default()).await.unwrap().items.len(),
        2
    );
}

#[tokio::test]
async fn objects_without_a_type_are_written_through_their_names() {
    let bench = Bench::start();
    let client = bench.client().await;
    let gvk = GroupVersionKind::gvk("networking.k8s.io", "v1", "NetworkPolicy");
    let (resource, _) = kube::discovery::pinned_kind(&client, &gvk).await.unwrap();
    let policies: Api<DynamicObject> = Api::default_namespaced_with(client.clone(), &resource);
    let policy = DynamicObject::new("deny", &resource).data(json!({"spec": {"podSelector": {}}}));
    let made = policies
        .create(&PostParams::default(), &policy)
        .await
        .unwrap();
    assert_eq!(made.data["spec"]["policyTypes"], json!(["Ingress"]));
    assert_eq!(made.types.unwrap().kind, "NetworkPolicy");
    let typed: Api<NetworkPolicy> = Api::default_namespaced(client);
    assert_eq!(typed.get("deny").await.unwrap().uid(), made.metadata.uid);
    let listed = policies
        .list(&ListParams::default().labels("!app"))
        .await
        .unwrap();
    assert_eq!(listed.items[0].name_any(), "deny");
}

#[tokio::test]
async fn a_typo_in_a_policy_is_refused_whatever_the_client_says_of_it() {
    let bench = Bench::start();
    let client = bench.client().await;
    let policies: Api<NetworkPolicy> = Api::default_namespaced(client);
    let typo = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "a"},
        "spec": {"podSelector": {}, "ingres": []},
    });
    let mut strict = PatchParams::apply("one");
    for validation in [None, Some(ValidationDirective::Strict)] {
        strict.field_validation = validation;
        let (code, _, message) = refusal(policies.patch("a", &strict, &Patch::Apply(&typo)).await);
        assert_eq!(code, 400);
        assert!(message.contains("spec.ingres"), "{message}");
    }
    let wrong = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "a"},
        "spec": {"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/99"}}]}]},
    });
    let refused = policies
        .patch("a", &PatchParams::apply("one"), &Patch::Apply(&wrong))
        .await;
    assert_eq!(refusal(refused).0, 422);
}

#[tokio::test]
async fn metadata_is_patched_alone_and_secrets_keep_their_bytes() {
    let bench = Bench::start();
    let client = bench.client().await;
    let secrets: Api<Secret> = Api::default_namespaced(client);
    let secret = json!({"metadata": {"name": "s"}, "stringData": {"p": "word"}});
    let secret: Secret = serde_json::from_value(secret).unwrap();
    let made = secrets
        .create(&PostParams::default(), &secret)
        .await
        .unwrap();
    assert_eq!(made.data.unwrap()["p"].0, b"word");
    let metadata = ObjectMeta {
        labels: Some([("a".to_owned(), "b".to_owned())].into()),
        ..ObjectMeta::default()
    };
    let patch = metadata.into_request_partial::<Secret>();
    let patched = secrets
        .patch_metadata("s", &PatchParams::apply("one"), &Patch::Apply(&patch))
        .await;
    assert_eq!(patched.unwrap().labels()["a"], "b");
    assert_eq!(secrets.get_metadata("s").await.unwrap().labels()["a"], "b");
    let listed = secrets.list_metadata(&ListParams::default()).await.unwrap();
    assert_eq!(listed.items[0].name_any(), "s");
}

#[tokio::test]
async fn nodes_are_cordoned_and_deployments_restarted() {
    let bench = Bench::start();
    let client = bench.client().await;
    let nodes: Api<Node> = Api::all(client.clone());
    let node: Node = serde_json::from_value(json!({"metadata": {"name": "n"}})).unwrap();
    nodes.create(&PostParams::default(), &node).await.unwrap();
    assert_eq!(
        nodes.cordon("n").await.unwrap().spec.unwrap().unschedulable,
        Some(true)
    );
    let node = nodes.uncordon("n").await.unwrap();
    assert_ne!(node.spec.unwrap().unschedulable, Some(true));
    let deployments: Api<Deployment> = Api::default_namespaced(client);
    deployments
        .create(&PostParams::default(), &deployment())
        .await
        .unwrap();
    let restarted = deployments.restart("web").await.unwrap();
    let template = restarted.spec.template.metadata.unwrap();
    assert!(
        template
            .annotations
            .unwrap()
            .contains_key("kube.kubernetes.io/restartedAt")
    );
}
