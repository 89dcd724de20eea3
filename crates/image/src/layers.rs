//! The files of an image: its layers, one over the other.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use flate2::read::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;
use tar::{Archive, Entry, EntryType};

use crate::blob::BlobReader;
use crate::folder::{Compression, Layer};
use crate::{Image, ImageError};

/// How a layer says that a file of the layers below is gone (`layer.md`, "Whiteouts").
const WHITEOUT: &str = ".wh.";
/// How it says so of all that is in a folder.
const OPAQUE: &str = ".wh..wh..opq";

/// Whose the unpacked files are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// As the layers say. Only who has all users can write that.
    Kept,
    /// All the calling process's.
    Own,
}

/// Unpacks an image into a new folder, which is there only once all of it is. Devices are left out.
///
/// # Errors
/// [`ImageError`] if a layer cannot be read, is not the one that it should be, or leads out of the folder.
pub fn unpack(image: &Image, folder: &Path, ownership: Ownership) -> Result<(), ImageError> {
    let mut partial = folder.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let started = if partial.exists() {
        fs::remove_dir_all(&partial)
    } else {
        Ok(())
    };
    started
        .and_then(|()| fs::create_dir_all(&partial))
        .map_err(ImageError::file(&partial))?;
    let unpacked = image
        .layers
        .iter()
        .try_for_each(|layer| unpack_layer(layer, &partial, ownership))
        .and_then(|()| fs::rename(&partial, folder).map_err(ImageError::file(folder)));
    if unpacked.is_err() {
        // What is left of it is in nobody's way.
        let _ = fs::remove_dir_all(&partial);
    }
    unpacked
}

fn unpack_layer(layer: &Layer, root: &Path, ownership: Ownership) -> Result<(), ImageError> {
    let failed = |source| ImageError::File {
        path: layer.blob.path.clone(),
        source,
    };
    let mut blob = layer.blob.open()?;
    let limited: &mut BlobReader<'_> = &mut blob;
    match layer.compression {
        Compression::No => apply(limited, root, ownership),
        Compression::Gzip => apply(MultiGzDecoder::new(limited), root, ownership),
        Compression::Zstd => StreamingDecoder::new(limited)
            .map_err(io::Error::other)
            .and_then(|decoder| apply(decoder, root, ownership)),
    }
    .map_err(failed)?;
    blob.finish()
}

/// Puts the files of one layer over what is there.
fn apply(layer: impl Read, root: &Path, ownership: Ownership) -> io::Result<()> {
    let mut archive = Archive::new(layer);
    archive.set_preserve_permissions(true);
    archive.set_preserve_ownerships(ownership == Ownership::Kept);
    // What this layer has written itself, which no whiteout of it means.
    let mut written = BTreeSet::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = inside(&entry)?;
        let Some(name) = path.file_name() else {
            continue;
        };
        let parent = root.join(path.parent().unwrap_or(Path::new("")));
        if let Some(hidden) = name.to_str().and_then(|name| name.strip_prefix(WHITEOUT)) {
            if is_below(&parent, root)? {
                let all = name == OPAQUE;
                hide(&parent, (!all).then_some(hidden), root, &written)?;
            }
            continue;
        }
        if matches!(
            entry.header().entry_type(),
            EntryType::Char | EntryType::Block | EntryType::Fifo
        ) {
            continue;
        }
        make_room(&root.join(&path), &entry, root)?;
        if !entry.unpack_in(root)? {
            return Err(io::Error::other(format!("{} leads out", path.display())));
        }
        for part in path.ancestors() {
            written.insert(part.to_owned());
        }
    }
    Ok(())
}

/// Where an entry is to be, from the root of the image on.
fn inside<R: Read>(entry: &Entry<'_, R>) -> io::Result<PathBuf> {
    let said = entry.path()?;
    let mut path = PathBuf::new();
    for part in said.components() {
        match part {
            Component::Normal(part) => path.push(part),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => {
                return Err(io::Error::other(format!("{} leads out", said.display())));
            }
        }
    }
    Ok(path)
}

/// Whether a folder is there, and in the image by whatever links lead to it.
fn is_below(folder: &Path, root: &Path) -> io::Result<bool> {
    match fs::canonicalize(folder) {
        Ok(found) if found.starts_with(fs::canonicalize(root)?) => Ok(true),
        Ok(found) => Err(io::Error::other(format!(
            "a link leads out, to {}",
            found.display()
        ))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes a file that lower layers have in `folder`, or all of them.
fn hide(
    folder: &Path,
    name: Option<&str>,
    root: &Path,
    written: &BTreeSet<PathBuf>,
) -> io::Result<()> {
    let is_new = |path: &Path| {
        let path = path.strip_prefix(root).unwrap_or(path);
        written.contains(path)
    };
    let Some(name) = name else {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let path = entry.path();
            if !is_new(&path) {
                remove(&path)?;
            } else if entry.file_type()?.is_dir() {
                hide(&path, None, root, written)?;
            }
        }
        return Ok(());
    };
    if name.is_empty() || name == "." || name == ".." || name.contains('/') {
        return Err(io::Error::other(format!(
            "`{WHITEOUT}{name}` hides no file"
        )));
    }
    let path = folder.join(name);
    if is_new(&path) {
        return Ok(());
    }
    remove(&path)
}

/// Takes away what the entry replaces, if it is of another kind.
fn make_room<R: Read>(path: &Path, entry: &Entry<'_, R>, root: &Path) -> io::Result<()> {
    let Some(parent) = path.parent() else {
        return Ok(());
    };
    if path == root || !is_below(parent, root)? {
        return Ok(());
    }
    match fs::symlink_metadata(path) {
        Ok(there) if there.is_dir() && entry.header().entry_type().is_dir() => Ok(()),
        Ok(_) => remove(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(there) if there.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
