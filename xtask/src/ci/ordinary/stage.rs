//! A copy of the tree that an ordinary user can read and change, shown where the original lies.

use super::artifacts::{Build, TestProgram};
use super::give_away;
use anyhow::{Context as _, Result, bail};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use std::fs::{self, File, Permissions};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

/// A directory with one copy per place, and two lists: of the places, and of the test programs.
#[derive(Debug)]
pub(super) struct Stage {
    directory: PathBuf,
}

impl Stage {
    /// Copies the workspace and what was built from it into `directory`.
    pub(super) fn fill(directory: &Path, workspace: &Path, build: &Build) -> Result<()> {
        let target = target_directory(workspace)?;
        copy_tree(
            workspace,
            &directory.join("workspace"),
            &[&target, &workspace.join(".git")],
        )?;
        copy_programs(&build.executables, &target, &directory.join("target"))?;
        let lists = [
            ("workspace-is", display(workspace)?.to_owned()),
            ("target-is", display(&target)?.to_owned()),
            ("programs", list(&build.programs)?),
        ];
        for (name, text) in lists {
            fs::write(directory.join(name), text)
                .with_context(|| format!("cannot write {name}"))?;
        }
        Ok(())
    }

    /// A directory that [`Stage::fill`] has filled.
    pub(super) fn open(directory: &Path) -> Result<Self> {
        if !directory.join("programs").is_file() {
            bail!("{} holds no programs to test", directory.display());
        }
        Ok(Self {
            directory: directory.to_path_buf(),
        })
    }

    /// The programs to run, at the paths that they have after [`Stage::mount`].
    pub(super) fn programs(&self) -> Result<Vec<TestProgram>> {
        let text = fs::read_to_string(self.directory.join("programs"))
            .context("cannot read the list of programs")?;
        text.lines().map(program).collect()
    }

    /// Leaves the mounts of the machine and puts the copies where the originals are.
    pub(super) fn mount(&self) -> Result<()> {
        unshare(CloneFlags::CLONE_NEWNS).context("cannot enter a private mount namespace")?;
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(None::<&str>, "/", None::<&str>, private, None::<&str>)
            .context("cannot keep mounts private")?;
        for copy in ["workspace", "target"] {
            let place = fs::read_to_string(self.directory.join(format!("{copy}-is")))
                .with_context(|| format!("cannot read where the {copy} is"))?;
            show(&self.directory.join(copy), Path::new(&place))?;
        }
        Ok(())
    }
}

/// Where cargo builds: `CARGO_TARGET_DIR` or its configuration may have moved it.
pub(crate) fn target_directory(workspace: &Path) -> Result<PathBuf> {
    let metadata = cargo_metadata::MetadataCommand::new()
        .manifest_path(workspace.join("Cargo.toml"))
        .no_deps()
        .exec()
        .context("cannot ask cargo where it builds")?;
    Ok(metadata.target_directory.into())
}

/// Shows the directory `copy` at `place`, which an ordinary user can then reach.
fn show(copy: &Path, place: &Path) -> Result<()> {
    // The descriptor outlives the cover below, should the copy lie under it.
    let source = File::open(copy).with_context(|| format!("cannot open {}", copy.display()))?;
    if let Some(closed) = closed_ancestor(place) {
        mount(
            Some("tmpfs"),
            closed,
            Some("tmpfs"),
            MsFlags::empty(),
            Some("mode=755"),
        )
        .with_context(|| format!("cannot cover {}", closed.display()))?;
    }
    fs::create_dir_all(place).with_context(|| format!("cannot create {}", place.display()))?;
    let source = PathBuf::from(format!("/proc/self/fd/{}", source.as_raw_fd()));
    mount(
        Some(&source),
        place,
        None::<&str>,
        MsFlags::MS_BIND,
        None::<&str>,
    )
    .with_context(|| format!("cannot show the copy at {}", place.display()))
}

/// The first directory on the way to `place` that others may not pass.
fn closed_ancestor(place: &Path) -> Option<&Path> {
    let mut ancestors: Vec<&Path> = place.ancestors().skip(1).collect();
    ancestors.reverse();
    ancestors.into_iter().find(|directory| {
        fs::metadata(directory).is_ok_and(|found| found.permissions().mode() & 0o001 == 0)
    })
}

