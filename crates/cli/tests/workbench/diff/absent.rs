//! Rules that name pods which the manifests do not hold: those of another repository, or such as are yet to come.

use super::two::Two;

/// `x/web` that nobody reaches and that reaches nobody, another namespace that is as closed, and `more`.
fn closed(more: &str) -> String {
    format!(
        "apiVersion: v1
kind: Namespace
metadata: {{name: x}}
---
apiVersion: v1
kind: Namespace
metadata: {{name: back, labels: {{team: b}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: x}}
spec:
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{containers: [{{name: c, image: i, ports: [{{name: http, containerPort: 8080}}]}}]}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: closed, namespace: x}}
spec: {{podSelector: {{}}, policyTypes: [Ingress, Egress]}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: closed, namespace: back}}
spec: {{podSelector: {{}}, policyTypes: [Ingress, Egress]}}
{more}"
    )
}

/// A policy for `x/web` with these rules, of which the rules are in line 33.
fn policy(rules: &str) -> String {
    format!(
        "---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: web, namespace: x}}
spec:
  podSelector: {{matchLabels: {{app: web}}}}
  {rules}
"
    )
}

fn from(peer: &str) -> String {
    policy(&format!(
        "ingress: [{{from: [{peer}], ports: [{{port: http}}]}}]"
    ))
}

fn scoped(kind: &str, subject: &str, rules: &str) -> String {
    let (version, tier) = match kind {
        "ClusterNetworkPolicy" => ("v1alpha2", "tier: Admin\n  "),
        _ => ("v1alpha1", ""),
    };
    let priority = if kind == "BaselineAdminNetworkPolicy" {
        ""
    } else {
        "priority: 1\n  "
    };
    let name = if priority.is_empty() {
        "default"
    } else {
        "wide"
    };
    format!(
        "---
apiVersion: policy.networking.k8s.io/{version}
kind: {kind}
metadata: {{name: {name}}}
spec:
  {tier}{priority}subject: {subject}
  {rules}
"
    )
}

const PROMETHEUS: &str = "{namespaceSelector: {}, podSelector: {matchLabels: {app: prometheus}}}";
const MONITORING: &str =
    "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}";

#[test]
fn a_gate_refuses_what_is_opened_to_pods_that_are_not_there() {
    let expressions = "{namespaceSelector: {matchExpressions: [{key: env, operator: In, values: [p, q]}]}, \
                       podSelector: {matchExpressions: [{key: a, operator: Exists}, {key: b, operator: DoesNotExist}]}}";
    for (peer, pod) in [
        (PROMETHEUS, "[]/[app=prometheus]"),
        (MONITORING, "monitoring/[]"),
        (expressions, "[env=p]/[a=any]"),
        (
            "{namespaceSelector: {matchLabels: {team: b}}}",
            "[team=b]/[]",
        ),
    ] {
        let two = Two::of(&closed(""), &closed(&from(peer)));
        let told = two.gate("");
        assert_eq!(told.status.code(), Some(1), "{told:?}");
        let line = format!("  + {pod} -> x/web: tcp/8080  (not permitted)\n");
        assert!(told.stdout.contains(&line), "{told:?}");
        let rule = "now      ingress allowed: x/web ingress[0] (after.yaml:33:13)";
        assert!(told.stdout.contains(rule), "{told:?}");
        assert!(told.stdout.contains("failed: 1 change is not permitted"));
        for form in ["md", "html", "csv", "json", "sarif", "junit"] {
            let told = two.gate_as("", form);
            assert_eq!(told.status.code(), Some(1), "{told:?}");
        }
        let row = format!("- {{from: '{pod}', to: x/web, ports: 8080, reason: metrics}}\n");
        let permitted = two.gate(&row);
        assert_eq!(permitted.status.code(), Some(0), "{permitted:?}");
        assert!(permitted.stderr.is_empty(), "{permitted:?}");
        let other = two.gate("- {from: 'x/*', to: x/web, reason: another}\n");
        assert_eq!(other.status.code(), Some(1), "{other:?}");
        let back = Two::of(&closed(&from(peer)), &closed(""));
        assert_eq!(back.gate("").status.code(), Some(0), "{:?}", back.gate(""));
        let line = format!("  - {pod} -> x/web: tcp/8080\n");
        assert!(
            back.diff(&[]).stdout.contains(&line),
            "{:?}",
            back.diff(&[])
        );
    }
}

