use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};

use super::bench::{Bench, map, refusal};

fn manager(name: &str) -> PatchParams {
    PatchParams::apply(name)
}

fn data(data: &Value) -> Patch<Value> {
    Patch::Apply(
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data}),
    )
}

fn held(map: &ConfigMap) -> Value {
    serde_json::to_value(&map.data).unwrap()
}

/// The fields below `data` that each manager has.
fn owners(map: &ConfigMap) -> Vec<(String, Vec<String>)> {
    let fields = |value: &Value| {
        let fields = value["f:data"].as_object();
        fields
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone())
            .filter(|name| name != ".")
            .collect()
    };
    let entries = map.managed_fields().iter();
    entries
        .map(|entry| {
            (
                entry.manager.clone().unwrap(),
                fields(&entry.fields_v1.as_ref().unwrap().0),
            )
        })
        .collect()
}

#[tokio::test]
async fn two_managers_share_an_object() {
    let bench = Bench::start();
    let maps: Api<ConfigMap> = Api::default_namespaced(bench.client().await);
    maps.patch("a", &manager("one"), &data(&json!({"x": "1", "y": "1"})))
        .await
        .unwrap();
    let both = maps
        .patch("a", &manager("two"), &data(&json!({"z": "1"})))
        .await
        .unwrap();
    assert_eq!(held(&both), json!({"x": "1", "y": "1", "z": "1"}));

    // What another manages is not changed without force.
    let refused = maps
        .patch("a", &manager("two"), &data(&json!({"x": "2", "z": "1"})))
        .await;
    let kube::Error::Api(status) = refused.unwrap_err() else {
        panic!("not an answer");
    };
    assert_eq!((status.code, status.reason.as_str()), (409, "Conflict"));
    let cause = &status.details.as_ref().unwrap().causes[0];
    assert_eq!(
        (cause.reason.as_str(), cause.field.as_str()),
        ("FieldManagerConflict", ".data.x")
    );
    assert!(cause.message.contains("\"one\""), "{}", cause.message);

    let forced = manager("two").force();
    let taken = maps
        .patch("a", &forced, &data(&json!({"x": "2", "z": "1"})))
        .await
        .unwrap();
    assert_eq!(held(&taken), json!({"x": "2", "y": "1", "z": "1"}));
    let expected = [
        ("one".to_owned(), vec!["f:y".to_owned()]),
        ("two".to_owned(), vec!["f:x".to_owned(), "f:z".to_owned()]),
    ];
    assert_eq!(owners(&taken), expected);

    // The same value is shared, and stays until the last who has it leaves it out.
    maps.patch("a", &manager("one"), &data(&json!({"x": "2"})))
        .await
        .unwrap();
    let left = maps
        .patch("a", &manager("two"), &data(&json!({"z": "1"})))
        .await
        .unwrap();
    assert_eq!(held(&left), json!({"x": "2", "z": "1"}));
    let left = maps
        .patch("a", &manager("one"), &data(&json!({})))
        .await
        .unwrap();
    assert_eq!(held(&left), json!({"z": "1"}));
}

#[tokio::test]
async fn the_same_apply_twice_is_no_write() {
    let bench = Bench::start();
    let maps: Api<ConfigMap> = Api::default_namespaced(bench.client().await);
    let first = maps
        .patch("a", &manager("one"), &data(&json!({"x": "1"})))
        .await
        .unwrap();
    let second = maps
        .patch("a", &manager("one"), &data(&json!({"x": "1"})))
        .await
        .unwrap();
    assert_eq!(first.resource_version(), second.resource_version());
    let tried = manager("one").dry_run();
    let tried = maps
        .patch("a", &tried, &data(&json!({"x": "2"})))
        .await
        .unwrap();
    assert_eq!(held(&tried), json!({"x": "2"}));
    assert_eq!(held(&maps.get("a").await.unwrap()), json!({"x": "1"}));
}

#[tokio::test]
async fn who_writes_otherwise_is_a_manager_too() {
    let bench = Bench::start();
    let maps: Api<ConfigMap> = Api::default_namespaced(bench.client().await);
    let params = PostParams {
        field_manager: Some("maker".to_owned()),
        ..PostParams::default()
    };
    maps.create(&params, &map("a", "1")).await.unwrap();
    let refused = maps
        .patch("a", &manager("one"), &data(&json!({"value": "2"})))
        .await;
    let (code, _, message) = refusal(refused);
    assert_eq!(code, 409);
    assert!(message.contains("maker"), "{message}");
    let forced = manager("one").force();
    let taken = maps
        .patch("a", &forced, &data(&json!({"value": "2"})))
        .await
        .unwrap();
    assert_eq!(held(&taken), json!({"value": "2"}));
}

fn deployment(containers: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": containers}},
        },
    })
}

