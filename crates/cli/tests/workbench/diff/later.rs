//! Audit mode that begins or ends later: what is opened then without another change (rules AU-1, AU-3).

use super::two::Two;

/// Two pods, of which one is isolated by a policy with `annotations` that allows port 80, and `more`.
fn manifests(annotations: &str, more: &str) -> String {
    format!(
        "apiVersion: v1
kind: Namespace
metadata: {{name: shop}}
---
apiVersion: v1
kind: Pod
metadata: {{name: web, namespace: shop, labels: {{app: web}}}}
spec: {{containers: [{{name: c, image: i}}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: client, namespace: shop}}
spec: {{containers: [{{name: c, image: i}}]}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: web
  namespace: shop
  annotations: {{{annotations}}}
spec: {{podSelector: {{matchLabels: {{app: web}}}}, ingress: [{{ports: [{{port: 80}}]}}]}}
{more}"
    )
}

const WINDOW: &str = "ringfence.dev/audit-mode: 2026-12-01T00:00:00Z/2026-12-24T00:00:00Z";
const AHEAD: [&str; 2] = ["--at", "2026-11-26T00:00:00Z"];
const RUNNING: [&str; 2] = ["--at", "2026-12-02T00:00:00Z"];
const OVER: [&str; 2] = ["--at", "2026-12-24T00:00:00Z"];
const GATE: [&str; 2] = ["--gate", "no-new-access"];
const CLOSED: &str = "---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress]}
";

fn gated(two: &Two, at: [&str; 2]) -> crate::support::Finished {
    two.diff(&[at, GATE].concat())
}

#[test]
fn what_is_opened_when_audit_mode_begins_is_opened_now() {
    let two = Two::of(&manifests("", ""), &manifests(WINDOW, ""));
    let told = gated(&two, AHEAD).expect(1);
    let line = "+ shop/client, internet, metadata, private, special -> shop/web: tcp/1-79,81-65535 udp/* sctp/* other, from 2026-12-01T00:00:00Z on  (not permitted)";
    assert!(told.contains(line), "{told}");
    let told = gated(&two, RUNNING).expect(1);
    assert!(!told.contains(", from 2026"), "{told}");
    assert_eq!(
        gated(&two, OVER).expect(0),
        "no difference\npassed: nothing is newly allowed that is not permitted\n"
    );
}

#[test]
fn what_a_policy_allows_once_its_audit_mode_has_ended_is_opened_now() {
    let (before, after) = (manifests("", CLOSED), manifests(WINDOW, CLOSED));
    let without = before.replace("ports: [{port: 80}]", "ports: [{port: 81}]");
    for at in [AHEAD, RUNNING] {
        let told = gated(&Two::of(&without, &after), at).expect(1);
        assert!(told.contains("-> shop/web: tcp/80"), "{told}");
    }
    gated(&Two::of(&before, &after), AHEAD).expect(0);
}

#[test]
fn a_window_that_was_there_opens_nothing_new() {
    let two = Two::of(&manifests(WINDOW, ""), &manifests(WINDOW, ""));
    assert_eq!(two.diff(&AHEAD).expect(0), "no difference\n");
}

#[test]
fn every_form_tells_from_when_on() {
    let two = Two::of(&manifests("", ""), &manifests(WINDOW, ""));
    for form in ["md", "html", "csv", "sarif", "junit"] {
        let told = two.diff(&[&AHEAD[..], &GATE, &["-o", form]].concat());
        let told = told.expect(1);
        assert!(
            told.contains("from 2026-12-01T00:00:00Z on"),
            "{form}: {told}"
        );
    }
    let json = two.diff(&[&AHEAD[..], &["-o", "json"]].concat()).expect(1);
    assert!(
        json.contains("\"from\": \"2026-12-01T00:00:00Z\""),
        "{json}"
    );
}

#[test]
fn a_lock_holds_what_is_opened_later() {
    let two = Two::of(&manifests("", ""), &manifests(WINDOW, ""));
    let lock = |name: &str, at: [&str; 2]| {
        let path = two.path(name);
        two.run(&[&["lock", "-f", &path][..], &at].concat()).stdout
    };
    let line = "shop/pod/client -> shop/pod/web: all";
    assert!(lock("after.yaml", AHEAD).contains(line));
    assert!(!lock("after.yaml", OVER).contains(line));
    let warned = two.run(&[&["lock", "-f", &two.path("after.yaml")][..], &AHEAD].concat());
    let words = "NetworkPolicy shop/web: audit mode begins at 2026-12-01T00:00:00Z: what it lets pass then counts as allowed now";
    assert!(warned.stderr.contains(words), "{warned:?}");
}