#[test]
fn egress_to_pods_that_are_not_there_is_new_access_at_any_port_of_a_name() {
    for (port, told) in [("5432", "tcp/5432"), ("db", "tcp")] {
        let rules = format!("egress: [{{to: [{MONITORING}], ports: [{{port: {port}}}]}}]");
        let two = Two::of(&closed(""), &closed(&policy(&rules)));
        let refused = two.gate("");
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        let line = format!("  + x/web -> monitoring/[]: {told}");
        assert!(refused.stdout.contains(&line), "{refused:?}");
    }
}

#[test]
fn rules_of_a_whole_cluster_name_pods_that_are_not_there() {
    for (kind, accept) in [
        ("ClusterNetworkPolicy", "Accept"),
        ("AdminNetworkPolicy", "Allow"),
        ("BaselineAdminNetworkPolicy", "Allow"),
    ] {
        for (scope, pod) in [
            ("namespaces: {matchLabels: {team: c}}", "[team=c]/[]"),
            (
                "pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: prometheus}}}",
                "[]/[app=prometheus]",
            ),
        ] {
            let subject = "{namespaces: {matchLabels: {kubernetes.io/metadata.name: x}}}";
            let rules =
                |action: &str| format!("ingress: [{{action: {action}, from: [{{{scope}}}]}}]");
            let deny = "{action: Deny, from: [{namespaces: {}}]}";
            let only = format!("ingress: [{deny}]");
            let both = format!("ingress: [{{action: {accept}, from: [{{{scope}}}]}}, {deny}]");
            let without = |more: &str| {
                let all = closed("");
                let (own, _) = all.split_once("---\napiVersion: networking").unwrap();
                format!("{own}{more}")
            };
            let two = Two::of(
                &without(&scoped(kind, subject, &only)),
                &without(&scoped(kind, subject, &both)),
            );
            let refused = two.gate("");
            assert_eq!(refused.status.code(), Some(1), "{kind}: {refused:?}");
            let line = format!("  + {pod} -> x/web: all  (not permitted)\n");
            assert!(refused.stdout.contains(&line), "{kind}: {refused:?}");
            let denied = Two::of(
                &without(""),
                &without(&scoped(kind, subject, &rules("Deny"))),
            );
            assert_eq!(
                denied.gate("").status.code(),
                Some(0),
                "{:?}",
                denied.gate("")
            );
            assert!(
                denied
                    .diff(&[])
                    .stdout
                    .contains(&format!("  - {pod} -> x/web: all\n"))
            );
        }
    }
}

#[test]
fn a_lockfile_says_what_is_open_to_pods_that_are_not_there() {
    let two = Two::of(&closed(""), &closed(&from(PROMETHEUS)));
    let lock = two.lock("after.yaml").stdout;
    assert!(lock.contains("\nunit []/pod/[app=prometheus]\n"), "{lock}");
    assert!(
        lock.contains("\n[]/pod/[app=prometheus] -> x/deployment/web: tcp/8080\n"),
        "{lock}"
    );
    let told = two.check();
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    assert!(
        told.stdout
            .contains("  + []/[app=prometheus] -> x/web: tcp/8080\n"),
        "{told:?}"
    );
    assert!(
        told.stdout.contains("x/web ingress[0] (after.yaml:33:13)"),
        "{told:?}"
    );
    assert!(!told.stdout.contains("New:"), "{told:?}");
    let note = "note: before.lock says nothing of pods that rules name and manifests do not hold";
    assert!(told.stderr.contains(note), "{told:?}");
    let same = Two::of(&closed(&from(PROMETHEUS)), &closed(&from(PROMETHEUS)));
    let told = same.check();
    assert_eq!(told.status.code(), Some(0), "{told:?}");
    assert!(told.stderr.is_empty(), "{told:?}");
    let more = Two::of(
        &closed(&from(PROMETHEUS)),
        &closed(&from(PROMETHEUS).replace("port: http", "port: 9090")),
    );
    for told in [more.check(), more.between_locks(&[])] {
        assert_eq!(told.status.code(), Some(1), "{told:?}");
        assert!(
            told.stdout
                .contains("  + []/[app=prometheus] -> x/web: tcp/9090\n"),
            "{told:?}"
        );
        assert!(
            told.stdout
                .contains("  - []/[app=prometheus] -> x/web: tcp/8080\n"),
            "{told:?}"
        );
    }
}

