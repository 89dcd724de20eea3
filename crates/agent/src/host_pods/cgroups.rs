//! The cgroups of pods, as the kubelet makes them.
//!
//! `kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<UID>.slice` with the systemd driver, `kubepods/burstable/pod<UID>`
//! with cgroupfs; pods of the class Guaranteed lie one level higher. Where the kubelet itself runs in a container,
//! that lies below further folders. A cgroup's number is the inode of its folder, which the kernel gives to no other one after it.

use std::fs::{self, DirEntry};
use std::io;
use std::os::unix::fs::DirEntryExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::statfs::{CGROUP2_SUPER_MAGIC, statfs};
use ringfence_compile::{LEVELS, PodCgroups};

use super::place::Surroundings;

/// How deep the kubelet's own cgroup may lie.
const ROOT_DEPTH: u8 = 3;
/// Where the hierarchy is on nodes that have the old ones, too.
const UNIFIED: &str = "unified";

/// Where in the hierarchy the pods are.
#[derive(Debug)]
pub(super) struct Hierarchy {
    roots: Vec<Root>,
}

/// A cgroup that all pods of a kubelet are in.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Root {
    folder: PathBuf,
    number: u64,
    level: u8,
}

impl Hierarchy {
    /// The hierarchy that is mounted at `folder`.
    ///
    /// # Errors
    /// If it is none of version 2, holds no pods, or its levels are not those of rules.
    pub(super) fn find(folder: &Path) -> Result<Self> {
        ensure!(
            cfg!(target_pointer_width = "64"),
            "on machines of 32 bits folders do not tell the numbers of cgroups"
        );
        let folder = version_2(folder)?;
        if let Some(obstacle) = obstacle(&folder) {
            bail!(obstacle);
        }
        let mut roots = Vec::new();
        search(&folder, 1, &mut roots)?;
        ensure!(
            !roots.is_empty(),
            "no cgroup `kubepods` or `kubepods.slice` lies in `{}`: does the kubelet use cgroup v1, or is this not the node's hierarchy?",
            folder.display()
        );
        Ok(Self { roots })
    }

    /// The cgroups of all pods and of each. What goes while it is read is left out.
    ///
    /// # Errors
    /// If a root is gone or another one.
    pub(super) fn read(&self) -> Result<PodCgroups> {
        let mut found = PodCgroups::default();
        for root in &self.roots {
            let is_there = number_of(&root.folder).is_ok_and(|number| number == root.number);
            ensure!(is_there, "`{}` is another one", root.folder.display());
            found.roots.insert(root.number);
            read_pods(root, &mut found)?;
        }
        Ok(found)
    }
}

fn version_2(folder: &Path) -> Result<PathBuf> {
    for folder in [folder.to_owned(), folder.join(UNIFIED)] {
        let is_version_2 =
            statfs(&folder).is_ok_and(|found| found.filesystem_type() == CGROUP2_SUPER_MAGIC);
        if is_version_2 {
            return Ok(folder);
        }
    }
    bail!("`{}` is no cgroup v2 hierarchy", folder.display())
}

fn obstacle(folder: &Path) -> Option<String> {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let namespace = fs::read_link("/proc/self/ns/cgroup").unwrap_or_default();
    let around = Surroundings {
        namespace: &namespace.to_string_lossy(),
        mounts: &read("/proc/self/mountinfo"),
        release: &read("/proc/sys/kernel/osrelease"),
    };
    around.obstacle(&folder.to_string_lossy())
}

fn search(folder: &Path, level: u8, roots: &mut Vec<Root>) -> Result<()> {
    for entry in folders(folder)? {
        let name = entry.file_name();
        if is_root(&name.to_string_lossy()) {
            roots.push(Root {
                folder: entry.path(),
                number: entry.ino(),
                level,
            });
        } else if level < ROOT_DEPTH {
            search(&entry.path(), level + 1, roots)?;
        }
    }
    Ok(())
}

fn is_root(name: &str) -> bool {
    let stem = name.strip_suffix(".slice").unwrap_or(name);
    stem == "kubepods" || (stem.ends_with("-kubepods") && stem != name)
}

fn read_pods(root: &Root, found: &mut PodCgroups) -> Result<()> {
    for entry in folders(&root.folder)? {
        match uid_of(&entry) {
            Some(uid) => note(uid, &entry, root.level + 1, found),
            None => {
                for entry in folders(&entry.path())? {
                    if let Some(uid) = uid_of(&entry) {
                        note(uid, &entry, root.level + 2, found);
                    }
                }
            }
        }
    }
    Ok(())
}

