//! Workloads of one pod, which may have a second one tomorrow: `diff` judges them as `lock` does (rule OB-9).

use super::two::Two;

/// A workload that nobody reaches, of `replicas` pods, and `more` policies.
fn manifests(replicas: u8, more: &str) -> String {
    format!(
        "apiVersion: v1
kind: Namespace
metadata: {{name: shop}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: db, namespace: shop}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: db}}}}
  template:
    metadata: {{labels: {{app: db}}}}
    spec: {{containers: [{{name: c, image: i}}]}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: closed, namespace: shop}}
spec: {{podSelector: {{}}, policyTypes: [Ingress]}}
{more}"
    )
}

const OPEN: &str = "---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: peers, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress: [{from: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: 5432}]}]
";

#[test]
fn a_workload_of_one_pod_that_opens_to_itself_is_newly_allowed() {
    for (before, after) in [(1, 1), (1, 2), (2, 1)] {
        let two = Two::of(&manifests(before, ""), &manifests(after, OPEN));
        let refused = two.gate("").expect(1);
        assert!(
            refused.contains("+ shop/db -> shop/db: tcp/5432  (not permitted)"),
            "{before} {after}: {refused}"
        );
        let permitted =
            two.gate("- {from: shop/db, to: shop/db, ports: 5432, reason: replication}\n");
        permitted.expect(0);
        let checked = two.check().expect(1);
        assert!(
            checked.contains("+ shop/db -> shop/db: tcp/5432"),
            "{checked}"
        );
    }
}

#[test]
fn to_scale_opens_nothing() {
    for (before, after) in [(1, 3), (3, 1)] {
        let two = Two::of(&manifests(before, OPEN), &manifests(after, OPEN));
        assert_eq!(two.diff(&[]).expect(0), "no difference\n");
        assert_eq!(two.check().expect(0), "no difference\n");
    }
}

#[test]
fn a_new_workload_opens_to_itself_too() {
    let nobody = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";
    let two = Two::of(nobody, &manifests(1, OPEN));
    let told = two.gate("- {from: shop/db, to: '*', reason: nobody is there}\n- {from: '*', to: shop/db, ports: 80, reason: another port}\n");
    let told = told.expect(0);
    assert!(told.contains("shop/db -> shop/db: tcp/5432"), "{told}");
}

#[test]
fn a_pod_by_itself_never_has_a_second() {
    let pod = |more: &str| {
        manifests(
            0,
            &format!(
                "---
apiVersion: v1
kind: Pod
metadata: {{name: one, namespace: shop, labels: {{app: db}}}}
spec: {{containers: [{{name: c, image: i}}]}}
{more}"
            ),
        )
    };
    let two = Two::of(&pod(""), &pod(OPEN));
    assert_eq!(two.diff(&[]).expect(0), "no difference\n");
}
