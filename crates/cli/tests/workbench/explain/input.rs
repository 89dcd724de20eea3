//! Questions that cannot be asked: what is said about them.

use super::{explain, ringfence_reading};

const CLUSTER: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: x, ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: each, namespace: shop}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80}]}
";

#[track_caller]
fn refusal(question: &[&str]) -> String {
    let arguments = [&["explain"], question, &["-f", "-"]].concat();
    let said = ringfence_reading(CLUSTER, &arguments).expect_refused();
    said.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn what_cannot_be_asked_is_no_verdict() {
    let table = [
        (
            ["shop/somebody", "shop/web-0", "80"],
            "there is no pod shop/somebody; one that is not there yet is named by its labels, for example `shop/[app=web]`",
        ),
        (
            ["svc/shop/web", "shop/web-0", "80"],
            "svc/shop/web: a Service opens no connections: name the pods behind it",
        ),
        (
            ["shop/web-0", "svc/shop/each", "81"],
            "svc/shop/each does not serve tcp/81",
        ),
        (
            ["shop/web-0", "svc/shop/web", "81"],
            "svc/shop/web does not serve tcp/81",
        ),
        (
            ["shop/web-0", "svc/shop/web", "http"],
            "svc/shop/web has no port with a name: write the number of `http`",
        ),
        (
            ["shop/web-0", "shop/web-1", "htp"],
            "shop/web-1 has no TCP port `htp` (did you mean `http`?)",
        ),
        (
            ["shop/web-0", "node/n1", "80"],
            "there is no node n1; the manifests name none",
        ),
        (
            ["127.0.0.1", "shop/web-0", "80"],
            "loopback address 127.0.0.1 cannot be the source of a connection to elsewhere: name the pod that it is inside of",
        ),
    ];
    for (question, expected) in table {
        assert_eq!(refusal(&question), format!("error: {expected}"));
    }
}

#[test]
fn families_that_differ_are_no_verdict() {
    let pods = "
apiVersion: v1
kind: Pod
metadata: {name: four}
spec: {containers: [{name: c, image: x}]}
status: {podIP: 10.0.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: six}
spec: {containers: [{name: c, image: x}]}
status: {podIP: fd00::1}
";
    let said =
        ringfence_reading(pods, &["explain", "four", "six", "80", "-f", "-"]).expect_refused();
    assert_eq!(
        said,
        "error: there is nothing to judge: no common address family between `default/four` and `default/six`\n"
    );
    // Of well-known ends that have both, the one that can be reached is asked about.
    assert!(
        explain(pods, &["six", "metadata", "80"], 0)
            .contains("default/six -> fd00:ec2::254 tcp/80")
    );
    assert!(
        explain(pods, &["four", "internet", "80"], 0).contains("default/four -> 1.1.1.1 tcp/80")
    );
}

const DUAL: &str = "
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {containers: [{name: c, image: x}]}
status: {podIPs: [{ip: 10.0.0.1}, {ip: 'fd00::1'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: server}
spec: {containers: [{name: c, image: x, ports: [{name: http, containerPort: 8080}]}]}
status: {podIPs: [{ip: 10.0.0.2}, {ip: 'fd00::2'}]}
";

#[test]
fn a_port_has_its_name_under_every_address_of_a_pod() {
    for destination in ["server", "10.0.0.2", "fd00::2"] {
        explain(DUAL, &["client", destination, "http"], 0);
    }
}

#[test]
fn ends_that_meet_in_both_families_are_told_apart() {
    let alike = explain(DUAL, &["client", "server", "80"], 0);
    let told = "allow default/client -> default/server tcp/80 over IPv4, and likewise over IPv6\n";
    assert!(alike.contains(told), "{alike}");
    let policy = "---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: four}
spec: {egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}], policyTypes: [Egress]}
";
    let apart = explain(&format!("{DUAL}{policy}"), &["client", "server", "80"], 1);
    for told in [
        "deny default/client -> default/server tcp/80 over IPv6\n",
        "allow default/client -> default/server tcp/80 over IPv4\n",
    ] {
        assert!(apart.contains(told), "{apart}");
    }
}

#[test]
fn manifests_that_cannot_be_used_are_no_verdict() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {container: []}\n";
    let said = ringfence_reading(pod, &["explain", "a", "a", "80", "-f", "-"]).expect_refused();
    assert!(said.contains("<stdin>:4:8"), "{said}");
}

#[test]
fn answers_without_what_is_refused_say_so() {
    let bad = format!(
        "{CLUSTER}---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p, namespace: shop}}\nspec: {{podSelectorr: {{}}}}\n"
    );
    let arguments = [
        "explain",
        "shop/web-0",
        "shop/web-1",
        "80",
        "--skip-invalid",
        "-f",
        "-",
    ];
    let found = ringfence_reading(&bad, &arguments);
    assert_eq!(found.status.code(), Some(0));
    assert!(found.stderr.contains("error[V-23]"), "{found:?}");
    snapbox::assert_data_eq!(
        found.stdout,
        snapbox::str![[r#"
allow: shop/web-0 -> shop/web-1 tcp/80

  egress  shop/web-0: NetworkPolicy: not isolated -> allow
  ingress shop/web-1: NetworkPolicy: not isolated -> allow

warning[V-25]: what has an error in the manifests is left out of this answer
  = help: correct what is refused, and ask again

"#]]
    );
}
