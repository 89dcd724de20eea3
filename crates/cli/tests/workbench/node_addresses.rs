//! Nodes have several addresses (rule Q-5): what policy says of one of them says nothing of the others.

use std::fs;

use crate::support::{Finished, ringfence};

const CLUSTER: &str = r#"
apiVersion: v1
kind: Node
metadata: {name: n1}
status:
  addresses:
  - {type: InternalIP, address: 192.168.50.1}
  - {type: ExternalIP, address: 198.51.100.1}
  - {type: InternalIP, address: "fd50::1"}
---
apiVersion: v1
kind: Node
metadata: {name: n2}
status: {addresses: [{type: InternalIP, address: 192.168.50.2}, {type: ExternalIP, address: 198.51.100.2}]}
---
apiVersion: v1
kind: Namespace
metadata: {name: x}
---
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: x, labels: {app: p}}
spec: {nodeName: n1, containers: [{name: c, image: i}]}
status: {phase: Running, podIP: 10.0.0.1}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: new, namespace: x}
spec:
  selector: {matchLabels: {app: new}}
  template: {metadata: {labels: {app: new}}, spec: {containers: [{name: c, image: i}]}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: x}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
---
"#;

fn policy(app: &str, rules: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: open, namespace: x}}
spec: {{podSelector: {{matchLabels: {{app: {app}}}}}, {rules}}}
"
    )
}

/// A cluster in which nothing is open, and one in which a policy opens one address.
struct Pair {
    folder: tempfile::TempDir,
}

