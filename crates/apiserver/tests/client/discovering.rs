use std::collections::BTreeSet;

use futures_util::pin_mut;
use kube::api::{DynamicObject, ListParams};
use kube::core::{GroupVersionKind, PartialObjectMeta};
use kube::discovery::{ApiCapabilities, ApiResource, Discovery, Scope, verbs};
use kube::runtime::watcher::watcher;
use kube::{Api, Client};

use super::bench::Bench;
use super::watching::{next, ways};

fn resources(discovery: &Discovery) -> Vec<(ApiResource, ApiCapabilities)> {
    let groups = discovery.groups_alphabetical();
    groups
        .into_iter()
        .flat_map(kube::discovery::ApiGroup::recommended_resources)
        .collect()
}

async fn found(client: Client) -> Vec<(ApiResource, ApiCapabilities)> {
    resources(&Discovery::new(client).run_aggregated().await.unwrap())
}

#[tokio::test]
async fn both_forms_of_discovery_name_the_same() {
    let bench = Bench::start();
    let client = bench.client().await;
    let names = |found: Vec<(ApiResource, ApiCapabilities)>| -> BTreeSet<String> {
        let name = |(resource, can): (ApiResource, ApiCapabilities)| {
            let namespaced = can.scope == Scope::Namespaced;
            let subresources: BTreeSet<&str> = can
                .subresources
                .iter()
                .map(|(sub, _)| sub.plural.rsplit('/').next().unwrap())
                .collect();
            let verbs: BTreeSet<&String> = can.operations.iter().collect();
            format!(
                "{} {} {} {namespaced} {verbs:?} {subresources:?}",
                resource.api_version, resource.kind, resource.plural
            )
        };
        found.into_iter().map(name).collect()
    };
    let plain = resources(&Discovery::new(client.clone()).run().await.unwrap());
    let aggregated = found(client).await;
    assert!(plain.len() > 15);
    assert_eq!(names(plain), names(aggregated));
}

#[tokio::test]
async fn every_kind_that_is_told_of_is_listed_and_watched() {
    let bench = Bench::start();
    let client = bench.client().await;
    for (resource, can) in found(client.clone()).await {
        if !can.supports_operation(verbs::LIST) {
            continue;
        }
        let all: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
        let listed = all.list(&ListParams::default()).await.unwrap();
        assert_eq!(listed.types.kind, format!("{}List", resource.kind));
        assert_eq!(listed.types.api_version, resource.api_version);
        all.list_metadata(&ListParams::default()).await.unwrap();
        assert!(can.supports_operation(verbs::WATCH), "{}", resource.kind);
        for way in ways() {
            let stream = watcher(all.clone(), way);
            pin_mut!(stream);
            assert_eq!(next(&mut stream).await, "init");
            while next(&mut stream).await != "done" {}
        }
    }
}

#[tokio::test]
async fn groups_and_kinds_are_found_by_name() {
    let bench = Bench::start();
    let client = bench.client().await;
    let group = kube::discovery::group(&client, "policy.networking.k8s.io")
        .await
        .unwrap();
    assert_eq!(group.preferred_version(), Some("v1beta1"));
    let (resource, can) = group.recommended_kind("ClusterNetworkPolicy").unwrap();
    assert_eq!(
        (resource.plural.as_str(), can.scope),
        ("clusternetworkpolicies", Scope::Cluster)
    );
    let gvk = GroupVersionKind::gvk("apps", "v1", "Deployment");
    let (deployment, can) = kube::discovery::pinned_kind(&client, &gvk).await.unwrap();
    let subresources: BTreeSet<&str> = can
        .subresources
        .iter()
        .map(|(sub, _)| sub.kind.as_str())
        .collect();
    assert_eq!(subresources, BTreeSet::from(["Deployment", "Scale"]));
    let partial: Api<PartialObjectMeta<DynamicObject>> = Api::all_with(client.clone(), &deployment);
    assert!(
        partial
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
    let version = client.apiserver_version().await.unwrap();
    assert_eq!(version.major, "1");
    assert!(
        kube::discovery::group(&client, "none.example.com")
            .await
            .is_err()
    );
}
