//! Reads one argument after the other.

use std::fs::File;
use std::io::{ErrorKind, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, ensure};
use ringfence_model::Input;

use super::{Depth, Inputs, directory};
use crate::inputs::budget::Budget;
use crate::inputs::cluster::{self, ClusterArguments, is_cluster};
use crate::inputs::revision::{Repository, RevisionPath};

/// Its text is there once for the whole program.
static STANDARD_INPUT_WAS_READ: AtomicBool = AtomicBool::new(false);

pub(super) struct Reader<'a> {
    /// How clusters are reached; none for a command that reads none.
    cluster: Option<&'a ClusterArguments>,
    /// Where paths begin; empty for the current directory.
    base: PathBuf,
    depth: Depth,
    budget: Budget,
    repository: Option<Repository>,
    pub(super) inputs: Inputs,
}

impl<'a> Reader<'a> {
    pub(super) fn new(depth: Depth, cluster: Option<&'a ClusterArguments>) -> Self {
        Self {
            cluster,
            ..Self::at(PathBuf::new(), depth)
        }
    }

    /// A reader of paths that begin in `base`.
    pub(super) fn at(base: PathBuf, depth: Depth) -> Self {
        Self {
            cluster: None,
            base,
            depth,
            budget: Budget::default(),
            repository: None,
            inputs: Inputs::default(),
        }
    }

    pub(super) fn read(&mut self, argument: &Path) -> anyhow::Result<()> {
        if argument.as_os_str() == "-" {
            return self.standard_input();
        }
        if is_cluster(argument) {
            return self.cluster(argument);
        }
        let path = self.base.join(argument);
        let error = match path.metadata() {
            Ok(found) if found.is_dir() => return self.directory(&path),
            Ok(_) => return self.file(&path),
            Err(error) => error,
        };
        match RevisionPath::parse(argument) {
            Some(named) if error.kind() == ErrorKind::NotFound => self.revision(named),
            Some(_) | None => Err(error.into()),
        }
        .with_context(|| cannot_read(argument))
    }

    fn standard_input(&mut self) -> anyhow::Result<()> {
        let stdin = std::io::stdin();
        ensure!(
            !stdin.is_terminal(),
            "`-` reads manifests from standard input, which is a terminal"
        );
        ensure!(
            !STANDARD_INPUT_WAS_READ.swap(true, Ordering::Relaxed),
            "`-` is given twice, and standard input can be read once"
        );
        let text = self.budget.text("standard input", stdin.lock())?;
        self.inputs.texts.push(Input {
            name: "<stdin>".to_owned(),
            text,
        });
        Ok(())
    }

    fn cluster(&mut self, argument: &Path) -> anyhow::Result<()> {
        let access = self.cluster.and_then(|options| options.access(argument));
        let access = access.with_context(|| {
            let argument = argument.display();
            format!("`{argument}` names a live cluster, which is not read here: name files")
        })?;
        self.inputs.clusters.push(cluster::read(&access)?);
        Ok(())
    }

    fn directory(&mut self, path: &Path) -> anyhow::Result<()> {
        for file in directory::manifests(path, self.depth, &mut self.budget)? {
            self.file(&file)?;
        }
        Ok(())
    }

    fn file(&mut self, path: &Path) -> anyhow::Result<()> {
        let input = file(path, &mut self.budget)?;
        self.inputs.texts.push(input);
        Ok(())
    }

    fn revision(&mut self, named: RevisionPath<'_>) -> anyhow::Result<()> {
        let repository = match self.repository.take() {
            Some(open) => open,
            None => Repository::enclosing(&std::path::absolute(self.base.join("."))?)?,
        };
        let repository = self.repository.insert(repository);
        repository.read(named, self.depth, &mut self.budget, &mut self.inputs)
    }
}

/// Reads the file in `path`.
pub(super) fn file(path: &Path, budget: &mut Budget) -> anyhow::Result<Input> {
    let name = path.display().to_string();
    let file = File::open(path).with_context(|| cannot_read(path))?;
    let text = budget.text(&name, file)?;
    Ok(Input { name, text })
}

/// What a shell takes for a pattern.
const PATTERN: [char; 3] = ['*', '?', '['];

fn cannot_read(path: &Path) -> String {
    let name = path.display().to_string();
    if !path.exists() && name.contains(PATTERN) {
        return format!(
            "cannot read {name}: patterns are for the shell, without quotes; or name the directory"
        );
    }
    format!("cannot read {name}")
}
