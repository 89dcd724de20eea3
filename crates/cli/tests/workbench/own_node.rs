//! A node and the pods on it: it always reaches them (rule NP-50), so nothing may claim that it does not.

use std::fs;

use crate::support::{Finished, ringfence};

/// A namespace that is closed, and a pod in it on the only node.
const CLOSED: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: a}
---
apiVersion: v1
kind: Node
metadata: {name: n1}
status: {addresses: [{type: InternalIP, address: 172.18.0.2}]}
---
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: a}
spec: {nodeName: n1, containers: [{name: c, image: i}]}
status: {phase: Running, hostIP: 172.18.0.2, podIP: 10.244.1.10}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: a}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
";

const ZONES: &str = "
apiVersion: ringfence.dev/v1alpha1
kind: TrustZones
zones:
- {name: nodes, nodes: {}}
- {name: workloads, pods: {}}
intended: []
";

fn with_files(command: &[&str], more: &[&str]) -> Finished {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    // A name that fits into no grid.
    let closed = CLOSED.replace("{name: p,", &format!("{{name: p{},", "-p".repeat(100)));
    fs::write(path("closed.yaml"), closed).unwrap();
    fs::write(path("zones.yaml"), ZONES).unwrap();
    let (manifests, zones) = (path("closed.yaml"), path("zones.yaml"));
    let mut all = [command, &["-f", &manifests], more].concat();
    if command == ["zones"] {
        all.extend(["--zones", &zones]);
    }
    ringfence(&all)
}

#[test]
fn no_way_is_said_to_be_missing_that_is_always_there() {
    let way = |from: &str, to: &str, more: &[&str]| {
        with_files(&["zones"], &[&["--path", from, to], more].concat()).expect(0)
    };
    let text = way("nodes", "workloads", &[]);
    assert!(
        text.starts_with("there is no way from nodes to workloads, but for"),
        "{text}"
    );
    assert!(text.contains("(NP-50)"), "{text}");
    let json = way("nodes", "workloads", &["-o", "json"]);
    assert!(json.contains("\"own_pods\": true"), "{json}");
    let back = way("workloads", "nodes", &[]);
    assert_eq!(back, "there is no way from workloads to nodes\n");
}

#[test]
fn a_list_says_that_a_node_reaches_its_pods() {
    let more = ["--by", "pod", "--from", "node/n1"];
    let list = with_files(&["matrix"], &more).expect(0);
    assert!(
        list.contains("node/n1\n  -> nothing but the pods on it\n"),
        "{list}"
    );
    assert!(list.contains("but by a node to the pods on it"), "{list}");
}
