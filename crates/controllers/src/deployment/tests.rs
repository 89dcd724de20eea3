use ringfence_apiserver::object::items;
use serde_json::json;

use super::rolling::Limits;
use super::*;
use crate::Verb;
use crate::sample::{NOW, only, pod, stored, told, view, with, workload};

fn deployment(spec: Value) -> Value {
    workload("apps/v1", "Deployment", "web", spec)
}

/// The ReplicaSet that the Deployment makes, with so many replicas.
fn made(deployment: &Value, name: &str, revision: i64, replicas: i64) -> Value {
    let writes = decide(&view(std::slice::from_ref(deployment)), NOW);
    let set = only(&writes, Verb::Create, "ReplicaSet");
    let set = with(set, &["metadata", "name"], name);
    let set = with(&set, &["spec", "replicas"], replicas);
    stored(&with(
        &set,
        &[
            "metadata",
            "annotations",
            "deployment.kubernetes.io/revision",
        ],
        revision.to_string(),
    ))
}

fn image(deployment: &Value, image: &str) -> Value {
    let containers = json!([{"name": "c", "image": image}]);
    stored(&with(
        deployment,
        &["spec", "template", "spec", "containers"],
        containers,
    ))
}

/// What each ReplicaSet is asked for: `Replace old 2`.
fn sizes(writes: &[Write]) -> Vec<String> {
    let sets = writes
        .iter()
        .filter(|write| text(&write.object, &["kind"]) == "ReplicaSet");
    sets.map(|write| {
        let replicas = number(&write.object, &["spec", "replicas"]).unwrap_or_default();
        format!(
            "{:?} {} {replicas}",
            write.verb,
            object::name(&write.object)
        )
    })
    .collect()
}

#[test]
fn the_first_replica_set_is_named_by_its_template() {
    let deployment = deployment(json!({"replicas": 3}));
    let deployment = with(
        &deployment,
        &["metadata", "annotations", "kubernetes.io/change-cause"],
        "first",
    );
    let writes = decide(&view(std::slice::from_ref(&deployment)), NOW);
    let set = only(&writes, Verb::Create, "ReplicaSet");
    let hash = text(set, &["metadata", "labels", "pod-template-hash"]);
    assert!((8..=10).contains(&hash.len()), "{hash}");
    assert_eq!(object::name(set), format!("web-{hash}"));
    assert_eq!(
        set["spec"]["selector"]["matchLabels"],
        json!({"app": "web", "pod-template-hash": hash})
    );
    assert_eq!(
        set["spec"]["template"]["metadata"]["labels"]["pod-template-hash"],
        hash
    );
    assert_eq!(set["spec"]["replicas"], 3);
    let expected = json!({
        "kubernetes.io/change-cause": "first", "deployment.kubernetes.io/revision": "1",
        "deployment.kubernetes.io/desired-replicas": "3", "deployment.kubernetes.io/max-replicas": "4",
    });
    assert_eq!(set["metadata"]["annotations"], expected);
    assert_eq!(
        only(&writes, Verb::Status, "Deployment")["status"]["conditions"][1]["reason"],
        "NewReplicaSetCreated"
    );
}

#[test]
fn limits_round_towards_more_pods() {
    for (surge, unavailable, replicas, expected) in [
        (json!("25%"), json!("25%"), 10, (3, 2)),
        (json!("25%"), json!("25%"), 1, (1, 0)),
        (json!(0), json!(0), 3, (0, 1)),
        (json!("0%"), json!("10%"), 3, (0, 1)),
        (json!(2), json!(5), 3, (2, 3)),
        (json!("100%"), json!("100%"), 3, (3, 3)),
        (json!(1), json!(1), 0, (1, 0)),
    ] {
        let rolling = json!({"maxSurge": surge, "maxUnavailable": unavailable});
        let strategy = json!({"type": "RollingUpdate", "rollingUpdate": rolling});
        let limits = Limits::of(&deployment(
            json!({"replicas": replicas, "strategy": strategy}),
        ));
        assert_eq!(
            (limits.surge, limits.unavailable),
            expected,
            "{strategy} of {replicas}"
        );
    }
}

