//! What is said about files of trust zones.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ringfence_model::{Input, trust_zones};

const HEAD: &str = "apiVersion: ringfence.dev/v1alpha1\nkind: TrustZones\n";

/// The diagnostics of `text` behind the first two lines, each as one line.
fn wrong(text: &str) -> Vec<String> {
    let input = Input {
        name: "zones.yaml".to_owned(),
        text: format!("{HEAD}{text}"),
    };
    let found = trust_zones(&input).unwrap_err();
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn everything_is_read() {
    let text = format!(
        "{HEAD}zones:\n- name: web\n  closed: true\n  pods: {{podSelector: {{matchLabels: {{app: web}}}}}}\n- name: out\n  cidrs: 0.0.0.0/0\n- name: nodes\n  nodes: {{}}\nintended:\n- {{from: [web, nodes], to: out, ports: [443, udp/53], reason: why}}\n"
    );
    let name = "zones.yaml".to_owned();
    let zones = trust_zones(&Input { name, text }).unwrap();
    assert_eq!(zones.zones.len(), 3);
    assert!(zones.zones[0].closed && !zones.zones[1].closed);
    assert_eq!(zones.zones[0].pods.len(), 1);
    assert_eq!(zones.zones[1].cidrs, ["0.0.0.0/0".parse().unwrap()]);
    assert!(zones.zones[2].nodes.is_some());
    let row = &zones.intended[0];
    assert_eq!((row.from.len(), row.to.len()), (2, 1));
    assert_eq!(row.ports[0].text, "443");
    assert_eq!(row.reason.as_deref(), Some("why"));
}

#[test]
fn each_mistake_is_named_with_its_place() {
    let cases = [
        (
            "zones: []\n",
            "zones.yaml:3:8: error[TrustZones]: zones: Required value: there is at least one zone",
        ),
        (
            "zones:\n- {name: a, nodes: {}}\n- {name: a, nodes: {}}\n",
            "zones.yaml:5:10: error[TrustZones]: zones[1].name: Invalid value: \"a\": two zones have this name",
        ),
        (
            "zones:\n- {name: a}\n",
            "zones.yaml:4:3: error[TrustZones]: zones[0]: Required value: a zone has `pods`, `nodes` or `cidrs`",
        ),
        (
            "zones:\n- {name: outside, cidrs: [0.0.0.0/0]}\nintended:\n- {from: outside, to: outsid}\n",
            "zones.yaml:6:23: error[TrustZones]: intended[0].to: Invalid value: \"outsid\": there is no such zone; did you mean `outside`?",
        ),
        (
            "zones:\n- {name: a, nodes: {}}\nintended:\n- {from: a, to: a, ports: []}\n",
            "zones.yaml:6:27: error[TrustZones]: intended[0].ports: an empty list names no port: leave it away to mean every port",
        ),
        (
            "zones:\n- {name: a, nodez: {}}\n",
            "zones.yaml:4:13: error[V-23]: unknown field `zones[0].nodez`",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(wrong(text), [expected], "{text}");
    }
}

#[test]
fn another_kind_is_no_file_of_zones() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n".to_owned();
    let name = "pod.yaml".to_owned();
    let found = trust_zones(&Input { name, text }).unwrap_err();
    assert_eq!(
        found[0].to_string(),
        "pod.yaml:2:7: error[TrustZones]: not a file of trust zones: `kind: Pod` of `v1`"
    );
    let two = format!("{HEAD}zones: [{{name: a, nodes: {{}}}}]\n---\n{HEAD}zones: []\n");
    let name = "two.yaml".to_owned();
    let found = trust_zones(&Input { name, text: two }).unwrap_err();
    assert!(found[0].message.contains("has 2 documents"), "{found:?}");
}
