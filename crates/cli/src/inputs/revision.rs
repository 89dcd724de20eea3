//! Files as a git revision holds them: `HEAD~1:deploy/`, `origin/main:policies/db.yaml`.
//!
//! Reads the object database of the enclosing repository. Runs no program, checks nothing out, writes nothing.

mod missing;
mod repository;
#[cfg(test)]
mod tests;
mod tree;

use std::path::Path;

use ringfence_model::{Diagnostic, Input, Severity};

use super::budget::{Budget, utf8};
use super::read::{Depth, Inputs};
pub(super) use repository::Repository;
use tree::Entry;

/// `REV:PATH`, where PATH begins at the top of the repository, or with `./` at the current directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RevisionPath<'a> {
    revision: &'a str,
    path: &'a str,
}

impl<'a> RevisionPath<'a> {
    /// `None` if `text` is not of this form.
    pub(super) fn parse(text: &'a Path) -> Option<Self> {
        let (revision, path) = text.to_str()?.split_once(':')?;
        Some(Self { revision, path })
    }
}

impl Repository {
    /// Adds what `named` names to `inputs`: a file, or the manifests of a directory in order of name.
    pub(super) fn read(
        &self,
        named: RevisionPath<'_>,
        depth: Depth,
        budget: &mut Budget,
        inputs: &mut Inputs,
    ) -> anyhow::Result<()> {
        let path = self.resolve(named.path)?;
        let mut reading = Reading {
            repository: self,
            revision: named.revision,
            depth,
            budget,
            inputs,
        };
        match self.look_up(named.revision, &path)? {
            Entry::File(id) => reading.file(&path, id),
            Entry::Directory(id) => reading.directory(&path, id),
        }
    }
}

struct Reading<'a> {
    repository: &'a Repository,
    revision: &'a str,
    depth: Depth,
    budget: &'a mut Budget,
    inputs: &'a mut Inputs,
}

impl Reading<'_> {
    fn name(&self, path: &str) -> String {
        format!("{}:{path}", self.revision)
    }

    fn file(&mut self, path: &str, id: gix::ObjectId) -> anyhow::Result<()> {
        let name = self.name(path);
        self.budget.spend(&name, self.repository.size(id)?)?;
        let text = utf8(&name, self.repository.blob(id)?)?;
        self.inputs.texts.push(Input { name, text });
        Ok(())
    }

    fn directory(&mut self, path: &str, id: gix::ObjectId) -> anyhow::Result<()> {
        let name = self.name(path);
        let found = self
            .repository
            .manifests(id, path, &name, self.depth, self.budget)?;
        for (path, what) in found.not_followed {
            let warning = not_followed(&self.name(&path), what);
            self.inputs.warnings.push(warning);
        }
        for (path, id) in found.files {
            self.file(&path, id)?;
        }
        Ok(())
    }
}

fn not_followed(name: &str, what: &str) -> Diagnostic {
    let message = format!("`{name}` is a {what}, and left out");
    let help = "name the files behind it with -f, or its directory on disk";
    Diagnostic::new(Severity::Warning, message).with_help(help)
}
