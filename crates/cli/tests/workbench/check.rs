//! `ringfence check`: findings, how they are shown, and how the command ends.

use serde_json::Value;

use crate::support::{Finished, ringfence, ringfence_reading};

/// An allowed policy that denies nothing, and one that is refused.
const EMPTY_LIST: &str = "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { namespace: shop, name: a }
spec: { podSelector: {}, egress: [] }
";
const REFUSED: &str = "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { namespace: shop, name: b }
spec: { podSelector: {}, ingress: [{ ports: [{ port: 0 }] }] }
";

fn check(input: &str, more: &[&str]) -> Finished {
    ringfence_reading(input, &[&["check", "-f", "-"], more].concat())
}

fn json(said: &str) -> Value {
    serde_json::from_str(said).unwrap()
}

/// The ids of the findings, in order.
fn ids(said: &str) -> Vec<String> {
    let document = json(said);
    let findings = document.get("findings").and_then(Value::as_array).unwrap();
    let id = |finding: &Value| {
        finding
            .get("id")
            .and_then(Value::as_str)
            .unwrap()
            .to_owned()
    };
    findings.iter().map(id).collect()
}

#[test]
fn the_example_has_few_findings_and_each_is_one() {
    let said = ringfence(&["check", "-f", "examples/netpol-demo", "-o", "json"]).expect(1);
    assert_eq!(ids(&said), ["RF025", "RF008", "RF026", "RF005"]);
}

#[test]
fn what_is_missing_in_the_middle_of_the_example_is_found() {
    let file = |name: &str| format!("examples/netpol-demo/{name}.yaml");
    let files = [
        "demo-app",
        "client",
        "default-deny-ingress",
        "web-allow-frontend",
    ]
    .map(file);
    let mut arguments = vec!["check", "-o", "json", "--select", "RF005,RF028"];
    arguments.extend(files.iter().flat_map(|file| ["-f", file]));
    let said = ringfence(&arguments).expect(1);
    assert_eq!(ids(&said), ["RF005"]);
    let finding = &json(&said)["findings"][0];
    assert_eq!(
        finding["file"],
        "examples/netpol-demo/web-allow-frontend.yaml"
    );
    assert_eq!(finding["line"], 14);
    assert_eq!(finding["object"]["name"], "web-allow-frontend");
}

#[test]
fn nothing_found_is_success() {
    let manifests = "apiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n";
    let said = check(manifests, &[]).expect(0);
    assert_eq!(said, "nothing found in 1 object\n");
}

#[test]
fn a_finding_is_shown_with_its_line_and_what_to_do() {
    let said = check(EMPTY_LIST, &["--select", "RF012"]).expect(1);
    assert!(
        said.contains("warning[RF012]: NetworkPolicy shop/a, egress"),
        "{said}"
    );
    assert!(said.contains("--> <stdin>:4:34"), "{said}");
    assert!(said.contains("= help: to deny all egress"), "{said}");
    assert!(
        said.ends_with("`ringfence check --explain RF012` says more about a finding\n"),
        "{said}"
    );
}

#[test]
fn what_is_refused_is_a_finding_and_hides_no_other() {
    let both = format!("{EMPTY_LIST}---\n{REFUSED}");
    let said = check(&both, &["-o", "json"]).expect(1);
    let found = ids(&said);
    assert!(
        found.contains(&"V-4".to_owned()) && found.contains(&"RF012".to_owned()),
        "{found:?}"
    );
    // No selection hides an error.
    let said = check(&both, &["-o", "json", "--select", "RF012", "--ignore", "V"]).expect(1);
    assert_eq!(ids(&said), ["RF012", "V-4"]);
}

#[test]
fn the_worst_finding_decides_how_it_ends() {
    let select = ["--select", "RF012", "--fail-on"];
    let end = |worst: &str| {
        check(EMPTY_LIST, &[select.as_slice(), &[worst]].concat())
            .status
            .code()
    };
    assert_eq!(
        (end("error"), end("warning"), end("note"), end("info")),
        (Some(0), Some(1), Some(1), Some(1))
    );
    let refused = check(REFUSED, &["--fail-on", "error"]);
    assert_eq!(refused.status.code(), Some(1));
}

