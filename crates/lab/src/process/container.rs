//! A container with files of its own: an image. It lives in the namespaces of its pod, but sees other files and is another user.
//!
//! What is mounted for it is held before the machine's files go away, so that no link in the image leads back to them.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Component, Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{chdir, pause, pivot_root};
use rustix::fs::CWD;
use rustix::mount::{MoveMountFlags, OpenTreeFlags, move_mount, open_tree};
use serde::{Deserialize, Serialize};

use super::exec;
use super::identity::{Identity, RunAs};
use super::sandbox::ContainerCommand;
use super::volumes::{VolumePlace, kept};

/// Files of a container that are not its pod's.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ContainerRoot {
    /// The files of its image. They are not written to.
    pub image: PathBuf,
    /// An empty folder for what the container changes.
    pub own: PathBuf,
    /// Whether it may change nothing but its volumes.
    pub read_only: bool,
    /// Files of the pod's, and where the container has them.
    pub files: Vec<(PathBuf, PathBuf)>,
    /// Volumes, which other containers do not see through this one.
    pub volumes: Vec<VolumePlace>,
    /// Who its processes are.
    pub run_as: RunAs,
    /// Whether nothing runs in it until somebody attaches.
    pub waits: bool,
}

/// Devices that every container has.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
/// Where programs look for what they have open.
const DEVICE_LINKS: [(&str, &str); 4] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
];
/// What of `/proc` is the machine's: not to be written.
const PROC_READ_ONLY: [&str; 5] = ["bus", "fs", "irq", "sys", "sysrq-trigger"];
/// And not to be read either.
const PROC_HIDDEN: [&str; 4] = ["kcore", "keys", "timer_list", "kmsg"];
/// How many links a path may lead over, as for the kernel.
const LINKS: usize = 40;
/// Until when a container has said who it is, or why it cannot be.
const START_LIMIT: Duration = Duration::from_secs(10);

/// A process of a container whose files are an image's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerProcess {
    /// Its number in the pod.
    pub pid: i32,
    /// Who it was when it began.
    pub identity: Identity,
}

impl ContainerProcess {
    /// Where process 1 of a pod with its files in `directory` keeps it.
    #[must_use]
    pub fn file(directory: &Path, container: &str) -> PathBuf {
        directory.join(format!("{container}.process"))
    }
}

/// How a container begins, in one line of its standard input's socket.
#[derive(Debug, Serialize, Deserialize)]
enum Begun {
    As(Identity),
    Not(String),
}

/// Starts `internal pod-container` for a command, by `spawn`, and waits until its program takes over.
///
/// # Errors
/// If it does not, with its reason.
pub(super) fn start(
    command: &ContainerCommand,
    mut process: Command,
    spawn: impl FnOnce(&mut Command) -> std::io::Result<Child>,
) -> anyhow::Result<(Child, ContainerProcess)> {
    let (mut own, other) = UnixStream::pair()?;
    process
        .args(["internal", "pod-container"])
        .stdin(Stdio::from(OwnedFd::from(other)));
    let child = spawn(&mut process)?;
    drop(process);
    own.set_read_timeout(Some(START_LIMIT))?;
    own.write_all(serde_json::to_string(command)?.as_bytes())?;
    own.write_all(b"\n")?;
    let mut said = String::new();
    own.read_to_string(&mut said)
        .context("the container does not begin")?;
    // What it says last is so: who it is, and then that its program cannot be run.
    let last = said
        .lines()
        .last()
        .context("the container's process ended")?;
    match serde_json::from_str(last)? {
        Begun::As(identity) => {
            let pid = i32::try_from(child.id()).context("process id out of range")?;
            Ok((child, ContainerProcess { pid, identity }))
        }
        Begun::Not(reason) => anyhow::bail!("{reason}"),
    }
}

/// `internal pod-container`: becomes a container with files of its own, which it is told on the socket that is its standard
/// input.
///
/// # Errors
/// If there is no such socket; all else is said on it.
pub fn pod_container() -> anyhow::Result<ExitCode> {
    let socket = std::io::stdin().as_fd().try_clone_to_owned()?;
    let mut socket = UnixStream::from(socket);
    let nothing = fs::File::open("/dev/null")?;
    rustix::stdio::dup2_stdin(&nothing)?;
    let mut line = String::new();
    BufReader::new(&socket).read_line(&mut line)?;
    let command: ContainerCommand = serde_json::from_str(&line).context("a container")?;
    let error = match become_container(&command, &mut socket) {
        Ok(code) => return Ok(code),
        Err(error) => error,
    };
    say(&mut socket, &Begun::Not(format!("{error:#}")))?;
    Ok(ExitCode::FAILURE)
}

