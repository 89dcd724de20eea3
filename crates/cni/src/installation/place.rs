//! Files that appear whole or not at all.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufRead as _, BufReader};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::{InstallError, failed};

/// Puts a file in place of `target`, which is written beside it first and is on the disk when it appears.
pub(super) fn place(
    target: &Path,
    mode: u32,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), InstallError> {
    let new = beside(target);
    let written = create(&new, mode).and_then(|mut file| {
        write(&mut file)?;
        // Whatever the umask, and whatever a dead writer left.
        file.set_permissions(Permissions::from_mode(mode))?;
        file.sync_all()
    });
    written.map_err(failed("write", &new))?;
    fs::rename(&new, target).map_err(failed("write", target))?;
    keep(target)
}

/// Removes a file, and what was never put in its place; tells whether it was there.
pub(super) fn remove(target: &Path) -> Result<bool, InstallError> {
    let was_there = remove_one(target)?;
    remove_one(&beside(target))?;
    if was_there {
        keep(target)?;
    }
    Ok(was_there)
}

/// Whether both have the same bytes; a `right` that is not there has not.
pub(super) fn is_same_file(left: &Path, right: &Path) -> Result<bool, InstallError> {
    let left_file = File::open(left).map_err(failed("read", left))?;
    let right_file = match File::open(right) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        opened => opened.map_err(failed("read", right))?,
    };
    let size = |file: &File| file.metadata().map(|about| about.len());
    if size(&left_file).map_err(failed("read", left))?
        != size(&right_file).map_err(failed("read", right))?
    {
        return Ok(false);
    }
    same_bytes(left_file, right_file).map_err(failed("read", right))
}

fn same_bytes(left: File, right: File) -> io::Result<bool> {
    let (mut left, mut right) = (BufReader::new(left), BufReader::new(right));
    loop {
        let (one, other) = (left.fill_buf()?, right.fill_buf()?);
        let length = one.len().min(other.len());
        if length == 0 {
            return Ok(one.is_empty() && other.is_empty());
        }
        if one.get(..length) != other.get(..length) {
            return Ok(false);
        }
        left.consume(length);
        right.consume(length);
    }
}

/// Hidden, and with an ending that no runtime reads. One name a file, so that a later writer reuses what a dead one left.
pub(super) fn beside(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.new"))
}

fn create(path: &Path, mode: u32) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path)
}

fn remove_one(path: &Path) -> Result<bool, InstallError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed("remove", path)(error)),
    }
}

/// Has the disk remember which files are in the folder of `path`.
fn keep(path: &Path) -> Result<(), InstallError> {
    let folder = path.parent().unwrap_or(path);
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(failed("write", folder))
}
