//! One file as the rules see it.

use anyhow::{Context as _, Result};
use std::fs;
use std::path::Path;

/// A text file of the repository.
#[derive(Clone, Debug)]
pub(super) struct SourceFile {
    /// Relative to the root, with `/`.
    pub(super) path: String,
    pub(super) text: String,
}

impl SourceFile {
    pub(super) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The crate's folder, for a file in `crates/<crate>/src`.
    pub(super) fn source_of(&self) -> Option<&str> {
        let (name, rest) = self.path.strip_prefix("crates/")?.split_once('/')?;
        rest.starts_with("src/").then_some(name)
    }

    /// Whether all of the file is test code.
    pub(super) fn is_test(&self) -> bool {
        let mut parts = self.path.split('/');
        parts.any(|part| matches!(part, "tests" | "benches" | "tests.rs"))
    }

    /// The lines that end up in a program, with their numbers from 1: no tests, no comments.
    pub(super) fn program_lines(&self) -> Vec<(usize, &str)> {
        if self.is_test() {
            return Vec::new();
        }
        let mut lines = self.text.lines().enumerate().peekable();
        let mut kept = Vec::new();
        while let Some((number, line)) = lines.next() {
            if line.trim() == "#[cfg(test)]" {
                let indent = line.len() - line.trim_start().len();
                skip_item(&mut lines, indent);
            } else if !line.trim_start().starts_with("//") {
                kept.push((number + 1, line));
            }
        }
        kept
    }
}

/// Skips one item in the shape that rustfmt gives it: to a `;`, or to the `}` under its beginning.
fn skip_item<'a>(lines: &mut impl Iterator<Item = (usize, &'a str)>, indent: usize) {
    for (_, line) in lines {
        let depth = line.len() - line.trim_start().len();
        let ends = line.ends_with(';') || line.trim_start().starts_with('}');
        if depth == indent && ends {
            return;
        }
    }
}

/// Every text file, sorted by path; what is built or belongs to git is left out.
pub(super) fn read_all(root: &Path) -> Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    collect(root, root, &mut files)?;
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

fn collect(root: &Path, directory: &Path, files: &mut Vec<SourceFile>) -> Result<()> {
    let entries =
        fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot list {}", directory.display()))?;
        let path = entry.path();
        let name = entry.file_name();
        let kind = entry
            .file_type()
            .with_context(|| format!("cannot see {}", path.display()))?;
        if kind.is_dir() && name != "target" && name != ".git" {
            collect(root, &path, files)?;
        } else if kind.is_file() {
            files.extend(read(root, &path)?);
        }
    }
    Ok(())
}

/// The file at `path`, or nothing if it holds no text.
fn read(root: &Path, path: &Path) -> Result<Option<SourceFile>> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let Ok(text) = String::from_utf8(bytes) else {
        return Ok(None);
    };
    let path = path
        .strip_prefix(root)
        .unwrap_or(path)
        .to_string_lossy()
        .into_owned();
    Ok(Some(SourceFile { path, text }))
}
