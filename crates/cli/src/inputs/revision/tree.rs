//! What is in the tree of a revision.

use std::path::Path;

use anyhow::bail;
use gix::ObjectId;
use gix::objs::tree::{EntryKind, EntryRef};

use super::{Repository, missing};
use crate::inputs::budget::Budget;
use crate::inputs::read::{Depth, is_manifest, nothing_in};

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    File(ObjectId),
    Directory(ObjectId),
}

/// The manifests of a directory.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Paths from the top, in order.
    pub(super) files: Vec<(String, ObjectId)>,
    /// Paths that may lead to manifests, and what they are.
    pub(super) not_followed: Vec<(String, &'static str)>,
    directories: Vec<(String, ObjectId)>,
}

const LINK: &str = "symbolic link";
const SUBMODULE: &str = "submodule";

impl Repository {
    /// What is at `path` from the top of `revision`.
    pub(super) fn look_up(&self, revision: &str, path: &str) -> anyhow::Result<Entry> {
        let mut entry = Entry::Directory(self.tree_of(revision)?);
        let mut walked = String::new();
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let Entry::Directory(directory) = entry else {
                bail!("`{revision}:{walked}` is a file, and has no `{name}` in it");
            };
            let Some((kind, id)) = self.child(directory, name)? else {
                bail!(missing::path(self, revision, path, directory, name));
            };
            walked = join(&walked, name);
            entry = match kind {
                EntryKind::Tree => Entry::Directory(id),
                EntryKind::Blob | EntryKind::BlobExecutable => Entry::File(id),
                EntryKind::Link => bail!(missing::link(self, revision, &walked, id)),
                EntryKind::Commit => bail!(
                    "`{revision}:{walked}` is a {SUBMODULE}, whose files are in a repository of their own"
                ),
            };
        }
        Ok(entry)
    }

    /// The manifests in `directory`, which is at `path` from the top and called `name`.
    pub(super) fn manifests(
        &self,
        directory: ObjectId,
        path: &str,
        name: &str,
        depth: Depth,
        budget: &mut Budget,
    ) -> anyhow::Result<Found> {
        let mut found = Found::default();
        self.collect(directory, path, depth, budget, &mut found)?;
        let has_directories = !found.directories.is_empty();
        if depth == Depth::Recursive {
            while let Some((path, directory)) = found.directories.pop() {
                self.collect(directory, &path, depth, budget, &mut found)?;
            }
        }
        if found.files.is_empty() {
            bail!(nothing_in(name, has_directories, depth));
        }
        found.files.sort_by(|(a, _), (b, _)| by_part(a, b));
        found.not_followed.sort_by(|(a, _), (b, _)| by_part(a, b));
        Ok(found)
    }

    fn collect(
        &self,
        directory: ObjectId,
        path: &str,
        depth: Depth,
        budget: &mut Budget,
        found: &mut Found,
    ) -> anyhow::Result<()> {
        for entry in self.children(directory)? {
            budget.look(path)?;
            let path = join(path, &entry.0);
            let is_manifest = is_manifest(Path::new(&path));
            match entry.1 {
                EntryKind::Tree => found.directories.push((path, entry.2)),
                EntryKind::Blob | EntryKind::BlobExecutable if is_manifest => {
                    found.files.push((path, entry.2));
                }
                EntryKind::Link if is_manifest => found.not_followed.push((path, LINK)),
                EntryKind::Commit if depth == Depth::Recursive => {
                    found.not_followed.push((path, SUBMODULE));
                }
                EntryKind::Blob
                | EntryKind::BlobExecutable
                | EntryKind::Link
                | EntryKind::Commit => {}
            }
        }
        Ok(())
    }

    fn child(
        &self,
        directory: ObjectId,
        name: &str,
    ) -> anyhow::Result<Option<(EntryKind, ObjectId)>> {
        let mut children = self.children(directory)?.into_iter();
        let found = children.find(|(child, ..)| child == name);
        Ok(found.map(|(_, kind, id)| (kind, id)))
    }

    /// Name, kind and id of what is in `directory`.
    pub(super) fn children(
        &self,
        directory: ObjectId,
    ) -> anyhow::Result<Vec<(String, EntryKind, ObjectId)>> {
        let tree = self.object(directory)?.try_into_tree()?;
        let child = |entry: &EntryRef<'_>| {
            let name = entry.filename.to_string();
            (name, entry.mode.kind(), entry.oid.to_owned())
        };
        Ok(tree.decode()?.entries.iter().map(child).collect())
    }
}

/// The order in which a directory on disk is read.
fn by_part(a: &str, b: &str) -> std::cmp::Ordering {
    a.split('/').cmp(b.split('/'))
}

pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}/{name}")
    }
}
