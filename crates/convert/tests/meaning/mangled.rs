//! No input ends the program.

use proptest::prelude::*;
use ringfence_convert::{Options, convert};
use ringfence_model::Input;

use crate::world::{NODES, PODS_BLOCK};

const WHOLE: [&str; 2] = [
    include_str!("mangled.yaml"),
    include_str!("mangled-cilium.yaml"),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mangled_documents_are_answered(
        whole in prop::sample::select(WHOLE.to_vec()),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..40), 1..5),
        pieces in prop::collection::vec(piece(), 5),
    ) {
        let mut text = whole.to_owned();
        for ((place, length), piece) in cuts.iter().zip(&pieces) {
            let start = place.index(text.len());
            let end = (start + length).min(text.len());
            text.replace_range(start..end, piece);
        }
        answered(&text);
    }

    #[test]
    fn mangled_selectors_are_answered(selector in "[a-c =!&|(){}',\"/.]{0,60}|(all\\(\\)|has\\(a\\)|!|&&|\\|\\||a == 'b'|\\(|\\)| ){0,30}") {
        let selector = serde_json::Value::from(selector);
        let rule = format!("[{{action: Allow, source: {{selector: {selector}}}}}]");
        answered(&format!(
            "apiVersion: projectcalico.org/v3\nkind: NetworkPolicy\nmetadata: {{name: a}}\nspec: {{selector: {selector}, ingress: {rule}}}\n"
        ));
    }
}

/// What may stand where something else stood.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "",
        " ",
        "null",
        "[]",
        "{}",
        "-1",
        "1e400",
        "\"\"",
        "true",
        ": ",
        "\n",
        "- ",
        "all()",
        "65536",
        "0.0.0.0/0",
        "::/129",
        "Deny",
        "Pass",
        "Log",
        "world",
        "http",
        "k8s:",
        "'",
        "\"",
        "&a ",
        "*a",
    ];
    prop::sample::select(words.to_vec()).prop_map(str::to_owned)
}

/// Converts, writes and renders all that there is to say.
fn answered(text: &str) {
    let input = Input {
        name: "mangled".to_owned(),
        text: text.to_owned(),
    };
    let options = Options {
        pod_blocks: vec![PODS_BLOCK.parse().unwrap()],
        node_blocks: vec![NODES.parse().unwrap()],
        ..Options::default()
    };
    let Ok(conversion) = convert(&[input], &options) else {
        return;
    };
    for object in &conversion.objects {
        assert!(!object.yaml().is_empty());
    }
    for refusal in &conversion.refusals {
        assert!(!refusal.reasons.is_empty());
        for reason in &refusal.reasons {
            assert!(
                reason.location.is_some() && reason.help.is_some(),
                "{reason:?}"
            );
        }
    }
}
