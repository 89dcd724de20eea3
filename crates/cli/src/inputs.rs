//! What the user names on the command line: manifests, endpoints and ports.
//!
//! Texts become values here, or errors that say which forms there are. Start with [`manifests::ManifestArguments`].

pub(crate) mod agents;
mod block;
mod budget;
pub(crate) mod cluster;
pub(crate) mod endpoint;
pub(crate) mod hosts;
mod kind_config;
mod known_name;
pub(crate) mod manifests;
pub(crate) mod names;
pub(crate) mod policy_name;
pub(crate) mod port;
mod read;
pub(crate) mod resolve;
mod revision;
pub(crate) mod selector;
mod suggest;

pub(crate) use block::block;
pub(crate) use kind_config::{kind_cluster, kind_cluster_among};
pub(crate) use read::{FileArguments, unread_below};
pub(crate) use suggest::{hint, missing};
