//! What has changed in the kernels of nodes since a moment whose tables were kept.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use ringfence_compile::trace::{Listing, Section, between};
use serde::{Deserialize, Serialize};

use super::diff;
use super::source::Nodes;
use crate::arguments::OutputFormat;
use crate::output::answer::{say, say_line};
use crate::{output, paint};

/// What `ringfence rules -o json` wrote.
#[derive(Debug, Deserialize)]
struct Kept {
    nodes: BTreeMap<String, Listing>,
}

#[derive(Debug, Serialize)]
struct Answer<'a> {
    nodes: BTreeMap<&'a str, Vec<Section>>,
}

pub(super) fn run(earlier: &Path, nodes: &Nodes, format: OutputFormat) -> anyhow::Result<ExitCode> {
    let changed = changes(&read(earlier)?, nodes, earlier)?;
    match format {
        OutputFormat::Json => output::json::print(&changed)?,
        OutputFormat::Text => {
            for (node, sections) in &changed.nodes {
                say_line!("{}", paint::heading(&format!("# node {node}")));
                say!("{}", diff::render(sections));
            }
        }
    }
    let is_same = changed.nodes.values().all(Vec::is_empty);
    Ok(ExitCode::from(u8::from(!is_same)))
}

fn read(file: &Path) -> anyhow::Result<Kept> {
    let name = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read `{name}`"))?;
    serde_json::from_str(&text).with_context(|| {
        format!("`{name}` does not hold whole tables, as `ringfence rules -o json` writes them")
    })
}

/// A node that cannot be compared is an error: silence would mean that nothing has changed there.
fn changes<'a>(before: &Kept, now: &'a Nodes, file: &Path) -> anyhow::Result<Answer<'a>> {
    let mut nodes = BTreeMap::new();
    for node in &now.all {
        if let Some(problem) = &node.problem {
            bail!("the table of node {} cannot be read: {problem}", node.name);
        }
        let Some(old) = before.nodes.get(&node.name) else {
            bail!(
                "`{}` has no table of node {}: keep one with `ringfence rules -o json`",
                file.display(),
                node.name
            );
        };
        nodes.insert(node.name.as_str(), between(old, &node.listing));
    }
    Ok(Answer { nodes })
}
