//! Pods in the network of their node, where no manifest gives the node.

use super::World;

/// An agent on every node, and a pod that lets in and out to a block that may hold nodes.
fn world(node: &str) -> World {
    World::of(&format!(
        "
apiVersion: apps/v1
kind: DaemonSet
metadata: {{name: agent, namespace: mon}}
spec:
  selector: {{matchLabels: {{app: agent}}}}
  template:
    metadata: {{labels: {{app: agent}}}}
    spec: {{hostNetwork: true, {node}containers: [{{name: c, image: i}}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: web, namespace: shop}}
spec: {{containers: [{{name: c, image: i}}]}}
status: {{podIP: 10.0.0.1}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: web, namespace: shop}}
spec:
  podSelector: {{}}
  policyTypes: [Ingress, Egress]
  ingress: [{{from: [{{ipBlock: {{cidr: 192.168.0.0/24}}}}], ports: [{{port: 80}}]}}]
  egress: [{{to: [{{ipBlock: {{cidr: 192.168.0.0/24}}}}], ports: [{{port: 9100}}]}}]
"
    ))
}

const NOTE: &str = "note: mon/daemonset/agent is in the network of its node, which no manifest names: nodes stand for it, with addresses that are not known (NP-53, AM-22)\n  \
                    = help: give the Nodes with their `status.addresses`, and the pods with their `spec.nodeName`\n";

#[test]
fn a_matrix_has_a_row_and_a_column_for_them() {
    let world = world("");
    for by in ["workload", "namespace", "pod"] {
        let said = world.ask(&["matrix", "--by", by, "-o", "json", "--no-external"]);
        assert_eq!(said.status.code(), Some(0), "{said:#?}");
        assert_eq!(said.stderr, NOTE, "{said:#?}");
        let json: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!(
            json["hostNetwork"],
            serde_json::json!([{"name": "mon/daemonset/agent", "nodes": [], "known": false}])
        );
        let cells = json["cells"].as_array().unwrap();
        let verdicts: Vec<&str> = cells
            .iter()
            .map(|cell| cell["verdict"].as_str().unwrap())
            .collect();
        assert_eq!(verdicts, ["unknown", "unknown"], "{json:#}");
    }
    for text in ["mon/agent", "mon/ds/agent", "nodes"] {
        let said = world.ask(&["matrix", "--from", text, "-o", "csv"]);
        assert_eq!(said.status.code(), Some(0), "{said:#?}");
        assert!(said.stdout.contains("nodes"), "{said:#?}");
    }
}

#[test]
fn zones_hold_them_as_nodes() {
    let world = world("");
    let zones = "
apiVersion: ringfence.dev/v1alpha1
kind: TrustZones
zones:
- {name: hosts, nodes: {}}
- {name: workloads, pods: {}}
intended: []
";
    std::fs::write(world.path("zones.yaml"), zones).unwrap();
    let path = world.path("zones.yaml");
    let said = world.ask(&["zones", "--zones", &path, "-o", "json"]);
    assert_eq!(said.status.code(), Some(1), "{said:#?}");
    assert_eq!(said.stderr, NOTE, "{said:#?}");
    let json: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let cells = json["cells"].as_array().unwrap();
    let mut cells = cells.iter();
    let cell = cells.find(|cell| cell["from"] == "hosts" && cell["to"] == "workloads");
    assert_eq!(cell.unwrap()["verdict"], "unknown", "{json:#}");
    assert_eq!(json["hostNetwork"][0]["known"], false);
}

/// A node that pods name is one, and nothing has to be said.
#[test]
fn a_node_that_they_name_stands_for_them() {
    let world = world("nodeName: n1, ");
    let said = world
        .ask(&["matrix", "--by", "pod", "-o", "json", "--no-external"])
        .expect(0);
    let json: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        json["hostNetwork"],
        serde_json::json!([{"name": "mon/daemonset/agent", "nodes": ["n1"], "known": true}])
    );
    assert_eq!(json["sources"][1]["name"], "node/n1");
}
