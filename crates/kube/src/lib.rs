//! How does a cluster's API hand over its objects?
//!
//! Reads a kubeconfig, lists what policy depends on, once and in pages, and gives it as texts that `model` loads like any
//! manifest; or follows it as it changes, for a node. Writes nothing to a cluster, starts no program, and shows no credentials.
//! Judges nothing. Start with [`read`] and [`follow`](follow()).

mod access;
mod follow;
mod host_firewall;
mod kinds;
mod list;
mod manifest;
mod snapshot;
mod yaml;

pub use access::{Access, AccessError};
pub use follow::{FollowOptions, Listing, Patience, Scope, Trouble, Word, follow, followed};
pub use host_firewall::{
    WriteError, Written, list_api_servers, list_host_firewalls, list_nodes, write_host_firewall,
};
pub use snapshot::{Forbidden, ReadError, Snapshot, read};
