//! A cluster whose control plane a provider runs: its API is reached, as policies allow, and its nodes are nobody's.

use ringfence_lab::control::client::Origin;
use ringfence_lab::control::protocol::Place;
use ringfence_standin::probe::{ProbeOutcome, ProbeProtocol, ProbeRequest};

use crate::kubectl::Cluster;
use crate::support::{DUAL_STACK, Lab, Permit, Run as _, eventually, processes_of, ringfence};

const PODS: &str = "
apiVersion: v1
kind: Pod
metadata: {name: client, labels: {app: client}}
spec: {containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: agent}
spec: {hostNetwork: true, containers: [{name: c, image: x}]}
";

/// The provider's node, where its kubelet listens.
const HIDDEN: [&str; 2] = ["172.19.0.2", "fd00:172:19::2"];
const KUBELET: u16 = 10250;
/// The same in the kernel's table of sockets that listen.
const LISTENS: &str = ": 020013AC:280A 00000000:0000 0A ";
const API: &str = "kubernetes.default.svc.cluster.local";
const ENDPOINTS: [&str; 2] = ["192.0.2.10", "2001:db8:192::10"];

/// A lab of a provider, and its kubeconfig in a file that pods see.
fn up() -> Cluster {
    let lab = Lab::planned(Permit::shared());
    lab.file("kind.yaml", DUAL_STACK);
    lab.file("pods.yaml", PODS);
    let managed = ["up", "--profile", "managed", "--config", "kind.yaml"];
    let kubeconfig = lab.folder.path().join("kubeconfig");
    let kubeconfig = kubeconfig.to_str().unwrap();
    let files = ["-f", "pods.yaml", "--kubeconfig", kubeconfig];
    let printed = lab.ok(&[managed.as_slice(), &files].concat());
    Cluster::of(lab, &printed)
}

/// Whether a process of the lab sees that somebody listens at the provider's node: those on that network do, and no others.
fn somebody_listens(lab: &Lab) -> bool {
    let processes = processes_of(&lab.name);
    let tables = processes
        .keys()
        .filter_map(|pid| std::fs::read_to_string(format!("/proc/{pid}/net/tcp")).ok());
    tables.into_iter().any(|table| table.contains(LISTENS))
}

fn from_place(lab: &Lab, place: Place, target: &str, port: u16) -> ProbeOutcome {
    let request = ProbeRequest {
        target: target.to_owned(),
        port,
        protocol: ProbeProtocol::Tcp,
        timeout_ms: if port == KUBELET { 500 } else { 10_000 },
    };
    let reports = lab.client().probe(&Origin::Place(place), &[request]);
    reports.unwrap().remove(0).outcome
}

fn policy(rules: &str) -> String {
    format!(
        "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: out}}
spec:
  podSelector: {{matchLabels: {{app: client}}}}
  policyTypes: [Egress]
  egress: [{{ports: [{{port: 53, protocol: UDP}}]}}{rules}]
"
    )
}

/// What `explain` says of the pod and the API, by its exit code.
fn explained(cluster: &Cluster) -> Option<i32> {
    let question = ["explain", "default/client", "apiserver", "443"];
    let mut command = ringfence(&question);
    let finished = command
        .args(["--kubeconfig", cluster.kubeconfig()])
        .current_dir(cluster.lab().folder.path())
        .finish();
    finished.code()
}

#[test]
fn the_control_plane_of_a_provider_is_its_api_alone() {
    let cluster = up();
    let lab = cluster.lab();
    // Who operates the cluster sees workers, and no object names a node of the control plane.
    let status = lab.status();
    let nodes: Vec<(&str, &str)> = status
        .nodes
        .iter()
        .map(|node| (node.name.as_str(), node.role.as_str()))
        .collect();
    assert_eq!(
        nodes,
        [("kind-worker", "worker"), ("kind-worker2", "worker")]
    );
    let named = |name: &str| status.services.iter().find(|one| one.name.name == name);
    assert_eq!(named("kubernetes").unwrap().backends, 1);
    let seen: Vec<String> = lab.cluster().nodes.into_keys().collect();
    assert_eq!(seen, ["kind-worker", "kind-worker2"]);
    let seen = cluster.ok("get nodes -o name");
    assert_eq!(seen, "node/kind-worker\nnode/kind-worker2\n");
    its_api_answers(&cluster);
    nobody_reaches_its_nodes(lab);
    policies_judge_the_address_behind_the_service(&cluster);
}

