//! Pods of StatefulSets that policies tell apart by their ordinals (OB-9), through the commands.

use std::fs;

use crate::support::{Finished, ringfence, ringfence_reading};

/// A StatefulSet of five that nothing may reach, and a client that may go everywhere.
const CLOSED: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: x}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: x}
spec:
  replicas: 5
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: c, image: i, ports: [{containerPort: 5432}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: x}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: i}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: x}
spec: {podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress, Egress]}
"#;

/// Everybody may reach the pods that `selector` selects.
fn opened(selector: &str) -> String {
    format!(
        "{CLOSED}---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: open, namespace: x}}\nspec: {{podSelector: {selector}, ingress: [{{}}]}}\n"
    )
}

const NAMED: &str = "{matchLabels: {statefulset.kubernetes.io/pod-name: db-3}}";

fn diff(before: &str, after: &str, more: &[&str]) -> Finished {
    let folder = tempfile::tempdir().unwrap();
    let side = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (before, after) = (side("before.yaml", before), side("after.yaml", after));
    ringfence(&[&["diff", &before, &after], more].concat())
}

#[test]
fn a_gate_sees_that_one_ordinal_is_opened() {
    let gate = ["--gate", "no-new-access"];
    for selector in [
        NAMED,
        "{matchLabels: {apps.kubernetes.io/pod-index: '4'}}",
        "{matchExpressions: [{key: apps.kubernetes.io/pod-index, operator: NotIn, values: ['0', '1']}]}",
    ] {
        let said = diff(CLOSED, &opened(selector), &gate).expect(1);
        assert!(said.contains("-> x/db: some"), "{selector}: {said}");
    }
    let beyond = opened("{matchLabels: {apps.kubernetes.io/pod-index: '5'}}");
    diff(CLOSED, &beyond, &gate).expect(0);
}

#[test]
fn a_pod_that_only_one_side_names_is_compared_with_itself() {
    let four = "{matchLabels: {statefulset.kubernetes.io/pod-name: db-4}}";
    let nothing = opened(four).replace("ingress: [{}]", "policyTypes: [Ingress]");
    let nothing = nothing.replace("name: open", "name: none");
    let both = opened(NAMED) + nothing.strip_prefix(CLOSED).unwrap();
    assert_eq!(
        diff(&opened(NAMED), &both, &[]).expect(0),
        "no difference\n"
    );
}

#[test]
fn a_lock_sees_that_one_ordinal_is_opened() {
    let lock = ringfence_reading(CLOSED, &["lock", "-f", "-"]).expect(0);
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), lock).unwrap();
    let check = ["lock", "--check", file.path().to_str().unwrap(), "-f", "-"];
    ringfence_reading(CLOSED, &check).expect(0);
    let said = ringfence_reading(&opened(NAMED), &check).expect(1);
    assert!(said.contains("example  x/web-0 -> x/db-3"), "{said}");
}

#[test]
fn any_ordinal_can_be_asked_about() {
    let explain = |text: &str, pod: &str| {
        let all = ["explain", "x/web-0", pod, "5432", "-f", "-"];
        ringfence_reading(text, &all)
    };
    explain(&opened(NAMED), "x/db-3").expect(0);
    explain(&opened(NAMED), "x/db-2").expect(1);
    explain(CLOSED, "x/db-4").expect(1);
    let none = explain(CLOSED, "x/db-5").expect_refused();
    assert!(none.contains("there is no pod x/db-5"), "{none}");
}

#[test]
fn any_ordinal_can_be_tested() {
    let tests = "apiVersion: ringfence.dev/v1alpha1\nkind: PolicyTest\ntests:\n- name: t\n  allow: {from: x/web-0, to: x/db-3, ports: 5432}\n- name: u\n  deny: {from: web-0, to: [db-4, db-0], ports: 5432}\n";
    let manifests = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
    fs::write(manifests.path(), opened(NAMED)).unwrap();
    let file = manifests.path().to_str().unwrap();
    ringfence_reading(tests, &["test", "-", "-f", file, "-n", "x"]).expect(0);
}

#[test]
fn an_audit_sees_that_one_ordinal_is_open() {
    let score = |text: &str| {
        let said = ringfence_reading(text, &["audit", "-f", "-", "-o", "json"]);
        let said: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
        said["score"].as_u64().unwrap()
    };
    let (closed, opened) = (score(CLOSED), score(&opened(NAMED)));
    assert!(opened < closed, "{opened} of {closed}");
}
