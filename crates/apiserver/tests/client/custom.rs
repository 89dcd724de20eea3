use futures_util::pin_mut;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::discovery::ApiResource;
use kube::runtime::wait::{self, conditions};
use kube::runtime::watcher::{Config, watcher};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};

use super::bench::{Bench, LIMIT, refusal};
use super::watching::expect;

fn definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "foos.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"plural": "foos", "kind": "Foo", "shortNames": ["fo"], "categories": ["all"]},
            "versions": [
                {"name": "v1beta1", "served": true, "storage": false, "schema": {"openAPIV3Schema": schema()}},
                {
                    "name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema()},
                    "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}},
                    "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}],
                },
            ],
        },
    })
}

fn schema() -> Value {
    json!({"type": "object", "properties": {
        "spec": {"type": "object", "required": ["size"], "properties": {
            "size": {"type": "integer", "minimum": 1},
            "color": {"type": "string", "enum": ["red", "blue"], "default": "red"},
            "more": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}},
        }},
        "status": {"type": "object", "properties": {"size": {"type": "integer"}}},
    }})
}

async fn define(client: &Client) -> Api<CustomResourceDefinition> {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let params = PatchParams::apply("test");
    definitions
        .patch("foos.example.com", &params, &Patch::Apply(definition()))
        .await
        .unwrap();
    let established = conditions::is_crd_established();
    let established = wait::await_condition(definitions.clone(), "foos.example.com", established);
    tokio::time::timeout(LIMIT, established)
        .await
        .unwrap()
        .unwrap();
    definitions
}

async fn foos(client: &Client, version: &str) -> (Api<DynamicObject>, ApiResource) {
    let gvk = GroupVersionKind::gvk("example.com", version, "Foo");
    let (resource, _) = kube::discovery::pinned_kind(client, &gvk).await.unwrap();
    (
        Api::default_namespaced_with(client.clone(), &resource),
        resource,
    )
}

fn foo(resource: &ApiResource, name: &str, spec: Value) -> DynamicObject {
    DynamicObject::new(name, resource).data(json!({"spec": spec}))
}

#[tokio::test]
async fn what_is_defined_is_served_and_checked() {
    let bench = Bench::start();
    let client = bench.client().await;
    define(&client).await;
    let (foos, resource) = foos(&client, "v1").await;
    let params = PostParams::default();
    let made = foos
        .create(&params, &foo(&resource, "a", json!({"size": 1})))
        .await
        .unwrap();
    assert_eq!(made.data["spec"], json!({"size": 1, "color": "red"}));
    for (spec, code, word) in [
        (json!({"size": 0}), 422, "greater than or equal to 1"),
        (json!({}), 422, "spec.size: Required value"),
        (json!({"size": "1"}), 422, "must be of type integer"),
        (
            json!({"size": 1, "color": "green"}),
            422,
            "supported values: \"red\", \"blue\"",
        ),
        (json!({"size": 1, "sise": 2}), 400, "spec.sise"),
    ] {
        let (found, _, message) = refusal(foos.create(&params, &foo(&resource, "b", spec)).await);
        assert_eq!(found, code, "{message}");
        assert!(message.contains(word), "{message}");
    }
    let strategic = Patch::Strategic(json!({"spec": {"size": 2}}));
    assert_eq!(
        refusal(foos.patch("a", &PatchParams::default(), &strategic).await).0,
        415
    );
    let groups = kube::discovery::group(&client, "example.com")
        .await
        .unwrap();
    assert_eq!(groups.preferred_version(), Some("v1"));
}

#[tokio::test]
async fn custom_resources_are_watched_scaled_and_have_a_status() {
    let bench = Bench::start();
    let client = bench.client().await;
    define(&client).await;
    let (foos, resource) = foos(&client, "v1").await;
    let stream = watcher(foos.clone(), Config::default());
    pin_mut!(stream);
    expect(&mut stream, &["init", "done"]).await;
    let mut sent = foo(&resource, "a", json!({"size": 1}));
    sent.data["status"] = json!({"size": 9});
    let made = foos.create(&PostParams::default(), &sent).await.unwrap();
    assert_eq!(made.data.get("status"), None);
    expect(&mut stream, &["apply a"]).await;
    let status = Patch::Merge(json!({"spec": {"size": 7}, "status": {"size": 1}}));
    let written = foos
        .patch_status("a", &PatchParams::default(), &status)
        .await
        .unwrap();
    assert_eq!(
        (
            &written.data["spec"]["size"],
            &written.data["status"]["size"]
        ),
        (&json!(1), &json!(1))
    );
    assert_eq!(written.metadata.generation, Some(1));
    let scale = Patch::Merge(json!({"spec": {"replicas": 3}}));
    let scale = foos
        .patch_scale("a", &PatchParams::default(), &scale)
        .await
        .unwrap();
    assert_eq!(scale.status.unwrap().replicas, 1);
    let found = foos.get("a").await.unwrap();
    assert_eq!(
        (
            found.data["spec"]["size"].as_i64(),
            found.metadata.generation
        ),
        (Some(3), Some(2))
    );
}

