//! The file that a lab keeps its objects in, so that another one goes on from there.

mod held;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use ringfence_apiserver::api::Write;
use ringfence_apiserver::object;
use ringfence_apiserver::object::{at, name};
use ringfence_apiserver::server::random;
use serde_json::Value;

use super::Lab;
use super::api::moment;
use crate::cluster::snapshot::Snapshot;
pub(super) use held::Held;

/// How long changes are collected before they are written.
const PAUSE: Duration = Duration::from_secs(1);
/// Folders of the machine that a lab does not see.
const HIDDEN: [&str; 3] = ["/run", "/proc", "/sys"];
/// The largest file that is read, in bytes.
const LONGEST: u64 = 256 << 20;

/// The absolute path of a file that a lab can keep its objects in.
///
/// # Errors
/// If it is where a lab sees nothing of the machine, or holds something else.
pub fn check(path: &Path) -> anyhow::Result<PathBuf> {
    let path = std::path::absolute(path).context("the snapshot's path")?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let folder = fs::canonicalize(folder);
    let folder = folder.with_context(|| format!("cannot use the folder of {}", path.display()))?;
    let path = folder.join(
        path.file_name()
            .context("the snapshot's path names no file")?,
    );
    // What a link leads to is what is kept up to date, and what labs must not share.
    let path = fs::canonicalize(&path).unwrap_or(path);
    for hidden in HIDDEN {
        anyhow::ensure!(
            !path.starts_with(hidden),
            "{}: a lab has its own {hidden}; choose a file elsewhere",
            path.display()
        );
    }
    read(&path)?;
    Ok(path)
}

/// Reads the snapshot at `path`; `None` if there is none yet, or a lab had only just begun with it.
///
/// # Errors
/// If it cannot be read, or is something else.
fn read(path: &Path) -> anyhow::Result<Option<Snapshot>> {
    let length = match fs::metadata(path) {
        Ok(metadata) if metadata.len() == 0 => return Ok(None),
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    anyhow::ensure!(
        length <= LONGEST,
        "{} is too large for a snapshot: {length} bytes of {LONGEST} at most",
        path.display()
    );
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let snapshot = Snapshot::parse(&text);
    snapshot
        .map(Some)
        .with_context(|| path.display().to_string())
}

impl Lab {
    /// Goes on with the objects of the snapshot, if there is one: pods are to run anew, and the agents are told of all of it.
    pub(super) fn take_over(&self) -> anyhow::Result<()> {
        let Some(held) = &self.snapshot else {
            return Ok(());
        };
        let Some(snapshot) = read(held.path())? else {
            return Ok(());
        };
        let nodes: BTreeSet<String> = self.nodes.iter().map(|node| node.name.clone()).collect();
        let objects = snapshot.for_nodes(&nodes).into_iter();
        let objects = objects.map(|object| self.with_own_part(object)).collect();
        let restored = self.api.restore(objects, &moment(&random));
        restored.with_context(|| format!("cannot go on from {}", held.path().display()))?;
        self.tell_everything()
    }

    /// Of a node the snapshot has only what people decide.
    fn with_own_part(&self, object: Value) -> Value {
        let is_node = object::text(&object, &["kind"]) == "Node";
        let Some(own) = self.stored_like(&object).filter(|_| is_node) else {
            return object;
        };
        let mut node = Value::clone(&own);
        for (parent, field) in [
            ("metadata", "labels"),
            ("metadata", "annotations"),
            ("spec", "unschedulable"),
            ("spec", "taints"),
        ] {
            let value = at(&object, &[parent, field])
                .filter(|value| !value.is_null())
                .cloned();
            object::set(
                object::fields(object::child(&mut node, parent)),
                field,
                value,
            );
        }
        object::metadata(&mut node).shift_remove("resourceVersion");
        node
    }

    fn tell_everything(&self) -> anyhow::Result<()> {
        let all: Vec<(String, Arc<Value>)> = {
            let store = self.api.store();
            let all = store.everything();
            all.map(|(resource, _, object)| (resource.to_owned(), Arc::clone(object)))
                .collect()
        };
        let kinds = self.api.served();
        let mut told = Vec::new();
        for (resource, object) in &all {
            let Some(kind) = kinds.of_resource(resource) else {
                continue;
            };
            let seen = self.seen(&Write {
                kind,
                before: None,
                after: Some(object),
            });
            let seen = seen.with_context(|| format!("{} {}", kind.kind, name(object)))?;
            told.extend(seen.apply);
        }
        self.feed.change(told, Vec::new());
        Ok(())
    }

    /// Keeps the file up to date for as long as the lab lives.
    ///
    /// # Errors
    /// If it cannot be written now.
    pub(super) fn keep_snapshot(self: &Arc<Self>) -> anyhow::Result<()> {
        if self.snapshot.is_none() {
            return Ok(());
        }
        self.save_snapshot()?;
        let mut seen = 0;
        let lab = Arc::clone(self);
        let keep = move || loop {
            std::thread::sleep(PAUSE);
            let now = lab.api.store().revision();
            if std::mem::replace(&mut seen, now) == now {
                continue;
            }
            if let Err(error) = lab.save_snapshot() {
                seen = 0;
                tracing::warn!("the snapshot is not up to date: {error:#}");
            }
        };
        let thread = std::thread::Builder::new().name("snapshot".to_owned());
        thread.spawn(keep).context("cannot keep the snapshot")?;
        Ok(())
    }

    /// Writes the snapshot, if there is to be one and it says anything new.
    ///
    /// # Errors
    /// If it cannot be written; the file is as it was.
    pub fn save_snapshot(&self) -> anyhow::Result<()> {
        let Some(held) = &self.snapshot else {
            return Ok(());
        };
        held.write(|| {
            let store = self.api.store();
            let all = store.everything();
            let all = all.map(|(resource, _, object)| (resource, object.as_ref()));
            Snapshot::of(&self.config.name, all)
        })
    }
}
