//! A program of the cluster with a token of its own.

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, Secret};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::api::{Api, ListParams, PostParams, WatchParams};
use ringfence_apiserver::permission::Account;
use serde_json::json;

use super::bench::{Bench, refusal};

/// What its role allows it may do, from the moment the role is there; everything else is forbidden, whether or not it exists.
#[tokio::test]
async fn an_account_may_do_what_its_roles_allow() {
    let mut bench = Bench::start();
    let account = bench.account(Account {
        namespace: "system".to_owned(),
        name: "agent".to_owned(),
    });
    let owner = bench.client().await;
    let pods: Api<Pod> = Api::all(account.await);
    let agent = pods.clone().into_client();
    let refused = pods.list(&ListParams::default()).await.unwrap_err();
    let refused = refused.to_string();
    let told = "pods is forbidden: User \"system:serviceaccount:system:agent\" cannot list resource \"pods\" in API group \"\" \
                at the cluster scope";
    assert!(refused.contains(told), "{refused}");

    let role = json!({
        "metadata": {"name": "agent"},
        "rules": [{"apiGroups": [""], "resources": ["pods", "namespaces"], "verbs": ["list", "watch"]}],
    });
    let binding = json!({
        "metadata": {"name": "agent"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "agent"},
        "subjects": [{"kind": "ServiceAccount", "name": "agent", "namespace": "system"}],
    });
    let (role, binding) = (
        serde_json::from_value::<ClusterRole>(role).unwrap(),
        serde_json::from_value::<ClusterRoleBinding>(binding).unwrap(),
    );
    let create = PostParams::default();
    Api::all(owner.clone())
        .create(&create, &role)
        .await
        .unwrap();
    Api::all(owner.clone())
        .create(&create, &binding)
        .await
        .unwrap();

    assert!(
        pods.list(&ListParams::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
    drop(pods.watch(&WatchParams::default(), "0").await.unwrap());
    let inside: Api<Pod> = Api::namespaced(agent.clone(), "default");
    inside.list(&ListParams::default()).await.unwrap();
    agent.list_core_api_resources("v1").await.unwrap();

    let forbidden = |error: kube::Error| {
        let (code, ..) = refusal::<()>(Err(error));
        assert_eq!(code, 403);
    };
    forbidden(inside.get("a").await.unwrap_err());
    let secrets: Api<Secret> = Api::all(agent.clone());
    forbidden(secrets.list(&ListParams::default()).await.unwrap_err());
    let maps: Api<ConfigMap> = Api::namespaced(agent.clone(), "default");
    forbidden(
        maps.create(&create, &ConfigMap::default())
            .await
            .unwrap_err(),
    );
    let namespaces: Api<Namespace> = Api::all(agent);
    forbidden(
        namespaces
            .delete("default", &Default::default())
            .await
            .unwrap_err(),
    );
    let roles: Api<ClusterRole> = Api::all(owner);
    roles.delete("agent", &Default::default()).await.unwrap();
    forbidden(pods.list(&ListParams::default()).await.unwrap_err());
}
