//! Puts volumes where containers look for them. Nothing is made on the machine for it: where a folder is missing, the
//! nearest one that is there is covered by a copy of links to what is in it, and the new folder is made in the copy.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use nix::mount::{MsFlags, mount};
use nix::sys::statvfs::{FsFlags, statvfs};
use serde::{Deserialize, Serialize};

/// A volume, and where it is seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumePlace {
    /// A folder or file.
    pub source: PathBuf,
    /// Where the pod sees it.
    pub target: PathBuf,
    /// Whether it cannot be written there.
    pub read_only: bool,
}

/// Mounts volumes in the mount namespace of the calling process, where others are at `taken`; `staging` is an empty folder to
/// build in.
///
/// # Errors
/// If a volume cannot be seen where it should.
pub(super) fn place(
    volumes: &[VolumePlace],
    taken: &[PathBuf],
    staging: &Path,
) -> anyhow::Result<()> {
    let mut volumes: Vec<&VolumePlace> = volumes.iter().collect();
    volumes.sort_by_key(|volume| volume.target.components().count());
    let mut places = Places {
        staging,
        own: taken.iter().filter(|path| path.is_dir()).cloned().collect(),
    };
    for volume in volumes {
        places
            .place(volume)
            .with_context(|| format!("cannot mount a volume at {}", volume.target.display()))?;
    }
    Ok(())
}

struct Places<'a> {
    staging: &'a Path,
    /// Folders in which others may be made: those that cover the machine's, and volumes.
    own: BTreeSet<PathBuf>,
}

impl Places<'_> {
    fn place(&mut self, volume: &VolumePlace) -> anyhow::Result<()> {
        let is_folder = volume.source.is_dir();
        let target = self.make(&volume.target, is_folder)?;
        anyhow::ensure!(
            target.is_dir() == is_folder,
            "one of the two is a folder and the other a file"
        );
        bind(&volume.source, &target)?;
        if volume.read_only {
            let flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY | kept(&target);
            mount(None::<&str>, &target, None::<&str>, flags, None::<&str>)?;
        }
        if is_folder {
            self.own.insert(target);
        }
        Ok(())
    }

    /// Where `path` is once all that is missing of it has been made.
    fn make(&mut self, path: &Path, is_folder: bool) -> anyhow::Result<PathBuf> {
        let there = path.ancestors().find(|ancestor| ancestor.exists());
        let there = there.context("it is no absolute path")?;
        let missing = path.strip_prefix(there)?;
        let there = fs::canonicalize(there)?;
        if missing.as_os_str().is_empty() {
            return Ok(there);
        }
        if !self.own.contains(&there) {
            cover(&there, self.staging)?;
            self.own.insert(there.clone());
        }
        let mut made = there;
        let last = missing.components().count() - 1;
        for (index, part) in missing.components().enumerate() {
            made.push(part);
            if index == last && !is_folder {
                fs::write(&made, "")?;
            } else {
                fs::create_dir(&made)?;
                self.own.insert(made.clone());
            }
        }
        Ok(made)
    }
}

/// Covers `folder` by one of our own that has the same in it.
fn cover(folder: &Path, staging: &Path) -> anyhow::Result<()> {
    mount(
        Some("tmpfs"),
        staging,
        Some("tmpfs"),
        MsFlags::empty(),
        Some("mode=755"),
    )
    .context("cannot make a folder")?;
    // Else what holds it is copied with it inside.
    change(staging, MsFlags::MS_UNBINDABLE)?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // What goes away meanwhile, or may not be seen, is not there.
        let _ = copy(&entry, &staging.join(entry.file_name()));
    }
    if folder == Path::new("/") {
        std::env::set_current_dir(staging)?;
        mount(Some("."), "/", None::<&str>, MsFlags::MS_MOVE, None::<&str>)?;
        nix::unistd::chroot(".")?;
    } else {
        mount(
            Some(staging),
            folder,
            None::<&str>,
            MsFlags::MS_MOVE,
            None::<&str>,
        )?;
    }
    change(folder, MsFlags::MS_PRIVATE)
}

fn copy(entry: &fs::DirEntry, to: &Path) -> anyhow::Result<()> {
    let kind = entry.file_type()?;
    if kind.is_symlink() {
        return Ok(symlink(fs::read_link(entry.path())?, to)?);
    }
    if kind.is_dir() {
        fs::create_dir(to)?;
    } else {
        fs::write(to, "")?;
    }
    bind(&entry.path(), to)
}

fn bind(source: &Path, target: &Path) -> anyhow::Result<()> {
    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
    Ok(mount(
        Some(source),
        target,
        None::<&str>,
        flags,
        None::<&str>,
    )?)
}

fn change(mounted: &Path, flags: MsFlags) -> anyhow::Result<()> {
    Ok(mount(
        None::<&str>,
        mounted,
        None::<&str>,
        flags,
        None::<&str>,
    )?)
}

/// What an ordinary user may not take from a mount.
pub(super) fn kept(mounted: &Path) -> MsFlags {
    let flags = statvfs(mounted).map_or(FsFlags::empty(), |found| found.flags());
    [
        (FsFlags::ST_NOSUID, MsFlags::MS_NOSUID),
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
    ]
    .into_iter()
    .filter(|(found, _)| flags.contains(*found))
    .fold(MsFlags::empty(), |all, (_, flag)| all | flag)
}
