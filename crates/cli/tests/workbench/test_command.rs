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

const CLUSTER_POLICY: &str = "
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: fence}
spec:
  tier: Admin
  priority: 1
  subject: {namespaces: {}}
  ingress:
  - {action: Deny, from: [{namespaces: {}}]}
";

#[test]
fn tables_hold_policies_of_the_cluster() {
    let against = |oracle: &str| {
        let test = "examples/netpol-demo/policy-tests.yaml";
        let arguments = ["test", test, "--against", oracle, "-f=-"];
        let judged = ringfence_reading(CLUSTER_POLICY, &[&arguments, DEMO].concat());
        judged.expect(1)
    };
    let said = against("ruleset");
    assert_eq!(said, against("manifests"));
    assert!(said.contains("FAIL"), "{said}");
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let tests = "\n- {name: one, deny: {from: default/client, to: internet}}\n";
    assert_eq!(
        test(tests, &["--against", "cluster"]).expect_refused(),
        "error: --against cluster is about what is in force in one live cluster: name it by --context or --kubeconfig, without manifests on top; --against lab tries those out\n"
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
    let all = ["--coverage", "--mutate", "-o"];
    let junit = test(tests, &[&all[..], &["junit"]].concat()).expect(0);
    assert!(
        junit.contains("<testcase name=\"how much of the policies tests exercise\"")
            && junit.contains("<system-out>coverage: 5 of 8 parts decided a connection (62 %)\n")
            && junit.contains("<testcase name=\"how many mistakes tests notice\"")
            && junit.contains("<system-out>mutations: "),
        "{junit}"
    );
    let tap = test(tests, &[&all[..], &["tap"]].concat()).expect(0);
    assert!(
        tap.contains("1..4\n")
            && tap.contains("\n# coverage: 5 of 8 parts decided a connection (62 %)\n")
            && tap.contains("\n# mutations: "),
        "{tap}"
    );
}

/// Two tests, of which one fails at a rule.
const MIXED: &str = "
- name: the client reaches the web tier
  allow: {from: default/client, to: svc/netpol-demo/web-app}
- name: the <web> tier is closed
  reason: somebody thought so
  deny: {from: default/client, to: netpol-demo/deploy/web-app, ports: tcp/80}
";

fn without_times(text: &str) -> String {
    let mut parts = text.split(" time=\"");
    let mut told = parts.next().unwrap().to_owned();
    for part in parts {
        told.push_str(" time=\"");
        told.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.'));
    }
    told
}

#[test]
fn junit_says_what_failed_and_which_number_is_too_low() {
    let said = test(MIXED, &["-o", "junit", "--coverage-min", "90"]).expect(1);
    assert_data_eq!(without_times(&said), str![[r#"
<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="ringfence" tests="3" failures="2" errors="0" time="">
  <testsuite name="&lt;stdin&gt;" tests="2" failures="1" errors="0" skipped="0" time="">
    <testcase name="the client reaches the web tier" classname="&lt;stdin&gt;" time=""/>
    <testcase name="the &lt;web&gt; tier is closed" classname="&lt;stdin&gt;" time="">
      <failure message="&lt;stdin&gt;:9:3: default/client -&gt; netpol-demo/web-app-0 tcp/80 must be denied and is allowed" type="failure">&lt;stdin&gt;:9:3: default/client -&gt; netpol-demo/web-app-0 tcp/80 must be denied and is allowed
  allowed: egress from default/client: allowed by default/allow-dns-and-web egress[1] (examples/netpol-demo/allow-dns-and-web.yaml:26:5)
  allowed: ingress to netpol-demo/web-app-0: allowed by netpol-demo/web-allow-frontend ingress[0] (examples/netpol-demo/web-allow-frontend.yaml:13:5)
  so is default/client -&gt; netpol-demo/web-app-1 tcp/80</failure>
    </testcase>
  </testsuite>
  <testsuite name="policies" tests="1" failures="1" errors="0" skipped="0" time="">
    <testcase name="tests exercise 90 % of the policies" classname="policies" time="">
      <failure message="coverage: 2 of 8 parts decided a connection (25 %)" type="failure">coverage: 2 of 8 parts decided a connection (25 %)
  never decided:
    NetworkPolicy default/allow-dns-and-web isolates for egress (examples/netpol-demo/allow-dns-and-web.yaml:2:1)
    NetworkPolicy netpol-demo/db-policy isolates for ingress (examples/netpol-demo/db-policy.yaml:1:1)
    NetworkPolicy netpol-demo/default-deny-ingress isolates for ingress (examples/netpol-demo/default-deny-ingress.yaml:2:1)
    NetworkPolicy netpol-demo/web-allow-frontend isolates for ingress (examples/netpol-demo/web-allow-frontend.yaml:1:1)
    NetworkPolicy default/allow-dns-and-web egress[0] (examples/netpol-demo/allow-dns-and-web.yaml:14:5)
    NetworkPolicy netpol-demo/db-policy ingress[0] (examples/netpol-demo/db-policy.yaml:13:5)
  coverage is below 90 %</failure>
    </testcase>
  </testsuite>
</testsuites>

"#]].raw());
}

#[test]
fn tap_says_what_failed() {
    assert_data_eq!(test(MIXED, &["-o", "tap"]).expect(1), str![[r#"
TAP version 14
1..2
ok 1 - <stdin>: the client reaches the web tier
not ok 2 - <stdin>: the <web> tier is closed
  ---
  message: "<stdin>:9:3: default/client -> netpol-demo/web-app-0 tcp/80 must be denied and is allowed"
  details: "<stdin>:9:3: default/client -> netpol-demo/web-app-0 tcp/80 must be denied and is allowed\n  allowed: egress from default/client: allowed by default/allow-dns-and-web egress[1] (examples/netpol-demo/allow-dns-and-web.yaml:26:5)\n  allowed: ingress to netpol-demo/web-app-0: allowed by netpol-demo/web-allow-frontend ingress[0] (examples/netpol-demo/web-allow-frontend.yaml:13:5)\n  so is default/client -> netpol-demo/web-app-1 tcp/80"
  ...

"#]].raw());
}

#[test]
fn sarif_points_at_the_assertion_and_the_rules_that_decide() {
    let tests = format!("apiVersion: ringfence.dev/v1alpha1\nkind: PolicyTest\ntests:{MIXED}");
    let file = std::env::temp_dir().join(format!("ringfence-sarif-{}.yaml", std::process::id()));
    std::fs::write(&file, tests).unwrap();
    let path = file.to_str().unwrap();
    let said = ringfence(&[&["test", path, "-o", "sarif"], DEMO].concat()).expect(1);
    std::fs::remove_file(&file).unwrap();
    let log: serde_json::Value = serde_json::from_str(&said).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 1, "{said}");
    assert_eq!(results[0]["ruleId"], "must-be-denied");
    let place = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], format!("file://{path}"));
    assert_eq!(place["region"]["startLine"], 8);
    let related = results[0]["relatedLocations"].as_array().unwrap();
    let related: Vec<String> = related
        .iter()
        .map(|one| {
            let place = &one["physicalLocation"];
            format!(
                "{}:{} {}",
                place["artifactLocation"]["uri"].as_str().unwrap(),
                place["region"]["startLine"],
                one["message"]["text"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        related,
        [
            "examples/netpol-demo/allow-dns-and-web.yaml:26 NetworkPolicy default/allow-dns-and-web egress[1]",
            "examples/netpol-demo/web-allow-frontend.yaml:13 NetworkPolicy netpol-demo/web-allow-frontend ingress[0]",
        ]
    );
}

#[test]
fn json_tells_all_of_it() {
    let all = ["-o", "json", "--coverage", "--mutate-min", "100"];
    let said = test(MIXED, &all).expect(1);
    let told: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (&told["version"], &told["passed"]),
        (&1.into(), &false.into())
    );
    assert_eq!(told["summary"]["failed"], 1);
    assert_eq!(told["tests"][1]["failures"][0]["outcome"], "allow");
    assert_eq!(told["tests"][1]["failures"][0]["assertion"]["line"], 9);
    assert!(told["coverage"]["percent"].as_u64().unwrap() < 100);
    let mutation = &told["mutation"];
    assert_eq!(mutation["left_out"], 2, "those of the test that fails");
    let mutants = mutation["mutants"].as_array().unwrap();
    let of = |fate: &str| {
        mutants
            .iter()
            .filter(|mutant| mutant["fate"] == fate)
            .count()
    };
    for (fate, count) in [
        ("noticed", "noticed"),
        ("missed", "missed"),
        ("equivalent", "equivalent"),
        ("unobservable", "unobservable"),
    ] {
        assert_eq!(mutation[count], of(fate), "{fate}");
    }
    let noticed = mutants
        .iter()
        .find(|mutant| mutant["fate"] == "noticed")
        .unwrap();
    assert_eq!(
        noticed["noticed_by"]["test"],
        "the client reaches the web tier"
    );
    let missed = mutants
        .iter()
        .find(|mutant| mutant["fate"] == "missed")
        .unwrap();
    assert_ne!(missed["witness"]["before"], missed["witness"]["after"]);
}

#[test]
fn mistakes_that_no_test_notices_are_told() {
    let tests = "
- name: the client reaches the web tier
  allow: {from: default/client, to: svc/netpol-demo/web-app}
- name: the database is closed to the client
  deny: {from: default/client, to: netpol-demo/deploy/database}
";
    assert_data_eq!(
        test(tests, &["--mutate-min", "50%"]).expect(1),
        str![[r#"
<stdin>
  ok   the client reaches the web tier (1 connection)
  ok   the database is closed to the client (12 connections)

2 tests, 13 connections: 2 passed

mutations: 3 of 11 mistakes would be noticed (27 %)
  7 more would change nothing that anybody can open
  not noticed:
    examples/netpol-demo/allow-dns-and-web.yaml:2:1: NetworkPolicy default/allow-dns-and-web: without the policy
      default/client -> 203.0.113.1 tcp/80 is denied, and would be allowed
    examples/netpol-demo/allow-dns-and-web.yaml:14:5: NetworkPolicy default/allow-dns-and-web: egress[0] without `to`
      default/client -> 203.0.113.1 udp/53 is denied, and would be allowed
    examples/netpol-demo/allow-dns-and-web.yaml:26:5: NetworkPolicy default/allow-dns-and-web: egress[1] without `to`
      default/client -> 203.0.113.1 tcp/80 is denied, and would be allowed
    examples/netpol-demo/db-policy.yaml:1:1: NetworkPolicy netpol-demo/db-policy: without the policy
      netpol-demo/web-app-0 -> netpol-demo/database-0 tcp/5432 is allowed, and would be denied
    examples/netpol-demo/db-policy.yaml:13:5: NetworkPolicy netpol-demo/db-policy: without ingress[0]
      netpol-demo/web-app-0 -> netpol-demo/database-0 tcp/5432 is allowed, and would be denied
    examples/netpol-demo/db-policy.yaml:13:5: NetworkPolicy netpol-demo/db-policy: ingress[0] without `from`
      203.0.113.1 -> netpol-demo/database-0 tcp/5432 is denied, and would be allowed
    examples/netpol-demo/db-policy.yaml:13:5: NetworkPolicy netpol-demo/db-policy: ingress[0] without `ports`
      netpol-demo/web-app-0 -> netpol-demo/database-0 tcp/80 is denied, and would be allowed
    examples/netpol-demo/web-allow-frontend.yaml:13:5: NetworkPolicy netpol-demo/web-allow-frontend: ingress[0] without `from`
      netpol-demo/database-0 -> netpol-demo/web-app-0 tcp/80 is denied, and would be allowed
  these tests would notice:
    - name: netpol-demo/deployment/web-app reaches netpol-demo/deployment/database on tcp/5432
      allow: {from: netpol-demo/deployment/web-app, to: netpol-demo/deployment/database, ports: tcp/5432}
    - name: 203.0.113.1 does not reach netpol-demo/deployment/database on tcp/5432
      deny: {from: 203.0.113.1, to: netpol-demo/deployment/database, ports: tcp/5432}
    - name: default/client does not reach 203.0.113.1 on tcp/80
      deny: {from: default/client, to: 203.0.113.1, ports: tcp/80}
    - name: default/client does not reach 203.0.113.1 on udp/53
      deny: {from: default/client, to: 203.0.113.1, ports: udp/53}
    - name: netpol-demo/deployment/database does not reach netpol-demo/deployment/web-app on tcp/80
      deny: {from: netpol-demo/deployment/database, to: netpol-demo/deployment/web-app, ports: tcp/80}
    - name: netpol-demo/deployment/web-app does not reach netpol-demo/deployment/database on tcp/80
      deny: {from: netpol-demo/deployment/web-app, to: netpol-demo/deployment/database, ports: tcp/80}
  the part that is noticed is below 50 %

"#]].raw()
    );
}

/// What is suggested is pasted into the file, and then every mistake that matters is noticed.
#[test]
fn with_all_that_is_suggested_nothing_goes_unnoticed() {
    let tests = "
- name: the client reaches the web tier
  allow: {from: default/client, to: svc/netpol-demo/web-app}
";
    let said = test(tests, &["--mutate"]).expect(0);
    let (_, suggested) = said.split_once("these tests would notice:\n").unwrap();
    assert!(suggested.lines().count() > 8, "{said}");
    let suggested = suggested
        .replace("    - name", "- name")
        .replace("      ", "  ");
    let all = format!("{tests}{suggested}");
    let said = test(&all, &["--mutate-min", "100"]).expect(0);
    assert!(said.contains("would be noticed (100 %)"), "{said}");
    assert!(!said.contains("not noticed"), "{said}");
}

#[test]
fn a_port_that_a_service_does_not_serve_cannot_be_tested() {
    let service = |port: &str| {
        format!(
            "- name: t\n  allow: {{from: netpol-demo/deployment/web-app, to: svc/netpol-demo/postgres, ports: {port}}}\n"
        )
    };
    test(&service("5432"), &[]).expect(0);
    test(&service("5432-5432"), &[]).expect(0);
    for port in ["5433", "udp/5432", "'5432,80'", "1-5431", "icmp"] {
        let refused = test(&service(port), &[]).expect_refused();
        assert!(
            refused.contains("svc/netpol-demo/postgres does not serve"),
            "{refused}"
        );
        assert!(refused.contains("it serves tcp/5432"), "{refused}");
        assert!(refused.contains("--> <stdin>:5:"), "{refused}");
    }
}