fn copy_tree(from: &Path, to: &Path, without: &[&Path]) -> Result<()> {
    fs::create_dir(to).with_context(|| format!("cannot create {}", to.display()))?;
    let entries = fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot list {}", from.display()))?;
        let (path, copy) = (entry.path(), to.join(entry.file_name()));
        if without.contains(&path.as_path()) {
            continue;
        }
        let kind = entry
            .file_type()
            .with_context(|| format!("cannot look at {}", path.display()))?;
        if kind.is_dir() {
            copy_tree(&path, &copy, without)?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(&path)?, &copy)?;
        } else {
            copy_file(&path, &copy)?;
            give_away(&copy)?;
        }
    }
    open_to_all(to)?;
    give_away(to)
}

fn copy_programs(programs: &[PathBuf], target: &Path, to: &Path) -> Result<()> {
    for program in programs {
        let inside = program
            .strip_prefix(target)
            .with_context(|| format!("{} is not in {}", program.display(), target.display()))?;
        let copy = to.join(inside);
        let above = copy.parent().unwrap_or(to);
        fs::create_dir_all(above).with_context(|| format!("cannot create {}", above.display()))?;
        copy_file(program, &copy)?;
    }
    // CARGO_TARGET_TMPDIR, where integration tests may write.
    let scratch = to.join("tmp");
    fs::create_dir_all(&scratch).context("cannot create a scratch directory")?;
    give_away(&scratch)
}

fn copy_file(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    open_to_all(to)
}

/// What the owner may read or enter, everybody may: the umask of the checkout may say otherwise.
fn open_to_all(path: &Path) -> Result<()> {
    let mode = fs::metadata(path)?.permissions().mode();
    let owner = mode & 0o500;
    fs::set_permissions(path, Permissions::from_mode(mode | owner >> 3 | owner >> 6))
        .with_context(|| format!("cannot open {} to everybody", path.display()))
}

fn list(programs: &[TestProgram]) -> Result<String> {
    let mut text = String::new();
    for program in programs {
        let (package, executable) = (display(&program.package)?, display(&program.executable)?);
        text.push_str(&format!("{}\t{package}\t{executable}\n", program.name));
    }
    Ok(text)
}

fn program(line: &str) -> Result<TestProgram> {
    let mut fields = line.split('\t');
    let (Some(name), Some(package), Some(executable), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        bail!("`{line}` is no program to test");
    };
    Ok(TestProgram {
        name: name.to_owned(),
        package: package.into(),
        executable: executable.into(),
    })
}

fn display(path: &Path) -> Result<&str> {
    path.to_str()
        .with_context(|| format!("{} is not UTF-8", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_programs_is_read_as_written() {
        let programs = vec![TestProgram {
            name: "cni: plugin".into(),
            package: "/somewhere/crates/cni".into(),
            executable: "/somewhere/target/debug/deps/plugin-0".into(),
        }];
        let text = list(&programs).unwrap();
        let read: Vec<_> = text.lines().map(|line| program(line).unwrap()).collect();
        assert_eq!(read, programs);
        assert!(program("one\ttwo").is_err());
    }

    #[test]
    fn the_outermost_closed_directory_is_found() {
        let directory = super::super::public_directory().unwrap();
        let closed = directory.path().join("closed");
        fs::create_dir_all(closed.join("inner")).unwrap();
        fs::set_permissions(&closed, Permissions::from_mode(0o700)).unwrap();
        assert_eq!(
            closed_ancestor(&closed.join("inner/tree")),
            Some(closed.as_path())
        );
        assert_eq!(closed_ancestor(&directory.path().join("empty")), None);
    }

    #[test]
    fn a_private_file_becomes_readable_and_stays_unexecutable() {
        let directory = super::super::public_directory().unwrap();
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        fs::write(&from, "text").unwrap();
        fs::set_permissions(&from, Permissions::from_mode(0o600)).unwrap();
        copy_file(&from, &to).unwrap();
        let mode = fs::metadata(&to).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
    }
}
