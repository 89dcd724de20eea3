//! What the user sees.

use ringfence_model::{Input, LoadOptions, RenderStyle, load};

fn render(text: &str, style: RenderStyle) -> String {
    let input = Input {
        name: "policy.yaml".to_owned(),
        text: text.to_owned(),
    };
    let loaded = load(&[input], &LoadOptions::default());
    loaded.sources.render(&loaded.diagnostics, style)
}

fn shows(text: &str, expected: &str) {
    assert_eq!(render(text, RenderStyle::Plain), expected);
}

fn policy(spec: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: p\nspec:\n{spec}"
    )
}

#[test]
fn a_typo_in_a_field_name() {
    shows(
        &policy("  podSelector: {}\n  ingress:\n  - from:\n    - namespaceselector: {}\n"),
        "\
error[V-23]: unknown field `spec.ingress[0].from[0].namespaceselector`
 --> policy.yaml:9:7
  |
9 |     - namespaceselector: {}
  |       ^^^^^^^^^^^^^^^^^ did you mean `namespaceSelector`?",
    );
}

#[test]
fn a_field_that_belongs_elsewhere() {
    shows(
        &policy("  ingress:\n  - from:\n    - podSelector: {}\n      ports:\n      - port: 80\n"),
        "\
error[V-23]: unknown field `spec.ingress[0].from[0].ports`
 --> policy.yaml:9:7
  |
9 |       ports:
  |       ^^^^^ not a field here
  |
  = help: `ports` is a field of NetworkPolicyIngressRule: is the indentation right?",
    );
}

#[test]
fn an_exception_outside_of_its_block() {
    shows(
        &policy("  egress:\n  - to:\n    - ipBlock:\n        cidr: 10.0.0.0/16\n        except:\n        - 10.1.0.0/24\n"),
        "\
error[V-11]: spec.egress[0].to[0].ipBlock.except[0]: Invalid value: \"10.1.0.0/24\": must be a strict subset of `cidr`
  --> policy.yaml:11:11
   |
11 |         - 10.1.0.0/24
   |           ^^^^^^^^^^^",
    );
}

#[test]
fn a_range_that_ends_below_its_start() {
    shows(
        &policy("  ingress:\n  - ports:\n    - port: 90\n      endPort: 80\n"),
        "\
error[V-6]: spec.ingress[0].ports[0].endPort: Invalid value: 80: must be greater than or equal to `port`
 --> policy.yaml:9:16
  |
9 |       endPort: 80
  |                ^^",
    );
}

#[test]
fn broken_yaml() {
    shows(
        "kind: NetworkPolicy\nspec:\n  ingress:\n - from: []\n",
        "\
error: broken YAML: while parsing a block mapping, did not find expected key
 --> policy.yaml:4:2
  |
4 |  - from: []
  |  ^",
    );
}

#[test]
fn a_template_that_was_not_rendered() {
    shows(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {{ .Values.name }}\n",
        "\
error: a mapping key must be a string
 --> policy.yaml:4:10
  |
4 |   name: {{ .Values.name }}
  |          ^^^^^^^^^^^^^^^^
  |
  = help: this looks like a template: render it first, for example with `helm template`",
    );
}

#[test]
fn a_missing_field_points_at_its_object() {
    shows(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  namespace: shop\nspec: {}\n",
        "\
error[V-1]: metadata.name: Required value: name or generateName is required
 --> policy.yaml:4:3
  |
4 |   namespace: shop
  |   ^^^^^^^^^^^^^^^",
    );
    shows(
        &policy("  ingress:\n  - from:\n    - podSelector:\n"),
        "\
error[V-8]: spec.ingress[0].from[0]: Required value: must specify a peer
 --> policy.yaml:8:7
  |
8 |     - podSelector:
  |       ^^^^^^^^^^^",
    );
}

#[test]
fn a_boolean_that_was_meant_as_a_word() {
    shows(
        &policy("  podSelector:\n    matchLabels:\n      canary: on\n"),
        "\
error[OB-5]: spec.podSelector.matchLabels[canary]: expected a string, found the boolean `on`
 --> policy.yaml:8:15
  |
8 |       canary: on
  |               ^^
  |
  = help: plain `on` is a boolean in YAML: write \"on\"",
    );
}

#[test]
fn a_warning_and_a_note() {
    shows(
        &(policy("  ingress:\n  - from:\n    - ipBlock: {cidr: 10.0.0.7/8}\n")
            + "---\napiVersion: example.com/v1\nkind: Foo\n"),
        "\
warning[AM-24]: spec.ingress[0].from[0].ipBlock.cidr: CIDR value \"10.0.0.7/8\" is ambiguous in this context (should be \"10.0.0.0/8\" or \"10.0.0.7/32\"?)
 --> policy.yaml:8:23
  |
8 |     - ipBlock: {cidr: 10.0.0.7/8}
  |                       ^^^^^^^^^^ read as 10.0.0.0/8

note[OB-1]: `Foo` of `example.com/v1` is not known here, and left aside
  --> policy.yaml:11:7
   |
11 | kind: Foo
   |       ^^^",
    );
}

#[test]
fn colour_changes_nothing_but_colour() {
    let text = policy("  podSelecter: {}\n");
    let colored = render(&text, RenderStyle::Colored);
    assert!(colored.contains("\u{1b}["));
    let mut plain = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    assert_eq!(plain, render(&text, RenderStyle::Plain));
}

#[test]
fn the_input_cannot_steer_the_terminal() {
    let text = policy("  \"\\e[2J\": {}\n  podSelector: {matchLabels: {\"a\": \"\\e[31m\"}}\n");
    assert!(!render(&text, RenderStyle::Plain).contains('\u{1b}'));
    let text = "apiVersion: \"\\e[2J\"\nkind: \"\\e]0;x\\a\"\n";
    let shown = render(text, RenderStyle::Plain);
    assert!(
        !shown.contains('\u{1b}') && !shown.contains('\u{7}'),
        "{shown:?}"
    );
}

#[test]
fn diagnostics_as_json_and_as_a_line() {
    let input = Input {
        name: "policy.yaml".to_owned(),
        text: policy("  podSelecter: {}\n"),
    };
    let start = input.text.find("podSelecter").unwrap();
    let loaded = load(&[input], &LoadOptions::default());
    let json = serde_json::to_value(&loaded.diagnostics).unwrap();
    assert_eq!(
        json,
        serde_json::json!([{
            "severity": "error",
            "rule": "V-23",
            "message": "unknown field `spec.podSelecter`",
            "path": "spec.podSelecter",
            "location": {
                "file": "policy.yaml", "line": 6, "column": 3, "bytes": {"start": start, "end": start + 11}
            },
            "label": "did you mean `podSelector`?",
            "help": null
        }])
    );
    assert_eq!(
        loaded.diagnostics[0].to_string(),
        "policy.yaml:6:3: error[V-23]: unknown field `spec.podSelecter`"
    );
}