#[test]
fn what_cannot_be_read_is_bad_input() {
    let broken = check("kind: [", &[]);
    assert_eq!(broken.status.code(), Some(2), "{broken:?}");
    assert!(
        broken.stdout.contains("error: broken YAML") && broken.stdout.contains("<stdin>:"),
        "{broken:?}"
    );
    let said = ringfence(&["check", "-f", "no-such-file.yaml"]).expect_refused();
    assert!(said.contains("cannot read no-such-file.yaml"), "{said}");
}

#[test]
fn suppressed_findings_are_counted_and_listed() {
    let annotated = EMPTY_LIST.replace(
        "name: a }",
        "name: a, annotations: { ringfence.dev/ignore: \"RF012: it is meant so; OB-4: known\" } }",
    );
    let said = check(&annotated, &[]).expect(0);
    assert_eq!(said, "nothing found in 1 object, 2 suppressed\n");
    let said = check(&annotated, &["--show-suppressed", "--select", "RF012"]).expect(0);
    assert!(
        said.contains("suppressed: it is meant so") && said.contains("<stdin>:4:34"),
        "{said}"
    );
    let said = check(&annotated, &["-o", "json"]).expect(0);
    assert_eq!(json(&said)["suppressed"][1]["reason"], "it is meant so");
}

#[test]
fn findings_are_suppressed_by_name_too() {
    let annotated = EMPTY_LIST.replace(
        "name: a }",
        "name: a, annotations: { ringfence.dev/ignore: \"empty-egress-list: it is meant so; OB-4: known\" } }",
    );
    let said = check(&annotated, &[]).expect(0);
    assert_eq!(said, "nothing found in 1 object, 2 suppressed\n");
}

/// What somebody forgot to render passes no gate.
#[test]
fn objects_of_unknown_kinds_alone_are_nothing_to_judge() {
    let kustomization =
        "kind: Kustomization\napiVersion: kustomize.config.k8s.io/v1beta1\nresources: [a.yaml]\n";
    for command in ["check", "zones", "lock", "audit", "suggest", "matrix"] {
        let said = ringfence_reading(kustomization, &[command, "-f", "-"]).expect_refused();
        assert!(
            said.contains("`Kustomization` of `kustomize.config.k8s.io/v1beta1` is not known here")
                && said.contains("kubectl kustomize DIR"),
            "{command}: {said}"
        );
    }
    let widget = "apiVersion: example.com/v1\nkind: Widget\nmetadata: { name: w }\n";
    let said = ringfence_reading(widget, &["check", "-f", "-"]).expect_refused();
    assert!(
        said.contains("holds nothing to judge") && !said.contains("kustomize"),
        "{said}"
    );
}

/// `-o` means the same wherever there is something to print.
#[test]
fn lints_are_listed_and_explained_for_machines() {
    let listed = json(&ringfence(&["check", "--list", "-o", "json"]).expect(0));
    assert_eq!(listed[2]["id"], "RF003");
    assert_eq!(listed[2]["name"], "peer-and-or");
    let page = ringfence(&["check", "--explain", "RF003"]).expect(0);
    let told = json(&ringfence(&["check", "--explain", "rf003", "-o", "json"]).expect(0));
    assert_eq!(told["explanation"].as_str(), Some(page.trim_end()));
    let rule = json(&ringfence(&["check", "--explain", "v-11", "-o", "json"]).expect(0));
    assert_eq!(rule["id"], "V-11");
    for refused in [
        &["check", "--list", "-o", "sarif"][..],
        &["check", "--explain", "RF003", "-o", "junit"],
        &["check", "--list", "-f", "examples/netpol-demo"],
        &["audit", "--list", "-o", "html"],
        &["audit", "--admission", "-o", "json"],
        &["zones", "--print", "managed", "-o", "json"],
        &["lock", "-f", "examples/netpol-demo", "-o", "json"],
    ] {
        let said = ringfence(refused).expect_refused();
        assert!(said.starts_with("error: "), "{refused:?}: {said}");
    }
    let lock = |more: &[&str]| ringfence(&[&["lock", "-f", "examples/netpol-demo"], more].concat());
    assert_eq!(lock(&["-o", "text"]).stdout, lock(&[]).stdout);
    let principles = json(&ringfence(&["audit", "--list", "-o", "json"]).expect(0));
    assert_eq!(principles[0]["weight"], 20);
    let one = json(&ringfence(&["audit", "--explain", "RA03", "-o", "json"]).expect(0));
    assert_eq!(one["name"], "metadata-closed");
}

