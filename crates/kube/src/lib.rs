//! How does a cluster's API hand over its objects?
//!
//! Reads a kubeconfig, lists what policy depends on, once and in pages, and gives it as texts that `model` loads like any
//! manifest. Writes nothing to a cluster, starts no program, and shows no credentials. Judges nothing.
//! Start with [`read`].

mod access;
mod kinds;
mod list;
mod manifest;
mod snapshot;
mod yaml;

pub use access::{Access, AccessError};
pub use snapshot::{Forbidden, ReadError, Snapshot, read};
