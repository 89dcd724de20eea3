//! Two texts of manifests, compared in every way.

use std::fs;

use crate::diff::gate::allowing;
use crate::support::{Finished, ringfence};

/// The files `before.yaml`, `after.yaml` and what lies beside them.
pub(super) struct Two {
    folder: tempfile::TempDir,
}

impl Two {
    pub(super) fn of(before: &str, after: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let two = Self { folder };
        two.write("before.yaml", before);
        two.write("after.yaml", after);
        two
    }

    pub(super) fn path(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        path.to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// What a command says of files in the folder, without its name.
    pub(super) fn run(&self, arguments: &[&str]) -> Finished {
        let finished = ringfence(arguments);
        let home = format!("{}/", self.folder.path().display());
        Finished {
            stdout: finished.stdout.replace(&home, ""),
            stderr: finished.stderr.replace(&home, ""),
            ..finished
        }
    }

    pub(super) fn diff(&self, more: &[&str]) -> Finished {
        let (before, after) = (self.path("before.yaml"), self.path("after.yaml"));
        self.run(&[&["diff", &before, &after], more].concat())
    }

    /// What the gate says that these rows permit something of; none if there are none.
    pub(super) fn gate(&self, allowed: &str) -> Finished {
        self.gate_as(allowed, "text")
    }

    pub(super) fn gate_as(&self, allowed: &str, form: &str) -> Finished {
        let gate = ["--gate", "no-new-access", "-o", form];
        if allowed.is_empty() {
            return self.diff(&gate);
        }
        let file = self.write("allowed.yaml", &allowing(allowed));
        self.diff(&[&gate[..], &["--allow", &file]].concat())
    }

    /// The lockfile of `name`.
    pub(super) fn lock(&self, name: &str) -> Finished {
        self.run(&["lock", "-f", &self.path(name)])
    }

    /// What `lock --check` says of the manifests after, by the lockfile of those before.
    pub(super) fn check(&self) -> Finished {
        let lock = self.write("before.lock", &self.lock("before.yaml").stdout);
        self.run(&["lock", "-f", &self.path("after.yaml"), "--check", &lock])
    }

    /// What `diff` says of the lockfiles of both.
    pub(super) fn between_locks(&self, more: &[&str]) -> Finished {
        let of = |name: &str| self.lock(&format!("{name}.yaml")).stdout;
        let before = self.write("before.lock", &of("before"));
        let after = self.write("after.lock", &of("after"));
        self.run(&[&["diff", &before, &after], more].concat())
    }
}
