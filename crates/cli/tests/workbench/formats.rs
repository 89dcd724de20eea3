//! What every reader of SARIF 2.1.0 and JUnit requires, in the output of every command that writes them.
#![expect(clippy::indexing_slicing, reason = "test code")]

use serde_json::Value;

use crate::support::ringfence;

const DEMO: [&str; 2] = ["-f", "examples/netpol-demo"];
const TEST: [&str; 2] = ["test", "examples/netpol-demo/policy-tests.yaml"];
const ZONES: [&str; 5] = [
    "zones",
    "-f",
    "examples/netpol-demo",
    "--zones",
    "examples/zones/zones.yaml",
];
const GATE: [&str; 5] = [
    "diff",
    "examples/change/before",
    "examples/change/after",
    "--gate",
    "no-new-access",
];
const GATE_WITHOUT_POLICIES: [&str; 5] = [
    "diff",
    "examples/netpol-demo",
    "examples/netpol-demo/demo-app.yaml",
    "--gate",
    "no-new-access",
];

fn output(arguments: &[&[&str]], format: &str) -> String {
    let arguments = [arguments.concat().as_slice(), &["-o", format]].concat();
    let found = ringfence(&arguments);
    assert_eq!(found.status.code(), Some(1), "{arguments:?}: {found:#?}");
    found.stdout
}

#[test]
fn sarif_has_what_the_standard_requires() {
    for command in [
        &[&["check"], &DEMO[..]][..],
        &[&["audit"], &DEMO],
        &[&TEST, &DEMO],
        &[&GATE],
        &[&GATE_WITHOUT_POLICIES],
        &[&ZONES],
        &[&["zones"], &DEMO],
    ] {
        let log: Value = serde_json::from_str(&output(command, "sarif")).unwrap();
        assert_eq!(log["version"], "2.1.0");
        assert!(log["$schema"].as_str().unwrap().contains("sarif"), "{log}");
        for run in log["runs"].as_array().unwrap() {
            check_run(run);
        }
    }
}

fn check_run(run: &Value) {
    let driver = &run["tool"]["driver"];
    assert_eq!(driver["name"], "ringfence");
    let rules = driver["rules"].as_array().unwrap();
    for rule in rules {
        is_text(&rule["id"]);
        is_text(&rule["shortDescription"]["text"]);
        is_level(&rule["defaultConfiguration"]["level"]);
        if rule.get("help").is_some() {
            is_text(&rule["help"]["text"]);
        }
    }
    let mut ids: Vec<&str> = rules
        .iter()
        .filter_map(|rule| rule["id"].as_str())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), rules.len(), "an id stands for one rule: {run}");
    let results = run["results"].as_array().unwrap();
    assert!(!results.is_empty());
    for result in results {
        check_result(result, rules);
    }
}

fn check_result(result: &Value, rules: &[Value]) {
    is_text(&result["message"]["text"]);
    is_text(&result["ruleId"]);
    is_level(&result["level"]);
    if let Some(index) = result.get("ruleIndex") {
        let index = usize::try_from(index.as_u64().unwrap()).unwrap();
        assert_eq!(rules.get(index).unwrap()["id"], result["ruleId"]);
    }
    let locations = result["locations"].as_array().unwrap();
    assert!(!locations.is_empty(), "code scanning refuses it: {result}");
    locations.iter().for_each(check_location);
    for related in result
        .get("relatedLocations")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        check_location(related);
        is_text(&related["message"]["text"]);
    }
    for suppression in result
        .get("suppressions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let kind = suppression["kind"].as_str().unwrap();
        assert!(["inSource", "external"].contains(&kind), "{result}");
    }
}

fn check_location(location: &Value) {
    let physical = &location["physicalLocation"];
    let uri = physical["artifactLocation"]["uri"].as_str().unwrap();
    let path = uri.strip_prefix("file://").unwrap_or(uri);
    assert!(
        !path.is_empty() && !path.contains([' ', '\\', '<', ':']),
        "{uri}"
    );
    for field in ["startLine", "startColumn"] {
        assert!(
            physical["region"][field].as_u64().unwrap() > 0,
            "{location}"
        );
    }
}

#[track_caller]
fn is_text(value: &Value) {
    let text = value.as_str();
    assert!(text.is_some_and(|text| !text.is_empty()), "{value}");
}

#[track_caller]
fn is_level(value: &Value) {
    let level = value.as_str().unwrap();
    assert!(
        ["none", "note", "warning", "error"].contains(&level),
        "{level}"
    );
}

#[test]
fn junit_counts_what_it_holds() {
    for command in [
        &[&["check"], &DEMO[..]][..],
        &[&TEST, &DEMO],
        &[&GATE],
        &[&ZONES],
    ] {
        let xml = output(command, "junit");
        assert!(xml.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites "));
        assert!(xml.ends_with("</testsuites>\n"), "{xml}");
        let suites: Vec<&str> = xml.split("<testsuite ").skip(1).collect();
        let all = xml.split("<testsuites ").nth(1).unwrap();
        let sum = |name: &str| {
            suites
                .iter()
                .map(|suite| number(suite, name))
                .sum::<usize>()
        };
        for name in ["tests", "failures", "errors"] {
            assert_eq!(number(all, name), sum(name), "{name}: {xml}");
        }
        for suite in suites {
            check_suite(suite);
        }
    }
}

fn check_suite(suite: &str) {
    let cases: Vec<&str> = suite.split("<testcase ").skip(1).collect();
    assert_eq!(number(suite, "tests"), cases.len(), "{suite}");
    for (name, tag) in [
        ("failures", "<failure "),
        ("errors", "<error "),
        ("skipped", "<skipped"),
    ] {
        let found = cases.iter().filter(|case| case.contains(tag)).count();
        assert_eq!(number(suite, name), found, "{name}: {suite}");
    }
    assert!(!attribute(suite, "name").is_empty());
    for case in cases {
        assert!(!attribute(case, "name").is_empty() && !attribute(case, "classname").is_empty());
        assert!(attribute(case, "time").parse::<f64>().is_ok(), "{case}");
        for failure in case.split("<failure ").skip(1) {
            assert!(
                !attribute(failure, "message").is_empty() && !attribute(failure, "type").is_empty()
            );
        }
    }
}

/// The value of an attribute of the tag whose inside `tag` begins with.
fn attribute<'a>(tag: &'a str, name: &str) -> &'a str {
    let inside = tag.split('>').next().unwrap();
    let behind = inside.split(&format!("{name}=\"")).nth(1);
    let behind = behind.expect("the attribute");
    behind.split('"').next().unwrap()
}

fn number(tag: &str, name: &str) -> usize {
    attribute(tag, name).parse().unwrap()
}
