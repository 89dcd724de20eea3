//! `ringfence test`: assertions, and what is said where they do not hold.

use snapbox::{IntoData as _, assert_data_eq, str};

use crate::support::{ringfence, ringfence_reading};

/// The manifests of the article, with the client's namespace labelled.
const DEMO: &[&str] = &[
    "-f",
    "examples/netpol-demo/frontend",
    "-f",
    "examples/netpol-demo/client.yaml",
    "-f",
    "examples/netpol-demo/demo-app.yaml",
    "-f",
    "examples/netpol-demo/default-deny-ingress.yaml",
    "-f",
    "examples/netpol-demo/web-allow-frontend.yaml",
    "-f",
    "examples/netpol-demo/db-policy.yaml",
    "-f",
    "examples/netpol-demo/allow-dns-and-web.yaml",
];

fn test(tests: &str, more: &[&str]) -> crate::support::Finished {
    let head = "apiVersion: ringfence.dev/v1alpha1\nkind: PolicyTest\ntests:\n";
    let arguments = [&["test", "-"], DEMO, more].concat();
    ringfence_reading(&format!("{head}{tests}"), &arguments)
}

#[test]
fn the_example_passes() {
    let arguments = [&["test", "examples/netpol-demo/policy-tests.yaml"], DEMO].concat();
    let said = ringfence(&arguments).expect(0);
    assert!(said.ends_with("passed\n"), "{said}");
}