fn its_api_answers(cluster: &Cluster) {
    let lab = cluster.lab();
    for target in [API, ENDPOINTS[0], ENDPOINTS[1]] {
        for pod in ["client", "agent"] {
            lab.reaches(pod, target, 443, ProbeProtocol::Tcp);
        }
    }
    // What a kubelet does.
    let node = Place::Node("kind-worker".to_owned());
    let outcome = from_place(lab, node, ENDPOINTS[0], 443);
    assert!(outcome.is_reached(), "{outcome:?}");
    // It says whom it is, under its name and its addresses, and knows who asks.
    let kubeconfig = lab.folder.path().join("kubeconfig");
    let kubeconfig = kubeconfig.to_str().unwrap();
    for server in [
        "kubernetes.default.svc",
        "10.96.0.1",
        ENDPOINTS[0],
        "[2001:db8:192::10]",
    ] {
        let server = format!("--server=https://{server}");
        let command = ["kubectl", "--kubeconfig", kubeconfig, &server];
        let question = [command.as_slice(), &["get", "nodes", "-o", "name"]].concat();
        let said = lab.exec("client", &question).expect_ok();
        assert_eq!(said, "node/kind-worker\nnode/kind-worker2\n", "{server}");
    }
    // Where it answers is not for users to say.
    let refused = cluster.run("delete endpointslice kubernetes");
    assert!(
        refused.stderr.contains("is the provider's"),
        "{}",
        refused.stderr
    );
}

/// Though something listens there.
fn nobody_reaches_its_nodes(lab: &Lab) {
    eventually("its kubelet listens", || {
        somebody_listens(lab).then_some(())
    });
    for target in HIDDEN.into_iter().chain(ENDPOINTS) {
        for pod in ["client", "agent"] {
            let outcome = lab.probe(pod, target, KUBELET, ProbeProtocol::Tcp, 500);
            assert!(!outcome.is_reached(), "{pod} to {target}: {outcome:?}");
        }
        for place in [Place::Node("kind-worker".to_owned()), Place::Outside] {
            let outcome = from_place(lab, place, target, KUBELET);
            assert!(!outcome.is_reached(), "to {target}: {outcome:?}");
        }
    }
}

fn policies_judge_the_address_behind_the_service(cluster: &Cluster) {
    let lab = cluster.lab();
    assert_eq!(explained(cluster), Some(0));
    for closed in ["", ", {to: [{ipBlock: {cidr: 10.96.0.1/32}}]}"] {
        lab.apply(&policy(closed));
        lab.is_denied("client", API, 443, ProbeProtocol::Tcp);
        assert_eq!(explained(cluster), Some(1));
    }
    lab.reaches("agent", API, 443, ProbeProtocol::Tcp);
    lab.apply(&policy(
        ", {to: [{ipBlock: {cidr: 192.0.2.10/32}}], ports: [{port: 443}]}",
    ));
    lab.reaches("client", API, 443, ProbeProtocol::Tcp);
    assert_eq!(explained(cluster), Some(0));
    ringfence(&["verify", "--lab", &lab.name])
        .finish()
        .expect_ok();
}

/// Packets of a lab that is made for them agree with the policies about a provider's API.
#[test]
fn tests_are_judged_in_a_lab_of_a_provider() {
    let lab = Lab::planned(Permit::shared());
    let rule = ", {to: [{ipBlock: {cidr: 192.0.2.10/32}}], ports: [{port: 443}]}";
    lab.file("all.yaml", &format!("{PODS}---{}", policy(rule)));
    lab.file(
        "tests.yaml",
        "
apiVersion: ringfence.dev/v1alpha1
kind: PolicyTest
tests:
- name: the API alone
  allow: {from: default/client, to: 192.0.2.10, ports: tcp/443}
  deny: {from: default/client, to: 192.0.2.10, ports: [tcp/444, udp/443]}
- name: its nodes
  allow: {from: default/agent, to: 172.19.0.2, ports: tcp/10250}
",
    );
    let test = |more: &[&str]| {
        let mut command = ringfence(&["test", "tests.yaml", "-f", "all.yaml"]);
        command.args(more).current_dir(lab.folder.path()).finish()
    };
    let judged = test(&["--against", "lab", "--profile", "managed"]);
    assert_eq!(judged.code(), Some(0), "{judged:#?}");
    assert!(
        judged.stdout.contains("ok   the API alone (3 connections)")
            && judged.stdout.ends_with("1 passed, 1 skipped\n"),
        "{judged:#?}"
    );
    let said = test(&["--profile", "managed"]).expect_refused();
    assert!(said.contains("--against lab"), "{said}");
}

#[test]
fn a_provider_needs_somebody_elses_nodes() {
    let lab = Lab::without_permit();
    let kind =
        "{kind: Cluster, apiVersion: kind.x-k8s.io/v1alpha4, nodes: [{role: control-plane}]}";
    lab.file("kind.yaml", kind);
    let up = ["up", "--profile", "managed", "--config", "kind.yaml"];
    let said = lab.run(&up).expect_refused();
    assert!(said.contains("needs a worker"), "{said}");
    assert!(processes_of(&lab.name).is_empty());
}
