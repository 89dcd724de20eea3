//! What is said for each way in which a direction can be decided.

use super::explain;
use crate::support::ringfence_reading;

/// `more` in a cluster with a client, and a server behind a Service; `client` and `server` of the namespace `shop`.
fn shop(more: &str) -> String {
    format!(
        "
apiVersion: v1
kind: Namespace
metadata: {{name: shop, labels: {{team: one}}}}
---
apiVersion: v1
kind: Pod
metadata: {{name: client, namespace: shop, labels: {{app: client}}}}
spec: {{nodeName: n1, containers: [{{name: c, image: x}}]}}
status: {{podIP: 10.0.0.1, hostIP: 192.168.0.1}}
---
apiVersion: v1
kind: Pod
metadata: {{name: server, namespace: shop, labels: {{app: server}}}}
spec: {{containers: [{{name: c, image: x, ports: [{{name: http, containerPort: 8080}}]}}]}}
status: {{podIP: 10.0.0.2}}
---
apiVersion: v1
kind: Service
metadata: {{name: server, namespace: shop}}
spec: {{clusterIP: 10.96.0.10, selector: {{app: server}}, ports: [{{port: 80, targetPort: http}}]}}
---
{more}"
    )
}

#[test]
fn tiers_before_and_after_network_policy() {
    let policies = shop(
        "apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: first}
spec:
  tier: Admin
  priority: 1
  subject: {namespaces: {}}
  egress:
  - name: leave-web
    action: Pass
    to:
    - pods: {podSelector: {matchLabels: {app: server}}}
    protocols:
    - tcp: {destinationPort: {range: {start: 8000, end: 9000}}}
  - action: Deny
    to: [{networks: [10.0.0.0/8]}]
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: last}
spec:
  tier: Baseline
  priority: 1
  subject: {namespaces: {matchLabels: {team: one}}}
  ingress:
  - action: Deny
    from: [{namespaces: {}}]
",
    );
    snapbox::assert_data_eq!(
        explain(&policies, &["shop/client", "svc/shop/server", "80"], 1),
        snapbox::str![[r#"
deny: shop/client -> svc/shop/server tcp/80

deny shop/client -> shop/server tcp/80 (8080 behind it)
  egress  shop/client: Admin: Pass by ClusterNetworkPolicy/first egress[0] -> NetworkPolicy: not isolated -> Baseline: no match -> allow
  ingress shop/server: Admin: no match -> NetworkPolicy: not isolated -> Baseline: Deny by ClusterNetworkPolicy/last ingress[0] -> deny

passed on: egress from shop/client by ClusterNetworkPolicy/first egress[0] "leave-web", so that the rest of the Admin tier is not asked
  --> <stdin>:32:5
   |
31 |   - name: leave-web
32 |     action: Pass
   |     ^^^^^^^^^^^^ tier Admin
33 |     to:
34 |     - pods: {podSelector: {matchLabels: {app: server}}}
   |       ------------------------------------------------- matches shop/server (10.0.0.2)
35 |     protocols:
36 |     - tcp: {destinationPort: {range: {start: 8000, end: 9000}}}
   |       --------------------------------------------------------- matches tcp/8080

denied: ingress to shop/server by ClusterNetworkPolicy/last ingress[0]
  --> <stdin>:48:5
   |
48 |   - action: Deny
   |     ^^^^^^^^^^^^ tier Baseline
49 |     from: [{namespaces: {}}]
   |            ---------------- matches shop/client (10.0.0.1)

"#]]
    );
    let said = explain(&policies, &["shop/client", "shop/server", "80"], 1);
    assert!(
        said.contains(
            "egress  shop/client: Admin: Deny by ClusterNetworkPolicy/first egress[1] -> deny"
        ),
        "{said}"
    );
}

#[test]
fn a_rule_that_depends_on_an_address_that_nobody_gave() {
    let policy = shop(
        "apiVersion: v1
kind: Pod
metadata: {name: new, namespace: shop}
spec: {containers: [{name: c, image: x}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec:
  podSelector: {matchLabels: {app: server}}
  ingress:
  - from:
    - ipBlock:
        cidr: 10.0.0.0/8
",
    );
    snapbox::assert_data_eq!(
        explain(&policy, &["shop/new", "shop/server", "80"], 1),
        snapbox::str![[r#"
unknown: shop/new -> shop/server tcp/80

  egress  shop/new: NetworkPolicy: not isolated -> allow
  ingress shop/server: NetworkPolicy: shop/p ingress[0] perhaps -> unknown

unknown: ingress to shop/server: shop/p ingress[0] may match, or may not
  --> <stdin>:35:7
   |
34 |   - from:
35 |     - ipBlock:
   |       ^^^^^^^^ the address of shop/new is not known
36 |         cidr: 10.0.0.0/8
   |
   = help: say where pods get their addresses from, as in `--pod-cidr 10.244.0.0/16`; or give the address of shop/new in its `status.podIPs`, or ask about an address

"#]]
    );
}

#[test]
fn a_pods_own_node_gets_in_and_nobody_knows_the_node_of_another() {
    let policy = shop(
        "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec: {podSelector: {}}
",
    );
    snapbox::assert_data_eq!(
        explain(&policy, &["node/n1", "shop/client", "80"], 0),
        snapbox::str![[r#"
allow: node/n1 -> shop/client tcp/80

  egress  node/n1: no policy applies -> allow
  ingress shop/client: NetworkPolicy: own node -> allow

allowed: ingress to shop/client: a pod's own node may always reach it (NP-50)
  --> <stdin>:26:8
   |
26 | spec: {podSelector: {}}
   |        ^^^^^^^^^^^^^^^ shop/p selects shop/client for ingress, and has no ingress rule

"#]]
    );
    snapbox::assert_data_eq!(
        explain(&policy, &["node/n1", "shop/server", "80"], 1),
        snapbox::str![[r#"
deny: node/n1 -> shop/server tcp/80

  egress  node/n1: no policy applies -> allow
  ingress shop/server: NetworkPolicy: isolated by shop/p, no rule matches -> deny

denied: ingress to shop/server: isolated by shop/p, and no rule could allow anything
  --> <stdin>:26:8
   |
26 | spec: {podSelector: {}}
   |        ^^^^^^^^^^^^^^^ shop/p selects shop/server for ingress, and has no ingress rule
   |
   = note: the node of shop/server is not known, so that nobody can be its own node, which always gets in (NP-50, OB-16)
   = help: give the pod's `spec.nodeName` or `status.hostIP`

"#]]
    );
}

#[test]
fn nearest_misses_come_first_and_few_are_shown() {
    let policy = shop(
        "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec:
  podSelector: {matchLabels: {app: server}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: other}}}]
    ports: [{port: 81}]
  - from: [{podSelector: {matchLabels: {app: other}}}]
    ports: [{port: 80}]
  - from: [{namespaceSelector: {matchLabels: {team: two}}, podSelector: {matchLabels: {app: other}}}]
    ports: [{port: 80}]
  - from: [{podSelector: {matchLabels: {app: client}}}]
    ports: [{port: http}]
",
    );
    let question = ["shop/client", "shop/server", "80"];
    snapbox::assert_data_eq!(
        explain(&policy, &question, 1),
        snapbox::str![[r#"
deny: shop/client -> shop/server tcp/80

  egress  shop/client: NetworkPolicy: not isolated -> allow
  ingress shop/server: NetworkPolicy: isolated by shop/p, no rule matches -> deny

denied: ingress to shop/server: isolated by shop/p, and no rule matches shop/client on tcp/80
  --> <stdin>:27:3
   |
27 |   podSelector: {matchLabels: {app: server}}
   |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ shop/p selects shop/server for ingress

no match: shop/p ingress[3]: the source matches, the port does not
  --> <stdin>:36:14
   |
35 |   - from: [{podSelector: {matchLabels: {app: client}}}]
   |            ------------------------------------------- matches shop/client (10.0.0.1)
36 |     ports: [{port: http}]
   |              ^^^^^^^^^^ this is 8080 on shop/server

no match: shop/p ingress[1]: the port matches, the source does not
  --> <stdin>:31:41
   |
31 |   - from: [{podSelector: {matchLabels: {app: other}}}]
   |                                         ^^^^^^^^^^ shop/client has `app: client`
32 |     ports: [{port: 80}]
   |              -------- matches tcp/80

no match: shop/p ingress[2]: the port matches, the source does not
  --> <stdin>:33:47
   |
33 |   - from: [{namespaceSelector: {matchLabels: {team: two}}, podSelector: {matchLabels: {app: other}}}]
   |                                               ^^^^^^^^^ namespace shop has `team: one` ^^^^^^^^^^ shop/client has `app: client`
34 |     ports: [{port: 80}]
   |              -------- matches tcp/80
   |
   = note: 1 more rule does not match either; --all shows them

"#]]
    );
    let all = explain(&policy, &["shop/client", "shop/server", "80", "--all"], 1);
    assert_eq!(all.matches("no match: ").count(), 4, "{all}");
}

#[test]
fn blocks_of_service_addresses_allow_nothing() {
    let policy = shop(
        "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec:
  podSelector: {matchLabels: {app: client}}
  policyTypes: [Egress]
  egress:
  - to: [{ipBlock: {cidr: 10.96.0.0/16}}]
",
    );
    snapbox::assert_data_eq!(
        explain(&policy, &["shop/client", "svc/shop/server", "80"], 1),
        snapbox::str![[r#"
deny: shop/client -> svc/shop/server tcp/80

deny shop/client -> shop/server tcp/80 (8080 behind it)
  egress  shop/client: NetworkPolicy: isolated by shop/p, no rule matches -> deny
  ingress shop/server: NetworkPolicy: not isolated -> allow

denied: egress from shop/client: isolated by shop/p, and no rule matches shop/server on tcp/8080
  --> <stdin>:27:3
   |
27 |   podSelector: {matchLabels: {app: client}}
   |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ shop/p selects shop/client for egress

no match: shop/p egress[0]: the port matches, the destination does not
  --> <stdin>:30:21
   |
30 |   - to: [{ipBlock: {cidr: 10.96.0.0/16}}]
   |                     ^^^^^^^^^^^^^^^^^^ 10.0.0.2 is outside

warning[AM-7]: shop/p allows 10.96.0.0/16, where svc/shop/server has its address: rules see the pods behind a Service, and never its address
  = help: select the pods behind svc/shop/server

"#]]
    );
}

#[test]
fn services_that_lead_to_nobody() {
    let services = shop(
        "apiVersion: v1
kind: Service
metadata: {name: typo, namespace: shop}
spec:
  selector:
    app: servers
  ports: [{port: 80}]
---
apiVersion: v1
kind: Service
metadata: {name: port, namespace: shop}
spec: {selector: {app: server}, ports: [{port: 80, targetPort: web}]}
---
apiVersion: v1
kind: Service
metadata: {name: bare, namespace: shop}
spec: {ports: [{port: 80}]}
",
    );
    for (service, expected) in [
        (
            "svc/shop/typo",
            snapbox::str![[r#"
no-endpoints: shop/client -> svc/shop/typo tcp/80

denied: svc/shop/typo leads to no pod
  --> <stdin>:27:3
   |
27 |   selector:
   |   ^^^^^^^^^ no live pod of shop has these labels
28 |     app: servers
   |
   = help: shop/server has `app: server`

"#]],
        ),
        (
            "svc/shop/port",
            snapbox::str![[r#"
no-endpoints: shop/client -> svc/shop/port tcp/80

denied: svc/shop/port leads to no pod
  --> <stdin>:34:8
   |
34 | spec: {selector: {app: server}, ports: [{port: 80, targetPort: web}]}
   |        ^^^^^^^^^^^^^^^^^^^^^^^ 1 pod has these labels, and is not behind it
   |
   = note: shop/server has no port named web of that protocol

"#]],
        ),
        (
            "svc/shop/bare",
            snapbox::str![[r#"
no-endpoints: shop/client -> svc/shop/bare tcp/80

denied: svc/shop/bare leads to no pod
  --> <stdin>:39:8
   |
39 | spec: {ports: [{port: 80}]}
   |        ^^^^^^^^^^^^^^^^^^^ it has no selector
   |
   = help: give the EndpointSlices of shop/bare, which list who is behind it

"#]],
        ),
    ] {
        snapbox::assert_data_eq!(
            explain(&services, &["shop/client", service, "80"], 1),
            expected
        );
    }
}

#[test]
fn lines_are_quoted_as_they_were_written() {
    let policy = "apiVersion: networking.k8s.io/v1\r
kind: NetworkPolicy\r
metadata: {name: p}\r
spec:\r
  # Für \u{4e2d}\u{6587}\r
  podSelector: {}\r
  ingress:\r
  - from:  # \u{4e2d}\u{6587}\r
    - podSelector: {matchLabels: {app: \"b\"}}  # danach\r
---\r
apiVersion: v1\r
kind: Pod\r
metadata: {name: a, labels: {app: a}}\r
spec: {containers: [{name: c, image: x}]}\r
---\r
apiVersion: v1\r
kind: Pod\r
metadata: {name: b, labels: {app: b}}\r
spec: {containers: [{name: c, image: x}]}\r
";
    snapbox::assert_data_eq!(
        explain(policy, &["a", "b", "80"], 1),
        snapbox::str![[r#"
deny: default/a -> default/b tcp/80

  egress  default/a: NetworkPolicy: not isolated -> allow
  ingress default/b: NetworkPolicy: isolated by default/p, no rule matches -> deny

denied: ingress to default/b: isolated by default/p, and no rule matches default/a on tcp/80
 --> <stdin>:6:3
  |
6 |   podSelector: {} 
  |   ^^^^^^^^^^^^^^^ default/p selects default/b for ingress

no match: default/p ingress[0]: the port matches, the source does not
 --> <stdin>:9:35
  |
8 |   - from:  # 中文 
9 |     - podSelector: {matchLabels: {app: "b"}}  # danach 
  |                                   ^^^^^^^^ default/a has `app: a`

"#]]
    );
}

/// The older kinds say Allow where the newer one says Accept.
#[test]
fn an_action_is_named_as_the_policy_writes_it() {
    let policies = shop(
        "apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {name: open}
spec:
  priority: 1
  subject: {namespaces: {}}
  ingress: [{action: Allow, from: [{namespaces: {}}]}]
",
    );
    let question = ["shop/client", "shop/server", "tcp/8080"];
    let said = explain(&policies, &question, 0);
    let line = "Admin: Allow by AdminNetworkPolicy/open ingress[0]";
    assert!(said.contains(line), "{said}");
    let json = explain(
        &policies,
        &[question.as_slice(), &["-o", "json"]].concat(),
        0,
    );
    assert!(json.contains(&format!("\"{line} -> allow\"")), "{json}");
}

/// A rule may list the addresses of a cloud.
#[test]
fn of_many_fields_that_do_not_match_a_few_are_shown() {
    let block = |number: usize| format!("    - ipBlock: {{cidr: 198.51.{number}.0/24}}\n");
    let blocks: String = (0..100).map(block).collect();
    let manifests = format!(
        "apiVersion: v1
kind: Namespace
metadata: {{name: a}}
---
apiVersion: v1
kind: Pod
metadata: {{name: web, namespace: a}}
spec: {{containers: [{{name: c, image: i}}]}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: out, namespace: a}}
spec:
  podSelector: {{}}
  policyTypes: [Egress]
  egress:
  - to:
{blocks}"
    );
    let ask = |more: &[&str]| {
        let question = ["explain", "a/web", "203.0.113.9", "443", "-f", "-"];
        ringfence_reading(&manifests, &[&question, more].concat()).expect(1)
    };
    let (few, all) = (ask(&[]), ask(&["--all"]));
    assert!(
        few.contains("88 more fields of it do not match either; --all shows them"),
        "{few}"
    );
    assert!(all.lines().count() > few.lines().count() + 80, "{all}");
}