fn say(socket: &mut UnixStream, begun: &Begun) -> anyhow::Result<()> {
    let line = serde_json::to_string(begun)?;
    Ok(writeln!(socket, "{line}")?)
}

/// Comes back only if the container waits, at its end, or cannot be.
fn become_container(
    command: &ContainerCommand,
    socket: &mut UnixStream,
) -> anyhow::Result<ExitCode> {
    let root = command.root.as_ref().context("a container without files")?;
    let begins = command.folder.as_deref().unwrap_or(Path::new("/"));
    enter(root, begins)?;
    let identity = root.run_as.resolve()?;
    identity.take()?;
    std::env::set_current_dir(begins)
        .with_context(|| format!("cannot begin in {}", begins.display()))?;
    say(socket, &Begun::As(identity.clone()))?;
    if root.waits {
        socket.shutdown(std::net::Shutdown::Both)?;
        loop {
            pause();
        }
    }
    let (program, arguments) = command
        .arguments
        .split_first()
        .context("neither the image nor the manifest says what to run")?;
    let mut process = Command::new(program);
    process
        .args(arguments)
        .env_clear()
        .env("HOME", &identity.home)
        .envs(&command.environment);
    let error = process.exec();
    let path = command.environment.get("PATH").map_or("", String::as_str);
    anyhow::bail!(
        "cannot start `{program}`: {}",
        exec::reason(program, path, &error, exec::Whose::Images)
    )
}

/// Gives the calling process the files of the container, with the folder where it begins.
fn enter(root: &ContainerRoot, begins: &Path) -> anyhow::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS).context("cannot make mounts for the container")?;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>)?;
    let held = Held::of(root)?;
    let files = overlay(root).context("cannot put a layer over the image's files")?;
    chdir(&files)?;
    pivot_root(".", ".").context("cannot enter the image's files")?;
    umount2(".", MntFlags::MNT_DETACH).context("cannot leave the machine's files")?;
    chdir("/")?;
    held.place(root)?;
    folder(begins)?;
    if root.read_only {
        close(Path::new("/")).context("cannot make the files read-only")?;
    }
    Ok(())
}

/// The image's files with a layer for changes over them.
fn overlay(root: &ContainerRoot) -> anyhow::Result<PathBuf> {
    let [upper, work, files] = ["upper", "work", "files"].map(|name| root.own.join(name));
    // What the container changed in its last run is gone with that.
    if upper.exists() {
        fs::remove_dir_all(&upper)?;
    }
    for folder in [&upper, &work, &files] {
        fs::create_dir_all(folder)?;
    }
    let options = format!(
        "lowerdir={},upperdir={},workdir={},userxattr",
        root.image.display(),
        upper.display(),
        work.display()
    );
    mount(
        Some("overlay"),
        &files,
        Some("overlay"),
        MsFlags::empty(),
        Some(options.as_str()),
    )?;
    Ok(files)
}

/// What is mounted into the container, held while the machine's files are there.
struct Held {
    devices: Vec<(&'static str, OwnedFd)>,
    proc: OwnedFd,
    files: Vec<OwnedFd>,
    /// And whether it is a folder.
    volumes: Vec<(OwnedFd, bool)>,
}

impl Held {
    fn of(root: &ContainerRoot) -> anyhow::Result<Self> {
        let device = |name| Ok((name, hold(&Path::new("/dev").join(name))?));
        Ok(Self {
            devices: DEVICES
                .into_iter()
                .map(device)
                .collect::<anyhow::Result<_>>()?,
            proc: hold(Path::new("/proc"))?,
            files: root
                .files
                .iter()
                .map(|(source, _)| hold(source))
                .collect::<anyhow::Result<_>>()?,
            volumes: root
                .volumes
                .iter()
                .map(|volume| Ok((hold(&volume.source)?, volume.source.is_dir())))
                .collect::<anyhow::Result<_>>()?,
        })
    }

    fn place(&self, root: &ContainerRoot) -> anyhow::Result<()> {
        put(&self.proc, &folder(Path::new("/proc"))?)?;
        self.place_devices().context("cannot make /dev")?;
        hide_of_proc().context("cannot close /proc")?;
        for (tree, (_, target)) in self.files.iter().zip(&root.files) {
            put(tree, &file(target)?)?;
        }
        let mut volumes: Vec<_> = self.volumes.iter().zip(&root.volumes).collect();
        volumes.sort_by_key(|(_, volume)| volume.target.components().count());
        for ((tree, is_folder), volume) in volumes {
            place_volume(tree, *is_folder, volume)
                .with_context(|| format!("cannot mount a volume at {}", volume.target.display()))?;
        }
        Ok(())
    }

