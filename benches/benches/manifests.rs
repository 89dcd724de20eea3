//! How long it takes to read manifests, beside the YAML parser alone on the same text.

use std::time::Duration;

use granit_parser::Parser;
use ringfence_benches::{Case, Growing, measure, time};
use ringfence_model::{Input, LoadOptions, assemble, load};
use ringfence_testkit::render::manifests;
use ringfence_testkit::scale::{Size, cluster};

const RUNS: usize = 7;

/// 10,000 objects.
const SIZE: Size = Size {
    namespaces: 200,
    pods: 7_720,
    policies: 1_992,
    cluster_policies: 10,
};

fn main() {
    let subject = Growing::new("Reading manifests", SIZE, texts);
    let cases = [
        Case {
            what: "reading, checking and putting together",
            goal: Some(Duration::from_secs(2)),
            ours: &|inputs| time(|| pods(inputs)).0,
            baseline: "YAML parser alone",
            plain: &|inputs| time(|| events(inputs)).0,
        },
        Case {
            what: "of it: reading and checking",
            goal: None,
            ours: &|inputs: &[Input; 1]| time(|| load(inputs, &LoadOptions::default())).0,
            baseline: "YAML parser alone",
            plain: &|inputs| time(|| events(inputs)).0,
        },
    ];
    measure(&subject, RUNS, &cases);
}

/// A file, as most repositories and `kubectl get -o yaml` have many objects in one.
fn texts(size: Size) -> [Input; 1] {
    let text = manifests(&cluster(1, size));
    [Input {
        name: "all.yaml".to_owned(),
        text,
    }]
}

/// Reads everything; the number of pods, so that nothing is left out as unused.
fn pods(inputs: &[Input; 1]) -> usize {
    let loaded = load(inputs, &LoadOptions::default());
    assemble(&loaded.objects).0.pods.len()
}

fn events(inputs: &[Input; 1]) -> usize {
    let texts = inputs.iter().map(|input| input.text.as_str());
    texts
        .map(|text| Parser::new_from_str(text).filter(Result::is_ok).count())
        .sum()
}
