//! Running a command inside a pod.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitCode};

use anyhow::Context as _;
use nix::sched::{CloneFlags, setns};
use rustix::process::{Pid, Signal, ioctl_tiocsctty, kill_process_group};
use rustix::termios::tcsetpgrp;

use super::container::ContainerProcess;
use super::identity;
use super::sandbox::POD_SELF;

/// Exit codes of shells for programs that cannot be started.
const NOT_FOUND: u8 = 127;
const NOT_EXECUTABLE: u8 = 126;

/// `internal pod-exec PID [--container FILE] [--builtin] [--terminal] -- COMMAND`: enters the namespaces of the sandbox process
/// `pid`, and there those of the container whose process `FILE` says if it has files of its own, and runs the
/// command there with this process's standard streams; ends with the command's exit code. It leads a session, so that
/// whoever gives up on the command can end all of it through the process group. With `--terminal` its standard input is
/// the terminal of that session, and the command's keys go to the command.
///
/// # Errors
/// If the sandbox is gone or the command cannot be started.
pub fn pod_exec(
    pid: u32,
    container: Option<&Path>,
    builtin: bool,
    terminal: bool,
    command: &[String],
) -> anyhow::Result<ExitCode> {
    nix::unistd::setsid().context("cannot lead a session")?;
    if terminal {
        ioctl_tiocsctty(std::io::stdin()).context("cannot take the terminal")?;
    }
    let container = container.map(container_process).transpose()?;
    // In the pod's `/proc` this process is not.
    let users = std::fs::read_link("/proc/self/ns/user")?;
    let kinds = [
        ("ipc", CloneFlags::CLONE_NEWIPC),
        ("uts", CloneFlags::CLONE_NEWUTS),
        ("net", CloneFlags::CLONE_NEWNET),
        ("pid_for_children", CloneFlags::CLONE_NEWPID),
        ("mnt", CloneFlags::CLONE_NEWNS),
    ];
    let files = kinds
        .iter()
        .map(|(name, kind)| Ok((File::open(format!("/proc/{pid}/ns/{name}"))?, *kind)))
        .collect::<std::io::Result<Vec<_>>>()
        .context("the pod is gone")?;
    for (file, kind) in files {
        setns(file, kind).context("cannot enter the pod's namespaces")?;
    }
    if let Some(container) = &container {
        enter_container(container, &users)?;
    }
    let (program, arguments) = if builtin {
        (POD_SELF, command)
    } else {
        let (program, arguments) = command.split_first().context("no command given")?;
        (program.as_str(), arguments)
    };
    let mut process = Command::new(program);
    process.args(arguments);
    if let Some(container) = &container
        && std::env::var_os("HOME").is_none()
    {
        process.env("HOME", &container.identity.home);
    }
    if terminal {
        process.process_group(0);
    }
    let mut child = match process.spawn() {
        Ok(child) => child,
        Err(error) => {
            let whose = if container.is_some() {
                Whose::Images
            } else {
                Whose::Machines
            };
            return Ok(not_started(program, &error, whose));
        }
    };
    if terminal {
        hand_over(&child);
    }
    Ok(ExitCode::from(super::exit_code(child.wait()?)))
}

/// Gives the keys of the terminal to `child`, which may have asked for some too early and been stopped. One that has ended
/// needs none.
fn hand_over(child: &Child) {
    let group = Pid::from_child(child);
    let _ = tcsetpgrp(std::io::stdin(), group);
    let _ = kill_process_group(group, Signal::CONT);
}

/// Says why and answers with the exit code that shells have for it.
fn not_started(program: &str, error: &std::io::Error, whose: Whose) -> ExitCode {
    let path = std::env::var("PATH").unwrap_or_default();
    let code = if is_missing(program, &path, error) {
        NOT_FOUND
    } else {
        NOT_EXECUTABLE
    };
    // There is nowhere else to complain to.
    let _ = writeln!(
        std::io::stderr(),
        "error: cannot start `{program}` in the pod: {}",
        reason(program, &path, error, whose)
    );
    ExitCode::from(code)
}

/// Whose programs a container runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Machines,
    Images,
}

/// Why a program could not be started in a pod.
pub(super) fn reason(program: &str, path: &str, error: &std::io::Error, whose: Whose) -> String {
    match whose {
        _ if !is_missing(program, path, error) => error.to_string(),
        Whose::Machines => {
            "no such program on this machine; pods run its programs, not those of their images"
                .to_owned()
        }
        Whose::Images => "no such program in the image, or not what it needs to run".to_owned(),
    }
}

/// The process of a container that has files of its own.
fn container_process(file: &Path) -> anyhow::Result<ContainerProcess> {
    let text = std::fs::read(file).context("the container does not run")?;
    serde_json::from_slice(&text).context("which process the container is cannot be read")
}

/// Enters a container from its pod, and becomes who it is.
fn enter_container(container: &ContainerProcess, own_users: &Path) -> anyhow::Result<()> {
    let its = |kind: &str| format!("/proc/{}/ns/{kind}", container.pid);
    let users = std::fs::read_link(its("user")).context("the container has ended")?;
    let other_users = users != own_users;
    let users = File::open(its("user"))?;
    let files = File::open(its("mnt"))?;
    identity::limit_rights()?;
    setns(files, CloneFlags::CLONE_NEWNS).context("cannot enter the container's files")?;
    if other_users {
        setns(users, CloneFlags::CLONE_NEWUSER).context("cannot become the container's user")
    } else {
        container.identity.change()
    }
}

/// The system says "permission denied" of a program that is nowhere, if one of the folders may not be read.
fn is_missing(program: &str, path: &str, error: &std::io::Error) -> bool {
    let nowhere = || !std::env::split_paths(path).any(|folder| folder.join(program).exists());
    let denied = error.kind() == ErrorKind::PermissionDenied;
    error.kind() == ErrorKind::NotFound || (denied && !program.contains('/') && nowhere())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_may_not_be_read_does_not_hide_that_a_program_is_nowhere() {
        let denied = std::io::Error::from(ErrorKind::PermissionDenied);
        assert!(is_missing("no-such-program", "/root/bin:/usr/bin", &denied));
        assert!(!is_missing("sh", "/root/bin:/bin", &denied));
        assert!(!is_missing("/etc/passwd", "/bin", &denied));
        assert!(is_missing("/nowhere", "/bin", &ErrorKind::NotFound.into()));
    }
}
