use super::*;
use crate::Verb;
use crate::sample::{NOW, free, only, pod, stored, told, view, with, workload};

fn set(spec: Value) -> Value {
    let mut spec = spec;
    object::default(fields(&mut spec), "serviceName", "db");
    workload("apps/v1", "StatefulSet", "db", spec)
}

/// A ready pod of the present template.
fn member(set: &Value, number: i64) -> Value {
    let set = &stored(set);
    let revision = format!("db-{}", template_hash(&set["spec"]["template"], 0));
    let pod = pod(set, &format!("db-{number}"), 60);
    with(&pod, &["metadata", "labels", REVISION_HASH], revision)
}

fn down(pod: &Value) -> Value {
    with(pod, &["status", "conditions"], json!([]))
}

fn changes(objects: &[Value]) -> Vec<String> {
    let writes = decide(&view(objects), NOW);
    told(&writes)
        .into_iter()
        .filter(|line| !line.starts_with("Status"))
        .collect()
}

#[test]
fn pods_come_in_order_each_when_the_one_before_is_ready() {
    let set = set(json!({"replicas": 3}));
    let (zero, one) = (member(&set, 0), member(&set, 1));
    assert_eq!(changes(std::slice::from_ref(&set)), ["Create Pod/db-0"]);
    assert_eq!(changes(&[set.clone(), down(&zero)]), Vec::<String>::new());
    assert_eq!(changes(&[set.clone(), zero.clone()]), ["Create Pod/db-1"]);
    assert_eq!(
        changes(&[set.clone(), zero.clone(), one.clone()]),
        ["Create Pod/db-2"]
    );
    assert_eq!(changes(&[set.clone(), one]), ["Create Pod/db-0"]);
    let failed = with(&zero, &["status", "phase"], "Failed");
    assert_eq!(changes(&[set, failed]), ["Delete Pod/db-0"]);
}

#[test]
fn parallel_ones_come_and_go_at_once() {
    let set = set(json!({"replicas": 3, "podManagementPolicy": "Parallel"}));
    assert_eq!(
        changes(std::slice::from_ref(&set)),
        ["Create Pod/db-0", "Create Pod/db-1", "Create Pod/db-2"]
    );
    let none = with(&set, &["spec", "replicas"], 0);
    let pods = [member(&set, 0), member(&set, 1)];
    assert_eq!(
        changes(&[none, pods[0].clone(), pods[1].clone()]),
        ["Delete Pod/db-1", "Delete Pod/db-0"]
    );
}

#[test]
fn a_pod_has_a_name_that_stays() {
    let claims =
        json!([{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}]);
    let set = set(json!({"replicas": 1, "volumeClaimTemplates": claims, "ordinals": {"start": 5}}));
    let writes = decide(&view(&[set]), NOW);
    let pod = only(&writes, Verb::Create, "Pod");
    assert_eq!(object::name(pod), "db-5");
    let labels = &pod["metadata"]["labels"];
    assert_eq!(
        (
            &labels["statefulset.kubernetes.io/pod-name"],
            &labels["apps.kubernetes.io/pod-index"]
        ),
        (&json!("db-5"), &json!("5"))
    );
    assert_eq!(
        (&pod["spec"]["hostname"], &pod["spec"]["subdomain"]),
        (&json!("db-5"), &json!("db"))
    );
    assert_eq!(
        pod["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"],
        "data-db-5"
    );
}

#[test]
fn surplus_pods_go_from_the_last_one_at_a_time() {
    let set = set(json!({"replicas": 1}));
    let pods = [member(&set, 0), member(&set, 1), member(&set, 2)];
    let [zero, one, two] = pods;
    assert_eq!(
        changes(&[set.clone(), zero.clone(), one.clone(), two.clone()]),
        ["Delete Pod/db-2"]
    );
    let ending = with(&two, &["metadata", "deletionTimestamp"], NOW.to_string());
    assert_eq!(
        changes(&[set.clone(), zero.clone(), one.clone(), ending]),
        Vec::<String>::new()
    );
    assert_eq!(
        changes(&[set.clone(), down(&zero), one]),
        Vec::<String>::new(),
        "the first is not well"
    );
}

#[test]
fn a_new_template_reaches_the_last_pod_first_and_stops_at_the_partition() {
    let old = set(json!({"replicas": 3}));
    let new = with(
        &old,
        &["spec", "template", "spec", "containers"],
        json!([{"name": "c", "image": "i:2"}]),
    );
    let all = [member(&old, 0), member(&old, 1), member(&old, 2)];
    let with_pods = |set: &Value, last: &Value| {
        changes(&[set.clone(), all[0].clone(), all[1].clone(), last.clone()])
    };
    assert_eq!(with_pods(&new, &all[2]), ["Delete Pod/db-2"]);
    assert_eq!(with_pods(&new, &member(&new, 2)), ["Delete Pod/db-1"]);
    assert_eq!(
        with_pods(&new, &down(&member(&new, 2))),
        Vec::<String>::new()
    );
    let partition = with(
        &new,
        &["spec", "updateStrategy", "rollingUpdate", "partition"],
        2,
    );
    assert_eq!(
        with_pods(&partition, &member(&new, 2)),
        Vec::<String>::new()
    );
    let by_hand = with(&new, &["spec", "updateStrategy", "type"], "OnDelete");
    assert_eq!(with_pods(&by_hand, &all[2]), Vec::<String>::new());
}

#[test]
fn the_revision_is_current_when_all_pods_are_of_it() {
    let old = set(json!({"replicas": 1}));
    let status = |objects: &[Value]| {
        let writes = decide(&view(objects), NOW);
        only(&writes, Verb::Status, "StatefulSet").clone()
    };
    let done = status(&[old.clone(), member(&old, 0)]);
    let revision = text(&done, &["status", "updateRevision"]).to_owned();
    assert_eq!(done["status"]["currentRevision"], revision.as_str());
    let new = with(
        &done,
        &["spec", "template", "spec", "containers"],
        json!([{"name": "c", "image": "i:2"}]),
    );
    let under_way = status(&[new.clone(), member(&old, 0)]);
    assert_eq!(under_way["status"]["currentRevision"], revision.as_str());
    assert_ne!(under_way["status"]["updateRevision"], revision.as_str());
    let done = status(&[under_way, member(&new, 0)]);
    assert_eq!(
        done["status"]["currentRevision"],
        done["status"]["updateRevision"]
    );
    assert_eq!(
        (
            &done["status"]["updatedReplicas"],
            &done["status"]["currentReplicas"]
        ),
        (&json!(1), &json!(1))
    );
}

#[test]
fn only_pods_with_its_names_are_taken() {
    let set = set(json!({"replicas": 1}));
    let stray = free(&pod(&set, "db-x", 60));
    let told = changes(&[set.clone(), free(&member(&set, 0)), stray]);
    assert_eq!(told, ["Replace Pod/db-0"]);
    for (name, expected) in [
        ("db-0", Some(0)),
        ("db-12", Some(12)),
        ("db-01", None),
        ("db-", None),
        ("other-1", None),
    ] {
        assert_eq!(
            ordinal("db", &json!({"metadata": {"name": name}})),
            expected,
            "{name}"
        );
    }
}
