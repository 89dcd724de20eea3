//! The folders of a pod's volumes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

use anyhow::Context as _;

use super::super::Lab;
use super::directory;
use crate::cluster::desired::{DesiredContainer, DesiredPod};
use crate::cluster::details::{ContainerDetails, Volume, VolumeMount};
use crate::cluster::volumes::{VolumeFile, VolumeFiles, files};
use crate::process::volumes::VolumePlace;

/// Where they are, below the pod's own folder.
const FOLDER: &str = "volumes";

/// Makes the volumes of a pod, with what its ConfigMaps and Secrets hold now, and says where containers see them.
pub(super) fn prepare(lab: &Lab, desired: &DesiredPod) -> anyhow::Result<Vec<VolumePlace>> {
    let name = &desired.pod.name;
    let folder = directory(name).join(FOLDER);
    let objects = lab.referable(&name.namespace);
    let facts = lab.facts(name, &[]);
    for volume in &desired.details.volumes {
        let files = files(volume, &objects, &name.namespace, &facts)?;
        fill(&folder.join(&volume.name), &files)
            .with_context(|| format!("cannot make volume {}", volume.name))?;
    }
    let all = desired.init.iter().chain(&desired.containers);
    places(
        desired,
        all.filter(|container| container.image_program().is_none()),
        &folder,
    )
}

/// The volumes of a container that sees no other's.
pub(super) fn own(
    desired: &DesiredPod,
    container: &DesiredContainer,
) -> anyhow::Result<Vec<VolumePlace>> {
    let folder = directory(&desired.pod.name).join(FOLDER);
    places(desired, std::iter::once(container), &folder)
}

/// Volumes of a running pod that `container` sees where no container has seen any, and where those are that others see: its
/// own ones and `added` ones.
pub(in super::super) fn added(
    desired: &DesiredPod,
    added: &[DesiredContainer],
    container: &DesiredContainer,
) -> anyhow::Result<(Vec<VolumePlace>, Vec<PathBuf>)> {
    let folder = directory(&desired.pod.name).join(FOLDER);
    if container.image_program().is_some() {
        return Ok((Vec::new(), Vec::new()));
    }
    let before = desired.init.iter().chain(&desired.containers).chain(added);
    let before = before.filter(|container| container.image_program().is_none());
    let taken = places(desired, before.clone(), &folder)?;
    let taken: Vec<PathBuf> = taken.into_iter().map(|place| place.target).collect();
    let mut new = places(desired, before.chain([container]), &folder)?;
    new.retain(|place| !taken.contains(&place.target));
    Ok((new, taken))
}

/// Every volume of a pod that the lab has in another way than asked for.
pub(super) fn substituted(desired: &DesiredPod) -> Vec<&str> {
    let volumes = desired.details.volumes.iter();
    let other = volumes.filter(|one| {
        one.empty_dir.is_none()
            && one.host_path.is_none()
            && one.config_map.is_none()
            && one.secret.is_none()
            && one.downward_api.is_none()
            && one.projected.is_none()
    });
    other.map(|volume| volume.name.as_str()).collect()
}

fn fill(folder: &Path, files: &VolumeFiles) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    if files.is_empty() {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o777))?;
    }
    for (path, VolumeFile { content, mode }) in files {
        let file = folder.join(inner(path)?);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&file, content)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(*mode))?;
    }
    Ok(())
}

/// A path that stays inside.
fn inner(path: &str) -> anyhow::Result<&Path> {
    let path = Path::new(path);
    let stays = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    anyhow::ensure!(stays, "{} leads out of the volume", path.display());
    Ok(path)
}

fn places<'a>(
    desired: &DesiredPod,
    containers: impl Iterator<Item = &'a DesiredContainer>,
    folder: &Path,
) -> anyhow::Result<Vec<VolumePlace>> {
    let mut places: Vec<VolumePlace> = Vec::new();
    for ContainerDetails { volume_mounts, .. } in containers.map(|one| &one.details) {
        for seen in volume_mounts {
            let new = place(desired, seen, folder)?;
            let taken = places.iter_mut().find(|old| old.target == new.target);
            match taken {
                None => places.push(new),
                Some(old) if old.source == new.source => old.read_only &= new.read_only,
                Some(_) => anyhow::bail!(
                    "two containers see different volumes at {}; those of a pod in a lab see the same files",
                    seen.mount_path
                ),
            }
        }
    }
    Ok(places)
}

fn place(desired: &DesiredPod, seen: &VolumeMount, folder: &Path) -> anyhow::Result<VolumePlace> {
    let mut volumes = desired.details.volumes.iter();
    let volume = volumes.find(|volume| volume.name == seen.name);
    let volume = volume.with_context(|| format!("there is no volume {}", seen.name))?;
    let whole = source(volume, folder);
    let source = if seen.sub_path.is_empty() {
        whole
    } else {
        let part = whole.join(inner(&seen.sub_path)?);
        if volume.empty_dir.is_some() && !part.exists() {
            fs::create_dir_all(&part)?;
        }
        part
    };
    anyhow::ensure!(
        source.exists(),
        "volume {}: {} does not exist",
        seen.name,
        source.display()
    );
    Ok(VolumePlace {
        source,
        target: Path::new("/").join(&seen.mount_path),
        read_only: seen.read_only,
    })
}

fn source(volume: &Volume, folder: &Path) -> PathBuf {
    match &volume.host_path {
        Some(host) => PathBuf::from(&host.path),
        None => folder.join(&volume.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_in_its_volume() {
        for (path, stays) in [("a", true), ("a/b", true), ("../a", false), ("/a", false)] {
            assert_eq!(inner(path).is_ok(), stays, "{path}");
        }
    }
}
