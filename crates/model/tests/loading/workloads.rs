//! Workloads and the pods that stand for them (OB-8 to OB-10).

use crate::support::{
    JOB_TEMPLATE, SELECTOR, TEMPLATE, assembled, deployment, keys, only_pod, pod, pods, problems,
    workload,
};

#[test]
fn ob8_workloads() {
    assert_eq!(keys(&deployment("")), ["Deployment default/w"]);
    let spec = |spec: &str| problems(&workload("apps/v1", "Deployment", spec));
    assert_eq!(
        spec(&format!("{{{TEMPLATE}}}")),
        ["error[OB-8] spec.selector: Required value"]
    );
    assert_eq!(
        spec(&format!("{{selector: {{}}, {TEMPLATE}}}")),
        ["error[OB-8] spec.selector: Invalid value: {}: empty selector is invalid for deployment"]
    );
    assert_eq!(
        spec(&format!(
            "{{selector: {{matchLabels: {{app: b}}}}, {TEMPLATE}}}"
        )),
        [
            "error[OB-8] spec.template.metadata.labels: Invalid value: {\"app\":\"a\"}: `selector` does not match template `labels`"
        ]
    );
    assert_eq!(
        spec(&format!("{{{SELECTOR}}}")),
        ["error[OB-8] spec.template: Required value"]
    );
    assert_eq!(
        spec(&format!("{{replicas: -1, {SELECTOR}, {TEMPLATE}}}")),
        ["error[OB-9] spec.replicas: Invalid value: -1: must be greater than or equal to 0"]
    );
    assert_eq!(
        spec(&format!("{{{SELECTOR}, {JOB_TEMPLATE}}}")),
        [
            "error[OB-8] spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\""
        ]
    );
    assert_eq!(
        problems(&workload("batch/v1", "Job", &format!("{{{TEMPLATE}}}"))),
        [
            "error[OB-8] spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\""
        ]
    );
}

#[test]
fn ob9_representatives() {
    assert_eq!(pods(&deployment("")), ["default/w-0"]);
    assert_eq!(
        pods(&deployment(", replicas: 5")),
        ["default/w-0", "default/w-1"]
    );
    assert_eq!(pods(&deployment(", replicas: 0")), [""; 0]);
    let daemons = workload(
        "apps/v1",
        "DaemonSet",
        &format!("{{{SELECTOR}, {TEMPLATE}}}"),
    );
    assert_eq!(pods(&daemons), ["default/w-0", "default/w-1"]);
    let job = workload(
        "batch/v1",
        "Job",
        &format!("{{parallelism: 3, {JOB_TEMPLATE}}}"),
    );
    assert_eq!(pods(&job), ["default/w-0", "default/w-1"]);
    let cron = workload(
        "batch/v1",
        "CronJob",
        &format!("{{schedule: '* * * * *', jobTemplate: {{spec: {{{JOB_TEMPLATE}}}}}}}"),
    );
    assert_eq!(pods(&cron), ["default/w-0"]);
    let controller = workload("v1", "ReplicationController", &format!("{{{TEMPLATE}}}"));
    assert_eq!(pods(&controller), ["default/w-0"]);
}

#[test]
fn ob9_workloads_of_one_name_have_pods_of_their_own() {
    let set = workload(
        "apps/v1",
        "StatefulSet",
        &format!("{{{SELECTOR}, {TEMPLATE}}}"),
    );
    assert_eq!(
        pods(&(deployment("") + &set)),
        ["default/w-0", "default/w-0-deployment"]
    );
    assert_eq!(
        pods(&(deployment("") + &pod("w-0", ""))),
        ["default/w-0", "default/w-0-representative"]
    );
}

#[test]
fn ob9_pods_of_a_running_cluster_stand_for_themselves() {
    let owner = |kind: &str, name: &str| {
        format!(
            "ownerReferences: [{{apiVersion: apps/v1, kind: {kind}, name: {name}, uid: u, controller: true}}]"
        )
    };
    let set = format!(
        "apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {{name: w-5f, {}}}\nspec: {{{SELECTOR}, {TEMPLATE}}}\n---\n",
        owner("Deployment", "w")
    );
    let made = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: w-5f-x, labels: {{app: a}}, {}}}\nspec: {{containers: [{{name: c, image: i}}]}}\n---\n",
        owner("ReplicaSet", "w-5f")
    );
    assert_eq!(pods(&(deployment("") + &set)), ["default/w-0"]);
    assert_eq!(pods(&(deployment("") + &set + &made)), ["default/w-5f-x"]);
    assert_eq!(pods(&set), ["default/w-5f-0"]);
}

#[test]
fn ob10_labels_of_controllers() {
    let labels = |text: &str| serde_json::to_string(&only_pod(text).labels).unwrap();
    let set = workload(
        "apps/v1",
        "StatefulSet",
        &format!("{{{SELECTOR}, {TEMPLATE}}}"),
    );
    assert_eq!(
        labels(&set),
        r#"{"app":"a","apps.kubernetes.io/pod-index":"0","statefulset.kubernetes.io/pod-name":"w-0"}"#
    );
    let job = workload("batch/v1", "Job", &format!("{{{JOB_TEMPLATE}}}"));
    assert_eq!(
        labels(&job),
        r#"{"app":"a","batch.kubernetes.io/job-name":"w","job-name":"w"}"#
    );
    assert_eq!(labels(&deployment("")), r#"{"app":"a"}"#);
    let policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec: {podSelector: {matchExpressions: [{key: pod-template-hash, operator: Exists}]}}\n";
    assert_eq!(
        assembled(policy).1,
        [
            "warning[OB-10] NetworkPolicy default/p selects by `pod-template-hash`, which only a running cluster knows"
        ]
    );
}