#[tokio::test]
async fn items_of_a_list_have_their_own_managers() {
    let bench = Bench::start();
    let deployments: Api<Deployment> = Api::default_namespaced(bench.client().await);
    let whole = deployment(&json!([{"name": "c", "image": "i:1"}]));
    deployments
        .patch("web", &manager("one"), &Patch::Apply(whole))
        .await
        .unwrap();
    let beside = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "spec": {"template": {"spec": {"containers": [{"name": "side", "image": "s:1"}, {"name": "c", "env": [{"name": "A", "value": "1"}]}]}}},
    });
    deployments
        .patch("web", &manager("two"), &Patch::Apply(beside))
        .await
        .unwrap();
    let again = deployment(&json!([{"name": "c", "image": "i:2"}]));
    let merged = deployments
        .patch("web", &manager("one"), &Patch::Apply(again))
        .await
        .unwrap();
    let containers = merged.spec.template.spec.unwrap().containers;
    let names: Vec<(&str, &str)> = containers
        .iter()
        .map(|container| (container.name.as_str(), container.image.as_deref().unwrap()))
        .collect();
    assert_eq!(names, [("c", "i:2"), ("side", "s:1")]);
    assert_eq!(containers[0].env.as_ref().unwrap()[0].name, "A");

    let nothing = json!({"apiVersion": "apps/v1", "kind": "Deployment"});
    let left = deployments
        .patch("web", &manager("two"), &Patch::Apply(nothing))
        .await
        .unwrap();
    let containers = left.spec.template.spec.unwrap().containers;
    assert_eq!(containers.len(), 1);
    assert!(containers[0].env.as_ref().is_none_or(Vec::is_empty));
}

#[tokio::test]
async fn the_status_is_applied_apart() {
    let bench = Bench::start();
    let deployments: Api<Deployment> = Api::default_namespaced(bench.client().await);
    let whole = deployment(&json!([{"name": "c", "image": "i:1"}]));
    deployments
        .patch("web", &manager("one"), &Patch::Apply(whole))
        .await
        .unwrap();
    let status = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 7},
        "status": {"replicas": 3, "readyReplicas": 2},
    });
    let written = deployments
        .patch_status("web", &manager("two"), &Patch::Apply(status))
        .await
        .unwrap();
    assert_eq!(written.spec.replicas, Some(1));
    assert_eq!(written.status.as_ref().unwrap().ready_replicas, Some(2));
    let entries = written.managed_fields();
    let two = entries
        .iter()
        .find(|entry| entry.manager.as_deref() == Some("two"))
        .unwrap();
    assert_eq!(two.subresource.as_deref(), Some("status"));
}

/// A selector is one value, and what is emptied goes: of a choice of fields the other one can be applied.
#[tokio::test]
async fn another_side_of_a_choice_is_applied() {
    let bench = Bench::start();
    let client = bench.client().await;
    let policies: Api<NetworkPolicy> = Api::default_namespaced(client.clone());
    let policy = |metadata: Value, spec: Value| {
        Patch::Apply(json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec,
        }))
    };
    let bare = || json!({"name": "p"});
    let spec = json!({"podSelector": {"matchLabels": {"app": "x", "tier": "y"}}, "ingress": [{}]});
    let one = manager("one");
    let before = policy(json!({"name": "p", "labels": {"team": "a"}}), spec);
    policies.patch("p", &one, &before).await.unwrap();
    // Another manager's selector counts as a whole.
    let other = json!({"podSelector": {"matchLabels": {"app": "z"}}});
    let (two, wanted) = (manager("two"), policy(bare(), other.clone()));
    let (code, _, message) = refusal(policies.patch("p", &two, &wanted).await);
    assert_eq!(code, 409);
    assert!(message.ends_with(": .spec.podSelector"), "{message}");
    let after = policies
        .patch("p", &one, &policy(bare(), other))
        .await
        .unwrap();
    let after = serde_json::to_value(after).unwrap();
    assert_eq!(
        after["spec"]["podSelector"],
        json!({"matchLabels": {"app": "z"}})
    );
    assert_eq!(after["metadata"].get("labels"), None);
    let all = json!({"podSelector": {}, "policyTypes": ["Ingress"]});
    let after = policies
        .patch("p", &one, &policy(bare(), all.clone()))
        .await
        .unwrap();
    let after = serde_json::to_value(after).unwrap();
    assert_eq!(after["spec"], all);

    let resource = kube::core::ApiResource::from_gvk(&kube::core::GroupVersionKind::gvk(
        "policy.networking.k8s.io",
        "v1alpha2",
        "ClusterNetworkPolicy",
    ));
    let policies: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let namespaces = json!({"namespaces": {"matchLabels": {"team": "a"}}});
    let pods = json!({"pods": {"podSelector": {"matchLabels": {"team": "a"}}}});
    for subject in [&namespaces, &pods, &namespaces] {
        let wanted = json!({
            "apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy", "metadata": {"name": "p"},
            "spec": {"tier": "Admin", "priority": 1, "subject": subject},
        });
        let applied = policies
            .patch("p", &one, &Patch::Apply(wanted))
            .await
            .unwrap();
        assert_eq!(&applied.data["spec"]["subject"], subject);
    }

    let deployments: Api<Deployment> = Api::default_namespaced(client);
    let rolling =
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
    for strategy in [&rolling, &json!({"type": "Recreate"})] {
        let wanted = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {
                "strategy": strategy, "selector": {"matchLabels": {"app": "d"}}, "template": {
                    "metadata": {"labels": {"app": "d"}}, "spec": {"containers": [{"name": "c", "image": "i"}]},
                },
            },
        });
        let applied = deployments
            .patch("d", &one, &Patch::Apply(wanted))
            .await
            .unwrap();
        let applied = serde_json::to_value(applied).unwrap();
        assert_eq!(&applied["spec"]["strategy"], strategy);
    }
}
