//! What to say where a repository does not hold what was named.

use std::path::Path;

use anyhow::anyhow;
use gix::ObjectId;

use super::Repository;
use super::tree::join;
use crate::inputs::suggest::{hint, nearest};

/// What is said of repositories whose objects are named by another function than SHA-1.
const OTHER_HASH: &str = "Object format is not enabled";

/// There is no repository, or it cannot be opened.
pub(super) fn repository(directory: &Path, error: gix::Error) -> anyhow::Error {
    let place = directory.display();
    if error.is_not_found() {
        return anyhow!("there is no such file, and no git repository around {place}");
    }
    let error = anyhow::Error::new(error);
    let is_sha256 = error
        .chain()
        .any(|cause| cause.to_string().contains(OTHER_HASH));
    let advice = if is_sha256 {
        ": where its objects have names by SHA-256, check the revision out with `git worktree add` and name the directory"
    } else {
        ""
    };
    error.context(format!(
        "the git repository around {place} cannot be opened{advice}"
    ))
}

/// There is no such revision, or it cannot be told which.
pub(super) fn revision(
    repository: &Repository,
    revision: &str,
    error: gix::Error,
) -> anyhow::Error {
    if error.is_corrupted() {
        return anyhow::Error::new(error).context(format!("revision `{revision}` cannot be read"));
    }
    let known = references(repository);
    let advice = match nearest(revision, known.iter().map(String::as_str)) {
        Some(meant) => format!(" (did you mean `{meant}`?)"),
        None if repository.objects.is_shallow().unwrap_or(false) => {
            "; the clone is shallow: fetch more of it with `git fetch --unshallow`, in GitHub's checkout with `fetch-depth: 0`"
                .to_owned()
        }
        None => String::new(),
    };
    let git = repository.objects.common_dir();
    let git = git.canonicalize().unwrap_or_else(|_| git.to_owned());
    let place = git.display();
    anyhow!("there is no such file, and no revision `{revision}` in {place}{advice}")
}

/// The names of branches, tags and remote branches, as they are typed.
fn references(repository: &Repository) -> Vec<String> {
    let Ok(platform) = repository.objects.references() else {
        return Vec::new();
    };
    let Ok(all) = platform.all() else {
        return Vec::new();
    };
    all.filter_map(Result::ok)
        .map(|reference| reference.name().shorten().to_string())
        .collect()
}

/// There is no such path.
pub(super) fn path(
    repository: &Repository,
    revision: &str,
    path: &str,
    directory: ObjectId,
    name: &str,
) -> String {
    let from_here = repository
        .here
        .as_deref()
        .filter(|here| !here.is_empty())
        .map(|here| join(here, path));
    let advice = if from_here.is_some_and(|path| exists(repository, revision, &path)) {
        format!(
            "; paths begin at the top of the repository, and at the current directory is `{revision}:./{path}`"
        )
    } else if in_working_tree(repository, path) {
        "; it is in the working tree alone".to_owned()
    } else {
        let siblings = repository.children(directory).unwrap_or_default();
        hint(name, siblings.iter().map(|(sibling, ..)| sibling.as_str()))
    };
    format!("revision `{revision}` has no `{path}`{advice}")
}

fn exists(repository: &Repository, revision: &str, path: &str) -> bool {
    let Ok(mut directory) = repository.tree_of(revision) else {
        return false;
    };
    for name in path.split('/') {
        let children = repository.children(directory).unwrap_or_default();
        let Some((_, _, id)) = children.into_iter().find(|(child, ..)| child == name) else {
            return false;
        };
        directory = id;
    }
    true
}

fn in_working_tree(repository: &Repository, path: &str) -> bool {
    let top = repository.objects.workdir();
    top.is_some_and(|top| top.join(path).exists())
}

/// A symbolic link is not followed.
pub(super) fn link(repository: &Repository, revision: &str, path: &str, id: ObjectId) -> String {
    let target = repository.blob(id).unwrap_or_default();
    format!(
        "`{revision}:{path}` is a symbolic link to `{}`, and links are not followed: name what it leads to",
        String::from_utf8_lossy(&target)
    )
}

/// The repository knows of an object and does not have it.
pub(super) fn object(id: ObjectId) -> String {
    format!(
        "the repository cannot give object {id}; a shallow or partial clone lacks objects: fetch them"
    )
}
