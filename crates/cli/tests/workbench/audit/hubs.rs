//! What is open to everybody for a reason, and how much of that there may be.

use serde_json::Value;

use super::{findings, json, share};

/// Workloads that deny everything, four to a namespace; the port 9102 of each is open to the namespace of the monitoring.
fn closed(namespaces: usize) -> String {
    let mut text = String::new();
    for number in 0..namespaces {
        text.push_str(&namespace(&format!("team-{number}")));
        text.push_str(&format!(
            "---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: scraped, namespace: team-{number}}}
spec:
  podSelector: {{}}
  ingress:
  - from: [{{namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: monitoring}}}}}}]
    ports: [{{port: 9102}}]
"
        ));
        for app in ["a", "b", "c", "d"] {
            text.push_str(&pod(app, &format!("team-{number}")));
        }
    }
    text + &namespace("monitoring")
}

fn namespace(name: &str) -> String {
    format!(
        "---
apiVersion: v1
kind: Namespace
metadata: {{name: {name}, labels: {{pod-security.kubernetes.io/enforce: baseline}}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: closed, namespace: {name}}}
spec: {{podSelector: {{}}, policyTypes: [Ingress, Egress]}}
"
    )
}

fn pod(app: &str, namespace: &str) -> String {
    format!(
        "---
apiVersion: v1
kind: Pod
metadata: {{name: {app}, namespace: {namespace}, labels: {{app: {app}}}}}
spec: {{containers: [{{name: c, image: shop/{app}, ports: [{{containerPort: 8080}}]}}]}}
"
    )
}

/// Prometheus, which may open these ports of everybody.
fn prometheus(ports: &str) -> String {
    format!(
        "{}---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: scrapes, namespace: monitoring}}
spec:
  podSelector: {{matchLabels: {{app: prometheus}}}}
  policyTypes: [Egress]
  egress: [{{to: [{{namespaceSelector: {{}}}}], ports: [{ports}]}}]
",
        pod("prometheus", "monitoring")
    )
}

fn measured(text: &str) -> Value {
    json(text, &["--fail-on", "never"], 0)
}

#[test]
fn a_monitoring_that_reaches_everybody_is_a_finding_and_ruins_nothing() {
    let found = measured(&(closed(4) + &prometheus("{port: 9102}")));
    assert_eq!(share(&found, "RA02"), (16, 17));
    let finding = &findings(&found, "RA02")[0];
    assert_eq!(finding["workload"], "monitoring/pod/prometheus");
    // 15 * 1/17 of 85 weights.
    assert_eq!(found["score"], 98);
    let worst = &found["principles"][1]["worst"];
    assert_eq!(
        (&worst["namespace"], &worst["holds"]),
        (&"*".into(), &16.into())
    );
}

#[test]
fn a_hub_has_a_few_ports_and_there_are_few_of_them() {
    let all_ports = measured(&(closed(4) + &prometheus("{port: 1, endPort: 65535}")));
    assert_eq!(
        all_ports["principles"][1]["worst"]["namespace"],
        "monitoring"
    );
    let small = measured(&(closed(1) + &prometheus("{port: 9102}")));
    assert_eq!(small["principles"][1]["worst"]["namespace"], "monitoring");
    let serving = |namespaces: usize| -> String {
        let open = |number| {
            format!(
                "---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: serves, namespace: team-{number}}}
spec:
  podSelector: {{matchLabels: {{app: a}}}}
  ingress: [{{from: [{{namespaceSelector: {{}}}}], ports: [{{port: 8080}}]}}]
"
            )
        };
        (0..namespaces).map(open).collect()
    };
    let worst = |served: usize| -> Value {
        let found = measured(&(closed(10) + &serving(served)));
        found["principles"][0]["worst"].clone()
    };
    assert_eq!(
        (&worst(3)["namespace"], &worst(3)["holds"]),
        (&"*".into(), &37.into())
    );
    assert_eq!(
        (&worst(4)["holds"], &worst(4)["measured"]),
        (&3.into(), &4.into())
    );
}

/// The network is no less flat because each pod has a Service with a port on the nodes.
#[test]
fn a_service_for_the_outside_is_an_exception_of_a_few() {
    let offered = |apps: &[&str]| {
        let services = apps.iter().flat_map(|app| {
            (0..2).map(move |number| {
                format!(
                    "---
apiVersion: v1
kind: Service
metadata: {{name: {app}, namespace: team-{number}}}
spec: {{type: NodePort, selector: {{app: {app}}}, ports: [{{port: 8080}}]}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: page-{app}, namespace: team-{number}}}
spec: {{podSelector: {{matchLabels: {{app: {app}}}}}, ingress: [{{ports: [{{port: 8080}}]}}]}}
"
                )
            })
        });
        let services: String = services.collect();
        share(&measured(&(closed(2) + &services)), "RA01")
    };
    assert_eq!(offered(&["a"]), (8, 8));
    assert_eq!(offered(&["a", "b", "c", "d"]), (0, 8));
}

#[test]
fn the_name_server_is_open_for_names_alone() {
    let dns = |ports: &str| {
        let text = format!(
            "{}{}---
apiVersion: v1
kind: Service
metadata: {{name: kube-dns, namespace: kube-system}}
spec: {{selector: {{app: dns}}, ports: [{{name: dns, port: 53, protocol: UDP}}, {{name: x, port: 5432}}]}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: dns, namespace: kube-system}}
spec: {{podSelector: {{}}, ingress: [{{ports: [{ports}]}}]}}
",
            namespace("kube-system"),
            pod("dns", "kube-system"),
        );
        share(&measured(&text), "RA01")
    };
    assert_eq!(dns("{port: 53, protocol: UDP}"), (1, 1));
    assert_eq!(dns("{port: 53, protocol: UDP}, {port: 5432}"), (0, 1));
}

/// A policy in audit mode denies nothing.
#[test]
fn what_is_only_watched_closes_nothing() {
    let text = pod("web", "shop") + &namespace("shop");
    let at = ["--at", "2026-12-01T00:00:00Z", "--fail-on", "never"];
    assert_eq!(share(&json(&text, &at, 0), "RA01"), (1, 1));
    let mode = "ringfence.dev/audit-mode: 2026-11-25T00:00:00Z/2026-12-24T00:00:00Z";
    let watched = text.replace(
        "{name: closed, namespace: shop}",
        &format!("{{name: closed, namespace: shop, annotations: {{{mode}}}}}"),
    );
    assert_eq!(share(&json(&watched, &at, 0), "RA01"), (0, 1));
}