#[test]
fn files_without_an_option_and_patterns_in_quotes_are_explained() {
    let said = ringfence(&["matrix", "examples/netpol-demo"]).expect_refused();
    assert!(
        said.contains("tip: manifests are named with -f: `-f examples/netpol-demo`"),
        "{said}"
    );
    let said = ringfence(&["check", "no-such.yaml"]).expect_refused();
    assert!(said.contains("`-f no-such.yaml`"), "{said}");
    let said = ringfence(&["matrix", "nonsense"]).expect_refused();
    assert!(!said.contains("tip: manifests"), "{said}");
    let said = ringfence(&["check", "-f", "examples/*.yaml"]).expect_refused();
    assert!(
        said.contains("patterns are for the shell, without quotes"),
        "{said}"
    );
}

#[test]
fn an_error_cannot_be_suppressed() {
    let annotation = "name: b, annotations: { ringfence.dev/ignore: \"V-4: no\" } }";
    let said = check(&REFUSED.replace("name: b }", annotation), &["-o", "json"]).expect(1);
    let found = ids(&said);
    assert!(
        found.contains(&"V-4".to_owned()) && found.contains(&"RF036".to_owned()),
        "{found:?}"
    );
}

#[test]
fn notes_about_what_is_left_aside_take_a_line_each_sort() {
    let other = "apiVersion: example.com/v1\nkind: Widget\nmetadata: { name: w }\n";
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n";
    let said = check(&format!("{other}---\n{other}---\n{namespace}"), &[]).expect(0);
    assert!(
        said.contains("left aside (<stdin>:2:7 and 1 more)"),
        "{said}"
    );
    assert!(said.contains("2 notes in 1 object"), "{said}");
}

#[test]
fn a_table_for_comments() {
    let said = check(EMPTY_LIST, &["-o", "md", "--select", "RF012"]).expect(1);
    assert!(
        said.contains("| warning | RF012 | `<stdin>:4:34` | NetworkPolicy shop/a, egress: "),
        "{said}"
    );
    let namespace = "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}";
    let said = check(namespace, &["-o", "md"]).expect(0);
    assert_eq!(said, "Nothing found.\n");
}

#[test]
fn findings_and_rules_are_explained() {
    let by_id = ringfence(&["check", "--explain", "rf003"]).expect(0);
    let by_name = ringfence(&["check", "--explain", "peer-and-or"]).expect(0);
    assert!(
        by_id.starts_with("# RF003 peer-and-or\n") && by_id == by_name,
        "{by_id}"
    );
    let rule = ringfence(&["check", "--explain", "V-11"]).expect(0);
    assert!(rule.contains("V-11") && rule.contains("except"), "{rule}");
    let said = ringfence(&["check", "--explain", "RF999"]).expect_refused();
    assert!(said.contains("--list"), "{said}");
}

#[test]
fn every_lint_is_listed() {
    let said = ringfence(&["check", "--list"]).expect(0);
    assert!(
        said.lines().count() > 30 && said.starts_with("RF001 warning policy-selects-nothing"),
        "{said}"
    );
}

#[test]
fn an_unknown_selection_is_refused() {
    let said = check(EMPTY_LIST, &["--ignore", "RF012,RF998"]).expect_refused();
    assert!(said.contains("`RF998`"), "{said}");
}

#[test]
fn code_scanning_reads_findings_and_what_is_suppressed() {
    let annotated = EMPTY_LIST.replace(
        "name: a }",
        "name: a, annotations: { ringfence.dev/ignore: \"RF012: it is meant so\" } }",
    );
    let both = format!("{annotated}---\n{REFUSED}");
    let said = check(&both, &["-o", "sarif", "--select", "RF012"]).expect(1);
    let log = json(&said);
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(rules[11]["id"], "RF012");
    assert_eq!(rules[11]["name"], "empty-egress-list");
    let results = run["results"].as_array().unwrap();
    let seen = |result: &Value| {
        (
            result["ruleId"].as_str().map(str::to_owned),
            result["suppressions"][0]["justification"]
                .as_str()
                .map(str::to_owned),
        )
    };
    let suppressed = Some("it is meant so".to_owned());
    assert_eq!(
        results.iter().map(seen).collect::<Vec<_>>(),
        [
            (Some("V-4".to_owned()), None),
            (Some("RF012".to_owned()), suppressed)
        ]
    );
    assert_eq!(results[1]["ruleIndex"], 11);
}

