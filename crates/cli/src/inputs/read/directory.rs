//! Directories of manifests, on disk.

use std::collections::BTreeSet;
use std::fs::{DirEntry, FileType};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use super::Depth;
use crate::inputs::budget::Budget;

/// How the files of a directory end that are manifests.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// Whether `name` is that of a manifest.
pub(in crate::inputs) fn is_manifest(name: &Path) -> bool {
    name.extension()
        .is_some_and(|extension| EXTENSIONS.iter().any(|known| extension == *known))
}

/// The manifests in `directory`, in order of name. Links to directories are not followed.
pub(super) fn manifests(
    directory: &Path,
    depth: Depth,
    budget: &mut Budget,
) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut below = Vec::new();
    collect(directory, budget, &mut files, &mut below)?;
    let has_directories = !below.is_empty();
    if depth == Depth::Recursive {
        while let Some(next) = below.pop() {
            collect(&next, budget, &mut files, &mut below)?;
        }
    }
    files.sort();
    ensure!(
        !files.is_empty(),
        nothing_in(&directory.display().to_string(), has_directories, depth)
    );
    Ok(files)
}

/// The directories right below those of `paths` that hold manifests and are none of `paths` themselves, in order of name.
/// What cannot be read is left to whoever reads `paths`.
pub(crate) fn unread_below(paths: &[PathBuf]) -> BTreeSet<PathBuf> {
    let below = paths
        .iter()
        .flat_map(|path| entries(path).unwrap_or_default());
    let directories = below
        .filter(|(_, kind)| kind.is_dir())
        .map(|(path, _)| path);
    let others = directories.filter(|path| !paths.iter().any(|own| own == path));
    let holds_manifests = |path: &PathBuf| {
        let within = entries(path).unwrap_or_default();
        within
            .iter()
            .any(|(path, kind)| !kind.is_dir() && is_manifest(path))
    };
    others.filter(holds_manifests).collect()
}

/// What to say of a directory without manifests.
pub(in crate::inputs) fn nothing_in(name: &str, has_directories: bool, depth: Depth) -> String {
    let advice = match depth {
        Depth::Flat if has_directories => "; --recursive reads the directories in it as well",
        Depth::Flat | Depth::Recursive => "",
    };
    format!("{name} holds no .yaml, .yml or .json file{advice}")
}

fn collect(
    directory: &Path,
    budget: &mut Budget,
    files: &mut Vec<PathBuf>,
    below: &mut Vec<PathBuf>,
) -> anyhow::Result<()> {
    let name = directory.display().to_string();
    for (path, kind) in
        entries(directory).with_context(|| format!("cannot read directory {name}"))?
    {
        budget.look(&name)?;
        if kind.is_dir() {
            below.push(path);
        } else if is_manifest(&path) && is_read(&path, kind) {
            files.push(path);
        }
    }
    Ok(())
}

/// Whether there is something to read that ends: no pipe, socket or device. A link that leads nowhere is an error of whoever
/// reads it.
fn is_read(path: &Path, kind: FileType) -> bool {
    let ends = |kind: FileType| kind.is_file() || kind.is_dir();
    match kind.is_symlink() {
        true => path
            .metadata()
            .map_or(true, |found| ends(found.file_type())),
        false => ends(kind),
    }
}

fn entries(directory: &Path) -> std::io::Result<Vec<(PathBuf, FileType)>> {
    let typed = |entry: DirEntry| Ok((entry.path(), entry.file_type()?));
    std::fs::read_dir(directory)?
        .map(|entry| typed(entry?))
        .collect()
}
