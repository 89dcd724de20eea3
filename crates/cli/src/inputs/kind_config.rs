//! The configuration of a kind cluster.

use std::path::Path;

use anyhow::bail;
use ringfence_model::{Input, KindCluster, LoadOptions, Object, RenderStyle, SourceMap};

use super::read::file;

/// What kind calls a cluster that has no name.
const UNNAMED: &str = "kind";

/// The kind configuration in `path`; without one, a control plane and two workers.
pub(crate) fn kind_cluster(path: Option<&Path>) -> anyhow::Result<KindCluster> {
    match path {
        Some(path) => read(&file(path)?),
        None => {
            let example = Input {
                name: "multi-node-kind.yaml".to_owned(),
                text: crate::demo::manifests::KIND_CONFIG.to_owned(),
            };
            Ok(read(&example)?.renamed(UNNAMED))
        }
    }
}

/// The kind configuration among `manifests`, which is taken out of them, where `path` names none: so that a directory can
/// hold everything. One beside the one named is left out too.
pub(crate) fn kind_cluster_among(
    manifests: &mut Vec<Input>,
    path: Option<&Path>,
) -> anyhow::Result<KindCluster> {
    let found: Vec<Input> = manifests.extract_if(.., |input| is_config(input)).collect();
    match (path, found.as_slice()) {
        (Some(_), _) | (None, []) => kind_cluster(path),
        (None, [only]) => {
            anstream::eprintln!("nodes as in {}", only.name);
            read(only)
        }
        (None, [first, second, ..]) => bail!(
            "{} and {} are both kind configurations: name one with --config",
            first.name,
            second.name
        ),
    }
}

/// Whether a file holds a kind configuration and nothing else.
fn is_config(input: &Input) -> bool {
    let loaded = ringfence_model::load(std::slice::from_ref(input), &LoadOptions::default());
    let mut objects = loaded.objects.iter();
    !loaded.objects.is_empty() && objects.all(|object| matches!(object, Object::KindCluster(_)))
}

fn read(input: &Input) -> anyhow::Result<KindCluster> {
    ringfence_model::kind_config(input).map_err(|diagnostics| {
        let mut sources = SourceMap::default();
        sources.insert(input.name.as_str(), input.text.as_str());
        let text = sources.render(&diagnostics, RenderStyle::Plain);
        anyhow::anyhow!("the kind configuration cannot be used\n\n{text}")
    })
}