#[test]
fn what_other_rules_open_is_told_of_pods_that_are_there_alone() {
    let named = from(PROMETHEUS);
    let open = "---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: own, namespace: x}
spec: {podSelector: {}, ingress: [{from: [{podSelector: {}}]}], egress: [{to: [{podSelector: {}}]}]}
";
    let two = Two::of(&closed(&named), &closed(&format!("{named}{open}")));
    let told = two.diff(&[]).stdout;
    assert!(told.contains("  + x/web -> x/web: all\n"), "{told}");
    assert!(!told.contains("prometheus"), "{told}");
    let renamed = named.replace("name: web, namespace", "name: other, namespace");
    let two = Two::of(&closed(&named), &closed(&renamed));
    assert_eq!(two.diff(&[]).status.code(), Some(0), "{:?}", two.diff(&[]));
}

#[test]
fn pods_that_come_to_a_rule_that_was_there_are_told_by_themselves() {
    let pod = "---
apiVersion: v1
kind: Pod
metadata: {name: prometheus, namespace: monitoring, labels: {app: prometheus}}
spec: {containers: [{name: c, image: i}]}
";
    let named = from(PROMETHEUS);
    let two = Two::of(&closed(&named), &closed(&format!("{named}{pod}")));
    let told = two.gate("");
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    assert!(
        told.stdout.contains("New: monitoring/prometheus"),
        "{told:?}"
    );
    assert!(!told.stdout.contains("[app=prometheus]"), "{told:?}");
}

#[test]
fn pods_to_come_are_held_by_the_policies_of_a_namespace_that_is_named() {
    let own = "{podSelector: {matchLabels: {app: cache}}}";
    let two = Two::of(&closed(""), &closed(&from(own)));
    assert_eq!(two.diff(&[]).status.code(), Some(0), "{:?}", two.diff(&[]));
    let back = "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: back}}}";
    let two = Two::of(&closed(""), &closed(&from(back)));
    assert_eq!(two.diff(&[]).status.code(), Some(0), "{:?}", two.diff(&[]));
    let scrape = "---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: scrape, namespace: back}
spec: {podSelector: {matchLabels: {app: prometheus}}, policyTypes: [Egress], egress: [{}]}
";
    let after = format!("{}{scrape}", from(back));
    let two = Two::of(&closed(""), &closed(&after));
    let told = two.gate("");
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    let line = "  + back/[app=prometheus] -> x/web: tcp/8080  (not permitted)\n";
    assert!(told.stdout.contains(line), "{told:?}");
}

#[test]
fn a_new_workload_comes_with_what_pods_that_are_not_there_may_open() {
    let bare = closed("").replace("name: web, namespace: x", "name: old, namespace: x");
    let two = Two::of(&bare, &closed(&from(MONITORING)));
    let told = two.gate("");
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    assert!(
        told.stdout
            .contains("  + monitoring/[] -> x/web: tcp/8080  (not permitted)\n"),
        "{told:?}"
    );
}

