//! A snapshot's file in the hands of one lab: no other one reads or writes it until that lab is gone, however it goes.

use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::read;
use crate::cluster::snapshot::Snapshot;

/// How long a lab that is about to end may still hold the file.
const LIMIT: Duration = Duration::from_secs(2);
/// Between two attempts to have it.
const PAUSE: Duration = Duration::from_millis(50);

/// The file, locked. Each version of it is a file of its own, and locked before anybody can find it.
#[derive(Debug)]
pub(in super::super) struct Held {
    path: PathBuf,
    state: Mutex<Version>,
}

#[derive(Debug)]
struct Version {
    /// Locked, until this is dropped or the process ends.
    _file: File,
    text: String,
}

impl Held {
    /// Takes the file for the lab named `lab`, and makes it if there is none.
    ///
    /// # Errors
    /// If another lab has it, which is named, or if it cannot be used.
    pub(in super::super) fn take(path: &Path, lab: &str) -> anyhow::Result<Self> {
        let deadline = Instant::now() + LIMIT;
        let file = loop {
            let file = open(path).with_context(|| format!("cannot use {}", path.display()))?;
            match file.try_lock() {
                // Else it was replaced in between, and this one is nobody's any more.
                Ok(()) if is_at(&file, path) => break file,
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    std::thread::sleep(PAUSE);
                }
                Err(TryLockError::WouldBlock) => anyhow::bail!("{}", taken(path)),
                Err(TryLockError::Error(error)) => {
                    return Err(error).with_context(|| format!("cannot lock {}", path.display()));
                }
            }
        };
        let held = Self {
            path: path.to_owned(),
            state: Mutex::new(Version {
                _file: file,
                text: String::new(),
            }),
        };
        // Whoever wants it meanwhile is told whose it is.
        let nothing = || Snapshot::of(lab, std::iter::empty());
        let mut before = read(path)?.unwrap_or_else(nothing);
        lab.clone_into(&mut before.lab);
        held.write(|| before)?;
        Ok(held)
    }

    pub(in super::super) fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces what the file says, if it is anything else. One after the other, so that the last one asked has the last word.
    ///
    /// # Errors
    /// If it cannot be written; it is as it was then.
    pub(in super::super) fn write(
        &self,
        snapshot: impl FnOnce() -> Snapshot,
    ) -> anyhow::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let text = serde_json::to_string(&snapshot()).context("cannot write the objects")?;
        if text != state.text {
            let file = replace(&self.path, &text);
            let file = file.with_context(|| format!("cannot write {}", self.path.display()))?;
            *state = Version { _file: file, text };
        }
        Ok(())
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(true);
    options.truncate(false).mode(0o600).open(path)
}

fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(file), Ok(there)) = (file.metadata(), fs::metadata(path)) else {
        return false;
    };
    (file.dev(), file.ino()) == (there.dev(), there.ino())
}

fn taken(path: &Path) -> String {
    let holder = read(path).ok().flatten().map(|snapshot| snapshot.lab);
    let path = path.display();
    match holder.filter(|name| !name.is_empty()) {
        Some(name) => format!(
            "{path} is the snapshot of the lab `{name}`, which runs\n  end that one: ringfence lab down --name {name}\n  \
             or choose another file with --snapshot"
        ),
        None => format!("{path} is in use by another program; choose another file with --snapshot"),
    }
}

/// Puts `text` in the place of the file: whoever reads it sees the one or the other, whole. It may hold Secrets, so it is the user's
/// alone.
fn replace(path: &Path, text: &str) -> std::io::Result<File> {
    let mut new = path.as_os_str().to_owned();
    new.push(format!(".{}.new", std::process::id()));
    let new = Path::new(&new);
    let put = || {
        // One that a lab left that was killed while it wrote.
        let _ = fs::remove_file(new);
        let mut options = File::options();
        let mut file = options.write(true).create_new(true).mode(0o600).open(new)?;
        file.lock()?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(new, path)?;
        Ok(file)
    };
    put().inspect_err(|_| {
        let _ = fs::remove_file(new);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(path: &Path) -> usize {
        read(path).unwrap().unwrap().objects.len()
    }

    #[test]
    fn a_file_has_one_holder_at_a_time_through_all_its_versions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lab.json");
        let held = Held::take(&path, "first").unwrap();
        let mut two = Snapshot::of("first", std::iter::empty());
        two.objects = vec![serde_json::json!({}); 2];
        held.write(|| two).unwrap();
        let refused = Held::take(&path, "second").unwrap_err().to_string();
        assert!(refused.contains("the lab `first`, which runs"), "{refused}");
        drop(held);
        let held = Held::take(&path, "second").unwrap();
        assert_eq!(objects(&path), 2, "nothing is lost");
        let refused = Held::take(&path, "first").unwrap_err().to_string();
        assert!(refused.contains("the lab `second`"), "{refused}");
        drop(held);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }
}
