use serde_json::json;

use super::*;
use crate::Verb;
use crate::sample::{NOW, free, only, pod, told, view, with, workload};

fn set(replicas: i64) -> Value {
    workload(
        "apps/v1",
        "ReplicaSet",
        "web",
        json!({"replicas": replicas}),
    )
}

fn statuses_apart(writes: &[Write]) -> Vec<String> {
    let told = told(writes).into_iter();
    told.filter(|line| !line.starts_with("Status")).collect()
}

#[test]
fn missing_pods_are_made_from_the_template() {
    let set = set(3);
    let writes = decide(&view(&[set.clone(), pod(&set, "web-old", 5)]), NOW);
    let made: Vec<&Value> = writes
        .iter()
        .filter(|w| w.verb == Verb::Create)
        .map(|w| &w.object)
        .collect();
    assert_eq!(made.len(), 2);
    for pod in made {
        assert!(object::name(pod).starts_with("web-"), "{pod}");
        assert_eq!(object::name(pod).len(), "web-".len() + 5);
        assert_eq!(text(pod, &["metadata", "labels", "app"]), "web");
        let owner = &items(pod, &["metadata", "ownerReferences"])[0];
        let expected = json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "uid-web",
            "controller": true, "blockOwnerDeletion": true,
        });
        assert_eq!(*owner, expected);
        assert_eq!(pod["spec"], set["spec"]["template"]["spec"]);
    }
}

#[test]
fn of_too_many_pods_those_that_are_not_ready_go_first_and_then_the_newest() {
    let set = set(1);
    let unready = pod(&set, "unready", -50);
    let pending = with(&pod(&set, "pending", -5), &["status", "phase"], "Pending");
    let unassigned = with(&pending, &["metadata", "name"], "unassigned");
    let unassigned = with(&unassigned, &["spec", "nodeName"], "");
    let cheap = with(
        &pod(&set, "cheap", 90),
        &["metadata", "annotations", DELETION_COST],
        "-1",
    );
    let pods = [
        unready,
        unassigned,
        pending,
        cheap,
        pod(&set, "old", 60),
        pod(&set, "new", 10),
    ];
    for (replicas, gone) in [
        (5, vec!["unassigned"]),
        (4, vec!["unassigned", "pending"]),
        (3, vec!["unassigned", "pending", "unready"]),
        (2, vec!["unassigned", "pending", "unready", "cheap"]),
        (1, vec!["unassigned", "pending", "unready", "cheap", "new"]),
        (
            0,
            vec!["unassigned", "pending", "unready", "cheap", "new", "old"],
        ),
    ] {
        let mut objects = vec![with(&set, &["spec", "replicas"], replicas)];
        objects.extend(pods.clone());
        let gone: Vec<String> = gone
            .iter()
            .map(|name| format!("Delete Pod/{name}"))
            .collect();
        assert_eq!(
            statuses_apart(&decide(&view(&objects), NOW)),
            gone,
            "{replicas}"
        );
    }
}

#[test]
fn free_pods_that_it_selects_are_taken_and_counted_at_once() {
    let set = set(1);
    let writes = decide(&view(&[set.clone(), free(&pod(&set, "stray", 5))]), NOW);
    assert_eq!(statuses_apart(&writes), ["Replace Pod/stray"]);
    let taken = only(&writes, Verb::Replace, "Pod");
    assert_eq!(
        text(&taken["metadata"]["ownerReferences"][0], &["uid"]),
        "uid-web"
    );
}

#[test]
fn a_pod_that_lost_its_labels_is_let_go_and_replaced() {
    let set = set(1);
    let other = with(
        &pod(&set, "other", 5),
        &["metadata", "labels", "app"],
        "debug",
    );
    let writes = decide(&view(&[set, other]), NOW);
    assert_eq!(writes[0].verb, Verb::Replace);
    assert_eq!(writes[0].object["metadata"].get("ownerReferences"), None);
    assert_eq!(writes[1].verb, Verb::Create);
}

#[test]
fn another_controller_s_pod_is_left_alone() {
    let set = set(0);
    let foreign = workload("apps/v1", "ReplicaSet", "other", json!({"replicas": 1}));
    let pod = with(
        &pod(&foreign, "theirs", 5),
        &["metadata", "labels", "app"],
        "web",
    );
    let told = statuses_apart(&decide(&view(&[set, pod]), NOW));
    assert_eq!(told, Vec::<String>::new());
}

#[test]
fn a_set_that_ends_makes_and_takes_nothing() {
    let set = set(2);
    let ending = with(&set, &["metadata", "deletionTimestamp"], NOW.to_string());
    let writes = decide(&view(&[ending, free(&pod(&set, "stray", 5))]), NOW);
    assert_eq!(statuses_apart(&writes), Vec::<String>::new());
}

#[test]
fn ended_pods_are_replaced() {
    let set = set(1);
    let failed = with(&pod(&set, "failed", -5), &["status", "phase"], "Failed");
    let ending = with(
        &pod(&set, "ending", 5),
        &["metadata", "deletionTimestamp"],
        NOW.to_string(),
    );
    let writes = decide(&view(&[set, failed, ending]), NOW);
    assert_eq!(
        writes
            .iter()
            .filter(|write| write.verb == Verb::Create)
            .count(),
        1
    );
}

#[test]
fn the_status_counts_ready_and_available_pods() {
    let set = workload(
        "apps/v1",
        "ReplicaSet",
        "web",
        json!({"replicas": 3, "minReadySeconds": 30}),
    );
    let pods = [pod(&set, "a", 60), pod(&set, "b", 10), pod(&set, "c", -60)];
    let mut objects = vec![set];
    objects.extend(pods);
    let writes = decide(&view(&objects), NOW);
    let status = &only(&writes, Verb::Status, "ReplicaSet")["status"];
    let expected = json!({
        "replicas": 3, "fullyLabeledReplicas": 3, "readyReplicas": 2, "availableReplicas": 1, "observedGeneration": 1,
    });
    assert_eq!(*status, expected);
}

#[test]
fn names_are_those_of_the_seed() {
    let names = |seed| {
        let mut store = ringfence_apiserver::store::Store::new(1);
        store.put(REPLICA_SETS, &set(2));
        let settings = crate::Settings {
            seed,
            ..crate::Settings::default()
        };
        told(&decide(&View::of(&store, &settings), NOW))
    };
    assert_eq!(names(1), names(1));
    assert_ne!(names(1), names(2));
}