/// Another workload of `x`, and one of `back`, which only lets nobody in.
const OTHERS: &str = "---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: x}
spec:
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: prometheus, namespace: back, labels: {app: prometheus}}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: out, namespace: x}
spec: {podSelector: {}, policyTypes: [Egress], egress: [{}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: out, namespace: back}
spec: {podSelector: {}, policyTypes: [Egress], egress: [{}]}
";

/// What is told of pods that are not there where `web` lets in `before` and then `after`.
fn told_of(before: &str, after: &str) -> Vec<String> {
    let side = |rules: &str| closed(&format!("{OTHERS}{}", policy(rules)));
    let two = Two::of(&side(before), &side(after));
    let told = two.diff(&[]).stdout;
    let lines = told
        .lines()
        .filter_map(|line| line.trim().split_once(" -> x/web: "));
    let lines = lines.flat_map(|(sources, ports)| {
        let (sign, sources) = sources.split_once(' ').unwrap();
        let imagined = sources.split(", ").filter(|source| source.contains('['));
        imagined.map(move |source| format!("{sign} {source}: {ports}"))
    });
    lines.collect()
}

#[test]
fn what_is_wider_than_before_opens_to_pods_that_are_not_there() {
    let rules = |peer: &str, port: &str| {
        format!("ingress: [{{from: [{peer}], ports: [{{port: {port}}}]}}]")
    };
    let none = "ingress: []";
    let team = "{namespaceSelector: {matchLabels: {team: b}}}";
    let front = "{podSelector: {matchLabels: {app: api}}}";
    let both =
        "{podSelector: {matchExpressions: [{key: app, operator: In, values: [api, cache]}]}}";
    let opened = ["+ []/[app=prometheus]: tcp/80".to_owned()];
    assert_eq!(told_of(none, &rules(PROMETHEUS, "80")), opened);
    assert_eq!(
        told_of(&rules(PROMETHEUS, "80"), none),
        ["- []/[app=prometheus]: tcp/80"]
    );
    let anybody = "{namespaceSelector: {}}";
    assert_eq!(
        told_of(&rules(team, "80"), &rules(anybody, "80")),
        ["+ []/[]: tcp/80"]
    );
    assert_eq!(
        told_of(&rules(anybody, "80"), &rules(anybody, "90")),
        ["+ []/[]: tcp/90", "- []/[]: tcp/80"]
    );
    assert_eq!(
        told_of(&rules(front, "80"), &rules(both, "80")),
        ["+ x/[app=cache]: tcp/80"]
    );
    // Those are there.
    let nothing: [&str; 0] = [];
    assert_eq!(told_of(none, &rules(team, "80")), nothing);
    assert_eq!(told_of(none, &rules(front, "80")), nothing);
    assert_eq!(
        told_of(&rules(PROMETHEUS, "80"), &rules(PROMETHEUS, "80")),
        nothing
    );
}

#[test]
fn a_gate_does_not_let_pass_what_is_said_of_pods_that_are_not_there() {
    let cache = |rules: &str| policy(rules).replace("app: web", "app: cache");
    let open = cache("ingress: [{}]");
    let shut = cache("ingress: []");
    for (before, after, code) in [
        ("", open.as_str(), 1),
        (&open, "", 1),
        (&shut, &open, 1),
        ("", &shut, 0),
        (&open, &open, 0),
    ] {
        let two = Two::of(&closed(before), &closed(after));
        let told = two.gate("");
        assert_eq!(told.status.code(), Some(code), "{before} {after} {told:?}");
        let line = "?+ NetworkPolicy x/web selects no pod of the manifests";
        assert_eq!(told.stdout.contains(line), code == 1, "{told:?}");
    }
    let two = Two::of(&closed(""), &closed(&open));
    let told = two.gate("").stdout;
    assert!(
        told.contains(
            "(after.yaml:28:1); give those that it is for, which would be such as x/[app=cache]"
        ),
        "{told}"
    );
    let rows = "- {from: '*', to: 'x/[app=cache]', reason: a}\n- {from: 'x/[app=cache]', to: '*', reason: a}\n";
    assert_eq!(
        two.gate(rows).status.code(),
        Some(0),
        "{:?}",
        two.gate(rows)
    );
    // Whom nobody holds, a policy opens nothing to.
    let free = |more: &str| {
        closed(more).replace("podSelector: {}", "podSelector: {matchLabels: {app: web}}")
    };
    let two = Two::of(&free(""), &free(&open));
    assert_eq!(two.gate("").status.code(), Some(0), "{:?}", two.gate(""));
}
