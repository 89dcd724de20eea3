//! Which images a folder has.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use oci_spec::distribution::Reference;
use oci_spec::image::{
    Arch, Descriptor, ImageConfiguration, ImageIndex, ImageManifest, MediaType, Os,
};

use crate::ImageError;
use crate::blob::Blob;

/// The file that makes a folder a layout.
const LAYOUT: &str = "oci-layout";
const INDEX: &str = "index.json";
/// Annotations that name an image of a layout: that of containerd, which is whole, and that of the specification, which may be a
/// tag alone.
const NAMES: [&str; 2] = [
    "io.containerd.image.name",
    "org.opencontainers.image.ref.name",
];
/// How deep folders of layouts may lie in another, as `registry.example:5000/team/part/program` does.
const DEPTH: usize = 6;
/// How often an index may lead to another one.
const INDEXES: usize = 4;
const DEFAULT_TAG: &str = "latest";

/// An image: what it runs, and where its layers are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its whole name, such as `docker.io/library/nginx:1.29`.
    pub name: String,
    /// The digest of its manifest, such as `sha256:...`.
    pub digest: String,
    /// `Entrypoint`: what runs, before the arguments.
    pub entrypoint: Vec<String>,
    /// `Cmd`: the arguments, or what runs where there is no entry point.
    pub command: Vec<String>,
    /// `Env`; of a variable that is there twice, the last.
    pub environment: BTreeMap<String, String>,
    /// `User`: a name or number, with `:` and a group if it says one; empty for root.
    pub user: String,
    /// `WorkingDir`; empty if it does not say.
    pub folder: String,
    pub(crate) layers: Vec<Layer>,
}

/// Some of an image's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layer {
    pub(crate) blob: Blob,
    pub(crate) compression: Compression,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    No,
    Gzip,
    Zstd,
}

/// The images of a folder.
#[derive(Clone, Debug, Default)]
pub struct ImageFolder {
    images: BTreeMap<String, (Image, PathBuf)>,
}

impl ImageFolder {
    /// Reads what images there are in `folder`: a layout, or folders that hold layouts and are called as the images are, such as
    /// `nginx` or `quay.io/team/program`. An image is called as the layout's index annotates it; where that is a tag
    /// alone, or nothing, by its folder. Layers are not read.
    ///
    /// # Errors
    /// [`ImageError`] for the first document that cannot be used; if there is no layout at all; if two images have one name.
    pub fn read(folder: &Path) -> Result<Self, ImageError> {
        let mut all = Self::default();
        let mut layouts = Vec::new();
        find_layouts(folder, DEPTH, &mut layouts)?;
        if layouts.is_empty() {
            return Err(ImageError::NoLayout(folder.to_owned()));
        }
        for layout in layouts {
            let own = match layout.strip_prefix(folder) {
                Ok(inside) if !inside.as_os_str().is_empty() => inside.to_owned(),
                Ok(_) | Err(_) => layout.file_name().map(PathBuf::from).unwrap_or_default(),
            };
            all.read_layout(&layout, &own.to_string_lossy())?;
        }
        Ok(all)
    }

    /// The image that a manifest calls `name`; a name without registry is one of Docker Hub, one without tag means `latest`.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Image> {
        let wanted: Reference = name.parse().ok()?;
        if let Some(digest) = wanted.digest() {
            let repository = format!("{}/{}:", wanted.registry(), wanted.repository());
            let mut images = self.images.values().map(|(image, _)| image);
            return images.find(|it| it.digest == digest && it.name.starts_with(&repository));
        }
        self.images.get(&wanted.whole()).map(|(image, _)| image)
    }

    /// Their whole names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.images.keys().map(String::as_str)
    }

    fn read_layout(&mut self, layout: &Path, own: &str) -> Result<(), ImageError> {
        let path = layout.join(INDEX);
        let text = fs::read(&path).map_err(ImageError::file(&path))?;
        let index = parse::<ImageIndex>(&path, &text)?;
        for descriptor in index.manifests() {
            let annotation = annotated_name(descriptor);
            let name = whole_name(annotation, own).ok_or_else(|| {
                let said = annotation.unwrap_or(own);
                ImageError::document(&path, format!("`{said}` is no name of an image"))
            })?;
            let Some(image) = read_image(layout, descriptor, &name, INDEXES)? else {
                continue;
            };
            let here = (image, layout.to_owned());
            if let Some((_, first)) = self.images.insert(name.clone(), here) {
                return Err(ImageError::Twice {
                    name,
                    first,
                    second: layout.to_owned(),
                });
            }
        }
        Ok(())
    }
}

/// Layouts in `folder`, in the order of their names. What is in one is not looked through.
fn find_layouts(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), ImageError> {
    if folder.join(LAYOUT).is_file() {
        found.push(folder.to_owned());
        return Ok(());
    }
    let entries = fs::read_dir(folder).map_err(ImageError::file(folder))?;
    let mut inside = Vec::new();
    for entry in entries {
        let entry = entry.map_err(ImageError::file(folder))?;
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            inside.push(entry.path());
        }
    }
    inside.sort();
    if depth > 0 {
        for folder in inside {
            find_layouts(&folder, depth - 1, found)?;
        }
    }
    Ok(())
}

