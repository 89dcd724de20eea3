//! Objects for tests, from manifests.

use ringfence_model::{Input, LoadOptions, Object};

use super::workloads::Objects;

/// The objects of a manifest without mistakes.
pub(super) fn load(manifest: &str) -> Vec<Object> {
    let input = Input {
        name: "test.yaml".to_owned(),
        text: manifest.to_owned(),
    };
    let loaded = ringfence_model::load(&[input], &LoadOptions::default());
    assert!(!loaded.has_errors(), "{:?}", loaded.diagnostics);
    loaded.objects
}

/// The same by name.
pub(super) fn objects(manifest: &str) -> Objects {
    load(manifest)
        .into_iter()
        .map(|object| (object.key(), object))
        .collect()
}
