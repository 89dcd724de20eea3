//! `ringfence test --against cluster`: assertions judged by real packets in a cluster that runs, which a lab with its API is.

use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::kubectl::Cluster;
use crate::support::{Finished, Run, eventually, ringfence};

const MANIFESTS: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: shop, labels: {app: client}}
spec: {containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: other, namespace: shop, labels: {app: other}}
spec: {containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: peer, namespace: shop, labels: {app: peer}}
spec: {containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Service
metadata: {name: peers, namespace: shop}
spec: {clusterIP: None, selector: {app: peer}, publishNotReadyAddresses: true, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: x, ports: [{name: http, containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 8080, targetPort: 80}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
  - {from: [{podSelector: {matchLabels: {app: client}}}], ports: [{port: 80}]}
";

/// The pods that are made are told apart from those that run: they never stand behind a Service, and no ReplicaSet takes them.
const TESTS: &str = "
apiVersion: ringfence.dev/v1alpha1
kind: PolicyTest
tests:
- name: the client reaches the web tier
  allow:
  - {from: shop/client, to: svc/shop/web}
  - {from: shop/client, to: shop/rs/web, ports: tcp/80}
- name: nobody else does
  deny:
  - {from: shop/other, to: shop/rs/web, ports: [tcp/80, udp/80]}
  - {from: shop/client, to: shop/rs/web, ports: tcp/81}
  - {from: shop/other, to: svc/shop/web}
- name: pods that do not exist
  allow: {from: 'shop/[app=client]', to: 'shop/[app=web]', ports: tcp/80}
  deny: {from: 'shop/[app=guest]', to: 'shop/[app=web]', ports: [tcp/80, udp/80]}
- name: where nothing listens, somebody in its place does
  allow: {from: shop/client, to: shop/other, ports: [tcp/9, udp/9]}
- name: an allowed connection is none that is denied
  deny: {from: shop/client, to: shop/rs/web, ports: tcp/80}
- name: a denied connection is none that is allowed
  allow: {from: shop/other, to: shop/rs/web, ports: tcp/80}
- name: packets that are not sent
  deny: {from: shop/other, to: shop/rs/web, ports: [sctp/80, icmp]}
- name: hosts of others
  allow: {from: shop/client, to: 192.0.2.7, ports: tcp/80}
- name: pods that others would be led to
  allow: {from: shop/peer, to: shop/client, ports: tcp/80}
- name: nothing is started on nodes
  allow: {from: node/kind-worker, to: shop/client, ports: tcp/80}
";

fn written(cluster: &Cluster, name: &str, text: &str) -> String {
    let path = cluster.lab().file(name, text);
    path.to_str().unwrap().to_owned()
}

fn judged(kubeconfig: &str, tests: &str, more: &[&str]) -> Command {
    let mut command = ringfence(&["test", tests, "--kubeconfig", kubeconfig]);
    command
        .args(["--against", "cluster", "-o", "json"])
        .args(more);
    command
}

fn probes(cluster: &Cluster) -> String {
    cluster.ok("get pods -A -l ringfence.dev/probe -o name")
}

fn told(finished: &Finished) -> Vec<(String, String)> {
    let told: Value =
        serde_json::from_str(&finished.stdout).unwrap_or_else(|_| panic!("{finished:#?}"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let test = |test: &Value| (text(&test["status"]), text(&test["skipped"][0]["reason"]));
    told["tests"].as_array().unwrap().iter().map(test).collect()
}

#[test]
fn a_cluster_is_asked_by_pods_that_are_gone_afterwards() {
    let cluster = Cluster::up();
    cluster.lab().apply(MANIFESTS);
    let tests = written(&cluster, "tests.yaml", TESTS);
    let before = cluster.ok("get pods -n shop -o name");
    let finished = judged(cluster.kubeconfig(), &tests, &[]).finish();
    assert_eq!(finished.code(), Some(1), "{finished:#?}");
    let told = told(&finished);
    let statuses: Vec<&str> = told.iter().map(|(status, _)| status.as_str()).collect();
    let (four, two, others) = (["passed"; 4], ["failed"; 2], ["skipped"; 4]);
    assert_eq!(
        statuses,
        [&four[..], &two, &others].concat(),
        "{finished:#?}"
    );
    for (place, reason) in [
        (
            6,
            "pods in a cluster are tried over TCP and UDP, not over SCTP",
        ),
        (
            7,
            "192.0.2.7 is outside of the cluster: --probe-outside tries such addresses",
        ),
        (
            8,
            "Service shop/peers publishes pods that are not ready: its clients would be led to",
        ),
        (9, "nothing is started on node kind-worker itself"),
    ] {
        assert!(told[place].1.starts_with(reason), "{told:#?}");
    }
    assert!(
        finished
            .stderr
            .contains("and removes them when the tests end: 1 in shop"),
        "{finished:#?}"
    );
    assert_eq!(probes(&cluster), "");
    assert_eq!(cluster.ok("get pods -n shop -o name"), before);
}

/// Packets judge, not policies; and whoever interrupts that leaves nothing behind.
#[test]
fn what_a_cluster_does_not_enforce_fails_and_an_interrupted_run_leaves_nothing() {
    let cluster = Cluster::up_with(&["up", "--without-enforcement"]);
    cluster.lab().apply(MANIFESTS);
    let tests = written(&cluster, "tests.yaml", TESTS);
    let named = ["--filter", "nobody else"];
    let finished = judged(cluster.kubeconfig(), &tests, &named).finish();
    assert_eq!(finished.code(), Some(1), "{finished:#?}");
    let told: Value = serde_json::from_str(&finished.stdout).unwrap();
    let failures = told["tests"][0]["failures"].as_array().unwrap();
    assert!(!failures.is_empty(), "{finished:#?}");
    assert!(
        failures.iter().all(|one| one["outcome"] == "allow"),
        "{finished:#?}"
    );

    let mut run = judged(cluster.kubeconfig(), &tests, &[]);
    let run = run
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    eventually("a pod to try from", || {
        (!probes(&cluster).is_empty()).then_some(())
    });
    kill(
        Pid::from_raw(i32::try_from(run.id()).unwrap()),
        Signal::SIGINT,
    )
    .unwrap();
    let ended = run.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130), "{ended:?}");
    assert_eq!(probes(&cluster), "");
}