#[tokio::test]
async fn two_managers_share_a_custom_resource_in_any_version() {
    let bench = Bench::start();
    let client = bench.client().await;
    define(&client).await;
    let (foos, _) = foos(&client, "v1beta1").await;
    let apply = |spec: Value| {
        Patch::Apply(json!({"apiVersion": "example.com/v1beta1", "kind": "Foo", "spec": spec}))
    };
    let (one, two) = (PatchParams::apply("one"), PatchParams::apply("two"));
    foos.patch("a", &one, &apply(json!({"size": 1, "more": {"a": "1"}})))
        .await
        .unwrap();
    let both = foos
        .patch("a", &two, &apply(json!({"more": {"b": "1"}})))
        .await
        .unwrap();
    assert_eq!(both.data["spec"]["more"], json!({"a": "1", "b": "1"}));
    assert_eq!(
        both.types.as_ref().unwrap().api_version,
        "example.com/v1beta1"
    );
    assert_eq!(
        refusal(
            foos.patch("a", &two, &apply(json!({"more": {"a": "2"}})))
                .await
        )
        .0,
        409
    );
    let left = foos
        .patch("a", &one, &apply(json!({"size": 2})))
        .await
        .unwrap();
    assert_eq!(
        left.data["spec"],
        json!({"size": 2, "color": "red", "more": {"b": "1"}})
    );
}

#[tokio::test]
async fn a_definition_takes_its_objects_along() {
    let bench = Bench::start();
    let client = bench.client().await;
    let definitions = define(&client).await;
    let (foos, resource) = foos(&client, "v1").await;
    let mut held = foo(&resource, "a", json!({"size": 1}));
    held.metadata.finalizers = Some(vec!["example.com/hold".to_owned()]);
    let made = foos.create(&PostParams::default(), &held).await.unwrap();
    definitions
        .delete("foos.example.com", &DeleteParams::default())
        .await
        .unwrap();
    assert!(
        definitions
            .get("foos.example.com")
            .await
            .unwrap()
            .metadata
            .deletion_timestamp
            .is_some()
    );
    assert!(
        foos.get("a")
            .await
            .unwrap()
            .metadata
            .deletion_timestamp
            .is_some()
    );
    let other = foo(&resource, "b", json!({"size": 1}));
    assert_eq!(
        refusal(foos.create(&PostParams::default(), &other).await).0,
        405
    );
    let free = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    foos.patch("a", &PatchParams::default(), &free)
        .await
        .unwrap();
    assert_eq!(definitions.get_opt("foos.example.com").await.unwrap(), None);
    assert_eq!(refusal(foos.list(&ListParams::default()).await).0, 404);

    define(&client).await;
    let again = foos
        .create(
            &PostParams::default(),
            &foo(&resource, "a", json!({"size": 1})),
        )
        .await
        .unwrap();
    assert_ne!(again.uid(), made.uid());
}

/// Whoever installs the definitions of the network policy API, and takes them away again, loses no policy.
#[tokio::test]
async fn a_definition_of_what_is_there_anyway_takes_nothing_along() {
    let bench = Bench::start();
    let client = bench.client().await;
    let name = "clusternetworkpolicies.policy.networking.k8s.io";
    let mut defined = definition();
    defined["metadata"]["name"] = json!(name);
    defined["spec"]["group"] = json!("policy.networking.k8s.io");
    defined["spec"]["scope"] = json!("Cluster");
    defined["spec"]["names"] =
        json!({"plural": "clusternetworkpolicies", "kind": "ClusterNetworkPolicy"});
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let apply = PatchParams::apply("test");
    let defined = Patch::Apply(defined);
    let defined = definitions.patch(name, &apply, &defined);
    defined.await.unwrap();
    let gvk = GroupVersionKind::gvk(
        "policy.networking.k8s.io",
        "v1alpha2",
        "ClusterNetworkPolicy",
    );
    let (resource, _) = kube::discovery::pinned_kind(&client, &gvk).await.unwrap();
    let policies: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let policy = DynamicObject::new("guard", &resource).data(json!({"spec": {
        "tier": "Admin", "priority": 1, "subject": {"namespaces": {}},
        "ingress": [{"action": "Deny", "from": [{"namespaces": {}}]}],
    }}));
    policies
        .create(&PostParams::default(), &policy)
        .await
        .unwrap();
    definitions
        .delete(name, &DeleteParams::default())
        .await
        .unwrap();
    let gone = wait::await_condition(definitions, name, conditions::is_deleted(""));
    let gone = tokio::time::timeout(LIMIT, gone).await;
    assert!(gone.is_ok(), "the definition stays");
    assert!(policies.get_opt("guard").await.unwrap().is_some());
}

#[tokio::test]
async fn definitions_that_are_not_structural_are_refused() {
    let bench = Bench::start();
    let definitions: Api<CustomResourceDefinition> = Api::all(bench.client().await);
    let refuse = |change: fn(&mut Value)| {
        let mut definition = definition();
        change(&mut definition);
        let definitions = definitions.clone();
        async move {
            let params = PatchParams::apply("test");
            let name = definition["metadata"]["name"].as_str().unwrap().to_owned();
            refusal(
                definitions
                    .patch(&name, &params, &Patch::Apply(definition))
                    .await,
            )
        }
    };
    for (change, word) in [
        (
            (|crd| crd["metadata"]["name"] = "bars.example.com".into()) as fn(&mut Value),
            "foos.example.com",
        ),
        (
            |crd| crd["spec"]["versions"][0]["storage"] = true.into(),
            "exactly one version",
        ),
        (
            |crd| crd["spec"]["scope"] = "Everywhere".into(),
            "spec.scope",
        ),
        (
            |crd| {
                crd["spec"]["versions"][1]["schema"]["openAPIV3Schema"]["properties"]["x"] =
                    json!({})
            },
            "properties[x].type",
        ),
        (
            |crd| crd["spec"]["conversion"] = json!({"strategy": "Webhook"}),
            "no webhooks",
        ),
    ] {
        let (code, _, message) = refuse(change).await;
        assert_eq!(code, 422, "{message}");
        assert!(message.contains(word), "{message}");
    }
}
