//! The story of the demonstration, told by manifests alone: each policy in its turn changes the answer, and the answer
//! says by which line.

use super::ringfence;

/// `explain default/client svc/netpol-demo/web-app tcp/80` with these files of the example.
#[track_caller]
fn client_to_web(files: &[&str], code: i32) -> String {
    let paths: Vec<String> = ["demo-app.yaml", "client.yaml"]
        .iter()
        .chain(files)
        .map(|file| format!("examples/netpol-demo/{file}"))
        .collect();
    let mut arguments = vec![
        "explain",
        "default/client",
        "svc/netpol-demo/web-app",
        "tcp/80",
    ];
    arguments.extend(paths.iter().flat_map(|path| ["-f", path]));
    ringfence(&arguments).expect(code)
}

#[test]
fn without_policies_everything_is_open() {
    snapbox::assert_data_eq!(
        client_to_web(&[], 0),
        snapbox::str![[r#"
allow: default/client -> svc/netpol-demo/web-app tcp/80

allow default/client -> netpol-demo/web-app-0 tcp/80, and likewise netpol-demo/web-app-1
  egress  default/client: NetworkPolicy: not isolated -> allow
  ingress netpol-demo/web-app-0: NetworkPolicy: not isolated -> allow

"#]]
    );
}

#[test]
fn default_deny_ingress_closes_it() {
    let said = client_to_web(&["default-deny-ingress.yaml"], 1);
    snapbox::assert_data_eq!(
        said,
        snapbox::str![[r#"
deny: default/client -> svc/netpol-demo/web-app tcp/80

deny default/client -> netpol-demo/web-app-0 tcp/80, and likewise netpol-demo/web-app-1
  egress  default/client: NetworkPolicy: not isolated -> allow
  ingress netpol-demo/web-app-0: NetworkPolicy: isolated by netpol-demo/default-deny-ingress, no rule matches -> deny

denied: ingress to netpol-demo/web-app-0: isolated by netpol-demo/default-deny-ingress, and no rule could allow anything
 --> examples/netpol-demo/default-deny-ingress.yaml:8:3
  |
8 |   podSelector: {}
  |   ^^^^^^^^^^^^^^^ netpol-demo/default-deny-ingress selects netpol-demo/web-app-0 for ingress, and has no ingress rule

"#]]
    );
}

#[test]
fn a_rule_for_a_label_that_the_namespace_has_not() {
    let said = client_to_web(&["default-deny-ingress.yaml", "web-allow-frontend.yaml"], 1);
    snapbox::assert_data_eq!(
        said,
        snapbox::str![[r#"
deny: default/client -> svc/netpol-demo/web-app tcp/80

deny default/client -> netpol-demo/web-app-0 tcp/80, and likewise netpol-demo/web-app-1
  egress  default/client: NetworkPolicy: not isolated -> allow
  ingress netpol-demo/web-app-0: NetworkPolicy: isolated by 2 policies, no rule matches -> deny

denied: ingress to netpol-demo/web-app-0: isolated by 2 policies, and no rule matches default/client on tcp/80
 --> examples/netpol-demo/default-deny-ingress.yaml:8:3
  |
8 |   podSelector: {}
  |   ^^^^^^^^^^^^^^^ netpol-demo/default-deny-ingress selects netpol-demo/web-app-0 for ingress, and has no ingress rule
  |
 ::: examples/netpol-demo/web-allow-frontend.yaml:7:3
  |
7 |   podSelector:
  |   ^^^^^^^^^^^^ netpol-demo/web-allow-frontend selects netpol-demo/web-app-0 for ingress
8 |     matchLabels:
9 |       app: web
  |

no match: netpol-demo/web-allow-frontend ingress[0]: the port matches, the source does not
  --> examples/netpol-demo/web-allow-frontend.yaml:16:11
   |
13 |   - from:
14 |     - namespaceSelector:
15 |         matchLabels:
16 |           purpose: frontend
   |           ^^^^^^^^^^^^^^^^^ namespace default has no label `purpose`
17 |     ports:
18 |     - protocol: TCP
19 |       port: 80
   |       -------- matches tcp/80

warning[OB-4]: namespace default is not given, and a selector that was asked looks at its labels: it is taken to have none but its name
  = help: give the Namespace default with its labels

"#]]
    );
}

#[test]
fn with_the_label_it_is_allowed() {
    let files = [
        "default-deny-ingress.yaml",
        "web-allow-frontend.yaml",
        "frontend/namespace.yaml",
    ];
    snapbox::assert_data_eq!(
        client_to_web(&files, 0),
        snapbox::str![[r#"
allow: default/client -> svc/netpol-demo/web-app tcp/80

allow default/client -> netpol-demo/web-app-0 tcp/80, and likewise netpol-demo/web-app-1
  egress  default/client: NetworkPolicy: not isolated -> allow
  ingress netpol-demo/web-app-0: NetworkPolicy: netpol-demo/web-allow-frontend ingress[0] -> allow

allowed: ingress to netpol-demo/web-app-0 by netpol-demo/web-allow-frontend ingress[0]
  --> examples/netpol-demo/web-allow-frontend.yaml:14:7
   |
13 |   - from:
14 |     - namespaceSelector:
   |       ^^^^^^^^^^^^^^^^^^ matches default/client
15 |         matchLabels:
16 |           purpose: frontend
17 |     ports:
18 |     - protocol: TCP
19 |       port: 80
   |       ^^^^^^^^ matches tcp/80

"#]]
    );
}

#[test]
fn both_ends_are_explained_where_the_first_refuses() {
    let files = ["default-deny-ingress.yaml", "default-deny-egress.yaml"];
    snapbox::assert_data_eq!(
        client_to_web(&files, 1),
        snapbox::str![[r#"
deny: default/client -> svc/netpol-demo/web-app tcp/80

deny default/client -> netpol-demo/web-app-0 tcp/80, and likewise netpol-demo/web-app-1
  egress  default/client: NetworkPolicy: isolated by default/default-deny-egress, no rule matches -> deny
  ingress netpol-demo/web-app-0: NetworkPolicy: isolated by netpol-demo/default-deny-ingress, no rule matches -> deny

denied: egress from default/client: isolated by default/default-deny-egress, and no rule could allow anything
 --> examples/netpol-demo/default-deny-egress.yaml:8:3
  |
8 |   podSelector: {}
  |   ^^^^^^^^^^^^^^^ default/default-deny-egress selects default/client for egress, and has no egress rule

denied: ingress to netpol-demo/web-app-0: isolated by netpol-demo/default-deny-ingress, and no rule could allow anything
 --> examples/netpol-demo/default-deny-ingress.yaml:8:3
  |
8 |   podSelector: {}
  |   ^^^^^^^^^^^^^^^ netpol-demo/default-deny-ingress selects netpol-demo/web-app-0 for ingress, and has no ingress rule

"#]]
    );
}

#[test]
fn egress_needs_a_rule_too() {
    let files = [
        "default-deny-ingress.yaml",
        "web-allow-frontend.yaml",
        "frontend/namespace.yaml",
        "default-deny-egress.yaml",
        "allow-dns-and-web.yaml",
    ];
    snapbox::assert_data_eq!(
        client_to_web(&files, 0),
        snapbox::str![[r#"
allow: default/client -> svc/netpol-demo/web-app tcp/80

allow default/client -> netpol-demo/web-app-0 tcp/80, and likewise netpol-demo/web-app-1
  egress  default/client: NetworkPolicy: default/allow-dns-and-web egress[1] -> allow
  ingress netpol-demo/web-app-0: NetworkPolicy: netpol-demo/web-allow-frontend ingress[0] -> allow

allowed: egress from default/client by default/allow-dns-and-web egress[1]
  --> examples/netpol-demo/allow-dns-and-web.yaml:27:7
   |
26 |   - to:
27 |     - namespaceSelector:
   |       ^^^^^^^^^^^^^^^^^^ matches netpol-demo/web-app-0
28 |         matchLabels:
29 |           kubernetes.io/metadata.name: netpol-demo
30 |       podSelector:
31 |         matchLabels:
32 |           app: web
33 |     ports:
34 |     - protocol: TCP
35 |       port: 80
   |       ^^^^^^^^ matches tcp/80

allowed: ingress to netpol-demo/web-app-0 by netpol-demo/web-allow-frontend ingress[0]
  --> examples/netpol-demo/web-allow-frontend.yaml:14:7
   |
13 |   - from:
14 |     - namespaceSelector:
   |       ^^^^^^^^^^^^^^^^^^ matches default/client
15 |         matchLabels:
16 |           purpose: frontend
17 |     ports:
18 |     - protocol: TCP
19 |       port: 80
   |       ^^^^^^^^ matches tcp/80

"#]]
    );
}
