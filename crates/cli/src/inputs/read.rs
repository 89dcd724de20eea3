//! Reading the files that the user names.

mod directory;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use clap::Args;
use ringfence_model::Input;

use super::budget::Budget;

/// Where manifests are.
#[derive(Clone, Debug, Args)]
pub(crate) struct FileArguments {
    /// Manifests: files, directories, or - for standard input
    #[arg(short, long = "filename", value_name = "FILE|DIR|-", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Read the directories in directories as well
    #[arg(short = 'R', long)]
    pub(crate) recursive: bool,
}

impl FileArguments {
    /// The texts of the files.
    pub(crate) fn read(&self) -> anyhow::Result<Vec<Input>> {
        read(&self.files, Depth::of(self.recursive))
    }
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

/// The files named by `paths`; of a directory all `.yaml`, `.yml` and `.json` files in it, in order of name.
pub(crate) fn read(paths: &[PathBuf], depth: Depth) -> anyhow::Result<Vec<Input>> {
    let mut reader = Reader::new(depth);
    for path in paths {
        reader.read(path)?;
    }
    Ok(reader.inputs)
}

/// The file in `path`.
pub(super) fn file(path: &Path) -> anyhow::Result<Input> {
    read_file(path, &mut Budget::default())
}

struct Reader {
    depth: Depth,
    budget: Budget,
    inputs: Vec<Input>,
    standard_input_was_read: bool,
}

impl Reader {
    fn new(depth: Depth) -> Self {
        Self {
            depth,
            budget: Budget::default(),
            inputs: Vec::new(),
            standard_input_was_read: false,
        }
    }

    fn read(&mut self, path: &Path) -> anyhow::Result<()> {
        if path.as_os_str() == "-" {
            return self.standard_input();
        }
        match path.metadata() {
            Ok(found) if found.is_dir() => self.directory(path),
            Ok(_) => self.file(path),
            Err(error) => Err(error).with_context(|| cannot_read(path)),
        }
    }

    fn standard_input(&mut self) -> anyhow::Result<()> {
        let stdin = std::io::stdin();
        ensure!(
            !stdin.is_terminal(),
            "`-f -` reads manifests from standard input, which is a terminal"
        );
        ensure!(
            !self.standard_input_was_read,
            "`-f -` is given twice, and standard input can be read once"
        );
        self.standard_input_was_read = true;
        let text = self.budget.text("standard input", stdin.lock())?;
        self.inputs.push(Input {
            name: "<stdin>".to_owned(),
            text,
        });
        Ok(())
    }

    fn directory(&mut self, path: &Path) -> anyhow::Result<()> {
        for file in directory::manifests(path, self.depth, &mut self.budget)? {
            self.file(&file)?;
        }
        Ok(())
    }

    fn file(&mut self, path: &Path) -> anyhow::Result<()> {
        let input = read_file(path, &mut self.budget)?;
        self.inputs.push(input);
        Ok(())
    }
}

fn read_file(path: &Path, budget: &mut Budget) -> anyhow::Result<Input> {
    let name = path.display().to_string();
    let file = File::open(path).with_context(|| cannot_read(path))?;
    let text = budget.text(&name, file)?;
    Ok(Input { name, text })
}

fn cannot_read(path: &Path) -> String {
    format!("cannot read {}", path.display())
}
