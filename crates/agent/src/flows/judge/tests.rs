use ringfence_model::{Input, LoadOptions, ObjectName, assemble, load};
use ringfence_net::IpProtocol;

use super::*;
use crate::flows::packet::Header;

const MANIFESTS: &str = "
apiVersion: v1
kind: Pod
metadata: {name: server, namespace: default, labels: {app: server}}
spec: {nodeName: one, containers: [{name: c, image: x}]}
status: {phase: Running, podIPs: [{ip: 10.0.0.9}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: default, labels: {app: client}}
spec: {nodeName: two, containers: [{name: c, image: x}]}
status: {phase: Running, podIPs: [{ip: 10.0.0.2}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: default}
spec:
  podSelector: {matchLabels: {app: server}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: other}}}]
    ports: [{port: 81}]
  - from: [{podSelector: {matchLabels: {app: client}}}]
    ports: [{port: 80}]
";

fn cluster() -> Cluster {
    let input = Input {
        name: "web.yaml".to_owned(),
        text: MANIFESTS.to_owned(),
    };
    let loaded = load(&[input], &LoadOptions::default());
    assert!(!loaded.has_errors(), "{:?}", loaded.diagnostics);
    assemble(&loaded.objects).0
}

fn judge() -> Judge {
    let endpoints = vec![LocalEndpoint {
        pod: ObjectName::new("default", "server"),
        host_interface: "vethrf1".to_owned(),
        addresses: vec![[10, 0, 0, 1].into()],
    }];
    let snapshot = Snapshot {
        version: 1,
        cluster: cluster(),
        endpoints,
    };
    Judge::new(snapshot)
}

fn flow(reason: Reason, port: u16) -> Flow {
    Flow {
        reason,
        header: Header {
            source: [10, 0, 0, 2].into(),
            destination: [10, 0, 0, 1].into(),
            protocol: IpProtocol(6),
            port: Some(port),
        },
        input: 0,
    }
}

#[test]
fn a_denial_names_ends_policies_and_the_nearest_rule() {
    // The address of the wired pod counts, not that of its status.
    let found = judge().find(&flow(Reason::Ingress, 81), None);
    assert_eq!(found.source.pod, Some(ObjectName::new("default", "client")));
    assert_eq!(found.source.node.as_deref(), Some("two"));
    assert_eq!(
        found.source.labels.get("app").map(String::as_str),
        Some("client")
    );
    assert_eq!(
        found.destination.pod,
        Some(ObjectName::new("default", "server"))
    );
    let policy = PolicyName::Network(ObjectName::new("default", "web"));
    assert_eq!(found.policies, [policy]);
    let [because] = found.because.as_slice() else {
        panic!("{:?}", found.because)
    };
    assert!(
        because.starts_with("denied: ingress to default/server: isolated by default/web"),
        "{because}"
    );
    // The second rule knows the peer, the first one the port only.
    let nearest = found.nearest.unwrap();
    assert!(nearest.contains("default/web ingress[1]"), "{nearest}");
    assert!(nearest.ends_with("port does not match"), "{nearest}");
}

#[test]
fn what_is_allowed_by_now_says_so() {
    let found = judge().find(&flow(Reason::Ingress, 80), None);
    let because = found.because.join("\n");
    assert!(because.contains("as they are now"), "{because}");
    assert_eq!(found.nearest, None);
}

#[test]
fn allowed_connections_name_the_deciding_rule() {
    let found = judge().find(&flow(Reason::Allowed, 80), None);
    let because = found.because.join("\n");
    assert!(
        because.contains("allowed by default/web ingress[1]"),
        "{because}"
    );
    assert!(!found.concerns_no_pod());
}

#[test]
fn a_forged_source_names_the_pod_behind_the_interface() {
    let found = judge().find(&flow(Reason::Spoofed, 80), Some("vethrf1"));
    let because = found.because.join("\n");
    let expected = "10.0.0.2 does not belong to interface vethrf1 of pod default/server";
    assert!(because.contains(expected), "{because}");
    assert_eq!(found.policies, []);
}

#[test]
fn what_policies_cannot_be_asked_about_is_said() {
    let mut without_port = flow(Reason::Ingress, 80);
    without_port.header.port = None;
    let found = judge().find(&without_port, None);
    let because = found.because.join("\n");
    assert!(because.contains("needs a destination port"), "{because}");
}
