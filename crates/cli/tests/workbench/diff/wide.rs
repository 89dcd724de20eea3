//! A rule for the whole cluster, which changes thousands of pairs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;

use super::two::Two;

/// Eight closed namespaces of ten workloads, of which all but the last are for development.
fn cluster() -> String {
    let mut text = String::new();
    for namespace in 0..8 {
        let env = if namespace < 7 { "dev" } else { "prod" };
        let _ = write!(
            text,
            "---
apiVersion: v1
kind: Namespace
metadata: {{name: n{namespace}, labels: {{env: {env}}}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: closed, namespace: n{namespace}}}
spec:
  podSelector: {{}}
  policyTypes: [Ingress, Egress]
  ingress: [{{from: [{{podSelector: {{}}}}], ports: [{{port: 80}}]}}]
  egress: [{{to: [{{podSelector: {{}}}}]}}]
"
        );
        for workload in 0..10 {
            let _ = write!(
                text,
                "---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: w{workload}, namespace: n{namespace}}}
spec:
  replicas: {}
  selector: {{matchLabels: {{app: w{workload}}}}}
  template:
    metadata: {{labels: {{app: w{workload}}}}}
    spec: {{containers: [{{name: c, image: c}}]}}
",
                1 + workload % 3
            );
        }
    }
    text
}

const RULE: &str = "---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: monitoring}
spec:
  tier: Admin
  priority: 5
  subject: {namespaces: {}}
  ingress:
  - {action: Accept, from: [{namespaces: {matchLabels: {env: dev}}}], protocols: [{tcp: {destinationPort: {number: 9100}}}]}
  egress:
  - {action: Accept, to: [{namespaces: {matchExpressions: [{key: env, operator: In, values: [dev, prod]}]}}], protocols: [{tcp: {destinationPort: {number: 9100}}}]}
";

/// From 70 workloads to 80.
const PAIRS: usize = 5_600;

fn wide() -> Two {
    let before = cluster();
    Two::of(&before, &format!("{before}{RULE}"))
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn ends(value: &Value) -> (String, String) {
    let of = |end: &str| value[end].as_str().unwrap().to_owned();
    (of("source"), of("destination"))
}

/// What changes between each two workloads, without what shows it.
fn changes(difference: &Value) -> BTreeMap<(String, String), Vec<[Value; 3]>> {
    let of_pair = |pair: &Value| {
        let changes = pair["changes"].as_array().unwrap().iter();
        let words = ["change", "connections", "partial"];
        changes
            .map(|change| words.map(|word| change[word].clone()))
            .collect()
    };
    let pairs = difference["pairs"].as_array().unwrap();
    pairs
        .iter()
        .map(|pair| (ends(pair), of_pair(pair)))
        .collect()
}

#[test]
fn pairs_that_change_alike_are_told_together() {
    let wide = wide();
    let text = wide.diff(&[]).expect(1);
    assert!(
        text.contains("5600 pairs newly allowed\n") && text.lines().count() < 20,
        "{text}"
    );
    assert!(
        text.contains("  + n0/w0, n0/w1,") && text.contains(", 50 more -> n"),
        "{text}"
    );
    let now =
        "now      ingress allowed: Admin Accept by ClusterNetworkPolicy/monitoring ingress[0]";
    assert!(text.contains(now), "{text}");
    let all = wide.diff(&["--all"]).expect(1);
    assert!(
        all.contains(", n6/w9 -> ") && all.contains(", n7/w9: tcp/9100\n"),
        "{all}"
    );
    let comment = wide.diff(&["-o", "md"]).expect(1);
    assert!(
        comment.len() < 10_000 && comment.contains("<br>50 more |"),
        "{comment}"
    );
}

#[test]
fn every_pair_is_in_the_answer_for_machines_and_few_are_shown() {
    let wide = wide();
    let found = json(&wide.diff(&["-o", "json"]).expect(1));
    let of_pairs = changes(&found);
    assert_eq!(of_pairs.len(), PAIRS);
    assert!(
        of_pairs
            .keys()
            .all(|(source, _)| !source.starts_with("n7/"))
    );
    let all = found["pairs"].as_array().unwrap().iter();
    let all = all.flat_map(|pair| {
        let changes = pair["changes"].as_array().unwrap().iter();
        changes.map(move |change| (ends(pair), change))
    });
    let (alike, shown): (Vec<_>, Vec<_>) = all.partition(|(_, change)| change["like"].is_object());
    assert!(
        shown.iter().all(|(_, change)| change["after"].is_object()),
        "{shown:?}"
    );
    let shown: BTreeSet<_> = shown.into_iter().map(|(pair, _)| pair).collect();
    assert!(shown.len() <= 4, "judged: {shown:?}");
    for (pair, change) in alike {
        assert!(shown.contains(&ends(&change["like"])), "{pair:?}");
        assert!(change.get("after").is_none() && change.get("before").is_none());
    }
    // A lockfile knows nothing of how pairs were judged here, and says the same.
    let (before, after) = (wide.path("before.yaml"), wide.path("after.yaml"));
    let lock = wide.path("ringfence.lock");
    wide.run(&["lock", "-f", &before, "--output-file", &lock])
        .expect(0);
    let against = json(&wide.run(&["diff", &lock, &after, "-o", "json"]).expect(1));
    assert_eq!(changes(&against), of_pairs);
    let lines = wide.diff(&["-o", "csv"]).expect(1);
    assert_eq!(lines.lines().count(), 1 + PAIRS);
}

#[test]
fn a_gate_counts_every_pair() {
    let wide = wide();
    let but_one = "- {from: '*', to: [n1/*, n2/*, n3/*, n4/*, n5/*, n6/*, n7/*, n0/w1, n0/w2, n0/w3, n0/w4, n0/w5, n0/w6, n0/w7, n0/w8, n0/w9], ports: 9100, reason: metrics}\n";
    let failed = wide.gate(but_one).expect(1);
    assert!(
        failed.contains("failed: 70 changes are not permitted\n"),
        "{failed}"
    );
    assert!(
        failed.contains(", 50 more -> n0/w0: tcp/9100  (not permitted)\n"),
        "{failed}"
    );
    let log = json(&wide.gate_as(but_one, "sarif").expect(1));
    let results = log["runs"][0]["results"].as_array().unwrap().iter();
    let messages: Vec<&str> = results
        .map(|found| found["message"]["text"].as_str().unwrap())
        .collect();
    let counted: usize = messages.iter().map(|message| pairs_in(message)).sum();
    assert!(counted == 70 && messages.len() <= 4, "{messages:?}");
    let every = "- {from: '*', to: '*', ports: 9100, reason: metrics}\n";
    let passed = wide.gate(every).expect(0);
    assert!(passed.contains("(permitted: metrics)"), "{passed}");
    let none = wide.gate("").expect(1);
    assert!(
        none.contains("failed: 5600 changes are not permitted\n"),
        "{none}"
    );
}

/// How many pairs a finding is about.
fn pairs_in(message: &str) -> usize {
    let more = message.split_once(", and ");
    let more = more.and_then(|(_, more)| more.split(' ').next());
    1 + more.map_or(0, |more| more.parse().unwrap())
}
