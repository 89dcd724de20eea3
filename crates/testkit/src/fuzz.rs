//! What a fuzzer throws its bytes at. Each target must return, whatever the bytes are; what it asserts holds for
//! every input. `fuzz/` runs them with coverage, and a test replays the inputs that were kept.

use ringfence_model::{
    Cluster, Input, LoadOptions, Loaded, Query, RenderStyle, assemble, kind_config, load, read_json,
};
use ringfence_reference::answer;

use crate::flows::sample;
use crate::random::Random;

/// A function to be fuzzed.
pub type Target = fn(&[u8]);

/// Every target by the name of its corpus.
pub const TARGETS: [(&str, Target); 5] = [
    ("yaml", yaml),
    ("manifests", manifests),
    ("selectors", selectors),
    ("cidrs", cidrs),
    ("kind-config", kind),
];

/// Most flows asked about one cluster.
const FLOWS: usize = 40;

/// Most pods of a cluster that is asked about: more take time and show nothing new.
const LARGEST: usize = 20;

/// Any text as YAML or JSON: it is read or refused, and what is said about it points into it.
pub fn yaml(bytes: &[u8]) {
    let Some(input) = text(bytes) else { return };
    let text = input.text.clone();
    if let Err(found) = read_json(&input) {
        for diagnostic in found {
            let bytes = diagnostic.location.map(|location| location.bytes);
            assert!(bytes.is_none_or(|bytes| text.get(bytes).is_some()));
        }
    }
}

/// Any text as manifests: loaded, put together, and asked about.
pub fn manifests(bytes: &[u8]) {
    if let Some(input) = text(bytes) {
        judge(&input);
    }
}

/// Any text as the selectors of a policy.
pub fn selectors(bytes: &[u8]) {
    let Some(input) = text(bytes) else { return };
    let [first, second] = halves(&input.text);
    let spec = format!(
        "  podSelector:\n{}\n  ingress:\n  - from:\n    - namespaceSelector:\n{}\n",
        indented(first, 4),
        indented(second, 8)
    );
    judge(&policy(&spec));
}

/// Any two words as `cidr` and `except`.
pub fn cidrs(bytes: &[u8]) {
    let Some(input) = text(bytes) else { return };
    let [cidr, except] = halves(&input.text).map(|word| serde_json::Value::from(word).to_string());
    let spec = format!(
        "  podSelector: {{}}\n  policyTypes: [Egress]\n  egress:\n  - to:\n    - ipBlock: {{cidr: {cidr}, except: [{except}]}}\n"
    );
    judge(&policy(&spec));
}

/// Any text as the configuration of a kind cluster.
pub fn kind(bytes: &[u8]) {
    if let Some(input) = text(bytes) {
        let _ = kind_config(&input);
    }
}

fn text(bytes: &[u8]) -> Option<Input> {
    let text = std::str::from_utf8(bytes).ok()?.to_owned();
    let name = "input".to_owned();
    Some(Input { name, text })
}

/// What stands before the first empty line, and after it.
fn halves(text: &str) -> [&str; 2] {
    let (first, second) = text.split_once("\n\n").unwrap_or((text, ""));
    [first, second]
}

fn indented(text: &str, by: usize) -> String {
    let lines = text.lines().map(|line| format!("{:by$}{line}", ""));
    lines.collect::<Vec<_>>().join("\n")
}

/// A policy beside two pods that it may speak of.
fn policy(spec: &str) -> Input {
    let text = format!(
        "{PODS}---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p, namespace: a}}\nspec:\n{spec}"
    );
    let name = "policy".to_owned();
    Input { name, text }
}

const PODS: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: one, namespace: a, labels: {app: web}}
spec: {containers: [{name: c, image: i, ports: [{containerPort: 80, name: http}]}]}
status: {podIPs: [{ip: 10.0.0.1}, {ip: 'fd00::1'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: two, namespace: b, labels: {app: db}}
spec: {containers: [{name: c, image: i}]}
status: {podIPs: [{ip: 10.0.1.2}, {ip: 'fd00::2'}]}
";

/// Loads `input`, renders what is wrong with it, and asks about the cluster that it describes.
fn judge(input: &Input) {
    let loaded: Loaded = load(std::slice::from_ref(input), &LoadOptions::default());
    for found in &loaded.diagnostics {
        let bytes = found
            .location
            .as_ref()
            .map(|location| location.bytes.clone());
        assert!(bytes.is_none_or(|bytes| input.text.get(bytes).is_some()));
        assert!(!found.render(&loaded.sources, RenderStyle::Plain).is_empty());
    }
    let (cluster, _) = assemble(&loaded.objects);
    if cluster.pods.len() <= LARGEST {
        for query in sample(&cluster, FLOWS, &mut Random::new(1)) {
            ask(&cluster, &query);
        }
    }
}

/// An answer or an error, and both can be printed.
fn ask(cluster: &Cluster, query: &Query) {
    let text = match answer(cluster, query) {
        Ok(answer) => answer.to_string(),
        Err(error) => error.to_string(),
    };
    assert!(!text.is_empty());
}
