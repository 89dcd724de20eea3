//! The images that the lab has, unpacked once for all containers that run them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use ringfence_image::{Image, ImageFolder, Ownership, unpack};

use super::nodes::DIRECTORY;

/// Where they are, below the lab's folder.
const FOLDER: &str = "images";

/// The images of a lab.
#[derive(Debug, Default)]
pub(super) struct Images {
    folder: ImageFolder,
    /// Per digest: held while it is unpacked, and its files once it is.
    unpacked: Mutex<BTreeMap<String, Arc<Mutex<Option<PathBuf>>>>>,
}

impl Images {
    /// Those of a folder; none without one.
    ///
    /// # Errors
    /// If the folder cannot be used.
    pub(super) fn read(folder: Option<&Path>) -> anyhow::Result<Self> {
        let folder = folder.map(ImageFolder::read).transpose();
        let folder = folder.context("the images cannot be used")?;
        Ok(Self {
            folder: folder.unwrap_or_default(),
            unpacked: Mutex::default(),
        })
    }

    /// Their names.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.folder.names()
    }

    /// The image that a manifest names, if it is here.
    pub(super) fn find(&self, name: &str) -> Option<&Image> {
        self.folder.find(name)
    }

    /// The image's files. Whoever is first waits until they are unpacked, and so do others who want the same.
    ///
    /// # Errors
    /// If they cannot be.
    pub(super) fn files(&self, image: &Image) -> anyhow::Result<PathBuf> {
        let place = {
            let mut all = self.unpacked.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(image.digest.clone()).or_default())
        };
        let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(files) = &*place {
            return Ok(files.clone());
        }
        let name = image.digest.replace(':', "-");
        let files = Path::new(DIRECTORY).join(FOLDER).join(name);
        unpack(image, &files, ownership())
            .with_context(|| format!("cannot unpack the image {}", image.name))?;
        Ok(place.insert(files).clone())
    }
}

/// The whole path of a folder, after a look at its images.
///
/// # Errors
/// If they cannot be used.
pub fn check(folder: &Path) -> anyhow::Result<PathBuf> {
    let images = || format!("the images in {} cannot be used", folder.display());
    ImageFolder::read(folder).with_context(images)?;
    std::fs::canonicalize(folder).with_context(images)
}

/// Only root of the machine may give files to all users.
fn ownership() -> Ownership {
    if crate::process::identity::has_all_users() {
        Ownership::Kept
    } else {
        Ownership::Own
    }
}
