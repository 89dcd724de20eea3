//! Processes and namespaces of the lab: how it enters its own world, and how pods get theirs.
//!
//! ```text
//! ringfence lab up            the user's shell
//! └ internal lab-host         new user (if needed), net, mount, pid, uts and ipc namespaces
//!   └ internal lab-init       pid 1: reaps orphans; when it dies the kernel ends everything below
//!     └ internal lab          the lab itself
//!       ├ internal agent      one per node, in the node's network namespace
//!       └ internal pod-sandbox ─ internal pod-init ─ the pod's containers
//! ```

pub mod container;
pub mod enter;
pub mod exec;
pub mod host;
pub mod identity;
pub mod init;
pub mod lab;
pub mod printed;
pub mod sandbox;
pub mod volumes;

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

/// The exit code of a process as shells give it: 128 + signal if it was killed.
pub(crate) fn exit_code(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_of_shells() {
        for (raw, code) in [(0, 0), (3 << 8, 3), (9, 137), (15, 143)] {
            assert_eq!(exit_code(ExitStatus::from_raw(raw)), code);
        }
    }
}