    fn place_devices(&self) -> anyhow::Result<()> {
        let dev = &folder(Path::new("/dev"))?;
        tmpfs(dev, "mode=755,size=65536k")?;
        for (name, tree) in &self.devices {
            put(tree, &file(&dev.join(name))?)?;
        }
        for (name, target) in DEVICE_LINKS {
            symlink(target, dev.join(name))?;
        }
        let shared = dev.join("shm");
        fs::create_dir(&shared)?;
        tmpfs(&shared, "mode=1777,size=65536k")
    }
}

/// Keeps what is at `path`, with all that is mounted below.
fn hold(path: &Path) -> anyhow::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE;
    open_tree(CWD, path, flags).with_context(|| format!("cannot hold {}", path.display()))
}

fn put(tree: &OwnedFd, target: &Path) -> anyhow::Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_SYMLINKS;
    move_mount(tree, "", CWD, target, flags)
        .with_context(|| format!("cannot mount at {}", target.display()))
}

fn place_volume(tree: &OwnedFd, is_folder: bool, volume: &VolumePlace) -> anyhow::Result<()> {
    let target = if is_folder {
        folder(&volume.target)?
    } else {
        file(&volume.target)?
    };
    put(tree, &target)?;
    if volume.read_only {
        close(&target)?;
    }
    Ok(())
}

/// Where a folder is, made if there is none.
fn folder(path: &Path) -> anyhow::Result<PathBuf> {
    let path = landing(path)?;
    fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
    Ok(path)
}

/// Where a file is, made if there is none.
fn file(path: &Path) -> anyhow::Result<PathBuf> {
    let path = landing(path)?;
    if !path.exists() {
        folder(path.parent().unwrap_or(Path::new("/")))?;
        fs::write(&path, "").with_context(|| format!("cannot make {}", path.display()))?;
    }
    Ok(path)
}

/// Where an absolute path leads by the links on its way, also if nothing is there.
fn landing(path: &Path) -> anyhow::Result<PathBuf> {
    let mut at = PathBuf::from("/");
    let mut links = 0;
    let mut left: Vec<PathBuf> = parts(path).collect();
    while let Some(part) = left.pop() {
        if part == Path::new("..") {
            at.pop();
            continue;
        }
        let next = at.join(part);
        let Ok(target) = fs::read_link(&next) else {
            at = next;
            continue;
        };
        links += 1;
        anyhow::ensure!(links <= LINKS, "{} leads in a circle", path.display());
        if target.is_absolute() {
            at = PathBuf::from("/");
        }
        left.extend(parts(&target));
    }
    Ok(at)
}

/// The parts of a path, the last one first.
fn parts(path: &Path) -> impl Iterator<Item = PathBuf> {
    let parts = path.components().rev();
    parts.filter_map(|part| match part {
        Component::Normal(_) | Component::ParentDir => Some(PathBuf::from(part.as_os_str())),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}

fn tmpfs(path: &Path, options: &str) -> anyhow::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    Ok(mount(
        Some("tmpfs"),
        path,
        Some("tmpfs"),
        flags,
        Some(options),
    )?)
}

fn hide_of_proc() -> anyhow::Result<()> {
    let proc = Path::new("/proc");
    for name in PROC_READ_ONLY {
        let path = proc.join(name);
        if path.exists() {
            put(&hold(&path)?, &path)?;
            close(&path)?;
        }
    }
    for name in PROC_HIDDEN {
        let path = proc.join(name);
        if path.exists() {
            put(&hold(Path::new("/dev/null"))?, &path)?;
        }
    }
    Ok(())
}

/// Makes what is mounted at `path` read-only.
fn close(path: &Path) -> anyhow::Result<()> {
    let flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY | kept(path);
    Ok(mount(
        None::<&str>,
        path,
        None::<&str>,
        flags,
        None::<&str>,
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_where_their_links_do() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        let at = |name: &str| root.join(name);
        fs::create_dir(at("real")).unwrap();
        symlink("real", at("link")).unwrap();
        symlink(at("nowhere"), at("lost")).unwrap();
        symlink("circle", at("circle")).unwrap();
        for (path, target) in [
            ("real/a/b", "real/a/b"),
            ("link/a", "real/a"),
            ("lost/a/b", "nowhere/a/b"),
            ("link/../lost", "nowhere"),
        ] {
            assert_eq!(landing(&at(path)).unwrap(), at(target), "{path}");
        }
        assert!(landing(&at("circle/a")).is_err());
    }
}
