//! Reading what the user names on the command line.

use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ringfence_model::{Input, KindCluster, RenderStyle, SourceMap};

/// Largest manifest file that is read.
const LARGEST_FILE: u64 = 16 << 20;

/// The files named by `paths`; of a directory all `.yaml`, `.yml` and `.json` files in it, in order of name.
pub(crate) fn read(paths: &[PathBuf]) -> anyhow::Result<Vec<Input>> {
    let mut inputs = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            inputs.push(standard_input()?);
        } else if path.is_dir() {
            inputs.extend(directory(path)?);
        } else {
            inputs.push(file(path)?);
        }
    }
    Ok(inputs)
}

fn standard_input() -> anyhow::Result<Input> {
    let stdin = std::io::stdin();
    anyhow::ensure!(
        !stdin.is_terminal(),
        "`-f -` reads manifests from standard input, which is a terminal"
    );
    let mut text = String::new();
    stdin
        .lock()
        .take(LARGEST_FILE)
        .read_to_string(&mut text)
        .context("cannot read standard input")?;
    Ok(input("<stdin>", text))
}

fn directory(path: &Path) -> anyhow::Result<Vec<Input>> {
    let is_manifest = |path: &PathBuf| {
        path.extension()
            .is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|e| extension == *e))
    };
    let mut files: Vec<PathBuf> = std::fs::read_dir(path)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .with_context(|| format!("cannot read directory {}", path.display()))?;
    files.retain(is_manifest);
    files.sort();
    anyhow::ensure!(
        !files.is_empty(),
        "{} holds no .yaml, .yml or .json file",
        path.display()
    );
    files.iter().map(|path| file(path)).collect()
}

fn file(path: &Path) -> anyhow::Result<Input> {
    let size = std::fs::metadata(path)
        .with_context(|| format!("cannot read {}", path.display()))?
        .len();
    anyhow::ensure!(
        size <= LARGEST_FILE,
        "{} is larger than {LARGEST_FILE} bytes",
        path.display()
    );
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(input(path.display().to_string(), text))
}

/// The kind configuration in `path`; without one, a control plane and two workers.
pub(crate) fn kind_cluster(path: Option<&Path>) -> anyhow::Result<KindCluster> {
    let input = match path {
        Some(path) => file(path)?,
        None => input("multi-node-kind.yaml", crate::demo::manifests::KIND_CONFIG),
    };
    ringfence_model::kind_config(&input).map_err(|diagnostics| {
        let mut sources = SourceMap::default();
        sources.insert(input.name.as_str(), input.text.as_str());
        let text = sources.render(&diagnostics, RenderStyle::Plain);
        anyhow::anyhow!("the kind configuration cannot be used\n\n{text}")
    })
}

fn input(name: impl Into<String>, text: impl Into<String>) -> Input {
    Input {
        name: name.into(),
        text: text.into(),
    }
}
