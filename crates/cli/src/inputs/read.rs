//! Reading the files that the user names.

mod directory;
mod reader;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use ringfence_kube::Snapshot;
use ringfence_model::{Diagnostic, Input, RenderStyle, SourceMap};

use super::budget::Budget;
use super::cluster::ClusterArguments;
pub(crate) use directory::unread_below;
pub(super) use directory::{is_manifest, nothing_in};
use reader::Reader;

/// Where manifests are.
#[derive(Clone, Debug, Args)]
pub(crate) struct FileArguments {
    /// Manifests: files, directories, either of them in a git revision as REV:PATH, or - for standard input
    #[arg(short, long = "filename", value_name = FILES, required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Read the directories in directories as well
    #[arg(short = 'R', long)]
    pub(crate) recursive: bool,
}

/// What stands for [`FileArguments::files`] in help texts.
pub(super) const FILES: &str = "FILE|DIR|REV:PATH|-";

impl FileArguments {
    /// The texts of the files. Prints to standard error what was left out.
    pub(crate) fn read(&self) -> anyhow::Result<Vec<Input>> {
        let inputs = read(&self.files, Depth::of(self.recursive), None)?;
        for warning in &inputs.warnings {
            let text = warning.render(&SourceMap::default(), RenderStyle::Colored);
            anstream::eprintln!("{text}\n");
        }
        Ok(inputs.texts)
    }
}

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    pub(crate) texts: Vec<Input>,
    /// What was left out, and why.
    pub(crate) warnings: Vec<Diagnostic>,
    /// Live clusters, in the order in which they are named.
    pub(crate) clusters: Vec<Arc<Snapshot>>,
}

/// How deep directories are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// The files in a directory.
    Flat,
    /// The files in a directory and in the directories below it.
    Recursive,
}

impl Depth {
    pub(crate) const fn of(recursive: bool) -> Self {
        if recursive {
            Self::Recursive
        } else {
            Self::Flat
        }
    }
}

/// The files named by `paths`, each a file, a directory, `REV:PATH` or `-`; of a directory all `.yaml`, `.yml` and
/// `.json` files in it, in order of name. Paths may name clusters, too, where there is `cluster` to say how.
pub(crate) fn read(
    paths: &[PathBuf],
    depth: Depth,
    cluster: Option<&ClusterArguments>,
) -> anyhow::Result<Inputs> {
    let mut reader = Reader::new(depth, cluster);
    for path in paths {
        reader.read(path)?;
    }
    Ok(reader.inputs)
}

/// The file in `path`.
pub(super) fn file(path: &Path) -> anyhow::Result<Input> {
    reader::file(path, &mut Budget::default())
}
