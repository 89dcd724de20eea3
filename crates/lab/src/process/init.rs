//! Process 1 of a pid namespace: starts one program, reaps whatever is orphaned, ends with the program.

use std::process::{Child, ExitCode};

use anyhow::Context as _;
use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

/// Ends this process when its parent does, however the parent ends.
///
/// # Errors
/// If the kernel refuses, which it does not on Linux 2.1.57 and later.
pub fn die_with_parent() -> anyhow::Result<()> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).context("cannot tie this process to its parent")
}

/// Waits for children until `program` has ended, and gives its exit code; 128 + signal if it was killed.
///
/// # Errors
/// If waiting fails for a reason other than having no child.
pub fn reap_until(program: &Child) -> anyhow::Result<ExitCode> {
    let program = Pid::from_raw(i32::try_from(program.id()).context("process id out of range")?);
    loop {
        match waitpid(None, None) {
            Ok(status) if status.pid() == Some(program) => return Ok(exit_code(status)),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error).context("cannot wait for children"),
        }
    }
}

fn exit_code(status: WaitStatus) -> ExitCode {
    let code = match status {
        WaitStatus::Exited(_, code) => code,
        WaitStatus::Signaled(_, signal, _) => 128 + signal as i32,
        WaitStatus::Stopped(..)
        | WaitStatus::PtraceEvent(..)
        | WaitStatus::PtraceSyscall(_)
        | WaitStatus::Continued(_)
        | WaitStatus::StillAlive => 1,
    };
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
