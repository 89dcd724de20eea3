//! Ports of a node that lead to a pod on it (rules OB-24, AM-27).

use super::World;

const NODES: &str = "
apiVersion: v1
kind: Node
metadata: {name: n1}
status: {addresses: [{type: InternalIP, address: 192.168.0.1}]}
---
apiVersion: v1
kind: Node
metadata: {name: n2}
status: {addresses: [{type: InternalIP, address: 192.168.0.2}]}
";

/// A pod on `node` that lets in 203.0.113.0/24 and a client, and that client, whose egress `rules` let out.
fn world(node: &str, rules: &str) -> World {
    World::of(&format!(
        "{NODES}---
apiVersion: v1
kind: Pod
metadata: {{name: web, namespace: shop, labels: {{app: web}}}}
spec: {{{node}containers: [{{name: c, image: i, ports: [{{name: http, containerPort: 80, hostPort: 8080}}]}}]}}
status: {{podIP: 10.0.1.1}}
---
apiVersion: v1
kind: Pod
metadata: {{name: client, namespace: shop, labels: {{app: client}}}}
spec: {{nodeName: n2, containers: [{{name: c, image: i}}]}}
status: {{podIP: 10.0.2.1}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: web, namespace: shop}}
spec:
  podSelector: {{matchLabels: {{app: web}}}}
  ingress:
  - from: [{{ipBlock: {{cidr: 203.0.113.0/24}}}}, {{podSelector: {{}}}}]
    ports: [{{port: http}}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: out, namespace: shop}}
spec:
  podSelector: {{matchLabels: {{app: client}}}}
  policyTypes: [Egress]
  egress: [{rules}]
"
    ))
}

#[test]
fn the_pod_is_judged_and_not_its_node() {
    let world = world("nodeName: n1, ", "");
    snapbox::assert_data_eq!(
        world.explain(&["192.0.2.9", "node/n1", "8080"]).expect(1),
        snapbox::str![[r#"
deny: 192.0.2.9 -> node/n1 tcp/8080

deny 192.0.2.9 -> shop/web tcp/8080 (80 behind it)
  egress  192.0.2.9: no policy applies -> allow
  ingress shop/web: NetworkPolicy: isolated by shop/web, no rule matches -> deny
...
warning[OB-24]: tcp/8080 of node/n1 is the hostPort of shop/web, and the pod is judged, at tcp/80

"#]]
    );
    for (from, to, port, is_open) in [
        ("203.0.113.9", "node/n1", "8080", true),
        ("203.0.113.9", "192.168.0.1", "8080", true),
        ("192.0.2.9", "192.168.0.1", "8080", false),
        ("node/n2", "node/n1", "8080", false),
        ("192.0.2.9", "node/n1", "8081", true),
        ("192.0.2.9", "node/n2", "8080", true),
        ("192.0.2.9", "node/n1", "udp/8080", true),
    ] {
        let (code, expected) = if is_open { (0, "allow") } else { (1, "deny") };
        world.explain(&[from, to, port]).expect(code);
        for against in ["manifests", "ruleset"] {
            let said = world.test(expected, [from, to, port], &["--against", against]);
            assert_eq!(said.status.code(), Some(0), "{said:#?}");
        }
    }
    let said = world.explain(&["192.0.2.9", "node/n1", "8080", "-o", "json"]);
    let said: serde_json::Value = serde_json::from_str(&said.expect(1)).unwrap();
    let found = &said["connections"][0];
    assert_eq!(found["destination"], "shop/web");
    assert_eq!(found["port"], 80);
    assert_eq!(
        found["hostPort"],
        serde_json::json!({"node": "node/n1", "nodeAddress": "192.168.0.1", "port": 8080})
    );
}

/// Only the pod's own node translates: a policy on another one sees the node.
#[test]
fn egress_from_elsewhere_is_judged_at_the_node() {
    for (rules, code) in [
        (
            "{to: [{ipBlock: {cidr: 192.168.0.1/32}}], ports: [{port: 8080}]}",
            0,
        ),
        ("{to: [{podSelector: {}}], ports: [{port: 80}]}", 1),
    ] {
        let world = world("nodeName: n1, ", rules);
        let said = world
            .explain(&["shop/client", "node/n1", "8080"])
            .expect(code);
        let told = "judged, at tcp/80; egress is judged at the node, as only that node leads it on";
        assert!(said.contains(told), "{said}");
        let expected = if code == 0 { "allow" } else { "deny" };
        for against in ["manifests", "ruleset"] {
            let question = ["shop/client", "node/n1", "8080"];
            world
                .test(expected, question, &["--against", against])
                .expect(0);
        }
    }
}

#[test]
fn a_pod_that_may_run_anywhere_is_told_of() {
    let world = world("", "");
    let said = world.explain(&["192.0.2.9", "node/n1", "8080"]).expect(0);
    let told = "warning[OB-24]: shop/web has the hostPort tcp/8080, and it is not known on which node it runs: on that one the pod is judged instead of the node";
    assert!(said.contains(told), "{said}");
    let said = world.explain(&["192.0.2.9", "node/n1", "8081"]).expect(0);
    assert!(!said.contains("OB-24"), "{said}");
}
