//! The endpoints of a node, one file each: `<data dir>/endpoints/<container id>:<interface>.json`.
//!
//! A record is the reservation of its addresses: there is no second list that could disagree. Every change is
//! made under an exclusive lock of `<data dir>/lock` and appears by a rename, so that readers need no lock and a
//! process that dies between any two steps leaves whole records behind.

mod turn;

pub(crate) use turn::Turn;

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::Serialize;

use crate::endpoint::{Endpoint, EndpointId, EndpointState};

/// Ending of a record's file name.
const RECORD: &str = ".json";

/// Why the node's records could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or folder could not be read or written.
    #[error("cannot {action} `{}`", path.display())]
    File {
        /// What was to be done: "read", "write" and so on.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

/// A record that cannot be understood. Its addresses are unknown, so that nothing can be reserved safely
/// while it is there; DEL of its attachment removes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedRecord {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

/// The address that each block gave last.
pub(crate) type LastGiven = BTreeMap<IpNet, IpAddr>;

/// All records of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The endpoints, ordered by id.
    pub endpoints: Vec<Endpoint>,
    /// The records that cannot be understood, ordered by path.
    pub damaged: Vec<DamagedRecord>,
}

/// The endpoints of a node.
#[derive(Clone, Debug)]
pub struct EndpointStore {
    data_dir: PathBuf,
    records: PathBuf,
}

impl EndpointStore {
    /// The store in this folder, which is created (for its owner alone) where it is missing.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn open(data_dir: &Path) -> Result<Self, StoreError> {
        let records = data_dir.join("endpoints");
        let created = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&records);
        created.map_err(failed("create", &records))?;
        Ok(Self {
            data_dir: data_dir.to_owned(),
            records,
        })
    }

    /// All endpoints, and the records that cannot be understood.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn list(&self) -> Result<Listing, StoreError> {
        let mut listing = Listing::default();
        for path in self.record_paths()? {
            match read_record(&path)? {
                Record::Absent => {}
                Record::Whole(endpoint) => listing.endpoints.push(*endpoint),
                Record::Damaged(reason) => listing.damaged.push(DamagedRecord { path, reason }),
            }
        }
        listing
            .endpoints
            .sort_by(|left, right| left.id.cmp(&right.id));
        Ok(listing)
    }

    /// One endpoint. A damaged record reads as none.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn get(&self, id: &EndpointId) -> Result<Option<Endpoint>, StoreError> {
        Ok(match read_record(&self.path(id))? {
            Record::Whole(endpoint) => Some(*endpoint),
            Record::Absent | Record::Damaged(_) => None,
        })
    }

    pub(crate) fn is_damaged(&self, id: &EndpointId) -> Result<bool, StoreError> {
        Ok(matches!(read_record(&self.path(id))?, Record::Damaged(_)))
    }

    /// Frees the addresses of a released endpoint; tells whether there was one. An endpoint in another
    /// state stays: it is a later attachment of the same name.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn remove(&self, id: &EndpointId) -> Result<bool, StoreError> {
        let changes = self.lock()?;
        match self.get(id)? {
            Some(endpoint) if endpoint.state == EndpointState::Released => {
                changes.forget(id)?;
                Ok(true)
            }
            Some(_) | None => Ok(false),
        }
    }

    /// Waits until nobody else changes records, and keeps it so.
    pub(crate) fn lock(&self) -> Result<Changes<'_>, StoreError> {
        let path = self.data_dir.join("lock");
        let file = open_for_writing(&path).map_err(failed("open", &path))?;
        file.lock().map_err(failed("lock", &path))?;
        Ok(Changes {
            store: self,
            _lock: file,
        })
    }

    fn path(&self, id: &EndpointId) -> PathBuf {
        self.records.join(format!("{id}{RECORD}"))
    }

    fn record_paths(&self) -> Result<Vec<PathBuf>, StoreError> {
        let entries = fs::read_dir(&self.records).map_err(failed("list", &self.records))?;
        let mut paths = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed("list", &self.records))?.file_name();
            if name.to_str().is_none_or(is_record) {
                paths.push(self.records.join(name));
            }
        }
        paths.sort();
        Ok(paths)
    }
}

/// The right to change records, held until it is dropped or the process dies.
#[derive(Debug)]
pub(crate) struct Changes<'store> {
    store: &'store EndpointStore,
    _lock: File,
}

impl Changes<'_> {
    /// Writes a record in place of the one with the same id.
    pub(crate) fn put(&self, endpoint: &Endpoint) -> Result<(), StoreError> {
        replace(&self.store.path(&endpoint.id), endpoint)
    }

    /// Removes a record, whatever its state; none is fine.
    pub(crate) fn forget(&self, id: &EndpointId) -> Result<(), StoreError> {
        let path = self.store.path(id);
        remove_if_there(&path)?;
        remove_if_there(&temporary(&path))
    }

    /// The address that each block gave last. A memory that is lost or damaged costs only the pause
    /// before an address is given again.
    pub(crate) fn last_given(&self) -> Result<LastGiven, StoreError> {
        let path = self.last_given_path();
        match fs::read(&path) {
            Ok(text) => Ok(serde_json::from_slice(&text).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(LastGiven::new()),
            Err(source) => Err(failed("read", &path)(source)),
        }
    }

    /// Remembers the address that each block gave last.
    pub(crate) fn put_last_given(&self, given: &LastGiven) -> Result<(), StoreError> {
        replace(&self.last_given_path(), given)
    }

    fn last_given_path(&self) -> PathBuf {
        self.store.data_dir.join("last-given.json")
    }
}

enum Record {
    Absent,
    Whole(Box<Endpoint>),
    Damaged(String),
}

fn read_record(path: &Path) -> Result<Record, StoreError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Record::Absent),
        Err(source) => return Err(failed("read", path)(source)),
    };
    Ok(match serde_json::from_slice(&text) {
        Ok(endpoint) => Record::Whole(Box::new(endpoint)),
        Err(error) => Record::Damaged(error.to_string()),
    })
}

/// A container id begins with a letter or a digit, so that a hidden file is never a record.
fn is_record(name: &str) -> bool {
    !name.starts_with('.') && name.ends_with(RECORD)
}

/// Where a file is written before it takes its place. One name per file, so that a later writer reuses
/// what a dead one left.
fn temporary(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.new"))
}

fn replace(path: &Path, content: &impl Serialize) -> Result<(), StoreError> {
    let new = temporary(path);
    let written = open_for_writing(&new).and_then(|mut file| {
        file.set_len(0)?;
        file.write_all(&serde_json::to_vec(content)?)?;
        file.sync_data()
    });
    written.map_err(failed("write", &new))?;
    fs::rename(&new, path).map_err(failed("write", path))
}

fn open_for_writing(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

fn remove_if_there(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError::File {
        action,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests;
