//! Writes container images as OCI image layouts.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test whose image cannot be written is to end"
)]

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use flate2::write::GzEncoder;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};

/// The files of a layer, as they are written into its archive.
#[derive(Clone, Debug, Default)]
pub struct Layer {
    entries: Vec<(Header, Vec<u8>)>,
}

impl Layer {
    /// With a file.
    ///
    /// # Panics
    /// If the path does not fit into an archive.
    #[must_use]
    pub fn file(self, path: &str, mode: u32, content: &[u8]) -> Self {
        self.entry(EntryType::Regular, path, mode, "", content)
    }

    /// With a folder.
    ///
    /// # Panics
    /// If the path does not fit into an archive.
    #[must_use]
    pub fn folder(self, path: &str) -> Self {
        self.entry(EntryType::Directory, path, 0o755, "", &[])
    }

    /// With a symbolic link.
    ///
    /// # Panics
    /// If a path does not fit into an archive.
    #[must_use]
    pub fn link(self, path: &str, target: &str) -> Self {
        self.entry(EntryType::Symlink, path, 0o777, target, &[])
    }

    /// With another name for a file.
    ///
    /// # Panics
    /// If a path does not fit into an archive.
    #[must_use]
    pub fn hard_link(self, path: &str, target: &str) -> Self {
        self.entry(EntryType::Link, path, 0o644, target, &[])
    }

    /// With an entry of any kind, whatever its path says.
    ///
    /// # Panics
    /// If a path does not fit into an archive.
    #[must_use]
    pub fn entry(
        mut self,
        kind: EntryType,
        path: &str,
        mode: u32,
        target: &str,
        content: &[u8],
    ) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(content.len().try_into().unwrap());
        let names = header.as_gnu_mut().unwrap();
        names.name[..path.len()].copy_from_slice(path.as_bytes());
        names.linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_cksum();
        self.entries.push((header, content.to_owned()));
        self
    }

    /// The archive.
    ///
    /// # Panics
    /// Never: it is written to memory.
    #[must_use]
    pub fn tar(self) -> Vec<u8> {
        let mut archive = Builder::new(Vec::new());
        for (header, content) in self.entries {
            archive.append(&header, &*content).unwrap();
        }
        archive.into_inner().unwrap()
    }
}

/// A layer as a layout has it: its media type and its blob.
#[derive(Clone, Debug)]
pub struct Packed {
    /// The end of `application/vnd.oci.image.layer.v1.`.
    pub kind: &'static str,
    /// What is in its file.
    pub blob: Vec<u8>,
}

impl Packed {
    /// Not compressed.
    #[must_use]
    pub fn plain(layer: Layer) -> Self {
        Self {
            kind: "tar",
            blob: layer.tar(),
        }
    }

    /// Compressed by gzip.
    ///
    /// # Panics
    /// Never: it is written to memory.
    #[must_use]
    pub fn gzip(layer: Layer) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&layer.tar()).unwrap();
        Self {
            kind: "tar+gzip",
            blob: encoder.finish().unwrap(),
        }
    }
}

/// An image that is written.
#[derive(Clone, Debug, Default)]
pub struct Image {
    /// What its index annotates as its name.
    pub name: Option<String>,
    /// `config` of its configuration, such as `{"Cmd": ["sh"]}`.
    pub config: Value,
    /// Its layers, the lowest first.
    pub layers: Vec<Packed>,
}

/// Writes a layout with one image.
///
/// # Errors
/// If a file cannot be written.
pub fn write_layout(folder: &Path, image: &Image) -> io::Result<()> {
    fs::create_dir_all(folder.join("blobs/sha256"))?;
    let layers = image.layers.iter().map(|layer| {
        let kind = format!("application/vnd.oci.image.layer.v1.{}", layer.kind);
        blob(folder, &kind, &layer.blob)
    });
    let layers = layers.collect::<io::Result<Vec<_>>>()?;
    let config = json!({
        "architecture": architecture(), "os": "linux", "config": image.config,
        "rootfs": {"type": "layers", "diff_ids": []},
    });
    let config = document(folder, "application/vnd.oci.image.config.v1+json", &config)?;
    let manifest = json!({"schemaVersion": 2, "config": config, "layers": layers});
    let mut manifest = document(
        folder,
        "application/vnd.oci.image.manifest.v1+json",
        &manifest,
    )?;
    if let Some(name) = &image.name {
        manifest["annotations"] = json!({"org.opencontainers.image.ref.name": name});
    }
    let index = json!({"schemaVersion": 2, "manifests": [manifest]});
    fs::write(folder.join("index.json"), index.to_string())?;
    fs::write(
        folder.join("oci-layout"),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    )
}

fn document(folder: &Path, kind: &str, content: &Value) -> io::Result<Value> {
    blob(folder, kind, content.to_string().as_bytes())
}

/// Writes a blob, and gives what points to it.
fn blob(folder: &Path, kind: &str, content: &[u8]) -> io::Result<Value> {
    let hash = digest(&SHA256, content);
    let hash: String = hash
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    fs::write(folder.join("blobs/sha256").join(&hash), content)?;
    Ok(json!({"mediaType": kind, "digest": format!("sha256:{hash}"), "size": content.len()}))
}

/// This machine's processor, as images name it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
