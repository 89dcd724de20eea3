//! The repository, and which tree a revision is.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use gix::objs::Kind;

use super::missing;

/// The git repository around a directory.
#[derive(Debug)]
pub(in crate::inputs) struct Repository {
    pub(super) objects: gix::Repository,
    /// The directory, from the top of the working tree; `None` outside of one.
    pub(super) here: Option<String>,
}

impl Repository {
    /// The repository that `directory` is in. Its own configuration is read, and no other.
    pub(in crate::inputs) fn enclosing(directory: &Path) -> anyhow::Result<Self> {
        let isolated = gix::open::Options::isolated();
        let trust = gix::sec::trust::Mapping {
            full: isolated.clone(),
            reduced: isolated,
        };
        let found = gix::ThreadSafeRepository::discover_opts(directory, Default::default(), trust);
        let found = found.map_err(|error| missing::repository(directory, error))?;
        let objects = found.to_thread_local();
        let here = objects.workdir().and_then(|top| below(directory, top));
        Ok(Self { objects, here })
    }

    /// The path from the top of the repository that is meant by `path`.
    pub(super) fn resolve(&self, path: &str) -> anyhow::Result<String> {
        let start = match path.split('/').next() {
            Some("." | "..") => self.here.as_deref().with_context(|| {
                format!("`{path}` begins at the current directory, which is in no working tree")
            })?,
            Some(_) | None => "",
        };
        let mut parts: Vec<&str> = Vec::new();
        for part in start.split('/').chain(path.split('/')) {
            match part {
                "" | "." => {}
                ".." => {
                    let left = parts.pop();
                    left.with_context(|| format!("`{path}` leads out of the repository"))?;
                }
                name => parts.push(name),
            }
        }
        Ok(parts.join("/"))
    }

    /// The tree of `revision`: of a commit, of the commit that a tag is put to, or the tree itself.
    pub(super) fn tree_of(&self, revision: &str) -> anyhow::Result<gix::ObjectId> {
        ensure!(
            !revision.is_empty(),
            "there is no such file, and before the `:` of REV:PATH is no revision, such as HEAD"
        );
        let found = self.objects.rev_parse_single(revision);
        let id = found.map_err(|error| missing::revision(self, revision, error))?;
        let mut id = id.detach();
        loop {
            let object = self.object(id)?;
            id = match object.kind {
                Kind::Tree => return Ok(id),
                Kind::Commit => object.try_to_commit_ref()?.tree(),
                Kind::Tag => object.try_to_tag_ref()?.target(),
                Kind::Blob => bail!("`{revision}` is one file: name a commit before the `:`"),
            };
        }
    }

    pub(super) fn object(&self, id: gix::ObjectId) -> anyhow::Result<gix::Object<'_>> {
        let found = self.objects.find_object(id);
        found.with_context(|| missing::object(id))
    }

    /// The size of an object in bytes.
    pub(super) fn size(&self, id: gix::ObjectId) -> anyhow::Result<u64> {
        let header = self.objects.find_header(id);
        Ok(header.with_context(|| missing::object(id))?.size())
    }

    /// What the file `id` holds.
    pub(super) fn blob(&self, id: gix::ObjectId) -> anyhow::Result<Vec<u8>> {
        Ok(self.object(id)?.try_into_blob()?.take_data())
    }
}

/// `directory` relative to `top`.
fn below(directory: &Path, top: &Path) -> Option<String> {
    let directory = directory.canonicalize().ok()?;
    let path = directory.strip_prefix(top.canonicalize().ok()?).ok()?;
    path.to_str().map(ToOwned::to_owned)
}