#[test]
fn a_new_template_gets_the_room_that_the_surge_leaves() {
    let before = deployment(json!({"replicas": 4}));
    let old = made(&before, "old", 1, 4);
    let pods: Vec<Value> = ["a", "b", "c", "d"]
        .iter()
        .map(|name| pod(&old, name, 60))
        .collect();
    let after = image(&before, "i:2");
    let mut objects = vec![after.clone(), old.clone()];
    objects.extend(pods);
    let writes = decide(&view(&objects), NOW);
    let set = only(&writes, Verb::Create, "ReplicaSet");
    assert_eq!(set["spec"]["replicas"], 1);
    assert_eq!(
        set["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
        "2"
    );
    let new = made(&after, "new", 2, 1);
    objects.push(new.clone());
    assert_eq!(
        sizes(&decide(&view(&objects), NOW)),
        ["Replace old 3"],
        "one may be missing"
    );
    objects[1] = with(&old, &["spec", "replicas"], 3);
    let writes = decide(&view(&objects), NOW);
    assert_eq!(
        sizes(&writes),
        Vec::<String>::new(),
        "the old one still has all its pods"
    );
    objects.remove(2);
    assert_eq!(sizes(&decide(&view(&objects), NOW)), ["Replace new 2"]);
}

#[test]
fn pods_that_never_came_up_make_way_first() {
    let before = deployment(json!({"replicas": 2}));
    let old = made(&before, "old", 1, 2);
    let after = image(&before, "i:2");
    let new = made(&after, "new", 2, 1);
    let objects = [
        after,
        old.clone(),
        new.clone(),
        pod(&old, "a", -5),
        pod(&old, "b", 60),
        pod(&new, "c", 60),
    ];
    assert_eq!(
        sizes(&decide(&view(&objects), NOW)),
        ["Replace old 1"],
        "two must be available"
    );
}

#[test]
fn recreate_waits_until_the_last_old_pod_is_gone() {
    let before = deployment(json!({"replicas": 2, "strategy": {"type": "Recreate"}}));
    let old = made(&before, "old", 1, 2);
    let after = image(&before, "i:2");
    let ending = with(
        &pod(&old, "a", 60),
        &["metadata", "deletionTimestamp"],
        NOW.to_string(),
    );
    assert_eq!(
        sizes(&decide(&view(&[after.clone(), old.clone()]), NOW)),
        ["Replace old 0"]
    );
    let empty = with(&old, &["spec", "replicas"], 0);
    assert_eq!(
        sizes(&decide(&view(&[after.clone(), empty.clone(), ending]), NOW)),
        Vec::<String>::new()
    );
    let writes = decide(&view(&[after, empty]), NOW);
    assert_eq!(
        only(&writes, Verb::Create, "ReplicaSet")["spec"]["replicas"],
        2
    );
}

#[test]
fn a_template_that_comes_back_is_the_latest_revision_of_its_replica_set() {
    let first = deployment(json!({"replicas": 1}));
    let old = made(&first, "first", 1, 0);
    let second = made(&image(&first, "i:2"), "second", 2, 1);
    let writes = decide(&view(&[first, old, second]), NOW);
    let set = only(&writes, Verb::Replace, "ReplicaSet");
    let annotations = &set["metadata"]["annotations"];
    assert_eq!(object::name(set), "first");
    assert_eq!(annotations["deployment.kubernetes.io/revision"], "3");
    assert_eq!(
        annotations["deployment.kubernetes.io/revision-history"],
        "1"
    );
    assert_eq!(set["spec"]["replicas"], 1, "there is room for one");
}

#[test]
fn the_deployment_says_which_revision_it_is_at() {
    let web = deployment(json!({"replicas": 0}));
    let writes = decide(&view(&[web.clone(), made(&web, "first", 4, 0)]), NOW);
    let web = only(&writes, Verb::Replace, "Deployment");
    assert_eq!(
        web["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
        "4"
    );
}

#[test]
fn the_history_keeps_so_many_and_forgets_the_oldest() {
    let web = deployment(json!({"replicas": 0, "revisionHistoryLimit": 1}));
    let web = with(
        &web,
        &[
            "metadata",
            "annotations",
            "deployment.kubernetes.io/revision",
        ],
        "9",
    );
    let old = |name, revision| made(&image(&web, name), name, revision, 0);
    let objects = [
        web.clone(),
        old("a", 7),
        old("b", 5),
        old("c", 6),
        made(&web, "now", 9, 0),
    ];
    let told = told(&decide(&view(&objects), NOW));
    let deleted: Vec<_> = told
        .iter()
        .filter(|line| line.starts_with("Delete"))
        .collect();
    assert_eq!(deleted, ["Delete ReplicaSet/b", "Delete ReplicaSet/c"]);
}

#[test]
fn a_paused_deployment_is_scaled_but_goes_no_further() {
    let before = deployment(json!({"replicas": 2}));
    let old = made(&before, "old", 1, 2);
    let paused = with(&image(&before, "i:2"), &["spec", "paused"], true);
    let writes = decide(&view(&[paused.clone(), old.clone()]), NOW);
    assert_eq!(sizes(&writes), Vec::<String>::new());
    let reasons = &only(&writes, Verb::Status, "Deployment")["status"]["conditions"][1];
    assert_eq!(
        (&reasons["reason"], &reasons["status"]),
        (&json!("DeploymentPaused"), &json!("Unknown"))
    );
    let larger = with(&paused, &["spec", "replicas"], 5);
    assert_eq!(
        sizes(&decide(&view(&[larger, old]), NOW)),
        ["Replace old 5"]
    );
}

#[test]
fn another_s_replica_set_of_that_name_counts_as_a_collision() {
    let web = deployment(json!({}));
    let writes = decide(&view(std::slice::from_ref(&web)), NOW);
    let name = object::name(only(&writes, Verb::Create, "ReplicaSet")).to_owned();
    let foreign = workload("apps/v1", "ReplicaSet", &name, json!({"replicas": 0}));
    let writes = decide(&view(&[web.clone(), foreign.clone()]), NOW);
    let counted = only(&writes, Verb::Status, "Deployment");
    assert_eq!(counted["status"]["collisionCount"], 1);
    let writes = decide(&view(&[counted.clone(), foreign]), NOW);
    assert_ne!(
        object::name(only(&writes, Verb::Create, "ReplicaSet")),
        name
    );
}

#[test]
fn conditions_tell_how_far_it_is() {
    let web = deployment(json!({"replicas": 1, "progressDeadlineSeconds": 60}));
    let set = made(&web, "now", 1, 1);
    let reasons = |web: &Value, ready: i64, now: Timestamp| {
        let objects = [web.clone(), set.clone(), pod(&set, "a", ready)];
        let writes = decide(&view(&objects), now);
        let status = writes.iter().find(|write| write.verb == Verb::Status);
        let web = status.map_or_else(|| web.clone(), |write| write.object.clone());
        let words = items(&web, &["status", "conditions"]).iter();
        let words =
            words.map(|one| format!("{} {}", text(one, &["status"]), text(one, &["reason"])));
        (words.collect::<Vec<_>>(), web)
    };
    let named = with(
        &web,
        &[
            "metadata",
            "annotations",
            "deployment.kubernetes.io/revision",
        ],
        "1",
    );
    let (words, under_way) = reasons(&named, -1, NOW);
    assert_eq!(
        words,
        ["False MinimumReplicasUnavailable", "True ReplicaSetUpdated"]
    );
    let (words, _) = reasons(&under_way, -1, Timestamp(NOW.0 + 60));
    assert_eq!(words[1], "True ReplicaSetUpdated");
    let (words, late) = reasons(&under_way, -1, Timestamp(NOW.0 + 61));
    assert_eq!(words[1], "False ProgressDeadlineExceeded");
    let (words, done) = reasons(&late, 5, Timestamp(NOW.0 + 90));
    assert_eq!(
        words,
        [
            "True MinimumReplicasAvailable",
            "True NewReplicaSetAvailable"
        ]
    );
    let (words, _) = reasons(&done, -1, Timestamp(NOW.0 + 900));
    assert_eq!(
        words,
        [
            "False MinimumReplicasUnavailable",
            "True NewReplicaSetAvailable"
        ],
        "it is not rolled out anew"
    );
}

#[test]
fn one_that_ends_does_nothing_but_report() {
    let web = with(
        &deployment(json!({})),
        &["metadata", "deletionTimestamp"],
        NOW.to_string(),
    );
    assert_eq!(told(&decide(&view(&[web]), NOW)), ["Status Deployment/web"]);
}
