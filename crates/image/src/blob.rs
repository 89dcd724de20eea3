//! Blobs of a layout: files that are called as the hash of their content.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use oci_spec::image::{Descriptor, DigestAlgorithm};
use ring::digest::{Algorithm, Context, SHA256, SHA512};

use crate::ImageError;

/// Bytes of the longest manifest or configuration that is read (`manifest.md` of the distribution specification).
const DOCUMENT_LIMIT: u64 = 4 << 20;

/// A blob, and what it has to contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blob {
    pub(crate) path: PathBuf,
    /// The hash of its content in hexadecimal digits.
    expected: String,
    algorithm: Hash,
    size: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    Sha256,
    Sha512,
}

impl Hash {
    fn algorithm(self) -> &'static Algorithm {
        match self {
            Self::Sha256 => &SHA256,
            Self::Sha512 => &SHA512,
        }
    }
}

impl Blob {
    /// The blob of `layout` that a descriptor means.
    pub(crate) fn of(layout: &Path, descriptor: &Descriptor) -> Result<Self, ImageError> {
        let digest = descriptor.digest();
        let name = digest.algorithm().as_ref();
        let known = [
            (DigestAlgorithm::Sha256, Hash::Sha256),
            (DigestAlgorithm::Sha512, Hash::Sha512),
        ];
        let found = known.iter().find(|(known, _)| known == digest.algorithm());
        let Some((_, algorithm)) = found else {
            let reason = format!("digests by {name} are not known here: sha256 and sha512 are");
            return Err(ImageError::document(layout, reason));
        };
        Ok(Self {
            path: layout.join("blobs").join(name).join(digest.digest()),
            expected: digest.digest().to_owned(),
            algorithm: *algorithm,
            size: descriptor.size(),
        })
    }

    /// All of a document.
    pub(crate) fn document(&self) -> Result<Vec<u8>, ImageError> {
        if self.size > DOCUMENT_LIMIT {
            let reason = format!("{} bytes are too many for a document", self.size);
            return Err(ImageError::document(&self.path, reason));
        }
        let mut content = Vec::new();
        let mut reader = self.open()?;
        reader
            .read_to_end(&mut content)
            .map_err(ImageError::file(&self.path))?;
        reader.finish()?;
        Ok(content)
    }

    /// Reads it; whether it was the right content is known once it is finished.
    pub(crate) fn open(&self) -> Result<BlobReader<'_>, ImageError> {
        let file = File::open(&self.path).map_err(ImageError::file(&self.path))?;
        Ok(BlobReader {
            blob: self,
            // One byte more tells a blob that is too long.
            file: file.take(self.size.saturating_add(1)),
            hash: Context::new(self.algorithm.algorithm()),
        })
    }
}

/// A blob that is read.
pub(crate) struct BlobReader<'a> {
    blob: &'a Blob,
    file: io::Take<File>,
    hash: Context,
}

impl BlobReader<'_> {
    /// Reads the rest and compares.
    pub(crate) fn finish(mut self) -> Result<(), ImageError> {
        io::copy(&mut self, &mut io::sink()).map_err(ImageError::file(&self.blob.path))?;
        let found = self.hash.finish();
        let found: String = found
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        if found == self.blob.expected {
            Ok(())
        } else {
            Err(ImageError::Digest(self.blob.path.clone()))
        }
    }
}

impl Read for BlobReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read(buffer)?;
        self.hash.update(buffer.get(..length).unwrap_or_default());
        Ok(length)
    }
}
