//! The lints, on the cases of `corpus/lint` and on manifests that people have written.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

mod case;
mod corpus;
mod metadata;
mod proof;
mod texts;
mod validation;

use ringfence_model::{Documents, Input, LoadOptions, assemble, load};
use ringfence_policy::Engine;
use ringfence_reach::lint::{Report, Subject, check};
use ringfence_testkit::generate::MOMENT;

/// What is wrong with `inputs`.
fn report(inputs: &[Input]) -> Report {
    let loaded = load(inputs, &LoadOptions::default());
    let (mut cluster, assembled) = assemble(&loaded.objects);
    cluster.tell_time(MOMENT);
    let diagnostics = [loaded.diagnostics, assembled].concat();
    check(&Subject {
        engine: &Engine::new(cluster),
        objects: &loaded.objects,
        documents: &Documents::new(&loaded.sources),
        diagnostics: &diagnostics,
        default_namespace: "default",
    })
}

/// `text` under the name `name`.
fn input(name: &str, text: impl Into<String>) -> Input {
    Input {
        name: name.to_owned(),
        text: text.into(),
    }
}