fn annotated_name(descriptor: &Descriptor) -> Option<&str> {
    let annotations = descriptor.annotations().as_ref()?;
    let name = NAMES.iter().find_map(|name| annotations.get(*name))?;
    Some(name.as_str())
}

/// The whole name of an image that is annotated like this, in a folder with that name of `own`; `None` if that is no name.
fn whole_name(annotation: Option<&str>, own: &str) -> Option<String> {
    let said = match annotation {
        Some(name) if name.contains(['/', ':']) => name.to_owned(),
        Some(tag) => format!("{own}:{tag}"),
        None => format!("{own}:{DEFAULT_TAG}"),
    };
    let reference: Reference = said.parse().ok()?;
    reference.tag()?;
    Some(reference.whole())
}

/// The image for this machine's processor that a descriptor leads to; `None` if it is of another one, or no image.
fn read_image(
    layout: &Path,
    descriptor: &Descriptor,
    name: &str,
    indexes: usize,
) -> Result<Option<Image>, ImageError> {
    if !is_for_this_machine(descriptor) {
        return Ok(None);
    }
    let blob = Blob::of(layout, descriptor)?;
    if descriptor.media_type() == &MediaType::ImageManifest {
        let manifest = parse::<ImageManifest>(&blob.path, &blob.document()?)?;
        if manifest.config().media_type() != &MediaType::ImageConfig {
            return Ok(None);
        }
        return image(layout, descriptor, &manifest, name).map(Some);
    }
    if descriptor.media_type() != &MediaType::ImageIndex {
        // A signature or the like.
        return Ok(None);
    }
    if indexes == 0 {
        let reason = "an index of an index of an index: no image is that deep";
        return Err(ImageError::document(&blob.path, reason));
    }
    let index = parse::<ImageIndex>(&blob.path, &blob.document()?)?;
    for inside in index.manifests() {
        if let Some(image) = read_image(layout, inside, name, indexes - 1)? {
            return Ok(Some(image));
        }
    }
    Ok(None)
}

fn is_for_this_machine(descriptor: &Descriptor) -> bool {
    let platform = descriptor.platform().as_ref();
    platform.is_none_or(|it| it.architecture() == &Arch::default() && it.os() == &Os::Linux)
}

fn image(
    layout: &Path,
    descriptor: &Descriptor,
    manifest: &ImageManifest,
    name: &str,
) -> Result<Image, ImageError> {
    let blob = Blob::of(layout, manifest.config())?;
    let config = parse::<ImageConfiguration>(&blob.path, &blob.document()?)?;
    if config.architecture() != &Arch::default() {
        let reason = format!(
            "the image {name} is for {}, this machine is {}",
            config.architecture(),
            Arch::default()
        );
        return Err(ImageError::document(&blob.path, reason));
    }
    let layers = manifest.layers().iter().map(|layer| {
        Ok(Layer {
            blob: Blob::of(layout, layer)?,
            compression: compression(layout, layer.media_type())?,
        })
    });
    let layers = layers.collect::<Result<_, ImageError>>()?;
    let run = config.config().clone().unwrap_or_default();
    let variables = run.env().iter().flatten();
    let variables = variables.filter_map(|line| line.split_once('='));
    Ok(Image {
        name: name.to_owned(),
        digest: descriptor.digest().to_string(),
        entrypoint: run.entrypoint().clone().unwrap_or_default(),
        command: run.cmd().clone().unwrap_or_default(),
        environment: variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        user: run.user().clone().unwrap_or_default(),
        folder: run.working_dir().clone().unwrap_or_default(),
        layers,
    })
}

fn compression(layout: &Path, kind: &MediaType) -> Result<Compression, ImageError> {
    let known = [
        (MediaType::ImageLayer, Compression::No),
        (MediaType::ImageLayerGzip, Compression::Gzip),
        (MediaType::ImageLayerZstd, Compression::Zstd),
        (MediaType::ImageLayerNonDistributable, Compression::No),
        (MediaType::ImageLayerNonDistributableGzip, Compression::Gzip),
        (MediaType::ImageLayerNonDistributableZstd, Compression::Zstd),
    ];
    let found = known.iter().find(|(known, _)| known == kind);
    found.map(|(_, compression)| *compression).ok_or_else(|| {
        let reason = format!("a layer of the type {kind} cannot be unpacked");
        ImageError::document(layout, reason)
    })
}

fn parse<T: for<'de> serde::Deserialize<'de>>(path: &Path, text: &[u8]) -> Result<T, ImageError> {
    serde_json::from_slice(text).map_err(|error| ImageError::document(path, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_called_by_their_annotation_or_their_folder() {
        for (annotation, folder, name) in [
            (None, "nginx", "docker.io/library/nginx:latest"),
            (Some("1.29"), "nginx", "docker.io/library/nginx:1.29"),
            (Some("v1"), "quay.io/team/part", "quay.io/team/part:v1"),
            (Some("postgres:16"), "any", "docker.io/library/postgres:16"),
            (Some("ghcr.io/a/b"), "any", "ghcr.io/a/b:latest"),
        ] {
            let found = whole_name(annotation, folder);
            assert_eq!(found.as_deref(), Some(name), "{annotation:?} {folder}");
        }
        for (annotation, folder) in [(None, "A B"), (Some("-"), ""), (Some("a:b:c"), "x")] {
            assert_eq!(whole_name(annotation, folder), None, "{annotation:?}");
        }
    }
}
