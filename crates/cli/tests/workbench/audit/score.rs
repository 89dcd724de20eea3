//! What makes the score, and what does not.

use serde_json::Value;

use super::{ALLOW_ALL, CLOSED, audit, json, share};
use crate::support::ringfence_reading;

/// A store that nobody uses, closed in both directions, in a namespace of its own.
const DUMMY: &str = "---
apiVersion: v1
kind: Namespace
metadata: {name: pad, labels: {pod-security.kubernetes.io/enforce: restricted}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: idle, namespace: pad}
spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: postgres}]}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: pad}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
";

#[test]
fn a_closed_store_beside_what_is_open_raises_nothing() {
    let open = "
apiVersion: v1
kind: Namespace
metadata: {name: web}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: web, labels: {app: web}}
spec: {containers: [{name: c, image: nginx}]}
";
    let alone = json(open, &[], 1);
    let padded = json(&format!("{open}{DUMMY}"), &[], 1);
    let score = |audit: &Value| audit["score_millionths"].as_u64().unwrap();
    assert!(score(&padded) <= score(&alone), "{padded}");
    // The other namespace cannot send, but one that comes tomorrow can.
    assert_eq!(share(&padded, "RA08"), (1, 2));
    let said = audit(&format!("{open}{DUMMY}"), &["--explain-score"]).expect(1);
    let left_out = "  RA06 is left out, as it may only take away: 1/1 (pad)\n";
    assert!(said.contains(left_out), "{said}");
}

#[test]
fn closed_workloads_elsewhere_make_up_for_nothing() {
    let open = CLOSED.split("---\napiVersion: networking").next().unwrap();
    let beside = |pods: u32| {
        let closed: String = (0..pods).map(closed_pod).collect();
        json(&format!("{open}{CLOSED_NAMESPACE}{closed}"), &[], 1)
    };
    let (alone, diluted) = (beside(1), beside(100));
    let score = |audit: &Value| audit["score_millionths"].as_u64().unwrap();
    assert_eq!(score(&diluted), score(&alone), "{diluted}");
    assert_eq!(share(&diluted, "RA01"), (100, 102));
    let principles = diluted["principles"].as_array().unwrap();
    let worst = &principles[0]["worst"];
    assert_eq!(worst["namespace"], "shop");
    assert_eq!(
        (&worst["holds"], &worst["measured"]),
        (&0.into(), &2.into())
    );
}

const CLOSED_NAMESPACE: &str = "
---
apiVersion: v1
kind: Namespace
metadata: {name: vault, labels: {pod-security.kubernetes.io/enforce: baseline}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: vault}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
";

fn closed_pod(number: u32) -> String {
    format!(
        "
---
apiVersion: v1
kind: Pod
metadata: {{name: p{number}, namespace: vault}}
spec: {{containers: [{{name: c, image: x}}]}}
"
    )
}

/// On the network of its node no policy holds anybody: the score does not rise by moving what is open there.
#[test]
fn moving_to_the_host_network_does_not_raise_the_score() {
    let legacy = "
---
apiVersion: v1
kind: Namespace
metadata: {name: legacy, labels: {pod-security.kubernetes.io/enforce: baseline}}
---
apiVersion: v1
kind: Pod
metadata: {name: old, namespace: legacy, labels: {app: old}}
spec: {SPEC containers: [{name: c, image: postgres:9}]}
";
    let found = |spec: &str| {
        let text = CLOSED.to_owned() + &legacy.replace("SPEC", spec);
        let found = ringfence_reading(&text, &["audit", "-f", "-", "-o", "json"]);
        let json: Value = serde_json::from_str(&found.stdout).unwrap();
        let of = |id: &str| {
            let all = json["principles"].as_array().unwrap();
            let one = all.iter().find(|one| one["id"] == id).unwrap();
            (one["holds"].clone(), one["measured"].clone())
        };
        let score = json["score"].clone();
        let measured = ["RA01", "RA02", "RA03", "RA06", "RA07"].map(of);
        (score, measured)
    };
    let (open, measured_open) = found("");
    let (moved, measured_moved) = found("hostNetwork: true,");
    assert!(moved.as_u64() <= open.as_u64(), "{open} {moved}");
    assert_eq!(measured_moved, measured_open);
}

#[test]
fn the_score_is_explained() {
    let said = audit(&format!("{CLOSED}{ALLOW_ALL}"), &["--explain-score"]).expect(1);
    assert!(said.contains("  RA04: 10 * 2/2 = 10.00 (shop)\n"), "{said}");
    assert!(
        said.contains("  15.00 of 90 weights measured = 16.67 of 100, rounded down 16\n"),
        "{said}"
    );
}

