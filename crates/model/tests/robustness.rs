//! No input, however broken, makes the loader panic, and what it says stays inside the text.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

use proptest::prelude::*;
use ringfence_model::{
    Input, LoadOptions, Loaded, RenderStyle, assemble, kind_config, load, read_json,
};

const SEEDS: [&str; 9] = [
    include_str!("../../../examples/netpol-demo/demo-app.yaml"),
    include_str!("../../../examples/netpol-demo/web-allow-frontend.yaml"),
    include_str!("../../../examples/netpol-demo/multi-node-kind.yaml"),
    r#"{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","labels":{"x":"1"}},"spec":{"containers":[{"name":"c","image":"i","ports":[{"containerPort":80,"name":"web"}]}]},"status":{"podIPs":[{"ip":"10.0.0.1"}],"phase":"Running"}}]}"#,
    "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec:\n  podSelector: {matchExpressions: [{key: a, operator: In, values: [b]}]}\n  policyTypes: [Ingress, Egress]\n  ingress:\n  - from: &peers\n    - ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}\n    - namespaceSelector: {}\n    ports: [{port: 80, endPort: 90, protocol: UDP}, {port: web}]\n  egress:\n  - to: *peers\n",
    "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: s}\nspec:\n  serviceName: s\n  replicas: 3\n  selector: {matchLabels: {app: s}}\n  template:\n    metadata: {labels: {app: s}}\n    spec: {containers: [{name: c, image: i, env: [{name: A, value: b}]}]}\n",
    "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {name: c}\nspec:\n  tier: Admin\n  priority: 5\n  subject: {pods: {podSelector: {}}}\n  ingress:\n  - name: n\n    action: Pass\n    from: [{namespaces: {}}]\n    protocols: [{tcp: {destinationPort: {number: 80}}}, {udp: {destinationPort: {range: {start: 1, end: 9}}}}, {destinationNamedPort: web}]\n  egress:\n  - action: Accept\n    to: [{networks: [10.0.0.0/8, 'fd00::/8']}, {nodes: {}}, {domainNames: ['*.a.b', c.d.]}]\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: i}]}\n",
    "apiVersion: policy.networking.k8s.io/v1alpha1\nkind: AdminNetworkPolicyList\nitems:\n- metadata: {name: a}\n  spec:\n    priority: 1\n    subject: {pods: {namespaceSelector: {}, podSelector: {}}}\n    egress: [{action: Deny, to: [{networks: [0.0.0.0/0]}], ports: [{portNumber: {port: 1}}, {portRange: {start: 1, end: 2, protocol: UDP}}]}]\n---\napiVersion: policy.networking.k8s.io/v1alpha1\nkind: BaselineAdminNetworkPolicy\nmetadata: {name: default}\nspec: {subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}]}]}\n",
    "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 80}]}\n---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: s-1, labels: {kubernetes.io/service-name: s}}\naddressType: IPv4\nendpoints: [{addresses: [10.0.0.1], conditions: {ready: true}}]\nports: [{port: 8080, name: ''}]\n---\napiVersion: v1\nkind: Endpoints\nmetadata: {name: s}\nsubsets: [{addresses: [{ip: 10.0.0.2}], notReadyAddresses: [{ip: 10.0.0.3}], ports: [{port: 1}]}]\n",
];

/// Words that stress the reader where they land.
const WORDS: [&str; 28] = [
    "null",
    "[]",
    "{}",
    "yes",
    "-1",
    "70000",
    "1e9",
    "\"\"",
    "'",
    "\"",
    ": ",
    "- ",
    "\n",
    "\n---\n",
    "\t",
    "&a ",
    "*a",
    "<<: ",
    "!!int ",
    "|\n ",
    ">-\n",
    "{a: [",
    "]}",
    "#",
    "é😀",
    "\u{feff}",
    "\r\n",
    "99999999999999999999",
];

fn survives(text: &str) -> Loaded {
    let input = Input {
        name: "x".to_owned(),
        text: text.to_owned(),
    };
    let _ = kind_config(&input);
    let _ = read_json(&input);
    let loaded = load(&[input], &LoadOptions::default());
    for found in &loaded.diagnostics {
        if let Some(location) = &found.location {
            assert!(text.get(location.bytes.clone()).is_some(), "{found}");
        }
        assert!(!found.render(&loaded.sources, RenderStyle::Plain).is_empty());
    }
    let (_, more) = assemble(&loaded.objects);
    for found in &more {
        assert!(
            !found
                .render(&loaded.sources, RenderStyle::Colored)
                .is_empty()
        );
    }
    loaded
}

/// The generator of Steele, Lea and Flood ("Fast splittable pseudorandom number generators", 2014).
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }
}

fn mutate(text: &str, random: &mut SplitMix) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..=random.below(4) {
        let at = random.below(chars.len() + 1);
        let length = random.below(12).min(chars.len() - at);
        match random.below(4) {
            0 => drop(chars.drain(at..at + length)),
            1 => {
                let copy: Vec<char> = chars[at..at + length].to_vec();
                let to = random.below(chars.len() + 1);
                chars.splice(to..to, copy);
            }
            2 => {
                let word = WORDS[random.below(WORDS.len())];
                chars.splice(at..at, word.chars());
            }
            _ => {
                let word = WORDS[random.below(WORDS.len())];
                chars.splice(at..at + length, word.chars());
            }
        }
    }
    chars.into_iter().collect()
}

#[test]
fn mutated_manifests_never_panic() {
    const ROUNDS: usize = 1500;
    let mut refused = 0;
    let mut accepted = 0;
    for (seed, text) in SEEDS.iter().enumerate() {
        let mut random = SplitMix(u64::try_from(seed).unwrap());
        for _ in 0..ROUNDS {
            if survives(&mutate(text, &mut random)).has_errors() {
                refused += 1;
            } else {
                accepted += 1;
            }
        }
    }
    assert!(
        refused > ROUNDS && accepted > ROUNDS / 10,
        "{refused} refused, {accepted} accepted"
    );
}

#[test]
fn truncated_manifests_never_panic() {
    for text in SEEDS {
        for (end, _) in text.char_indices() {
            survives(&text[..end]);
        }
    }
}

proptest! {
    #[test]
    fn any_text_never_panics(text in any::<String>()) {
        survives(&text);
    }

    #[test]
    fn any_bytes_read_as_text_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        survives(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_value_in_any_field_of_a_cluster_policy_never_panics(
        field in prop::sample::select(vec![
            "tier", "priority", "subject", "subject: {pods", "ingress", "ingress: [{action", "ingress: [{from",
            "ingress: [{protocols", "egress: [{to", "egress: [{to: [{networks", "egress: [{to: [{domainNames",
            "egress: [{protocols: [{tcp: {destinationPort",
        ]),
        value in "[a-zA-Z0-9:{}\\[\\], '\"/.*-]{0,40}",
    ) {
        survives(&format!(
            "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {{name: p}}\nspec: {{{field}: {value}}}"
        ));
    }

    #[test]
    fn any_value_in_any_field_never_panics(
        field in prop::sample::select(vec![
            "podSelector", "policyTypes", "ingress", "egress", "ingress: [{from", "ingress: [{ports",
        ]),
        value in "[a-zA-Z0-9:{}\\[\\], '\"/.-]{0,40}",
    ) {
        survives(&format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p}}\nspec: {{{field}: {value}}}"
        ));
    }
}
