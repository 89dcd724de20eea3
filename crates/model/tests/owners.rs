//! To which workload a pod belongs: the top of its chain of owners.

use ringfence_model::{Cluster, Input, LoadOptions, assemble, load};

fn assembled(text: &str) -> Cluster {
    let input = Input {
        name: "m.yaml".to_owned(),
        text: text.to_owned(),
    };
    let loaded = load(&[input], &LoadOptions::default());
    assert_eq!(loaded.diagnostics, [], "{text}");
    assemble(&loaded.objects).0
}

/// `pod: kind name` of each pod.
fn workloads(text: &str) -> Vec<String> {
    let cluster = assembled(text);
    let line = |pod: &ringfence_model::Pod| match &pod.workload {
        Some(owner) => format!("{}: {} {}", pod.name.name, owner.kind, owner.name),
        None => format!("{}: -", pod.name.name),
    };
    cluster.pods.values().map(line).collect()
}

fn owned_by(owner: &str) -> String {
    let [kind, name] = owner.split(' ').collect::<Vec<_>>()[..] else {
        return String::new();
    };
    format!(
        ", ownerReferences: [{{apiVersion: x/v1, kind: Other, name: o, uid: u}}, \
         {{apiVersion: apps/v1, kind: {kind}, name: {name}, uid: u, controller: true}}]"
    )
}

fn pod(owner: &str, labels: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: p, labels: {{{labels}}}{}}}\n\
         spec: {{containers: [{{name: c, image: i}}]}}\n---\n",
        owned_by(owner)
    )
}

const TEMPLATE: &str =
    "template: {metadata: {labels: {app: a}}, spec: {containers: [{name: c, image: i}]}}";

fn workload(kind: &str, name: &str, owner: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: {name}{}}}\n\
         spec: {{selector: {{matchLabels: {{app: a}}}}, {TEMPLATE}}}\n---\n",
        owned_by(owner)
    )
}

fn job(owner: &str) -> String {
    format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: job{}}}\n\
         spec: {{template: {{spec: {{restartPolicy: Never, containers: [{{name: c, image: i}}]}}}}}}\n---\n",
        owned_by(owner)
    )
}

const HASH: &str = "pod-template-hash: 5d4f";

#[test]
fn the_chain_is_followed_through_what_is_given() {
    let set = workload("ReplicaSet", "web-5d4f", "Deployment web");
    let of_set = pod("ReplicaSet web-5d4f", "");
    assert_eq!(workloads(&(of_set + &set)), ["p: Deployment web"]);
    let of_job = pod("Job job", "") + &job("CronJob nightly");
    assert_eq!(workloads(&of_job), ["p: CronJob nightly"]);
    let further = workload("ReplicaSet", "web-5d4f", "Deployment web")
        + &workload("Deployment", "web", "Rollout top")
        + &pod("ReplicaSet web-5d4f", "");
    assert_eq!(workloads(&further), ["p: Rollout top"]);
}

#[test]
fn an_owner_that_is_not_given_is_the_workload() {
    for owner in ["StatefulSet db", "Job nightly-123", "ReplicaSet web-5d4f"] {
        let expected = format!("p: {owner}");
        assert_eq!(workloads(&pod(owner, "")), [expected.as_str()]);
    }
    assert_eq!(workloads(&pod("", HASH)), ["p: -"]);
    // The kubelet's own pods, such as the API server's.
    assert_eq!(workloads(&pod("Node control-plane", "")), ["p: -"]);
}

#[test]
fn a_replica_set_that_is_not_given_tells_its_deployment_by_the_hash() {
    let cases = [
        ("ReplicaSet web-5d4f", "Deployment web"),
        ("ReplicaSet a-b-5d4f", "Deployment a-b"),
        ("ReplicaSet web-5d4f-5d4f", "Deployment web-5d4f"),
        ("ReplicaSet web-other", "ReplicaSet web-other"),
        ("ReplicaSet web5d4f", "ReplicaSet web5d4f"),
        ("StatefulSet web-5d4f", "StatefulSet web-5d4f"),
    ];
    for (owner, workload) in cases {
        let expected = format!("p: {workload}");
        assert_eq!(workloads(&pod(owner, HASH)), [expected.as_str()], "{owner}");
    }
    // One that is given says itself who made it, or that nobody did.
    let text = pod("ReplicaSet web-5d4f", HASH) + &workload("ReplicaSet", "web-5d4f", "");
    assert_eq!(workloads(&text), ["p: ReplicaSet web-5d4f"]);
}

#[test]
fn a_pod_of_an_inferred_deployment_stands_for_it() {
    let text = pod("ReplicaSet web-5d4f", HASH) + &workload("Deployment", "web", "");
    assert_eq!(workloads(&text), ["p: Deployment web"]);
    let text = pod("ReplicaSet web-5d4f", "") + &workload("Deployment", "web", "");
    assert_eq!(
        workloads(&text),
        ["p: ReplicaSet web-5d4f", "web-0: Deployment web"]
    );
}

#[test]
fn representatives_have_the_workload_that_they_stand_for_or_its_owner() {
    assert_eq!(
        workloads(&workload("Deployment", "web", "")),
        ["web-0: Deployment web"]
    );
    assert_eq!(
        workloads(&workload("ReplicaSet", "web-5d4f", "Deployment web")),
        ["web-5d4f-0: Deployment web"]
    );
}

#[test]
fn a_circle_of_owners_ends() {
    let circle = workload("ReplicaSet", "a", "ReplicaSet b")
        + &workload("ReplicaSet", "b", "ReplicaSet a")
        + &pod("ReplicaSet a", "");
    assert_eq!(workloads(&circle), ["p: ReplicaSet b"]);
}

/// Rule Q-4: what has finished stands for nothing, and its workload goes on without it.
#[test]
fn a_workload_whose_pods_have_finished_is_represented() {
    let finished = |owner: &str, phase: &str| {
        pod(owner, "").replace("---\n", &format!("status: {{phase: {phase}}}\n---\n"))
    };
    let nightly = "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly}\nspec: {schedule: \"0 3 * * *\", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}}\n---\n";
    let of_cron = finished("Job job", "Succeeded") + &job("CronJob nightly") + nightly;
    assert_eq!(
        workloads(&of_cron),
        ["nightly-0: CronJob nightly", "p: CronJob nightly"]
    );
    let evicted = finished("StatefulSet db", "Failed") + &workload("StatefulSet", "db", "");
    assert_eq!(
        workloads(&evicted),
        ["db-0: StatefulSet db", "p: StatefulSet db"]
    );
    // A Job that is done makes no more pods.
    let done = finished("Job job", "Succeeded") + &job("");
    assert_eq!(workloads(&done), ["p: Job job"]);
}
