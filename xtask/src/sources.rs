//! Rules about the source text that neither the compiler nor clippy can hold.
//!
//! Each rule is a function from a file to findings, so that its test needs no file system.

mod book;
mod file;
mod references;
mod rules;

use crate::workspace_root;
use anyhow::{Result, bail};
use file::SourceFile;
use std::path::Path;

/// Checks every text file of the repository.
pub(crate) fn check(root: &Path) -> Result<()> {
    let files = file::read_all(root)?;
    let machine = rules::machine_paths(&workspace_root(), std::env::home_dir().as_deref());
    let mut findings: Vec<String> = files
        .iter()
        .flat_map(|file| findings(file, &machine))
        .collect();
    findings.extend(references::check(&files));
    findings.extend(book::check(&files));
    if findings.is_empty() {
        println!("{} files: every rule holds", files.len());
        return Ok(());
    }
    bail!("rules about the source text:\n  {}", findings.join("\n  "))
}

fn findings(file: &SourceFile, machine_paths: &[String]) -> Vec<String> {
    let mut found = rules::no_machine_path(file, machine_paths);
    if file.is_rust() {
        found.extend(rules::length(file));
        found.extend(rules::crate_documentation(file));
        found.extend(rules::purity(file));
        found.extend(rules::no_programs(file));
    }
    found
}

#[cfg(test)]
mod tests;
