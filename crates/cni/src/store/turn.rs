//! One verb at a time for one attachment: a DEL that comes while its ADD still runs waits for it.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::{EndpointStore, StoreError, failed, open_for_writing};
use crate::endpoint::EndpointId;

/// How often a turn that another has is asked for.
const INTERVAL: Duration = Duration::from_millis(5);

/// The right to work on one attachment, held until it is dropped or the process dies.
#[derive(Debug)]
pub(crate) struct Turn {
    path: PathBuf,
    _lock: File,
}

impl EndpointStore {
    /// Waits for the turn on an attachment. `None`: another had it all the time.
    pub(crate) fn turn(
        &self,
        id: &EndpointId,
        patience: Duration,
    ) -> Result<Option<Turn>, StoreError> {
        let folder = self.data_dir.join("locks");
        let created = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder);
        created.map_err(failed("create", &folder))?;
        let path = folder.join(id.to_string());
        let deadline = Instant::now() + patience;
        loop {
            if let Some(lock) = try_lock(&path).map_err(failed("lock", &path))? {
                return Ok(Some(Turn { path, _lock: lock }));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            thread::sleep(INTERVAL);
        }
    }
}

impl Drop for Turn {
    /// The file goes while it is still locked; who waits for it sees that it is no longer the file of this name.
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn try_lock(path: &Path) -> io::Result<Option<File>> {
    let file = open_for_writing(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    Ok(is_at(&file, path)?.then_some(file))
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let own = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (own.dev(), own.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