#[test]
fn test_reports_have_a_case_for_each_lint_that_was_looked_for() {
    let arguments = ["-o", "junit", "--select", "RF012,RF003"];
    let said = check(EMPTY_LIST, &arguments).expect(1);
    let expected = [
        r#"<testsuites name="ringfence" tests="3" failures="1""#,
        r#"<testcase name="manifests" classname="validation" time="0.000"/>"#,
        r#"<testcase name="RF003 peer-and-or" classname="lint" time="0.000"/>"#,
        r#"<testcase name="RF012 empty-egress-list" classname="lint" time="0.000">"#,
        "<failure message=\"NetworkPolicy shop/a, egress",
        "&lt;stdin&gt;:4:34",
    ];
    for part in expected {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    let milder = check(
        EMPTY_LIST,
        &[arguments.as_slice(), &["--fail-on", "error"]].concat(),
    );
    assert!(milder.expect(0).contains("failures=\"0\""));
    let refused = check(REFUSED, &arguments).expect(1);
    assert!(
        refused.contains(r#"<testcase name="V-4" classname="validation""#),
        "{refused}"
    );
}

#[test]
fn pod_cidr_tells_which_blocks_hold_pods() {
    let open = "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { namespace: shop, name: out }
spec:
  podSelector: { matchLabels: { app: web } }
  policyTypes: [Egress]
  egress: [{ to: [{ ipBlock: { cidr: 10.0.0.0/8 } }], ports: [{ port: 443 }] }]
---
apiVersion: v1
kind: Pod
metadata: { namespace: shop, name: web, labels: { app: web } }
spec: { containers: [{ name: c, image: i }] }
";
    let of = |more: &[&str]| {
        let select = ["-o", "json", "--select", "RF013,RF015"];
        ids(&check(open, &[&select, more].concat()).stdout)
    };
    assert!(of(&[]).is_empty());
    assert_eq!(of(&["--pod-cidr", "10.244.0.0/16"]), ["RF015"]);
    assert_eq!(of(&["--pod-cidr", "10.0.0.0/7"]), ["RF013"]);
    assert!(of(&["--pod-cidr", "172.16.0.0/12"]).is_empty());
}

/// No policy judges what a pod says to itself, so that it is no example (rule CN-40).
#[test]
fn pods_that_are_alike_are_no_connection_of_one_to_itself() {
    let policy = |name: &str, action: &str| {
        format!(
            "apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {{ name: {name} }}
spec: {{ tier: Admin, priority: 1, subject: {{ namespaces: {{}} }}, ingress: [{{ action: {action}, from: [{{ namespaces: {{}} }}] }}] }}
---
"
        )
    };
    let pod = |name: &str| {
        format!(
            "apiVersion: v1
kind: Pod
metadata: {{ namespace: shop, name: {name} }}
spec: {{ containers: [{{ name: c, image: i }}] }}
---
"
        )
    };
    let all = [
        policy("a", "Accept"),
        policy("b", "Deny"),
        pod("one"),
        pod("two"),
    ]
    .concat();
    let said = check(&all, &["--select", "RF030"]).stdout;
    let told = "which of them is asked first decides about all between pods like shop/one";
    assert!(said.contains(told), "{said}");
}

#[test]
fn a_field_that_is_not_known_hides_no_other_mistake() {
    let policy = "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: bad, namespace: a}
spec:
  podSelector: {}
  policyType: [Ingress]
  ingress:
  - ports: [{port: 0}, {port: 70000}]
";
    let said = check(policy, &[]).stdout;
    for mistake in ["policyType", "ports[0]", "ports[1]"] {
        assert!(said.contains(mistake), "{mistake}: {said}");
    }
    assert!(
        said.contains(" errors, and no object that could be used"),
        "{said}"
    );
}

/// Whether a rule could go is a question to both families of pods that have two.
#[test]
fn a_rule_of_the_second_family_alone_is_not_redundant() {
    let pod = |name: &str, last: u8| {
        format!(
            "apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: shop, labels: {{app: {name}}}}}
spec: {{containers: [{{name: c, image: i}}]}}
status: {{phase: Running, podIP: 10.0.0.{last}, podIPs: [{{ip: 10.0.0.{last}}}{{second}}]}}
---
"
        )
    };
    let policy = "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
  - {from: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 5432}]}
  - {from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432}]}
