//! The files of volumes. Pure.

use std::collections::BTreeMap;

use ringfence_model::{ObjectKind, ObjectName};

use super::details::{Downward, Facts, KeyPath, Keys, Volume};
use super::workloads::{Objects, data};

/// The mode of files for which none is asked.
const MODE: u32 = 0o644;

/// A file of a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeFile {
    /// What is in it.
    pub content: Vec<u8>,
    /// Who may read it.
    pub mode: u32,
}

/// Files by their paths, from the volume's folder on.
pub type VolumeFiles = BTreeMap<String, VolumeFile>;

/// What a volume refers to and is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("MountVolume.SetUp failed for volume \"{volume}\": {wanted} not found")]
pub struct MissingSource {
    /// The volume.
    pub volume: String,
    /// What is not there.
    pub wanted: String,
}

/// The files of a volume of a pod in `namespace`.
///
/// # Errors
/// [`MissingSource`] for what is not there and not optional.
pub fn files(
    volume: &Volume,
    objects: &Objects,
    namespace: &str,
    facts: &Facts,
) -> Result<VolumeFiles, MissingSource> {
    let mut all = VolumeFiles::new();
    let keys = |kind, keys: &Keys, mode| {
        of_keys(objects, namespace, kind, keys, mode).map_err(|wanted| MissingSource {
            volume: volume.name.clone(),
            wanted,
        })
    };
    if let Some(map) = &volume.config_map {
        all.extend(keys(ObjectKind::ConfigMap, map, None)?);
    }
    if let Some(secret) = &volume.secret {
        all.extend(keys(ObjectKind::Secret, secret, None)?);
    }
    if let Some(downward) = &volume.downward_api {
        all.extend(of_fields(downward, facts, None));
    }
    if let Some(projected) = &volume.projected {
        let mode = projected.default_mode;
        for source in &projected.sources {
            if let Some(map) = &source.config_map {
                all.extend(keys(ObjectKind::ConfigMap, map, mode)?);
            }
            if let Some(secret) = &source.secret {
                all.extend(keys(ObjectKind::Secret, secret, mode)?);
            }
            if let Some(downward) = &source.downward_api {
                all.extend(of_fields(downward, facts, mode));
            }
        }
    }
    Ok(all)
}

fn of_keys(
    objects: &Objects,
    namespace: &str,
    kind: ObjectKind,
    keys: &Keys,
    mode: Option<u32>,
) -> Result<VolumeFiles, String> {
    let mode = keys.default_mode.or(mode).unwrap_or(MODE);
    let Some(data) = data(objects, kind, namespace, &keys.name) else {
        let name = ObjectName::new(namespace, keys.name.as_str());
        let kind = kind.name().to_lowercase();
        let missing = format!("{kind} \"{}\"", name.name);
        return if keys.optional {
            Ok(VolumeFiles::new())
        } else {
            Err(missing)
        };
    };
    let file = |content: &[u8], mode| VolumeFile {
        content: content.to_vec(),
        mode,
    };
    let Some(items) = &keys.items else {
        let all = data
            .iter()
            .map(|(key, content)| (key.clone(), file(content, mode)));
        return Ok(all.collect());
    };
    let mut files = VolumeFiles::new();
    for KeyPath {
        key,
        path,
        mode: own,
    } in items
    {
        match data.get(key) {
            Some(content) => {
                files.insert(path.clone(), file(content, own.unwrap_or(mode)));
            }
            None if keys.optional => {}
            None => return Err(format!("key {key} of {} {}", kind.name(), keys.name)),
        }
    }
    Ok(files)
}

fn of_fields(downward: &Downward, facts: &Facts, mode: Option<u32>) -> VolumeFiles {
    let mode = downward.default_mode.or(mode).unwrap_or(MODE);
    let file = |path: &str, own: Option<u32>| VolumeFile {
        content: facts.field(path).unwrap_or_default().into_bytes(),
        mode: own.unwrap_or(mode),
    };
    let items = downward.items.iter();
    items
        .map(|item| {
            (
                item.path.clone(),
                file(&item.field_ref.field_path, item.mode),
            )
        })
        .collect()
}
