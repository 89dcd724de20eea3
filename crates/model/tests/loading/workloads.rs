//! Workloads and the pods that stand for them (OB-8 to OB-10, OB-25).

use ringfence_model::{DomainAddresses, Mentions, ObjectName, assemble, assemble_mentioning};

use crate::support::{
    JOB_TEMPLATE, SELECTOR, TEMPLATE, assembled, deployment, keys, load_text, only_pod, pod, pods,
    problems, workload,
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

fn set(fields: &str) -> String {
    let spec = format!("{{{SELECTOR}, {TEMPLATE}{fields}}}");
    workload("apps/v1", "StatefulSet", &spec)
}

/// A policy that selects `selector` in its own namespace and lets in `from`.
fn policy(name: &str, selector: &str, from: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}}}\nspec: {{podSelector: {selector}, ingress: [{{from: [{from}]}}]}}\n---\n"
    )
}

#[test]
fn ob9_pods_that_a_selector_names_are_there_beside_two_that_none_names() {
    let nobody = policy("p", "{}", "{podSelector: {}}");
    let five = set(", replicas: 5");
    let with = |more: &str| pods(&(five.clone() + more));
    assert_eq!(with(&nobody), ["default/w-0", "default/w-1"]);
    let name = "{matchLabels: {app: a, statefulset.kubernetes.io/pod-name: w-3}}";
    assert_eq!(
        with(&policy("p", name, "{podSelector: {}}")),
        ["default/w-0", "default/w-1", "default/w-3"]
    );
    let index =
        "{podSelector: {matchLabels: {apps.kubernetes.io/pod-index: '4'}}, namespaceSelector: {}}";
    assert_eq!(
        with(&policy("p", "{}", index)),
        ["default/w-0", "default/w-1", "default/w-4"]
    );
    let but = "{matchExpressions: [{key: apps.kubernetes.io/pod-index, operator: NotIn, values: ['0', '1']}]}";
    let all = ["default/w-0", "default/w-1", "default/w-2", "default/w-3"];
    assert_eq!(with(&policy("p", but, "{podSelector: {}}")), all);
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {selector: {statefulset.kubernetes.io/pod-name: w-2}, ports: [{port: 1}]}\n---\n";
    assert_eq!(with(service), ["default/w-0", "default/w-1", "default/w-2"]);
    let cluster = "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {name: c}\nspec: {tier: Admin, priority: 1, subject: {pods: {namespaceSelector: {}, podSelector: {matchLabels: {apps.kubernetes.io/pod-index: '3'}}}}}\n---\n";
    assert_eq!(with(cluster), ["default/w-0", "default/w-1", "default/w-3"]);
}

#[test]
fn ob9_pods_that_no_workload_makes_are_not_there_though_a_selector_names_them() {
    let two = set(", replicas: 2, ordinals: {start: 5}");
    assert_eq!(pods(&two), ["default/w-5", "default/w-6"]);
    let named = |key: &str, value: &str, besides: &str| {
        let selector = format!("{{matchLabels: {{{key}: '{value}'{besides}}}}}");
        pods(&(two.clone() + &set_of_five("v") + &policy("p", &selector, "{podSelector: {}}")))
    };
    let few = ["default/v-0", "default/v-1", "default/w-5", "default/w-6"];
    let (name, index) = (
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
    );
    for value in ["w-0", "w-7", "v-5", "v-03", "v", "v-4-1", "x-3"] {
        assert_eq!(named(name, value, ""), few, "{value}");
    }
    assert_eq!(named(index, "03", ""), few);
    assert_eq!(
        named(index, "3", ", app: b"),
        few,
        "another label is not theirs"
    );
    assert!(named(index, "3", "").contains(&"default/v-3".to_owned()));
    let elsewhere = policy(
        "p",
        "{matchLabels: {apps.kubernetes.io/pod-index: '3'}}",
        "{podSelector: {}}",
    )
    .replace("name: p}", "name: p, namespace: other}");
    assert_eq!(
        pods(&(set_of_five("v") + &elsewhere)),
        ["default/v-0", "default/v-1"]
    );
    assert_eq!(
        problems(&set(", ordinals: {start: -1}")),
        ["error[OB-9] spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0"]
    );
}

fn set_of_five(name: &str) -> String {
    set(", replicas: 5").replace("name: w}", &format!("name: {name}}}"))
}

#[test]
fn ob9_pods_of_indexed_jobs_are_told_apart_by_their_index() {
    let job = |mode: &str| {
        let spec =
            format!("{{completions: 9, parallelism: 2, completionMode: {mode}, {JOB_TEMPLATE}}}");
        workload("batch/v1", "Job", &spec)
    };
    let index = "{matchLabels: {job-name: w, batch.kubernetes.io/job-completion-index: '7'}}";
    let with = |mode: &str| pods(&(job(mode) + &policy("p", index, "{podSelector: {}}")));
    assert_eq!(with("NonIndexed"), ["default/w-0", "default/w-1"]);
    assert_eq!(
        with("Indexed"),
        ["default/w-0", "default/w-1", "default/w-7"]
    );
    let (cluster, _) = assembled(&job("Indexed"));
    let labels = cluster.pods.values().map(|pod| &pod.labels);
    let indexes: Vec<_> = labels
        .map(|labels| labels["batch.kubernetes.io/job-completion-index"].as_str())
        .collect();
    assert_eq!(indexes, ["0", "1"]);
}

