//! Files of policy tests.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ringfence_model::{
    Expected, Input, LoadOptions, PolicyTest, RenderStyle, SourceMap, Written, load, policy_tests,
};

const HEAD: &str = "apiVersion: ringfence.dev/v1alpha1\nkind: PolicyTest\n";

fn input(text: &str) -> Input {
    Input {
        name: "tests.yaml".to_owned(),
        text: text.to_owned(),
    }
}

fn read(rest: &str) -> Vec<PolicyTest> {
    policy_tests(&input(&format!("{HEAD}{rest}"))).unwrap()
}

fn refused(text: &str) -> Vec<String> {
    let diagnostics = policy_tests(&input(text)).unwrap_err();
    diagnostics.into_iter().map(|found| found.message).collect()
}

fn texts(written: &[Written]) -> Vec<&str> {
    written.iter().map(|found| found.text.as_str()).collect()
}

#[test]
fn tests_are_read_with_their_lines() {
    let read = read(
        "metadata: {name: web-tier}
tests:
- name: frontends reach the web
  reason: the storefront needs it
  allow:
    from: [default/client, default/other]
    to: svc/netpol-demo/web-app
    ports: [tcp/80, 443]
  deny:
  - from: default/client
    to: netpol-demo/db-app
  - from: 203.0.113.9
    to: [netpol-demo/db-app]
    ports: 3306
",
    );
    let [file] = read.as_slice() else {
        panic!("{read:?}")
    };
    assert_eq!(file.name.as_deref(), Some("web-tier"));
    let [case] = file.cases.as_slice() else {
        panic!("{file:?}")
    };
    assert_eq!(case.name, "frontends reach the web");
    assert_eq!(case.reason.as_deref(), Some("the storefront needs it"));
    assert_eq!(case.source.as_ref().unwrap().line, 5);
    let [allow, first, second] = case.assertions.as_slice() else {
        panic!("{case:?}")
    };
    assert_eq!(allow.expected, Expected::Allow);
    assert_eq!(texts(&allow.from), ["default/client", "default/other"]);
    assert_eq!(texts(&allow.to), ["svc/netpol-demo/web-app"]);
    assert_eq!(texts(&allow.ports), ["tcp/80", "443"]);
    assert_eq!(
        (first.expected, second.expected),
        (Expected::Deny, Expected::Deny)
    );
    assert!(first.ports.is_empty());
    assert_eq!(texts(&second.ports), ["3306"]);
    let lines = case.assertions.iter();
    let lines: Vec<u32> = lines.map(|one| one.source.as_ref().unwrap().line).collect();
    assert_eq!(lines, [7, 12, 14]);
    let place = allow.from[1].location.as_ref().unwrap();
    assert_eq!((place.source.line, place.source.column), (8, 28));
}

#[test]
fn deny_may_come_before_allow() {
    let read = read(
        "tests: [{name: a, deny: {from: a, to: b}, allow: {from: b, to: a}}]\n---\n\
         apiVersion: ringfence.dev/v1alpha1\nkind: PolicyTest\ntests: [{name: a, deny: {from: a, to: b}}]\n",
    );
    let expected: Vec<_> = read[0].cases[0]
        .assertions
        .iter()
        .map(|one| one.expected)
        .collect();
    assert_eq!(expected, [Expected::Deny, Expected::Allow]);
    assert_eq!(read.len(), 2);
}

#[test]
fn an_unknown_field_is_pointed_at_with_what_was_meant() {
    let text = format!("{HEAD}tests:\n- name: a\n  alow: {{from: a, to: b}}\n");
    let diagnostics = policy_tests(&input(&text)).unwrap_err();
    let mut sources = SourceMap::default();
    sources.insert("tests.yaml", text.as_str());
    let rendered = sources.render(&diagnostics, RenderStyle::Plain);
    assert_eq!(
        rendered,
        "error[V-23]: unknown field `tests[0].alow`
 --> tests.yaml:5:3
  |
5 |   alow: {from: a, to: b}
  |   ^^^^ did you mean `allow`?"
    );
}

#[test]
fn what_is_missing_or_empty_is_named() {
    let of = |tests: &str| refused(&format!("{HEAD}tests: {tests}\n"));
    assert_eq!(
        of("[]"),
        ["tests: Required value: a policy test lists at least one test"]
    );
    assert_eq!(
        of("[{allow: {from: a, to: b}}]"),
        ["tests[0].name: Required value: a test has a name"]
    );
    assert_eq!(
        of("[{name: a, reason: b}]"),
        ["tests[0]: a test has something under `allow` or `deny`"]
    );
    assert_eq!(
        of("[{name: a, allow: []}]"),
        ["tests[0]: a test has something under `allow` or `deny`"]
    );
    assert_eq!(
        of("[{name: a, allow: {from: []}}]"),
        [
            "tests[0].allow.to: Required value: whom it is opened to",
            "tests[0].allow.from: Required value: who opens the connection",
        ]
    );
    assert_eq!(
        of("[{name: a, deny: [{from: [a, ''], to: b, ports: []}]}]"),
        [
            "tests[0].deny[0].from[1]: Invalid value: \"\": it says nothing",
            "tests[0].deny[0].ports: an empty list names no port: leave it away to mean every port",
        ]
    );
    assert_eq!(
        of("[{name: a, deny: {from: {pod: a}, to: b}}]"),
        ["tests[0].deny.from: expected a string, found a mapping"]
    );
}

#[test]
fn two_tests_of_one_name_are_refused() {
    let text = format!(
        "{HEAD}tests:\n- {{name: a, deny: {{from: a, to: b}}}}\n- {{name: a, deny: {{from: a, to: b}}}}\n"
    );
    let found = policy_tests(&input(&text)).unwrap_err();
    assert_eq!(found[0].message, "tests[1].name: Duplicate value: \"a\"");
    assert_eq!(
        found[0].help.as_deref(),
        Some("the first of that name is in line 4")
    );
}

#[test]
fn other_files_are_told_apart() {
    assert_eq!(
        refused("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"),
        ["not a policy test: `kind: Pod` of `v1`"]
    );
    assert_eq!(
        refused("# nothing\n"),
        ["`tests.yaml` holds no policy test"]
    );
    assert_eq!(refused("a: [\n").len(), 1);
}

/// Tests may lie beside the manifests that they are about.
#[test]
fn among_manifests_they_are_left_aside() {
    let good = format!("{HEAD}tests: [{{name: a, deny: {{from: a, to: b}}}}]\n");
    let loaded = load(&[input(&good)], &LoadOptions::default());
    assert_eq!(loaded.objects, []);
    assert_eq!(loaded.diagnostics, []);
    let near = good.replace("PolicyTest", "PolicyTests");
    let loaded = load(&[input(&near)], &LoadOptions::default());
    assert_eq!(
        loaded.diagnostics[0].message,
        "there is no `PolicyTests` in `ringfence.dev/v1alpha1`"
    );
}
