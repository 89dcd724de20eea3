//! Deployments under chance: in whatever order things happen, the limits hold, and the end is the same.

use proptest::prelude::*;
use ringfence_apiserver::api::Method;
use ringfence_apiserver::object::{is_terminating, items, text};
use ringfence_controllers::{CONTROLLERS, Controller, Verb, Write};
use serde_json::{Value, json};

use super::cluster::{Cluster, is_ready};
use super::kubelet::{Outcome, bind, status, with_outcome};

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";
const WEB: &str = "/apis/apps/v1/namespaces/default/deployments/web";

/// Those that make a Deployment's pods.
const CONCERNED: [&str; 2] = ["deployment", "replicaset"];

fn controllers() -> Vec<&'static Controller> {
    CONTROLLERS
        .iter()
        .filter(|one| CONCERNED.contains(&one.name))
        .collect()
}

/// Something that happens.
#[derive(Clone, Debug)]
enum Step {
    /// A controller is asked, and stops after so many writes.
    Ask(usize, usize),
    /// One of the pods fares so.
    Pod(usize, Outcome),
    /// One of the pods that are ending is gone.
    End(usize),
    Image(u8),
    Scale(u8),
    Wait(i64),
}

fn steps(breaks: bool) -> impl Strategy<Value = Vec<Step>> {
    let common = prop_oneof![
        8 => (0..CONCERNED.len(), 1..6usize).prop_map(|(one, count)| Step::Ask(one, count)),
        4 => (0..9usize).prop_map(|pod| Step::Pod(pod, Outcome::Ready)),
        2 => (0..9usize).prop_map(Step::End),
        1 => (0..3u8).prop_map(Step::Image),
        1 => (1..40i64).prop_map(Step::Wait),
    ];
    let outcome = prop_oneof![Just(Outcome::Unready), Just(Outcome::Failed)];
    let breaking = prop_oneof![
        (0..9usize, outcome).prop_map(|(pod, outcome)| Step::Pod(pod, outcome)),
        (0..6u8).prop_map(Step::Scale),
    ];
    let any = if breaks {
        prop_oneof![5 => common, 2 => breaking].boxed()
    } else {
        common.boxed()
    };
    prop::collection::vec(any, 5..70)
}

#[derive(Clone, Debug)]
struct Limits {
    replicas: usize,
    surge: usize,
    unavailable: usize,
    recreate: bool,
}

fn limits() -> impl Strategy<Value = Limits> {
    (1..6usize, 0..3usize, 0..3usize, prop::bool::weighted(0.15)).prop_map(
        |(replicas, surge, unavailable, recreate)| Limits {
            replicas,
            surge,
            unavailable: if surge + unavailable == 0 {
                1
            } else {
                unavailable.min(replicas)
            },
            recreate,
        },
    )
}

fn begin(limits: &Limits) -> Cluster {
    let cluster = Cluster::new();
    let strategy = if limits.recreate {
        json!({"type": "Recreate"})
    } else {
        let rolling = json!({"maxSurge": limits.surge, "maxUnavailable": limits.unavailable});
        json!({"type": "RollingUpdate", "rollingUpdate": rolling})
    };
    let web = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "replicas": limits.replicas, "strategy": strategy, "revisionHistoryLimit": 1,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "c", "image": "image:first"}]},
            },
        },
    });
    let (code, answer) = cluster.send(Method::Post, DEPLOYMENTS, &web);
    assert_eq!(code, 201, "{answer}");
    settle(&cluster);
    cluster
}

/// Lets everything take its course; all pods come up.
fn settle(cluster: &Cluster) {
    for _ in 0..300 {
        let mut writes = 0;
        for controller in controllers() {
            for write in cluster.due(controller) {
                cluster.write(&write);
                writes += 1;
            }
        }
        for pod in cluster.all("pods") {
            if is_terminating(&pod) {
                end(cluster, &pod);
                writes += 1;
            }
        }
        for (number, pod) in cluster
            .active_pods()
            .into_iter()
            .enumerate()
            .filter(|(_, pod)| !is_ready(pod))
        {
            fare(cluster, &pod, Outcome::Ready, number);
            writes += 1;
        }
        if writes == 0 {
            return;
        }
    }
    let due: Vec<_> = controllers()
        .into_iter()
        .map(|controller| cluster.due(controller))
        .collect();
    panic!("no end: {due:#?}");
}

fn fare(cluster: &Cluster, pod: &Value, outcome: Outcome, number: usize) {
    let find = || {
        let mut pods = cluster.all("pods").into_iter();
        pods.find(|one| one["metadata"]["uid"] == pod["metadata"]["uid"])
    };
    if text(pod, &["spec", "nodeName"]).is_empty() {
        cluster.write(&bind(pod));
    }
    if let Some(pod) = find() {
        cluster.write(&status(with_outcome(&pod, outcome, number, cluster.now())));
    }
}

pub(crate) fn end(cluster: &Cluster, pod: &Value) {
    let write = Write {
        verb: Verb::Delete,
        object: pod.clone(),
    };
    let mut request = write.request(cluster.api.kinds(), "test").unwrap();
    request
        .query
        .push(("gracePeriodSeconds".to_owned(), "0".to_owned()));
    assert_eq!(cluster.handle(&request).0, 200);
}

