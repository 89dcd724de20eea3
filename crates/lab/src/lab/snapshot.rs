//! The file that a lab keeps its objects in, so that another one goes on from there.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use ringfence_apiserver::api::Write;
use ringfence_apiserver::object::{at, name};
use ringfence_apiserver::server::random;
use ringfence_apiserver::{object, store};
use serde_json::Value;

use super::Lab;
use super::api::moment;
use crate::cluster::snapshot::Snapshot;

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
    for hidden in HIDDEN {
        anyhow::ensure!(
            !folder.starts_with(hidden),
            "{}: a lab has its own {hidden}; choose a file elsewhere",
            path.display()
        );
    }
    let path = folder.join(
        path.file_name()
            .context("the snapshot's path names no file")?,
    );
    read(&path)?;
    Ok(path)
}

/// Reads the snapshot at `path`; `None` if there is none yet.
///
/// # Errors
/// If it cannot be read, or is something else.
pub fn read(path: &Path) -> anyhow::Result<Option<Snapshot>> {
    let length = match fs::metadata(path) {
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
        let Some(path) = &self.config.snapshot else {
            return Ok(());
        };
        let Some(snapshot) = read(path)? else {
            return Ok(());
        };
        let nodes: BTreeSet<String> = self.nodes.iter().map(|node| node.name.clone()).collect();
        let objects = snapshot.for_nodes(&nodes).into_iter();
        let objects = objects.map(|object| self.with_own_part(object)).collect();
        let restored = self.api.restore(objects, &moment(&random));
        restored.with_context(|| format!("cannot go on from {}", path.display()))?;
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
        let Some(path) = self.config.snapshot.clone() else {
            return Ok(());
        };
        let mut written = self.save_snapshot()?;
        let mut seen = 0;
        let lab = Arc::clone(self);
        let keep = move || loop {
            std::thread::sleep(PAUSE);
            let now = lab.api.store().revision();
            if std::mem::replace(&mut seen, now) == now {
                continue;
            }
            let text = lab.snapshot_text();
            if text == written {
                continue;
            }
            match write(&path, &text) {
                Ok(()) => written = text,
                Err(error) => tracing::warn!("the snapshot is not up to date: {error:#}"),
            }
        };
        let thread = std::thread::Builder::new().name("snapshot".to_owned());
        thread.spawn(keep).context("cannot keep the snapshot")?;
        Ok(())
    }

    /// Writes the snapshot, if there is to be one, and returns its text.
    ///
    /// # Errors
    /// If it cannot be written; the file is as it was.
    pub fn save_snapshot(&self) -> anyhow::Result<String> {
        let Some(path) = &self.config.snapshot else {
            return Ok(String::new());
        };
        let text = self.snapshot_text();
        write(path, &text)?;
        Ok(text)
    }

    fn snapshot_text(&self) -> String {
        let store = self.api.store();
        snapshot_of(&store)
    }
}

fn snapshot_of(store: &store::Store) -> String {
    let all = store.everything();
    let snapshot = Snapshot::of(all.map(|(resource, _, object)| (resource, object.as_ref())));
    // Values that came as JSON become JSON again.
    serde_json::to_string(&snapshot).unwrap_or_default()
}

/// Puts `text` in the place of the file: whoever reads it sees the one or the other, whole. It may hold Secrets, so it is the user's
/// alone.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(format!(".{}.new", std::process::id()));
    let new = Path::new(&new);
    let put = || {
        let mut file = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(new, path)
    };
    put().map_err(|error| {
        let _ = fs::remove_file(new);
        anyhow::Error::new(error).context(format!("cannot write {}", path.display()))
    })
}
