//! Pods of which only labels are given: nobody knows how they will call their ports (rules NP-34, Q-13).

use super::World;

/// A cache that is let in to by the name of its port, and a web server by a number; a client that may dial numbers alone.
fn world() -> World {
    World::of(
        "
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: a}
spec: {containers: [{name: c, image: x}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: cache, namespace: a}
spec:
  podSelector: {matchLabels: {app: cache}}
  ingress: [{from: [{podSelector: {}}], ports: [{port: redis}, {port: 80}]}]
",
    )
}

#[test]
fn what_depends_on_their_ports_is_unknown() {
    let world = world();
    for (from, port, verdict) in [
        ("a/client", "6379", "unknown"),
        ("a/client", "80", "allow"),
        // Another protocol, and a peer that no rule is about.
        ("a/client", "udp/6379", "deny"),
        ("10.9.9.9", "6379", "deny"),
    ] {
        let code = i32::from(verdict != "allow");
        let said = world.explain(&[from, "a/[app=cache]", port]).expect(code);
        assert!(said.starts_with(&format!("{verdict}: ")), "{said}");
        for against in ["manifests", "ruleset"] {
            for expected in ["allow", "deny"] {
                let question = [from, "a/[app=cache]", port];
                let more = ["--against", against];
                let tested = world.test(expected, question, &more);
                let code = i32::from(verdict != expected);
                assert_eq!(tested.status.code(), Some(code), "{verdict} {tested:#?}");
                let told = "the ports of a/[app=cache] are not known, and rules name some";
                let is_told = tested.stdout.contains(told);
                assert_eq!(is_told, verdict == "unknown", "{tested:#?}");
            }
        }
    }
    let said = world.explain(&["a/client", "a/[app=cache]", "6379", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&said.expect(1)).unwrap();
    assert_eq!(
        json["missing"],
        serde_json::json!(["the ports of a/[app=cache]"])
    );
    assert_eq!(json["connections"][0]["ingress"]["verdict"], "unknown");
}

/// The DNS of a cluster is imagined where manifests do not hold it, and so are its ports.
#[test]
fn an_imagined_dns_has_ports_that_nobody_knows() {
    let world = World::of(
        "
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: a}
spec: {containers: [{name: c, image: x}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: out, namespace: a}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress: [{to: [{namespaceSelector: {}}], ports: [{port: dns, protocol: UDP}]}]
",
    );
    let said = world.explain(&["a/client", "dns", "udp/53"]).expect(1);
    assert!(said.starts_with("unknown: "), "{said}");
    let said = world.explain(&["a/client", "dns", "tcp/53"]).expect(1);
    assert!(said.starts_with("deny: "), "{said}");
}