/// Takes a step, and calls `look` after each write of a controller.
fn take(cluster: &Cluster, step: &Step, look: &mut dyn FnMut(&Write)) {
    let change = |patch: Value| {
        assert_eq!(cluster.send(Method::Patch, WEB, &patch).0, 200);
    };
    match step {
        Step::Ask(one, count) => {
            for write in cluster.due(controllers()[*one]).iter().take(*count) {
                cluster.write(write);
                look(write);
            }
        }
        Step::Pod(number, outcome) => {
            let mut pods = cluster.active_pods();
            pods.retain(|pod| is_ready(pod) != (*outcome == Outcome::Ready));
            if !pods.is_empty() {
                fare(cluster, &pods[number % pods.len()], *outcome, *number);
            }
        }
        Step::End(number) => {
            let mut pods = cluster.all("pods");
            pods.retain(is_terminating);
            if !pods.is_empty() {
                end(cluster, &pods[number % pods.len()]);
            }
        }
        Step::Image(number) => {
            let containers = json!([{"name": "c", "image": format!("image:{number}")}]);
            change(json!({"spec": {"template": {"spec": {"containers": containers}}}}));
        }
        Step::Scale(number) => change(json!({"spec": {"replicas": number}})),
        Step::Wait(seconds) => cluster.wait(*seconds),
    }
}

/// That all is as the Deployment says, and nothing is left over.
fn check_end(cluster: &Cluster) {
    cluster.assert_done(controllers());
    let web = &cluster.all("deployments.apps")[0];
    let sets = cluster.all("replicasets.apps");
    let image = &web["spec"]["template"]["spec"]["containers"][0]["image"];
    let controller = |object: &Value| object["metadata"]["ownerReferences"][0]["uid"].clone();
    let wanted = web["spec"]["replicas"].as_u64().unwrap();
    let pods = cluster.active_pods();
    assert_eq!(pods.len() as u64, wanted);
    for pod in &pods {
        assert_eq!(pod["spec"]["containers"][0]["image"], *image);
    }
    for pod in cluster.all("pods") {
        let owned = sets
            .iter()
            .any(|set| set["metadata"]["uid"] == controller(&pod));
        assert!(owned, "an orphan: {pod}");
    }
    let mut revisions = std::collections::BTreeSet::new();
    for set in &sets {
        assert_eq!(controller(set), web["metadata"]["uid"]);
        assert_eq!(set["status"]["replicas"], set["spec"]["replicas"]);
        let revision = &set["metadata"]["annotations"]["deployment.kubernetes.io/revision"];
        assert!(revisions.insert(revision.to_string()), "a revision twice");
    }
    assert!(sets.len() <= 2, "the history keeps one");
    let status = &web["status"];
    let count = |field: &str| status.get(field).and_then(Value::as_u64).unwrap_or(0);
    for field in [
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
    ] {
        assert_eq!(count(field), wanted, "{field}");
    }
    for condition in items(web, &["status", "conditions"]) {
        assert_eq!(condition["status"], "True", "{condition}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// However the controllers and the pods interleave, there are never more pods than the surge allows, and no controller
    /// takes a pod that must be available.
    #[test]
    fn no_step_of_a_rollout_exceeds_its_limits(limits in limits(), steps in steps(false)) {
        let cluster = begin(&limits);
        let Limits { replicas, surge, unavailable, recreate } = limits;
        for step in &steps {
            let before = std::cell::Cell::new(cluster.ready_pods());
            take(&cluster, step, &mut |write| {
                let active = cluster.active_pods();
                let most = if recreate { replicas } else { replicas + surge };
                assert!(active.len() <= most, "{} pods after {write:?}", active.len());
                let ready = cluster.ready_pods();
                let least = if recreate { 0 } else { replicas - unavailable };
                assert!(ready >= least.min(before.get()), "{ready} ready after {write:?}");
                before.set(ready);
                if recreate {
                    let all = cluster.all("pods");
                    let images: std::collections::BTreeSet<String> =
                        all.iter().map(|pod| pod["spec"]["containers"][0]["image"].to_string()).collect();
                    assert!(images.len() <= 1, "{images:?} at once");
                }
            });
        }
        settle(&cluster);
        check_end(&cluster);
    }

    /// Whatever fails and whoever changes their mind meanwhile, it ends as the Deployment says, and pods are never more
    /// than the largest that was asked for allows.
    #[test]
    fn whatever_happens_a_rollout_comes_to_its_end(limits in limits(), steps in steps(true)) {
        let cluster = begin(&limits);
        let mut most = limits.replicas + limits.surge;
        for step in &steps {
            if let Step::Scale(number) = step {
                most = most.max(usize::from(*number) + limits.surge);
            }
            take(&cluster, step, &mut |write| {
                let count = cluster.active_pods().len();
                assert!(count <= most, "{count} pods after {write:?}");
            });
        }
        settle(&cluster);
        check_end(&cluster);
    }
}
