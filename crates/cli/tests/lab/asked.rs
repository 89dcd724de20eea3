//! The agents of a live cluster, asked through its API: those of a lab's nodes, with pods in the place of the chart's.

use std::os::unix::fs::symlink;
use std::process::Command;

use ringfence_standin::probe::ProbeProtocol;
use serde_json::Value;

use crate::kubectl::Cluster;
use crate::support::{Finished, Run, ringfence};

const PODS: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: ringfence-system}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {nodeName: kind-worker, containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {nodeName: kind-worker2, containers: [{name: c, image: x, ports: [{containerPort: 80}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed}
spec: {podSelector: {matchLabels: {app: web}}}
";

/// As a pod of the chart's DaemonSet is: on the node's network, with the folder of the agent.
fn agent(node: &str) -> String {
    format!(
        "
apiVersion: v1
kind: Pod
metadata:
  name: agent-{node}
  namespace: ringfence-system
  labels: {{app.kubernetes.io/name: ringfence, app.kubernetes.io/component: agent}}
spec:
  nodeName: {node}
  hostNetwork: true
  containers:
  - name: agent
    image: ringfence
    command: [sleep, infinity]
    volumeMounts: [{{name: run, mountPath: /run/ringfence/node}}]
  volumes: [{{name: run, hostPath: {{path: /run/ringfence/nodes/{node}/data}}}}]
---"
    )
}

/// `kubectl ringfence ...`, as kubectl finds it in `PATH`.
fn plugin(cluster: &Cluster, arguments: &[&str]) -> Finished {
    let folder = cluster.path("bin");
    if !folder.exists() {
        std::fs::create_dir(&folder).unwrap();
        symlink(
            env!("CARGO_BIN_EXE_ringfence"),
            folder.join("kubectl-ringfence"),
        )
        .unwrap();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder).chain(std::env::split_paths(&path));
    let mut command: Command = cluster.command("ringfence");
    command
        .args(arguments)
        .env("PATH", std::env::join_paths(folders).unwrap())
        .finish()
}

fn json(finished: &Finished) -> Value {
    serde_json::from_str(&finished.stdout).unwrap_or_else(|_| panic!("{finished:#?}"))
}

#[test]
fn agents_are_asked_through_the_api() {
    let cluster = Cluster::up();
    let lab = cluster.lab();
    let none = plugin(&cluster, &["status"]).expect_refused();
    assert!(
        none.contains("no agent of ringfence is in namespace `ringfence-system`"),
        "{none}"
    );
    let nodes = ["kind-control-plane", "kind-worker", "kind-worker2"];
    lab.apply(&format!("{PODS}---{}", agent(nodes[1])));
    cluster.ok("wait --for=condition=Ready pod --all -n ringfence-system --timeout=90s");

    // Nodes without an agent are found from the API alone.
    let status = plugin(&cluster, &["status", "-o", "json"]);
    assert_eq!(status.code(), Some(1), "{status:#?}");
    let told = json(&status);
    let has = |place: usize| told[place]["agent"]["ready"] == true;
    assert_eq!((has(0), has(1), has(2)), (false, true, false), "{told:#}");
    lab.apply(&[agent(nodes[0]), agent(nodes[2])].concat());
    cluster.ok("wait --for=condition=Ready pod --all -n ringfence-system --timeout=90s");
    let status = plugin(&cluster, &["status"]).expect_ok();
    assert_eq!(
        status.matches("enforces what it heard").count(),
        3,
        "{status}"
    );

    let verified = plugin(&cluster, &["verify", "-o", "json"]);
    let told = json(&verified);
    let equal = |place: usize| (told[place]["node"].as_str(), told[place]["equal"].as_bool());
    for (place, node) in nodes.into_iter().enumerate() {
        assert_eq!(equal(place), (Some(node), Some(true)), "{told:#}");
    }
    assert_eq!(verified.code(), Some(0), "{verified:#?}");

    let web = lab.address("web");
    lab.is_denied("client", &web, 80, ProbeProtocol::Tcp);
    let flows = crate::support::eventually("a record of the denial", || {
        let flows = plugin(&cluster, &["flows", "--verdict", "deny", "--to", "web"]).expect_ok();
        flows.contains("default/closed").then_some(flows)
    });
    assert!(
        flows.contains("kind-worker2 deny ingress default/client -> default/web"),
        "{flows}"
    );

    let rules = plugin(
        &cluster,
        &["rules", "default/closed", "--live", "--node", nodes[2]],
    )
    .expect_ok();
    assert!(
        rules.contains(nodes[2]) && !rules.contains("made up"),
        "{rules}"
    );

    // One that does not answer is named, and counts more than those that do.
    cluster.ok("delete pod -n ringfence-system agent-kind-worker");
    lab.apply(&agent(nodes[1]).replace("/data}", "}"));
    cluster.ok("wait --for=condition=Ready pod --all -n ringfence-system --timeout=90s");
    let verified = plugin(&cluster, &["verify"]);
    assert_eq!(verified.code(), Some(2), "{verified:#?}");
    let silent =
        "node kind-worker: cannot verify: pod ringfence-system/agent-kind-worker: exit code 1";
    assert!(verified.stdout.contains(silent), "{verified:#?}");
    assert!(
        verified
            .stdout
            .contains("node kind-worker2: the rules in the kernel equal"),
        "{verified:#?}"
    );
    let flows = plugin(&cluster, &["flows", "--verdict", "deny"]);
    assert_eq!(flows.code(), Some(2), "{flows:#?}");
    assert!(flows.stdout.contains("default/closed"), "{flows:#?}");

    let rules = plugin(&cluster, &["rules", "--live"]);
    assert_eq!(rules.code(), Some(2), "{rules:#?}");

    let unknown = ringfence(&[
        "verify",
        "--kubeconfig",
        cluster.kubeconfig(),
        "--node",
        "nowhere",
    ]);
    let said = { unknown }.finish().expect_refused();
    assert!(
        said.contains("no agent of ringfence is on node `nowhere`"),
        "{said}"
    );
}
