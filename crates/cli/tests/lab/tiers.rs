//! Policies of the cluster on real packets: Admin before NetworkPolicy, Baseline after it, on all nodes.

use ringfence_standin::probe::{ProbeOutcome, ProbeProtocol};

use crate::support::Lab;

const PODS: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: shop}}
---
apiVersion: v1
kind: Pod
metadata: {name: server, namespace: shop, labels: {app: server}}
spec:
  nodeName: kind-worker
  containers:
  - name: c
    image: web
    ports: [{name: http, containerPort: 80}, {containerPort: 9090}]
---
apiVersion: v1
kind: Service
metadata: {name: server, namespace: shop}
spec: {selector: {app: server}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: near, namespace: shop}
spec: {nodeName: kind-worker, containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: far}
spec: {nodeName: kind-worker2, containers: [{name: c, image: x}]}
";

/// Whoever has no policy of his own is closed to other pods.
const BASELINE: &str = "
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: closed}
spec:
  tier: Baseline
  priority: 100
  subject: {namespaces: {}}
  ingress: [{action: Deny, from: [{namespaces: {}}]}]
";

/// A NetworkPolicy opens the named port, for everybody.
const OPEN_HTTP: &str = "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: open-http, namespace: shop}
spec:
  podSelector: {matchLabels: {app: server}}
  ingress: [{ports: [{port: http}]}]
";

/// What no NetworkPolicy changes: nobody of another team, but for metrics.
const ADMIN: &str = "
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: teams}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {matchLabels: {team: shop}}}
  ingress:
  - {name: metrics, action: Accept, from: [{namespaces: {}}], protocols: [{tcp: {destinationPort: {number: 9090}}}]}
  - {name: own-team, action: Pass, from: [{namespaces: {matchLabels: {team: shop}}}]}
  - {name: others, action: Deny, from: [{namespaces: {}}]}
";

/// No pod of the team reaches that node or the outside.
const NO_WAY_OUT: &str = "
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {name: no-way-out}
spec:
  priority: 20
  subject: {namespaces: {matchLabels: {team: shop}}}
  egress:
  - {name: outside, action: Deny, to: [{networks: [203.0.113.0/24]}]}
  - {name: nodes, action: Deny, to: [{nodes: {}}]}
";

#[test]
fn tiers_are_asked_in_their_order_on_every_node() {
    let lab = Lab::up(PODS);
    let tcp = || ProbeProtocol::Tcp;
    let server = lab.address("shop/server");
    // By address: the cluster's DNS is closed to other pods as well.
    let services = lab.status().services;
    let service = services.iter().find(|one| one.name.name == "server");
    let service = service.unwrap().cluster_addresses[0].to_string();
    let reaches = |pod: &str, port| lab.reaches(pod, &server, port, tcp());
    let is_denied = |pod: &str, port| lab.is_denied(pod, &server, port, tcp());

    for pod in ["far", "shop/near"] {
        reaches(pod, 80);
        reaches(pod, 9090);
    }
    lab.apply(BASELINE);
    for pod in ["far", "shop/near"] {
        is_denied(pod, 80);
        is_denied(pod, 9090);
    }
    // The pod meets itself through its Service as any other pod.
    lab.is_denied("shop/server", &service, 80, tcp());

    lab.apply(OPEN_HTTP);
    for pod in ["far", "shop/near"] {
        reaches(pod, 80);
        is_denied(pod, 9090);
    }
    lab.reaches("shop/server", &service, 80, tcp());

    lab.apply(ADMIN);
    is_denied("far", 80);
    lab.is_denied("far", &service, 80, tcp());
    reaches("shop/near", 80);
    for pod in ["far", "shop/near"] {
        reaches(pod, 9090);
    }

    let rules = lab.rules();
    assert!(
        rules.contains("ClusterNetworkPolicy/teams ingress[2]"),
        "{rules}"
    );

    lab.delete(ADMIN);
    reaches("far", 80);
}

#[test]
fn egress_of_the_tiers_reaches_nodes_and_the_outside() {
    let lab = Lab::up(PODS);
    let tcp = || ProbeProtocol::Tcp;
    let outside = "203.0.113.10";
    lab.reaches("shop/near", outside, 80, tcp());
    let status = lab.status();
    let node = |name: &str| {
        let nodes = status.nodes.iter();
        let mut found = nodes.filter(|node| node.name == name);
        found.next().unwrap().addresses[0].to_string()
    };
    // Nobody listens there, and the node says so.
    let (own, other) = (node("kind-worker"), node("kind-worker2"));
    let refused = |address: &str| {
        let outcome = lab.probe("shop/near", address, 9, tcp(), 1000);
        assert_eq!(outcome, ProbeOutcome::Refused, "{address}");
    };
    refused(&own);
    refused(&other);

    lab.apply(NO_WAY_OUT);
    lab.is_denied("shop/near", outside, 80, tcp());
    lab.is_denied("shop/near", &own, 9, tcp());
    lab.is_denied("shop/near", &other, 9, tcp());
    lab.reaches("far", outside, 80, tcp());
    lab.reaches("shop/near", &lab.address("shop/server"), 80, tcp());
}