/// Deeper ones no rule asks for.
fn note(uid: String, entry: &DirEntry, level: u8, found: &mut PodCgroups) {
    if LEVELS.contains(&level) {
        found.pods.insert(uid, entry.ino());
    }
}

fn uid_of(entry: &DirEntry) -> Option<String> {
    uid(&entry.file_name().to_string_lossy())
}

/// `pod<UID>`, or `kubepods-burstable-pod<UID>.slice` with other dashes.
fn uid(name: &str) -> Option<String> {
    let (uid, is_slice) = match name.strip_suffix(".slice") {
        Some(stem) => (stem.rsplit_once("-pod")?.1, true),
        None => (name.strip_prefix("pod")?, false),
    };
    let is_plain = uid
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    (is_plain && !uid.is_empty()).then(|| match is_slice {
        true => uid.replace('_', "-"),
        false => uid.to_owned(),
    })
}

/// The folders in one; none if it is gone.
fn folders(folder: &Path) -> Result<Vec<DirEntry>> {
    let context = || format!("cannot read the cgroup `{}`", folder.display());
    let entries = match fs::read_dir(folder) {
        Err(error) if is_gone(&error) => return Ok(Vec::new()),
        entries => entries.with_context(context)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        match entry {
            Ok(entry) if entry.file_type().is_ok_and(|kind| kind.is_dir()) => found.push(entry),
            Ok(_) => {}
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error).with_context(context),
        }
    }
    Ok(found)
}

fn is_gone(error: &io::Error) -> bool {
    // ENODEV: a cgroup that is being removed.
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(nix::libc::ENODEV)
}

fn number_of(folder: &Path) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt as _;
    Ok(fs::metadata(folder)?.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_tell_the_uids_of_pods() {
        const UID: &str = "0b7c3a52-9f43-4f6e-9d0e-3d4f1c2b1a00";
        let slice = UID.replace('-', "_");
        for name in [
            format!("pod{UID}"),
            format!("kubepods-pod{slice}.slice"),
            format!("kubepods-burstable-pod{slice}.slice"),
            format!("kubelet-kubepods-besteffort-pod{slice}.slice"),
        ] {
            assert_eq!(uid(&name).as_deref(), Some(UID), "{name}");
        }
        let of_file = "4f2e0d2f6b2d5a3c9f1e8d7c6b5a4938";
        assert_eq!(uid(&format!("pod{of_file}")).as_deref(), Some(of_file));
        for name in [
            "kubepods-burstable.slice",
            "burstable",
            "pod",
            "besteffort",
            "pod/x",
            "kubepods",
        ] {
            assert_eq!(uid(name), None, "{name}");
        }
    }

    #[test]
    fn roots_are_those_of_kubelets() {
        for name in ["kubepods", "kubepods.slice", "kubelet-kubepods.slice"] {
            assert!(is_root(name), "{name}");
        }
        for name in [
            "kubepods-burstable.slice",
            "my-kubepods",
            "system.slice",
            "kubelet",
        ] {
            assert!(!is_root(name), "{name}");
        }
    }

    #[test]
    fn pods_of_every_class_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let make = |path: &str| fs::create_dir_all(folder.path().join(path)).unwrap();
        for path in [
            "kubelet/kubepods/podone/container",
            "kubelet/kubepods/burstable/podtwo",
            "system.slice/podthree",
        ] {
            make(path);
        }
        let mut roots = Vec::new();
        search(folder.path(), 1, &mut roots).unwrap();
        let hierarchy = Hierarchy { roots };
        let found = hierarchy.read().unwrap();
        let number = |path: &str| number_of(&folder.path().join(path)).unwrap();
        assert_eq!(found.roots, [number("kubelet/kubepods")].into());
        let pods = [
            ("one", "kubelet/kubepods/podone"),
            ("two", "kubelet/kubepods/burstable/podtwo"),
        ];
        let pods = pods.map(|(uid, path)| (uid.to_owned(), number(path)));
        assert_eq!(found.pods, pods.into());
        fs::remove_dir_all(folder.path().join("kubelet")).unwrap();
        assert!(hierarchy.read().is_err());
    }
}