";
    let with = |second: [&str; 2]| {
        let pods = [("db", 1), ("web", 2)].map(|(name, last)| pod(name, last));
        let [db, web] = &pods;
        let text = [
            db.replace("{second}", second[0]),
            web.replace("{second}", second[1]),
            policy.to_owned(),
        ];
        check(&text.concat(), &["-o", "json", "--select", "RF028,RF029"]).stdout
    };
    assert_eq!(ids(&with(["", ""])), ["RF029"]);
    let both = [", {ip: \"fd00::1\"}", ", {ip: \"fd00::2\"}"];
    assert_eq!(ids(&with(both)), Vec::<String>::new());
}

#[test]
fn a_namespace_that_lies_about_its_name_is_told() {
    let namespace = |label: &str| {
        format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: shop, labels: {{kubernetes.io/metadata.name: {label}}}}}\n"
        )
    };
    let check = |label: &str| ringfence_reading(&namespace(label), &["check", "-f", "-"]);
    let said = check("other").stdout;
    assert!(said.contains("warning[NP-18]"), "{said}");
    assert!(said.contains("`other` becomes `shop`"), "{said}");
    assert!(!check("shop").stdout.contains("NP-18"));
}

/// An operator's pods stand in no manifest; a policy for them is no mistake, and may still be one.
#[test]
fn pods_that_another_object_may_make_are_no_more_than_a_note() {
    let manifests = |kind: &str, namespace: &str| {
        format!(
            "apiVersion: v1
kind: Namespace
metadata: {{name: m}}
---
apiVersion: v1
kind: Pod
metadata: {{name: other, namespace: m, labels: {{app: other}}}}
spec: {{containers: [{{name: c, image: i}}]}}
---
apiVersion: monitoring.coreos.com/v1
kind: {kind}
metadata: {{name: k8s, namespace: {namespace}}}
spec: {{}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: prometheus, namespace: m}}
spec:
  podSelector: {{matchLabels: {{app: prometheus}}}}
  policyTypes: [Ingress]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: scraped, namespace: m}}
spec:
  podSelector: {{matchLabels: {{app: other}}}}
  policyTypes: [Ingress]
  ingress:
  - from: [{{podSelector: {{matchLabels: {{app: prometheus}}}}}}]
  - from: [{{podSelector: {{matchLabels: {{tier: scraper}}}}}}]
"
        )
    };
    let found = |kind: &str, namespace: &str| {
        let arguments = ["--select", "RF001,RF002,RF005", "-o", "json"];
        check(&manifests(kind, namespace), &arguments)
    };
    let operated = found("Prometheus", "m");
    assert_eq!(operated.status.code(), Some(0), "{operated:#?}");
    assert_eq!(ids(&operated.stdout), ["RF001", "RF002", "RF005"]);
    assert_eq!(
        operated
            .stdout
            .matches("Prometheus m/k8s may make such pods")
            .count(),
        3,
        "{operated:#?}"
    );
    for (kind, namespace) in [("ServiceMonitor", "m"), ("Prometheus", "elsewhere")] {
        let found = found(kind, namespace);
        assert_eq!(found.status.code(), Some(1), "{found:#?}");
        assert!(!found.stdout.contains("may make"), "{found:#?}");
    }
}

/// A policy with a rule for each block, as some generators write them, each block twice.
#[test]
fn each_of_thousands_of_rules_that_could_go_is_found() {
    let rule = |number: usize| {
        let (high, low) = (number / 250, number % 250);
        format!(
            "  - to: [{{ipBlock: {{cidr: 198.{high}.{low}.0/24}}}}]\n    ports: [{{port: 443}}]\n"
        )
    };
    let blocks = 1500;
    let rules: String = (0..blocks).chain(0..blocks).map(rule).collect();
    let manifests = format!(
        "apiVersion: v1
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
{rules}"
    );
    let said = check(&manifests, &["-o", "json"]).stdout;
    let document = json(&said);
    let findings = document.get("findings").and_then(Value::as_array).unwrap();
    let could_go = findings
        .iter()
        .filter(|finding| finding.get("id").and_then(Value::as_str) == Some("RF028"));
    let messages: Vec<&str> = could_go
        .filter_map(|finding| finding.get("message").and_then(Value::as_str))
        .collect();
    assert_eq!(messages.len(), blocks);
    for (number, message) in messages.into_iter().enumerate() {
        let (gone, kept) = (number + blocks, number);
        assert!(message.contains(&format!("egress[{gone}]")), "{message}");
        let by = format!("NetworkPolicy a/out, egress[{kept}] allows all that it allows");
        assert!(message.ends_with(&by), "{message}");
    }
}
