//! What a gate cannot judge, and therefore does not let pass: names without addresses (rule AM-19), labels that controllers
//! add (rule OB-10), and kinds that are not known (rule OB-1).

use super::two::Two;

/// A workload and a job that nobody reaches and that reach nobody, if `closed`, and `more`.
fn manifests(closed: bool, more: &str) -> String {
    let policy = "---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
";
    let policy = if closed { policy } else { "" };
    format!(
        "apiVersion: v1
kind: Namespace
metadata: {{name: shop}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: shop}}
spec:
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{containers: [{{name: c, image: i}}]}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {{name: nightly, namespace: shop}}
spec:
  schedule: '0 0 * * *'
  jobTemplate:
    spec:
      template:
        metadata: {{labels: {{app: nightly}}}}
        spec: {{restartPolicy: Never, containers: [{{name: c, image: i}}]}}
{policy}{more}"
    )
}

fn by_name(policy: &str, name: &str) -> String {
    format!(
        "---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {{name: {policy}}}
spec:
  tier: Admin
  priority: 3
  subject: {{pods: {{namespaceSelector: {{}}, podSelector: {{matchLabels: {{app: web}}}}}}}}
  egress:
  - action: Accept
    to: [{{domainNames: ['{name}']}}]
    protocols: [{{tcp: {{destinationPort: {{number: 443}}}}}}]
"
    )
}

#[test]
fn a_name_without_addresses_is_perhaps_newly_allowed() {
    let two = Two::of(
        &manifests(true, ""),
        &manifests(true, &by_name("names", "*.example.com")),
    );
    let refused = two.gate("");
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let line = "?+ shop/web -> *.example.com: tcp/443, accepted by name, whatever address that has (after.yaml:38:5)";
    assert!(refused.stdout.contains(line), "{refused:?}");
    assert!(refused.stdout.contains("failed: 1 change is not permitted"));
    let permitted = two.gate("- {from: shop/web, to: internet, ports: 443, reason: updates}\n");
    assert_eq!(permitted.status.code(), Some(0), "{permitted:?}");
    let other = two.gate("- {from: shop/web, to: internet, ports: 80, reason: another port}\n");
    assert_eq!(other.status.code(), Some(1), "{other:?}");
    for form in ["md", "html", "csv", "json", "sarif", "junit"] {
        let told = two.gate_as("", form);
        assert_eq!(told.status.code(), Some(1), "{told:?}");
        assert!(
            told.stdout.contains("example.com: tcp/443"),
            "{form}: {told:?}"
        );
    }
    for told in [two.check(), two.between_locks(&[])] {
        assert_eq!(told.status.code(), Some(1), "{told:?}");
        assert!(told.stdout.contains("shop/web -> *.example.com: tcp/443"));
    }
    let lock = two.lock("after.yaml").stdout;
    let line = "\nname shop/deployment/web -> *.example.com: tcp/443\n";
    assert!(lock.contains(line), "{lock}");
}

#[test]
fn a_name_that_opens_nothing_new_is_no_doubt() {
    let renamed = Two::of(
        &manifests(true, &by_name("one", "*.example.com")),
        &manifests(true, &by_name("other", "*.example.com")),
    );
    let open = Two::of(
        &manifests(false, ""),
        &manifests(false, &by_name("names", "*.example.com")),
    );
    for two in [renamed, open] {
        assert_eq!(two.gate("").status.code(), Some(0), "{:?}", two.gate(""));
        assert_eq!(two.check().status.code(), Some(0), "{:?}", two.check());
    }
    let known = Two::of(
        &manifests(true, ""),
        &manifests(true, &by_name("names", "example.com")),
    );
    let resolve = ["--resolve", "example.com=192.0.2.1"];
    let told = known.diff(&resolve).stdout;
    assert!(!told.contains("by name"), "{told}");
    assert!(told.contains("192.0.2.1"), "{told}");
}

fn selecting(requirement: &str) -> String {
    format!(
        "---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: runs, namespace: shop}}
spec:
  podSelector: {{matchExpressions: [{requirement}]}}
  ingress: [{{}}]
"
    )
}

#[test]
fn a_policy_by_a_label_that_controllers_add_is_refused() {
    for (label, operator) in [
        ("pod-template-hash", "Exists"),
        ("pod-template-generation", "DoesNotExist"),
        ("controller-uid", "Exists"),
        ("batch.kubernetes.io/controller-uid", "Exists"),
        ("controller-revision-hash", "Exists"),
        ("job-name", "Exists"),
        ("batch.kubernetes.io/job-name", "DoesNotExist"),
    ] {
        let policy = selecting(&format!("{{key: {label}, operator: {operator}}}"));
        let two = Two::of(&manifests(true, ""), &manifests(true, &policy));
        let refused = two.gate("");
        assert_eq!(refused.status.code(), Some(1), "{label}: {refused:?}");
        let line = format!(
            "?+ NetworkPolicy shop/runs selects by `{label}`, which only a running cluster knows (after.yaml:30:1)"
        );
        assert!(refused.stdout.contains(&line), "{refused:?}");
        assert!(refused.stderr.contains("warning[OB-10]"), "{refused:?}");
        let same = Two::of(&manifests(true, &policy), &manifests(true, &policy));
        assert_eq!(same.gate("").status.code(), Some(0), "{label}");
    }
    let policy = selecting("{key: pod-template-hash, operator: Exists}");
    let two = Two::of(&manifests(true, ""), &manifests(true, &policy));
    let all = "- {from: '*', to: '*', reason: a trial}\n";
    assert_eq!(two.gate(all).status.code(), Some(0), "{:?}", two.gate(all));
}

#[test]
fn lints_do_not_say_that_nobody_has_a_label_that_controllers_add() {
    let policy = selecting("{key: pod-template-hash, operator: In, values: [abc]}");
    let two = Two::of("", &manifests(true, &policy));
    let told = two.run(&["check", "-f", &two.path("after.yaml")]);
    assert!(!told.stdout.contains("RF001"), "{told:?}");
    let policy = selecting("{key: nobody, operator: In, values: [abc]}");
    let two = Two::of("", &manifests(true, &policy));
    let told = two.run(&["check", "-f", &two.path("after.yaml")]);
    assert!(told.stdout.contains("RF001"), "{told:?}");
}

#[test]
fn a_verdict_says_how_many_objects_were_not_judged() {
    let unknown = "---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: open, namespace: shop}
spec: {endpointSelector: {}, ingress: [{}]}
";
    let passed = "passed: nothing is newly allowed that is not permitted";
    let one = "; 1 object of a kind that is not known was not judged";
    for (before, after, words) in [
        ("", "", String::new()),
        ("", unknown, one.to_owned()),
        (unknown, unknown, one.to_owned()),
        (unknown, "", format!("{one} before")),
    ] {
        let two = Two::of(&manifests(true, before), &manifests(true, after));
        let told = two.gate("").stdout;
        assert!(told.contains(&format!("{passed}{words}\n")), "{told}");
    }
    let two = Two::of(&manifests(true, ""), &manifests(true, unknown));
    let json = two.gate_as("", "json").stdout;
    assert!(
        json.contains("\"not_judged\": [\n      0,\n      1\n    ]"),
        "{json}"
    );
}
