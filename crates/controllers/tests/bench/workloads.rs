//! StatefulSets, DaemonSets, Jobs and CronJobs under chance: whatever happens meanwhile, they come to their end.

use proptest::prelude::*;
use ringfence_apiserver::api::Method;
use ringfence_apiserver::object::{is_terminating, text};
use ringfence_controllers::{CONTROLLERS, Controller};
use serde_json::{Value, json};

use super::cluster::{Cluster, is_ready};
use super::kubelet::{Outcome, status, with_outcome};
use super::rollouts::end;

const CONCERNED: [&str; 5] = ["statefulset", "daemonset", "cronjob", "job", "scheduler"];
const DB: &str = "/apis/apps/v1/namespaces/default/statefulsets/db";
const LOG: &str = "/apis/apps/v1/namespaces/default/daemonsets/log";

/// Something that happens.
#[derive(Clone, Debug)]
enum Step {
    /// A controller is asked, and stops after so many writes.
    Ask(usize, usize),
    Pod(usize, Outcome),
    End(usize),
    /// One of the pods is deleted by somebody.
    Kill(usize),
    Image(u8),
    Scale(u8),
    /// A node takes pods, or evicts them.
    Taint(bool),
    Wait(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop_oneof![
        4 => Just(Outcome::Ready), 1 => Just(Outcome::Unready), 1 => Just(Outcome::Failed), 1 => Just(Outcome::Succeeded)
    ];
    let step = prop_oneof![
        10 => (0..CONCERNED.len(), 1..6usize).prop_map(|(one, count)| Step::Ask(one, count)),
        5 => (0..12usize, outcome).prop_map(|(pod, outcome)| Step::Pod(pod, outcome)),
        2 => (0..9usize).prop_map(Step::End),
        1 => (0..9usize).prop_map(Step::Kill),
        1 => (0..3u8).prop_map(Step::Image),
        1 => (0..5u8).prop_map(Step::Scale),
        1 => any::<bool>().prop_map(Step::Taint),
        1 => (1..90i64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 5..60)
}

fn controllers() -> Vec<&'static Controller> {
    CONTROLLERS
        .iter()
        .filter(|one| CONCERNED.contains(&one.name))
        .collect()
}

fn begin(parallel: bool, completions: u8) -> Cluster {
    let cluster = Cluster::new();
    let template = |app: &str, policy: &str| {
        json!({
            "metadata": {"labels": {"app": app}},
            "spec": {"restartPolicy": policy, "containers": [{"name": "c", "image": "image:first"}]},
        })
    };
    let workload = |app: &str, spec: Value| {
        let mut spec = spec;
        spec["selector"] = json!({"matchLabels": {"app": app}});
        spec["template"] = template(app, "Always");
        json!({"metadata": {"name": app}, "spec": spec})
    };
    let policy = if parallel { "Parallel" } else { "OrderedReady" };
    let job = json!({"completions": completions, "parallelism": 2, "backoffLimit": 1000, "template": template("pi", "Never")});
    let tick = json!({"schedule": "* * * * *", "jobTemplate": {"spec": {"template": template("tick", "Never")}}});
    for (path, object) in [
        (
            DB,
            workload(
                "db",
                json!({"replicas": 3, "serviceName": "db", "podManagementPolicy": policy}),
            ),
        ),
        (LOG, workload("log", json!({}))),
        (
            "/apis/batch/v1/namespaces/default/jobs/pi",
            json!({"metadata": {"name": "pi"}, "spec": job}),
        ),
        (
            "/apis/batch/v1/namespaces/default/cronjobs/tick",
            json!({"metadata": {"name": "tick"}, "spec": tick}),
        ),
    ] {
        let (collection, _) = path.rsplit_once('/').unwrap();
        let (code, answer) = cluster.send(Method::Post, collection, &object);
        assert_eq!(code, 201, "{answer}");
    }
    for name in ["n2", "n3"] {
        cluster.send(
            Method::Post,
            "/api/v1/nodes",
            &json!({"metadata": {"name": name}}),
        );
    }
    cluster
}

fn runs_once(pod: &Value) -> bool {
    text(pod, &["spec", "restartPolicy"]) == "Never"
}

/// A pod that the scheduler has placed fares so.
fn fare(cluster: &Cluster, pod: &Value, outcome: Outcome, number: usize) {
    if !text(pod, &["spec", "nodeName"]).is_empty() {
        cluster.write(&status(with_outcome(pod, outcome, number, cluster.now())));
    }
}

/// Lets everything take its course: pods come up, those of Jobs succeed.
fn settle(cluster: &Cluster) {
    cluster.send(
        Method::Patch,
        "/apis/batch/v1/namespaces/default/cronjobs/tick",
        &json!({"spec": {"suspend": true}}),
    );
    for _ in 0..400 {
        let mut writes = 0;
        for controller in controllers() {
            for write in cluster.due(controller) {
                cluster.write(&write);
                writes += 1;
            }
        }
        for (number, pod) in cluster.all("pods").into_iter().enumerate() {
            let ended = matches!(text(&pod, &["status", "phase"]), "Succeeded" | "Failed");
            if is_terminating(&pod) {
                end(cluster, &pod);
            } else if runs_once(&pod) && !ended {
                fare(cluster, &pod, Outcome::Succeeded, number);
            } else if !runs_once(&pod) && !ended && !is_ready(&pod) {
                fare(cluster, &pod, Outcome::Ready, number);
            } else {
                continue;
            }
            writes += 1;
        }
        // The next try of a Job waits for the clock.
        let open = cluster
            .all("jobs.batch")
            .iter()
            .any(|job| job["status"].get("conditions").is_none());
        if open {
            cluster.wait(700);
        } else if writes == 0 {
            return;
        }
    }
    let due: Vec<_> = controllers()
        .into_iter()
        .map(|controller| cluster.due(controller))
        .collect();
    panic!("no end: {due:#?}");
}

fn take(cluster: &Cluster, step: &Step) {
    let change =
        |path: &str, patch: Value| assert_eq!(cluster.send(Method::Patch, path, &patch).0, 200);
    match step {
        Step::Ask(one, count) => {
            for write in cluster.due(controllers()[*one]).iter().take(*count) {
                cluster.write(write);
            }
        }
        Step::Pod(number, outcome) => {
            let pods = cluster.active_pods();
            let fitting = |pod: &&Value| runs_once(pod) || *outcome != Outcome::Succeeded;
            let pods: Vec<&Value> = pods.iter().filter(fitting).collect();
            if !pods.is_empty() {
                fare(cluster, pods[number % pods.len()], *outcome, *number);
            }
        }
        Step::End(number) => {
            let mut pods = cluster.all("pods");
            pods.retain(is_terminating);
            if !pods.is_empty() {
                end(cluster, &pods[number % pods.len()]);
            }
        }
        Step::Kill(number) => {
            let pods = cluster.active_pods();
            if !pods.is_empty() {
                let name = text(&pods[number % pods.len()], &["metadata", "name"]);
                cluster.send(
                    Method::Delete,
                    &format!("/api/v1/namespaces/default/pods/{name}"),
                    &json!({}),
                );
            }
        }
        Step::Image(number) => {
            let containers = json!([{"name": "c", "image": format!("image:{number}")}]);
            for path in [DB, LOG] {
                change(
                    path,
                    json!({"spec": {"template": {"spec": {"containers": containers}}}}),
                );
            }
        }
        Step::Scale(number) => change(DB, json!({"spec": {"replicas": number}})),
        Step::Taint(taints) => {
            let taints = if *taints {
                json!([{"key": "bad", "effect": "NoExecute"}])
            } else {
                json!([])
            };
            change("/api/v1/nodes/n2", json!({"spec": {"taints": taints}}));
        }
        Step::Wait(seconds) => cluster.wait(*seconds),
    }
}

fn check_end(cluster: &Cluster) {
    cluster.assert_done(controllers());
    let pods = cluster.active_pods();
    let of = |app: &str| {
        pods.iter()
            .filter(|pod| pod["metadata"]["labels"]["app"] == app)
            .collect::<Vec<_>>()
    };
    let image =
        |object: &Value| object["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    let db = &cluster.all("statefulsets.apps")[0];
    let mut names: Vec<&str> = of("db")
        .iter()
        .map(|pod| text(pod, &["metadata", "name"]))
        .collect();
    names.sort_unstable();
    let expected: Vec<String> = (0..db["spec"]["replicas"].as_u64().unwrap())
        .map(|number| format!("db-{number}"))
        .collect();
    assert_eq!(names, expected);
    let log = &cluster.all("daemonsets.apps")[0];
    let mut nodes: Vec<&str> = of("log")
        .iter()
        .map(|pod| text(pod, &["spec", "nodeName"]))
        .collect();
    nodes.sort_unstable();
    let all = cluster.all("nodes");
    let open = all
        .iter()
        .filter(|node| node["spec"]["taints"].as_array().is_none_or(Vec::is_empty));
    let open: Vec<&str> = open.map(|node| text(node, &["metadata", "name"])).collect();
    assert_eq!(nodes, open);
    for (set, app) in [(db, "db"), (log, "log")] {
        for pod in of(app) {
            assert_eq!(pod["spec"]["containers"][0]["image"], image(set), "{app}");
        }
    }
    assert!(of("pi").is_empty() && of("tick").is_empty());
    let owners: Vec<String> = ["statefulsets.apps", "daemonsets.apps", "jobs.batch"]
        .iter()
        .flat_map(|resource| cluster.all(resource))
        .map(|object| object["metadata"]["uid"].to_string())
        .collect();
    for pod in cluster.all("pods") {
        let owner = pod["metadata"]["ownerReferences"][0]["uid"].to_string();
        assert!(owners.contains(&owner), "an orphan: {pod}");
    }
    assert_eq!(
        db["status"]["currentRevision"],
        db["status"]["updateRevision"]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_workloads_come_to_their_end(parallel in any::<bool>(), completions in 1..4u8, steps in steps()) {
        let cluster = begin(parallel, completions);
        for step in &steps {
            take(&cluster, step);
            let nodes = cluster.active_pods().iter().filter(|pod| pod["metadata"]["labels"]["app"] == "log").count();
            assert!(nodes <= 3, "two daemons on one node after {step:?}");
        }
        settle(&cluster);
        check_end(&cluster);
    }
}