#[test]
fn what_does_not_hold_is_explained() {
    let tests = "
- name: the client reaches the web tier
  allow: {from: default/client, to: svc/netpol-demo/web-app}
- name: the client reaches the database
  reason: somebody thought so
  allow: {from: default/client, to: netpol-demo/deploy/database, ports: [5432]}
- name: the web tier is closed
  deny: {from: default/client, to: netpol-demo/deploy/web-app, ports: tcp/70-90}
";
    assert_data_eq!(
        test(tests, &[]).expect(1),
        str![[r#"
<stdin>
  ok   the client reaches the web tier (1 connection)
  FAIL the client reaches the database (1 connection)
       somebody thought so
       <stdin>:9:3: default/client -> netpol-demo/database-0 tcp/5432 must be allowed and is denied
         denied: egress from default/client: isolated by default/allow-dns-and-web (examples/netpol-demo/allow-dns-and-web.yaml:2:1); rule default/allow-dns-and-web egress[0] (examples/netpol-demo/allow-dns-and-web.yaml:14:5): neither peer nor port matches; rule default/allow-dns-and-web egress[1] (examples/netpol-demo/allow-dns-and-web.yaml:26:5): neither peer nor port matches
         denied: ingress to netpol-demo/database-0: isolated by netpol-demo/db-policy (examples/netpol-demo/db-policy.yaml:1:1), netpol-demo/default-deny-ingress (examples/netpol-demo/default-deny-ingress.yaml:2:1); rule netpol-demo/db-policy ingress[0] (examples/netpol-demo/db-policy.yaml:13:5): peer does not match
  FAIL the web tier is closed (6 connections)
       <stdin>:11:3: default/client -> netpol-demo/web-app-0 tcp/80 must be denied and is allowed
         allowed: egress from default/client: allowed by default/allow-dns-and-web egress[1] (examples/netpol-demo/allow-dns-and-web.yaml:26:5)
         allowed: ingress to netpol-demo/web-app-0: allowed by netpol-demo/web-allow-frontend ingress[0] (examples/netpol-demo/web-allow-frontend.yaml:13:5)
         so is default/client -> netpol-demo/web-app-1 tcp/80

3 tests, 8 connections: 1 passed, 2 failed

"#]]
    );
}

#[test]
fn a_failing_test_can_be_the_last() {
    let tests = "
- name: one
  allow: {from: default/client, to: internet}
- name: two
  deny: {from: default/client, to: internet}
";
    let said = test(tests, &["--fail-fast"]).expect(1);
    assert!(
        said.ends_with("2 tests, 10 connections: 0 passed, 1 failed, 1 not judged\n"),
        "{said}"
    );
    let said = test(tests, &["--filter", "two"]).expect(0);
    assert!(
        said.ends_with("1 test, 10 connections: 1 passed\n"),
        "{said}"
    );
    let refused = test(tests, &["--filter", "three"]).expect_refused();
    assert_eq!(refused, "error: no test has `three` in its name\n");
}

#[test]
fn mistakes_are_pointed_at() {
    let tests = "
- name: one
  allow: {from: default/clint, to: svc/netpol-demo/web-app}
  deny:
  - {from: default/client, to: 10.0.0.0/8}
  - {from: svc/netpol-demo/web-app, to: netpol-demo/web-app-0, ports: [tcp/0, tcp/http]}
";
    assert_data_eq!(test(tests, &[]).expect_refused(), str![[r#"
error: these tests cannot be used

error: there is no pod default/clint (did you mean `default/client`?)
 --> <stdin>:6:17
  |
6 |   allow: {from: default/clint, to: svc/netpol-demo/web-app}
  |                 ^^^^^^^^^^^^^

error: `10.0.0.0/8` is a block of addresses and an endpoint is one: write an address of it, such as 10.0.0.0
 --> <stdin>:8:32
  |
8 |   - {from: default/client, to: 10.0.0.0/8}
  |                                ^^^^^^^^^^

error: svc/netpol-demo/web-app: a Service opens no connections: name the pods behind it
 --> <stdin>:9:12
  |
9 |   - {from: svc/netpol-demo/web-app, to: netpol-demo/web-app-0, ports: [tcp/0, tcp/http]}
  |            ^^^^^^^^^^^^^^^^^^^^^^^

error: port 0 cannot be connected to
 --> <stdin>:9:72
  |
9 |   - {from: svc/netpol-demo/web-app, to: netpol-demo/web-app-0, ports: [tcp/0, tcp/http]}
  |                                                                        ^^^^^

"#]].raw());
}

#[test]
fn compiled_tables_judge_as_the_policies_do() {
    let example = [
        "test",
        "examples/netpol-demo/policy-tests.yaml",
        "--against",
    ];
    let against = |oracle| ringfence(&[&example, [oracle].as_slice(), DEMO].concat()).expect(0);
    assert_eq!(against("ruleset"), against("manifests"));
    let tests = "
- name: the web tier is closed
  deny: {from: default/client, to: svc/netpol-demo/web-app}
";
    let failing = |oracle| test(tests, &["--against", oracle]).expect(1);
    assert_eq!(failing("ruleset"), failing("manifests"));
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let tests = "\n- {name: one, deny: {from: default/client, to: internet}}\n";
    assert_eq!(
        test(tests, &["--against", "cluster"]).expect_refused(),
        "error: tests cannot be judged by packets in a cluster yet\n"
    );
}

#[test]
fn parts_of_policies_that_decided_nothing_are_named() {
    let tests = "
- name: the client reaches the web tier
  allow: {from: default/client, to: svc/netpol-demo/web-app}
- name: the client does not reach the database
  deny: {from: default/client, to: netpol-demo/deploy/database}
";
    assert_data_eq!(
        test(tests, &["--coverage"]).expect(0),
        str![[r#"
<stdin>
  ok   the client reaches the web tier (1 connection)
  ok   the client does not reach the database (12 connections)

2 tests, 13 connections: 2 passed

coverage: 5 of 8 parts decided a connection (62 %)
  never decided:
    NetworkPolicy netpol-demo/web-allow-frontend isolates for ingress (examples/netpol-demo/web-allow-frontend.yaml:1:1)
    NetworkPolicy default/allow-dns-and-web egress[0] (examples/netpol-demo/allow-dns-and-web.yaml:14:5)
    NetworkPolicy netpol-demo/db-policy ingress[0] (examples/netpol-demo/db-policy.yaml:13:5)

"#]]
    );
    assert_data_eq!(
        test(tests, &["--coverage-min", "63%"]).expect(1),
        str![[r#"
<stdin>
  ok   the client reaches the web tier (1 connection)
  ok   the client does not reach the database (12 connections)

2 tests, 13 connections: 2 passed

coverage: 5 of 8 parts decided a connection (62 %)
  never decided:
    NetworkPolicy netpol-demo/web-allow-frontend isolates for ingress (examples/netpol-demo/web-allow-frontend.yaml:1:1)
    NetworkPolicy default/allow-dns-and-web egress[0] (examples/netpol-demo/allow-dns-and-web.yaml:14:5)
    NetworkPolicy netpol-demo/db-policy ingress[0] (examples/netpol-demo/db-policy.yaml:13:5)
  coverage is below 63 %

"#]]
    );
    test(tests, &["--coverage-min", "62"]).expect(0);
}
