//! Container images in OCI image layouts: which ones a folder has, what they run, and their files.
//!
//! Nothing is fetched. A layout is read as the OCI image specification 1.1 has it (`image-layout.md`, `manifest.md`,
//! `config.md`, `layer.md`), and every blob is compared with its digest.

mod blob;
mod folder;
mod layers;

pub use folder::{Image, ImageFolder};
pub use layers::{Ownership, unpack};

use std::io;
use std::path::PathBuf;

/// Why images cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The folder has no layout.
    #[error(
        "{} has no OCI image layout: neither it nor a folder in it holds a file `oci-layout`\n  \
         write one there, such as: skopeo copy docker://nginx:1.29 oci:{}/nginx:1.29",
        .0.display(), .0.display()
    )]
    NoLayout(PathBuf),
    /// A file cannot be read or written.
    #[error("{}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A document of a layout says what it cannot.
    #[error("{}: {reason}", .path.display())]
    Document {
        /// Its file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A blob is not the one that its name promises.
    #[error("{} has other content than its digest says; was it written to its end?", .0.display())]
    Digest(PathBuf),
    /// Two layouts have an image under one name.
    #[error("the image {name} is both in {} and in {}", .first.display(), .second.display())]
    Twice {
        /// The image.
        name: String,
        /// One of its layouts.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
}

impl ImageError {
    fn file(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }

    fn document(path: &std::path::Path, reason: impl Into<String>) -> Self {
        Self::Document {
            path: path.to_owned(),
            reason: reason.into(),
        }
    }
}