/// A database that everybody may open.
const OLD: &str = "
---
apiVersion: v1
kind: Namespace
metadata: {name: NAMESPACE, labels: {pod-security.kubernetes.io/enforce: baseline}}
---
apiVersion: apps/v1
kind: KIND
metadata: {name: old, namespace: NAMESPACE}
spec:
  REPLICAS
  selector: {matchLabels: {app: old}}
  template:
    metadata: {labels: {app: old}}
    spec: {HOST containers: [{name: c, image: IMAGE}]}
";

/// [`OLD`] beside what is closed, with each word in place of its marker.
fn beside_closed(words: [(&str, &str); 5]) -> String {
    let fill = |text: String, (marker, word): (&str, &str)| text.replace(marker, word);
    CLOSED.to_owned() + &words.into_iter().fold(OLD.to_owned(), fill)
}

#[test]
fn workloads_in_the_systems_namespace_may_not_hide_on_the_host_network() {
    let old = |namespace, kind, host, image| {
        let words = [
            ("NAMESPACE", namespace),
            ("KIND", kind),
            ("REPLICAS", ""),
            ("HOST", host),
            ("IMAGE", image),
        ];
        beside_closed(words)
    };
    let host = "hostNetwork: true,";
    let open = json(&old("kube-system", "Deployment", "", "postgres:9"), &[], 1);
    for (kind, image) in [
        ("Deployment", "postgres:9"),
        ("DaemonSet", "postgres:9"),
        ("StatefulSet", "shop/api"),
    ] {
        let moved = json(&old("kube-system", kind, host, image), &[], 1);
        assert!(moved["score"].as_u64() <= open["score"].as_u64(), "{kind}");
        assert_eq!(share(&moved, "RA04"), (2, 3), "{kind}");
        assert_eq!(moved["parts_of_nodes"], serde_json::json!([]), "{kind}");
    }
    let part = old("kube-system", "DaemonSet", host, "kube-proxy");
    let found = json(&part, &[], 0);
    assert_eq!(
        (share(&found, "RA04"), &found["score"]),
        ((2, 2), &100.into())
    );
    assert_eq!(found["parts_of_nodes"][0], "kube-system/daemonset/old");
    let said = audit(&part, &[]).expect(0);
    assert!(
        said.contains("\nnot measured, as parts of their nodes: kube-system/old\n"),
        "{said}"
    );
    let etcd = old(
        "kube-system",
        "DaemonSet",
        host,
        "registry.k8s.io/etcd:3.5.16-0",
    );
    assert_eq!(json(&etcd, &[], 0)["score"], 100);
    let elsewhere = old("legacy", "DaemonSet", host, "etcd:3.5");
    assert_eq!(share(&json(&elsewhere, &[], 1), "RA04"), (2, 3));
}

#[test]
fn to_scale_a_workload_to_none_closes_nothing() {
    let old = |replicas| {
        let words = [
            ("NAMESPACE", "legacy"),
            ("KIND", "Deployment"),
            ("REPLICAS", replicas),
            ("HOST", ""),
            ("IMAGE", "postgres:9"),
        ];
        beside_closed(words)
    };
    let open = json(&old("replicas: 2"), &[], 1);
    let none = json(&old("replicas: 0"), &[], 1);
    assert_eq!(none["score"], open["score"]);
    assert_eq!(share(&none, "RA06"), share(&open, "RA06"));
    assert_eq!(none["scaled_to_none"][0], "legacy/deployment/old");
    let said = audit(&old("replicas: 0"), &[]).expect(1);
    assert!(
        said.contains("\nscaled to none, and measured as if they had a pod: legacy/old\n"),
        "{said}"
    );
}

#[test]
fn a_job_in_a_databases_image_is_a_client_unless_it_declares_ports() {
    let dump = "
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: shop}
spec:
  schedule: '@daily'
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{name: dump, image: postgres:16, PORTS command: [pg_dump, -h, db]}]
";
    let client = json(&(CLOSED.to_owned() + &dump.replace("PORTS", "")), &[], 0);
    assert_eq!(share(&client, "RA06"), (1, 1));
    let serving = dump.replace("PORTS", "ports: [{containerPort: 5432}],");
    let serving = json(&(CLOSED.to_owned() + &serving), &[], 0);
    assert_eq!(share(&serving, "RA06"), (2, 2));
}
