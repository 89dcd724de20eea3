//! Running a command inside a pod.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitCode};

use anyhow::Context as _;
use nix::sched::{CloneFlags, setns};
use rustix::process::{Pid, Signal, ioctl_tiocsctty, kill_process_group};
use rustix::termios::tcsetpgrp;

use super::sandbox::POD_SELF;

/// Exit codes of shells for programs that cannot be started.
const NOT_FOUND: u8 = 127;
const NOT_EXECUTABLE: u8 = 126;

/// `internal pod-exec PID [--builtin] [--terminal] -- COMMAND`: enters the namespaces of the sandbox process `pid` and runs the
/// command there with this process's standard streams; ends with the command's exit code. It leads a session, so that
/// whoever gives up on the command can end all of it through the process group. With `--terminal` its standard input is
/// the terminal of that session, and the command's keys go to the command.
///
/// # Errors
/// If the sandbox is gone or the command cannot be started.
pub fn pod_exec(
    pid: u32,
    builtin: bool,
    terminal: bool,
    command: &[String],
) -> anyhow::Result<ExitCode> {
    nix::unistd::setsid().context("cannot lead a session")?;
    if terminal {
        ioctl_tiocsctty(std::io::stdin()).context("cannot take the terminal")?;
    }
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
    let (program, arguments) = if builtin {
        (POD_SELF, command)
    } else {
        let (program, arguments) = command.split_first().context("no command given")?;
        (program.as_str(), arguments)
    };
    let mut process = Command::new(program);
    process.args(arguments);
    if terminal {
        process.process_group(0);
    }
    let mut child = match process.spawn() {
        Ok(child) => child,
        Err(error) => return Ok(not_started(program, &error)),
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
fn not_started(program: &str, error: &std::io::Error) -> ExitCode {
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
        reason(program, &path, error)
    );
    ExitCode::from(code)
}

/// Why a program could not be started in a pod.
pub(super) fn reason(program: &str, path: &str, error: &std::io::Error) -> String {
    if is_missing(program, path, error) {
        "no such program on this machine; pods run its programs, not those of their images"
            .to_owned()
    } else {
        error.to_string()
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
