//! What loading and assembling say, among the findings.

use ringfence_model::{LoadOptions, Severity, assemble, load};

use super::{input, report};

/// Policies of a namespace that is not given, whose rule has the peers `from`.
fn severity_of_missing_namespace(from: &str) -> Severity {
    let text = format!(
        "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{ namespace: shop, name: a }}
spec: {{ podSelector: {{}}, ingress: [{{ from: [{from}] }}] }}"
    );
    let report = report(&[input("a.yaml", text)]);
    let found = report
        .findings
        .iter()
        .find(|finding| finding.id() == Some("OB-4"));
    found.unwrap().diagnostic.severity
}

#[test]
fn a_namespace_that_is_not_given_matters_where_its_labels_do() {
    let by_label = "{ namespaceSelector: { matchLabels: { team: a } } }";
    let by_name = "{ namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: a } } }";
    assert_eq!(severity_of_missing_namespace(by_label), Severity::Warning);
    assert_eq!(severity_of_missing_namespace(by_name), Severity::Note);
    assert_eq!(
        severity_of_missing_namespace("{ podSelector: {} }"),
        Severity::Note
    );
}

#[test]
fn a_contradiction_of_cluster_policies_is_told_once() {
    let policy = |name: &str, action: &str| {
        format!(
            "apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {{ name: {name} }}
spec:
  tier: Admin
  priority: 10
  subject: {{ namespaces: {{}} }}
  ingress: [{{ action: {action}, from: [{{ namespaces: {{}} }}] }}]
---
"
        )
    };
    let pod = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{ name: {name} }}\nspec: {{ containers: [{{ name: c, image: i }}] }}\n---\n"
        )
    };
    let text = [
        policy("a", "Accept"),
        policy("b", "Deny"),
        pod("x"),
        pod("y"),
    ]
    .concat();
    let inputs = [input("a.yaml", text)];
    let (_, suspected) = assemble(&load(&inputs, &LoadOptions::default()).objects);
    assert!(
        suspected
            .iter()
            .any(|diagnostic| diagnostic.rule == Some("AM-13"))
    );
    let report = report(&inputs);
    let ids: Vec<_> = report
        .findings
        .iter()
        .filter_map(|finding| finding.id())
        .collect();
    assert!(ids.contains(&"RF030") && !ids.contains(&"AM-13"), "{ids:?}");
}
