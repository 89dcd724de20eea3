//! Files that are there whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Writes `text` to `file`: to another one beside it, which then takes its name. A link is followed.
pub(super) fn atomically(file: &Path, text: &str) -> anyhow::Result<()> {
    let target = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let new = beside(&target).with_context(|| format!("{} names no file", file.display()))?;
    let written = replace(&new, &target, text);
    if written.is_err() {
        // What is left of it helps nobody; that it is not there either is no second problem.
        let _ = fs::remove_file(&new);
    }
    written.with_context(|| format!("could not write {}", file.display()))
}

/// A name in the same directory, and so on the same file system, that no other process uses.
fn beside(target: &Path) -> Option<PathBuf> {
    let name = target.file_name()?.to_string_lossy().into_owned();
    Some(target.with_file_name(format!(".{name}.{}", std::process::id())))
}

fn replace(new: &Path, target: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create_new(new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    if let Ok(known) = fs::metadata(target) {
        file.set_permissions(known.permissions())?;
    }
    fs::rename(new, target)
}