#[test]
fn ob9_pods_that_somebody_asks_about_or_another_cluster_names_are_there() {
    let objects = load_text(&set(", replicas: 2147483647")).objects;
    let named = |mentions: &Mentions| {
        let (cluster, _) = assemble_mentioning(&objects, DomainAddresses::new(), mentions);
        let pods = cluster.pods.keys().map(|name| name.name.clone());
        pods.collect::<Vec<_>>()
    };
    let asked = ["w-1000000", "w-2147483647", "w-2147483646"];
    let asked = asked.map(|name| ObjectName::new("default", name));
    let asked = Mentions::default().with_pods(asked);
    assert_eq!(named(&asked), ["w-0", "w-1", "w-1000000", "w-2147483646"]);
    let other = policy(
        "p",
        "{matchLabels: {apps.kubernetes.io/pod-index: '8'}}",
        "{podSelector: {}}",
    );
    let other = Mentions::of(&load_text(&other).objects);
    assert_eq!(named(&other), ["w-0", "w-1", "w-8"]);
    assert_eq!(named(&asked.union(&other)).len(), 5);
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
}

/// They are there where a selector asks for them, so that having one can be asked, and no value that it has.
#[test]
fn ob10_labels_that_only_a_running_cluster_knows() {
    let asking = |operator: &str, text: &str| {
        let keys = ["pod-template-hash", "controller-revision-hash", "job-name"];
        let asked = keys.map(|key| format!("{{key: {key}, {operator}}}"));
        format!(
            "{text}---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p}}\nspec: {{podSelector: {{matchExpressions: [{}]}}}}\n",
            asked.join(", ")
        )
    };
    let labels = |text: &str| {
        let asking = asking("operator: Exists", text);
        serde_json::to_string(&only_pod(&asking).labels).unwrap()
    };
    let runs = format!("{{schedule: '@daily', jobTemplate: {{spec: {{{JOB_TEMPLATE}}}}}}}");
    let runs = workload("batch/v1", "CronJob", &runs);
    assert_eq!(labels(&runs), r#"{"app":"a","job-name":"?"}"#);
    assert_eq!(
        labels(&deployment("")),
        r#"{"app":"a","pod-template-hash":"?"}"#
    );
    let set = workload(
        "apps/v1",
        "StatefulSet",
        &format!("{{{SELECTOR}, {TEMPLATE}}}"),
    );
    assert!(labels(&set).contains(r#""controller-revision-hash":"?""#));
    assert!(!labels(&set).contains("pod-template-hash"));
    let unaided = workload(
        "apps/v1",
        "ReplicaSet",
        &format!("{{{SELECTOR}, {TEMPLATE}}}"),
    );
    assert_eq!(labels(&unaided), r#"{"app":"a"}"#);

    let by_hash = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec: {podSelector: {matchLabels: {pod-template-hash: 5f}}}\n---\n";
    let told = "warning[OB-10] NetworkPolicy default/p selects by `pod-template-hash`, which only a running cluster knows";
    assert_eq!(assembled(by_hash).1, [told]);
    assert_eq!(assembled(&format!("{by_hash}{}", deployment(""))).1, [told]);
    let running = "apiVersion: v1\nkind: Pod\nmetadata: {name: w-5f-x, labels: {pod-template-hash: 5f}}\nspec: {containers: [{name: c, image: i}]}\n";
    assert_eq!(assembled(&format!("{by_hash}{running}")).1, [""; 0]);
}

#[test]
fn ob25_a_pod_template_makes_a_workload_of_any_kind() {
    let rollout = |spec: &str| workload("argoproj.io/v1alpha1", "Rollout", spec);
    let whole = rollout(&format!(
        "{{replicas: 3, strategy: {{canary: {{}}}}, {TEMPLATE}}}"
    ));
    let made = |text: &str| assemble(&load_text(text).objects).0.pods;
    let key = load_text(&whole).objects[0].key().to_string();
    assert_eq!(key, "workload default/Rollout/w");
    let pods = made(&whole);
    let names: Vec<String> = pods.keys().map(ToString::to_string).collect();
    assert_eq!(names, ["default/w-0", "default/w-1"]);
    let owner = pods.values().find_map(|pod| pod.workload.clone()).unwrap();
    assert_eq!((owner.kind.as_str(), owner.name.as_str()), ("Rollout", "w"));
    let judged =
        "note[OB-25] `Rollout` of `argoproj.io/v1alpha1` is judged by its pod template alone";
    assert_eq!(problems(&whole), [judged]);
    let refused = "note[OB-25] `Rollout` of `argoproj.io/v1alpha1` has a pod template that Kubernetes would refuse: its pods are not judged";
    for spec in [
        "{template: {spec: {containers: [{name: c, image: [a]}]}}}",
        "{template: {spec: {containers: [{image: a}]}}}",
    ] {
        assert_eq!(problems(&rollout(spec)), [refused], "{spec}");
        assert!(made(&rollout(spec)).is_empty(), "{spec}");
    }
    let other = "note[OB-1] `Rollout` of `argoproj.io/v1alpha1` is not known here, and left aside";
    for spec in [
        "{template: {}}",
        "{workloadRef: {kind: Deployment, name: w}}",
    ] {
        assert_eq!(problems(&rollout(spec)), [other], "{spec}");
    }
}
