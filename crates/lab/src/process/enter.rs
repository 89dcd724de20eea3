//! Entering namespaces of one's own, as root or as an ordinary user.

use std::fs;
use std::io;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getegid, geteuid};

/// Why the lab could not get namespaces of its own.
#[derive(Debug, thiserror::Error)]
pub enum EnterError {
    /// The kernel or its configuration forbids user namespaces to ordinary users.
    #[error(
        "this machine does not let an ordinary user create user namespaces ({errno})\n  {advice}\n  \
         or run ringfence as root"
    )]
    UserNamespacesForbidden {
        /// The kernel's answer.
        errno: Errno,
        /// Which setting forbids it, as far as it can be told.
        advice: String,
    },
    /// Namespaces could not be created although the caller is root.
    #[error("cannot create namespaces as root: does this container lack CAP_SYS_ADMIN?")]
    Unshare(#[source] Errno),
    /// The caller's identity could not be mapped to root inside.
    #[error("cannot write {file}")]
    Map {
        /// The file below /proc/self.
        file: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The private mount tree could not be set up.
    #[error("cannot mount {target}")]
    Mount {
        /// Where.
        target: &'static str,
        /// Why.
        #[source]
        source: Errno,
    },
}

/// Moves the calling process, which must be single-threaded, into new network, mount, uts, ipc and pid namespaces
/// (the last for its children), owned by a new user namespace unless it is root with the right to do without.
///
/// # Errors
/// [`EnterError`], with what to enable where it can be told.
pub fn enter() -> Result<(), EnterError> {
    let kinds = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWPID;
    let root = geteuid().is_root();
    if root && unshare(kinds).is_ok() {
        return Ok(());
    }
    let (uid, gid) = (geteuid(), getegid());
    unshare(kinds | CloneFlags::CLONE_NEWUSER).map_err(|errno| {
        if root {
            EnterError::Unshare(errno)
        } else {
            EnterError::UserNamespacesForbidden {
                errno,
                advice: advice(errno),
            }
        }
    })?;
    write("/proc/self/setgroups", "deny")?;
    write("/proc/self/uid_map", &format!("0 {uid} 1"))?;
    write("/proc/self/gid_map", &format!("0 {gid} 1"))
}

/// Gives the calling process a mount tree that the rest of the machine does not see, a `/proc` of its own pid
/// namespace, and an empty `/run`.
///
/// # Errors
/// [`EnterError::Mount`].
pub fn private_mounts() -> Result<(), EnterError> {
    mount_at("/", None, MsFlags::MS_REC | MsFlags::MS_PRIVATE)?;
    mount_at(
        "/proc",
        Some("proc"),
        MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC,
    )?;
    mount_at(
        "/run",
        Some("tmpfs"),
        MsFlags::MS_NOSUID | MsFlags::MS_NODEV,
    )
}

fn mount_at(target: &'static str, kind: Option<&str>, flags: MsFlags) -> Result<(), EnterError> {
    mount(kind, target, kind, flags, None::<&str>)
        .map_err(|source| EnterError::Mount { target, source })
}

fn write(file: &'static str, content: &str) -> Result<(), EnterError> {
    fs::write(file, content).map_err(|source| EnterError::Map { file, source })
}

/// Which of the known switches stands in the way.
fn advice(errno: Errno) -> String {
    let switches = [
        (
            "/proc/sys/kernel/unprivileged_userns_clone",
            "0",
            "kernel.unprivileged_userns_clone=1",
        ),
        (
            "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        (
            "/proc/sys/user/max_user_namespaces",
            "0",
            "user.max_user_namespaces=15000",
        ),
    ];
    let closed = switches.iter().find(|(file, forbidding, _)| {
        fs::read_to_string(file).is_ok_and(|value| value.trim() == *forbidding)
    });
    match closed {
        Some((_, _, setting)) => format!("enable them: sysctl -w {setting}"),
        None if errno == Errno::ENOSPC => {
            "there are too many already: sysctl -w user.max_user_namespaces=15000".to_owned()
        }
        None => "a security module or container runtime forbids them".to_owned(),
    }
}
