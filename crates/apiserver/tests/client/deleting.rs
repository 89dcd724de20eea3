use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{
    DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy,
};
use kube::{Api, Resource as _, ResourceExt as _};
use serde_json::json;

use super::bench::{Bench, map, pod, refusal};

#[tokio::test]
async fn a_finalizer_holds_an_object() {
    let bench = Bench::start();
    let maps: Api<ConfigMap> = Api::default_namespaced(bench.client().await);
    let mut held = map("a", "1");
    held.metadata.finalizers = Some(vec!["example.com/hold".to_owned()]);
    maps.create(&PostParams::default(), &held).await.unwrap();
    let answer = maps.delete("a", &DeleteParams::default()).await.unwrap();
    let terminating = answer.left().unwrap();
    assert!(terminating.metadata.deletion_timestamp.is_some());
    let patch = json!([{"op": "test", "path": "/metadata/finalizers/0", "value": "example.com/hold"}, {"op": "remove", "path": "/metadata/finalizers/0"}]);
    let patch: Patch<()> = Patch::Json(serde_json::from_value(patch).unwrap());
    maps.patch("a", &PatchParams::default(), &patch)
        .await
        .unwrap();
    assert_eq!(maps.get_opt("a").await.unwrap(), None);
}

/// An owner and what it owns.
async fn family(maps: &Api<ConfigMap>) {
    let owner = maps
        .create(&PostParams::default(), &map("owner", "1"))
        .await
        .unwrap();
    let mut owned = map("owned", "1");
    let reference: OwnerReference = owner.controller_owner_ref(&()).unwrap();
    owned.metadata.owner_references = Some(vec![reference]);
    maps.create(&PostParams::default(), &owned).await.unwrap();
}

#[tokio::test]
async fn what_is_owned_goes_or_stays_as_the_client_asks() {
    for (params, stays) in [
        (DeleteParams::background(), false),
        (DeleteParams::foreground(), false),
        (DeleteParams::orphan(), true),
        (DeleteParams::default(), false),
    ] {
        let bench = Bench::start();
        let maps: Api<ConfigMap> = Api::default_namespaced(bench.client().await);
        family(&maps).await;
        maps.delete("owner", &params).await.unwrap();
        assert_eq!(maps.get_opt("owner").await.unwrap(), None, "{params:?}");
        let owned = maps.get_opt("owned").await.unwrap();
        assert_eq!(owned.is_some(), stays, "{params:?}");
        assert!(owned.is_none_or(|owned| owned.owner_references().is_empty()));
    }
}

#[tokio::test]
async fn pods_end_in_their_time_or_at_once() {
    let bench = Bench::start();
    let pods: Api<Pod> = Api::default_namespaced(bench.client().await);
    for name in ["slow", "quick"] {
        pods.create(&PostParams::default(), &pod(name))
            .await
            .unwrap();
    }
    let slow = pods
        .delete("slow", &DeleteParams::default())
        .await
        .unwrap()
        .left()
        .unwrap();
    assert_eq!(slow.metadata.deletion_grace_period_seconds, Some(30));
    let now = DeleteParams::default().grace_period(0);
    pods.delete("quick", &now).await.unwrap();
    pods.delete("slow", &now).await.unwrap();
    assert!(
        pods.list(&ListParams::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

#[tokio::test]
async fn only_the_object_that_is_meant_is_deleted() {
    let bench = Bench::start();
    let maps: Api<ConfigMap> = Api::default_namespaced(bench.client().await);
    let made = maps
        .create(&PostParams::default(), &map("a", "1"))
        .await
        .unwrap();
    let conditions = |uid: Option<&str>, resource_version: Option<&str>| DeleteParams {
        preconditions: Some(Preconditions {
            uid: uid.map(str::to_owned),
            resource_version: resource_version.map(str::to_owned),
        }),
        propagation_policy: Some(PropagationPolicy::Background),
        ..DeleteParams::default()
    };
    assert_eq!(
        refusal(maps.delete("a", &conditions(Some("other"), None)).await).0,
        409
    );
    assert_eq!(
        refusal(maps.delete("a", &conditions(None, Some("1"))).await).0,
        409
    );
    let (uid, revision) = (made.uid().unwrap(), made.resource_version().unwrap());
    maps.delete("a", &conditions(Some(&uid), Some(&revision)))
        .await
        .unwrap();
    assert_eq!(
        refusal(maps.delete("a", &DeleteParams::default()).await).0,
        404
    );
}

#[tokio::test]
async fn a_rehearsed_deletion_deletes_nothing() {
    let bench = Bench::start();
    let maps: Api<ConfigMap> = Api::default_namespaced(bench.client().await);
    maps.create(&PostParams::default(), &map("a", "1"))
        .await
        .unwrap();
    let rehearsal = DeleteParams::default().dry_run();
    maps.delete("a", &rehearsal).await.unwrap();
    maps.delete_collection(&rehearsal, &ListParams::default())
        .await
        .unwrap();
    assert!(maps.get_opt("a").await.unwrap().is_some());
}

#[tokio::test]
async fn collections_are_deleted_by_selector() {
    let bench = Bench::start();
    let maps: Api<ConfigMap> = Api::default_namespaced(bench.client().await);
    for name in ["a", "b"] {
        maps.create(&PostParams::default(), &map(name, "1"))
            .await
            .unwrap();
    }
    let mut other = map("c", "1");
    other.labels_mut().clear();
    maps.create(&PostParams::default(), &other).await.unwrap();
    let web = ListParams::default().labels("app=web");
    maps.delete_collection(&DeleteParams::default(), &web)
        .await
        .unwrap();
    let left = maps.list(&ListParams::default()).await.unwrap();
    assert_eq!(
        left.iter().map(|map| map.name_any()).collect::<Vec<_>>(),
        ["c"]
    );
}

#[tokio::test]
async fn a_namespace_takes_its_content_along() {
    let bench = Bench::start();
    let client = bench.client().await;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let namespace: Namespace =
        serde_json::from_value(json!({"metadata": {"name": "made"}})).unwrap();
    let made = namespaces
        .create(&PostParams::default(), &namespace)
        .await
        .unwrap();
    assert_eq!(made.labels()["kubernetes.io/metadata.name"], "made");
    let maps: Api<ConfigMap> = Api::namespaced(client, "made");
    let mut inside = map("a", "1");
    inside.metadata.namespace = None;
    inside.metadata.finalizers = Some(vec!["example.com/hold".to_owned()]);
    maps.create(&PostParams::default(), &inside).await.unwrap();
    namespaces
        .delete("made", &DeleteParams::default())
        .await
        .unwrap();
    let waiting = namespaces.get("made").await.unwrap();
    assert_eq!(
        waiting.status.unwrap().phase.as_deref(),
        Some("Terminating")
    );
    inside.metadata.name = Some("b".to_owned());
    assert_eq!(
        refusal(maps.create(&PostParams::default(), &inside).await).0,
        403
    );
    let patch = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    maps.patch("a", &PatchParams::default(), &patch)
        .await
        .unwrap();
    assert_eq!(namespaces.get_opt("made").await.unwrap(), None);
    assert_eq!(
        refusal(maps.create(&PostParams::default(), &inside).await).0,
        404
    );
}
