use k8s_openapi::api::apps::v1::{Deployment, DeploymentStatus};
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::authorization::v1::{SelfSubjectAccessReview, SelfSubjectRulesReview};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{EvictParams, Patch, PatchParams, PostParams};
use serde_json::json;

use super::bench::{Bench, pod, refusal};

fn deployment() -> Deployment {
    serde_json::from_value(json!({
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 2, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}},
        },
    }))
    .unwrap()
}

#[tokio::test]
async fn a_deployment_is_scaled() {
    let bench = Bench::start();
    let deployments: Api<Deployment> = Api::default_namespaced(bench.client().await);
    deployments
        .create(&PostParams::default(), &deployment())
        .await
        .unwrap();
    let scale = deployments.get_scale("web").await.unwrap();
    assert_eq!(scale.spec.as_ref().unwrap().replicas, Some(2));
    assert_eq!(
        scale.status.as_ref().unwrap().selector.as_deref(),
        Some("app=web")
    );
    let patch = Patch::Merge(json!({"spec": {"replicas": 3}}));
    let patched = deployments
        .patch_scale("web", &PatchParams::default(), &patch)
        .await
        .unwrap();
    assert_eq!(patched.spec.unwrap().replicas, Some(3));
    let mut scale = deployments.get_scale("web").await.unwrap();
    scale.spec.as_mut().unwrap().replicas = Some(5);
    deployments
        .replace_scale("web", &PostParams::default(), &scale)
        .await
        .unwrap();
    assert_eq!(deployments.get("web").await.unwrap().spec.replicas, Some(5));
    assert_eq!(
        refusal(
            deployments
                .replace_scale("web", &PostParams::default(), &scale)
                .await
        )
        .0,
        409
    );
}

#[tokio::test]
async fn the_status_is_written_apart() {
    let bench = Bench::start();
    let deployments: Api<Deployment> = Api::default_namespaced(bench.client().await);
    let mut sent = deployment();
    sent.status = Some(DeploymentStatus {
        replicas: Some(9),
        ..DeploymentStatus::default()
    });
    let mut made = deployments
        .create(&PostParams::default(), &sent)
        .await
        .unwrap();
    assert_eq!(made.status.unwrap_or_default().replicas, None);
    made.status = Some(DeploymentStatus {
        replicas: Some(4),
        ..DeploymentStatus::default()
    });
    made.spec.replicas = Some(8);
    let written = deployments
        .replace_status("web", &PostParams::default(), &made)
        .await
        .unwrap();
    assert_eq!(written.spec.replicas, Some(2));
    assert_eq!(written.status.unwrap().replicas, Some(4));
    let patch = Patch::Merge(json!({"status": {"readyReplicas": 1}}));
    deployments
        .patch_status("web", &PatchParams::default(), &patch)
        .await
        .unwrap();
    let found = deployments.get_status("web").await.unwrap();
    assert_eq!(found.status.unwrap().ready_replicas, Some(1));
    let main = Patch::Merge(json!({"status": {"readyReplicas": 7}}));
    let kept = deployments
        .patch("web", &PatchParams::default(), &main)
        .await
        .unwrap();
    assert_eq!(kept.status.unwrap().ready_replicas, Some(1));
}

#[tokio::test]
async fn a_pod_is_evicted() {
    let bench = Bench::start();
    let pods: Api<Pod> = Api::default_namespaced(bench.client().await);
    pods.create(&PostParams::default(), &pod("p"))
        .await
        .unwrap();
    let status = pods.evict("p", &EvictParams::default()).await.unwrap();
    assert!(status.is_success());
    let ending = pods.get("p").await.unwrap();
    assert!(ending.metadata.deletion_timestamp.is_some());
    assert_eq!(
        refusal(pods.evict("none", &EvictParams::default()).await).0,
        404
    );
}

#[tokio::test]
async fn a_pod_is_bound_to_a_node() {
    let bench = Bench::start();
    let pods: Api<Pod> = Api::default_namespaced(bench.client().await);
    let mut free = pod("p");
    free.spec.as_mut().unwrap().node_name = None;
    pods.create(&PostParams::default(), &free).await.unwrap();
    let binding = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}, "target": {"apiVersion": "v1", "kind": "Node", "name": "n"}});
    let bound: kube::core::Status = pods
        .create_subresource("binding", "p", &PostParams::default(), &binding)
        .await
        .unwrap();
    assert!(bound.is_success());
    assert_eq!(
        pods.get("p")
            .await
            .unwrap()
            .spec
            .unwrap()
            .node_name
            .as_deref(),
        Some("n")
    );
    let again: kube::Result<kube::core::Status> = pods
        .create_subresource("binding", "p", &PostParams::default(), &binding)
        .await;
    assert_eq!(refusal(again).0, 409);
}

#[tokio::test]
async fn the_only_user_may_do_everything_and_is_told_so() {
    let bench = Bench::start();
    let client = bench.client().await;
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let question = json!({"spec": {"resourceAttributes": {"verb": "create", "resource": "pods", "namespace": "default"}}});
    let question: SelfSubjectAccessReview = serde_json::from_value(question).unwrap();
    let answer = reviews
        .create(&PostParams::default(), &question)
        .await
        .unwrap();
    assert!(answer.status.unwrap().allowed);
    assert_eq!(
        answer.spec.resource_attributes.unwrap().verb.as_deref(),
        Some("create")
    );
    let rules: Api<SelfSubjectRulesReview> = Api::all(client.clone());
    let question = serde_json::from_value(json!({"spec": {"namespace": "default"}})).unwrap();
    let answer = rules
        .create(&PostParams::default(), &question)
        .await
        .unwrap();
    assert_eq!(answer.status.unwrap().resource_rules[0].verbs, ["*"]);
    let who: Api<SelfSubjectReview> = Api::all(client);
    let answer = who
        .create(&PostParams::default(), &SelfSubjectReview::default())
        .await
        .unwrap();
    let user = answer.status.unwrap().user_info.unwrap();
    assert!(user.groups.unwrap().contains(&"system:masters".to_owned()));
}
