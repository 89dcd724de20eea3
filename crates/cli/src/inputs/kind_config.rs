//! The configuration of a kind cluster.

use std::path::Path;

use ringfence_model::{Input, KindCluster, RenderStyle, SourceMap};

use super::read::file;

/// The kind configuration in `path`; without one, a control plane and two workers.
pub(crate) fn kind_cluster(path: Option<&Path>) -> anyhow::Result<KindCluster> {
    let input = match path {
        Some(path) => file(path)?,
        None => Input {
            name: "multi-node-kind.yaml".to_owned(),
            text: crate::demo::manifests::KIND_CONFIG.to_owned(),
        },
    };
    ringfence_model::kind_config(&input).map_err(|diagnostics| {
        let mut sources = SourceMap::default();
        sources.insert(input.name.as_str(), input.text.as_str());
        let text = sources.render(&diagnostics, RenderStyle::Plain);
        anyhow::anyhow!("the kind configuration cannot be used\n\n{text}")
    })
}