impl Pair {
    fn opened_by(policy: &str) -> Self {
        let pair = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::write(pair.path("closed.yaml"), CLUSTER).unwrap();
        fs::write(pair.path("open.yaml"), format!("{CLUSTER}{policy}")).unwrap();
        pair
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn gate(&self) -> Finished {
        let (old, new) = (self.path("closed.yaml"), self.path("open.yaml"));
        ringfence(&["diff", &old, &new, "--gate", "no-new-access"])
    }

    fn explain(&self, from: &str, to: &str) -> String {
        let file = self.path("open.yaml");
        let said = ringfence(&["explain", from, to, "10250", "-f", &file]);
        said.stdout.split_once(':').unwrap().0.to_owned()
    }

    fn locks_differ(&self) -> bool {
        let lock = ringfence(&["lock", "-f", &self.path("closed.yaml")]).expect(0);
        fs::write(self.path("lock"), lock).unwrap();
        let (open, lock) = (self.path("open.yaml"), self.path("lock"));
        ringfence(&["lock", "-f", &open, "--check", &lock])
            .status
            .code()
            == Some(1)
    }
}

#[test]
fn an_address_of_a_node_beside_its_first_is_newly_allowed() {
    let pair = Pair::opened_by(&policy(
        "p",
        "policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 198.51.100.1/32}}]}]",
    ));
    assert_eq!(pair.explain("x/p", "198.51.100.1"), "allow");
    assert_eq!(pair.explain("x/p", "192.168.50.1"), "deny");
    assert_eq!(pair.explain("x/p", "node/n1"), "partial");
    assert_eq!(pair.explain("x/p", "node/n2"), "deny");
    let said = pair.gate().expect(1);
    assert!(said.contains("x/p -> 198.51.100.1 "), "{said}");
    assert!(pair.locks_differ());
}

#[test]
fn a_node_comes_from_any_of_its_addresses() {
    let pair = Pair::opened_by(&policy(
        "p",
        "ingress: [{from: [{ipBlock: {cidr: 198.51.100.2/32}}]}]",
    ));
    assert_eq!(pair.explain("node/n2", "x/p"), "partial");
    assert_eq!(pair.explain("node/n1", "x/p"), "allow", "its own node");
    let said = pair.gate().expect(1);
    assert!(said.contains("198.51.100.2 -> x/p "), "{said}");
}

/// The address of the pod's own node gets in whatever policies say (rule NP-50), so nothing is new about it.
#[test]
fn the_own_node_is_not_newly_allowed() {
    let pair = Pair::opened_by(&policy(
        "p",
        "ingress: [{from: [{ipBlock: {cidr: 198.51.100.1/32}}]}]",
    ));
    let said = pair.gate().expect(0);
    assert!(said.contains("no difference"), "{said}");
}

/// Rule AM-22: a pod that has no address yet may speak any family.
#[test]
fn a_pod_without_address_meets_both_families_of_a_node() {
    let pair = Pair::opened_by(&policy(
        "new",
        "policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 'fd50::1/128'}}]}]",
    ));
    assert_eq!(pair.explain("x/new", "node/n1"), "partial");
    let said = pair.gate().expect(1);
    assert!(said.contains("fd50::1"), "{said}");
    assert!(pair.locks_differ());
}

#[test]
fn an_explanation_names_the_address_of_the_node() {
    let pair = Pair::opened_by(&policy(
        "p",
        "policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 198.51.100.1/32}}]}]",
    ));
    let file = pair.path("open.yaml");
    let said = ringfence(&["explain", "x/p", "node/n1", "10250", "-f", &file]).stdout;
    for ends in [
        "allow x/p -> node/n1 tcp/10250 at 198.51.100.1",
        "deny x/p -> node/n1 tcp/10250 at 192.168.50.1",
    ] {
        assert!(said.contains(ends), "{said}");
    }
}

/// What `diff --gate` says of a cluster of two nodes and a pod on the second, whose policy admits a block.
fn gated(before: [&[&str]; 2], after: [&[&str]; 2]) -> Finished {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, addresses: [&[&str]; 2]| {
        let path = folder.path().join(name).to_str().unwrap().to_owned();
        fs::write(&path, two_nodes(addresses)).unwrap();
        path
    };
    let (old, new) = (write("old.yaml", before), write("new.yaml", after));
    ringfence(&["diff", &old, &new, "--gate", "no-new-access"])
}

fn two_nodes(addresses: [&[&str]; 2]) -> String {
    let node = |(name, addresses): (&str, &[&str])| {
        let list = addresses
            .iter()
            .map(|address| format!("{{type: InternalIP, address: \"{address}\"}}"));
        let list: Vec<String> = list.collect();
        format!(
            "apiVersion: v1
kind: Node
metadata: {{name: {name}, labels: {{kubernetes.io/hostname: {name}}}}}
status: {{addresses: [{}]}}
---
",
            list.join(", ")
        )
    };
    let nodes: String = ["n1", "n2"].into_iter().zip(addresses).map(node).collect();
    format!(
        "{nodes}apiVersion: v1
kind: Namespace
metadata: {{name: x}}
---
apiVersion: v1
kind: Pod
metadata: {{name: p, namespace: x}}
spec: {{nodeName: n2, containers: [{{name: c, image: i}}]}}
status: {{phase: Running, podIPs: [{{ip: 10.0.0.1}}, {{ip: \"fd00::1\"}}]}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: some, namespace: x}}
spec:
  podSelector: {{}}
  ingress: [{{from: [{{ipBlock: {{cidr: 10.9.0.0/16}}}}, {{ipBlock: {{cidr: 'fd09::/16'}}}}]}}]
"
    )
}

#[test]
fn an_address_that_a_node_gets_is_compared_with_what_the_node_had() {
    let denied: &[&str] = &["10.8.0.1"];
    for (before, after) in [
        // It is new, whatever the other node has.
        (
            [denied, &["10.8.0.2"]],
            [&["10.8.0.1", "10.9.0.1"][..], &["10.8.0.2"]],
        ),
        (
            [denied, &["10.8.0.2", "10.9.0.2"]],
            [&["10.8.0.1", "10.9.0.1"], &["10.8.0.2", "10.9.0.2"]],
        ),
        ([denied, &["10.8.0.2"]], [&["10.9.0.1"], &["10.8.0.2"]]),
        (
            [denied, &["10.8.0.2"]],
            [&["10.8.0.1", "fd09::1"], &["10.8.0.2"]],
        ),
        // It was the own node's, and is another's now.
        (
            [denied, &["10.8.0.2", "10.9.0.2"]],
            [&["10.8.0.1", "10.9.0.2"], &["10.8.0.2"]],
        ),
    ] {
        let said = gated(before, after);
        let case = format!("{before:?} {after:?}: {}", said.stdout);
        assert_eq!(said.status.code(), Some(1), "{case}");
        assert!(said.stdout.contains("nodes -> x/p"), "{case}");
    }
}

#[test]
fn addresses_of_nodes_that_open_nothing_are_no_alarm() {
    let both: &[&str] = &["10.8.0.1", "10.9.0.1"];
    let own: &[&str] = &["10.8.0.2"];
    for (before, after) in [
        ([both, own], [&["10.9.0.1", "10.8.0.1"][..], own]),
        ([both, own], [&["10.9.0.1"], own]),
        ([both, own], [&["10.8.0.1"], own]),
        ([both, own], [&["10.8.0.1", "10.9.0.7"], own]),
        (
            [&["10.9.0.1", "fd09::1"], own],
            [&["fd09::1", "10.9.0.1"], own],
        ),
        // The pod's own node always gets in.
        (
            [&["10.8.0.1"], own],
            [&["10.8.0.1"], &["10.8.0.2", "10.9.0.2"]],
        ),
    ] {
        let said = gated(before, after);
        let case = format!("{before:?} {after:?}: {}", said.stdout);
        assert_eq!(said.status.code(), Some(0), "{case}");
    }
}

/// OB-19: what a range of ports at a node leads to is told port by port.
#[test]
fn a_range_of_ports_at_a_node_has_the_ports_of_services() {
    let folder = tempfile::tempdir().unwrap();
    let manifests = folder.path().join("m.yaml");
    let service = "apiVersion: v1
kind: Service
metadata: {name: p, namespace: x}
spec: {type: NodePort, clusterIP: 10.96.0.1, selector: {app: p}, ports: [{port: 80, targetPort: 8080, nodePort: 30080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: default}
spec: {nodeName: n2, containers: [{name: c, image: i}]}
status: {phase: Running, podIP: 10.0.0.9}
";
    fs::write(&manifests, format!("{CLUSTER}{service}")).unwrap();
    for end in ["node/n1", "192.168.50.1"] {
        let file = manifests.to_str().unwrap();
        let ports = "tcp/30000-30100";
        let found = ringfence(&["explain", "-f", file, "default/client", end, ports]);
        assert_eq!(found.status.code(), Some(1), "{}", found.stdout);
        for line in ["  allow  tcp/30000-30079,30081-30100", "  deny   tcp/30080"] {
            assert!(found.stdout.contains(line), "{}", found.stdout);
        }
    }
}

/// Q-3: an address that a node has is in no block of others.
#[test]
fn a_matrix_of_a_nodes_address_is_about_the_node() {
    let folder = tempfile::tempdir().unwrap();
    let manifests = folder.path().join("m.yaml");
    fs::write(&manifests, CLUSTER.trim_end().trim_end_matches("---")).unwrap();
    let file = manifests.to_str().unwrap();
    for end in ["192.168.50.1", "198.51.100.1", "fd50::1", "node/n1"] {
        let found = ringfence(&["matrix", "-f", file, "--to", end]).expect(0);
        let head = found.lines().next().unwrap();
        let columns: Vec<&str> = head.split_whitespace().skip(3).collect();
        assert_eq!(columns, ["nodes"], "{end}: {found}");
    }
}
