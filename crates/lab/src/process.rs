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

pub mod enter;
pub mod exec;
pub mod host;
pub mod init;
pub mod lab;
pub mod sandbox;
