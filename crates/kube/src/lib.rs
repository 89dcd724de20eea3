//! How does a cluster's API hand over its objects?
//!
//! Reads a kubeconfig, lists what policy depends on, once and in pages, and gives it as texts that `model` loads like any
//! manifest; or follows it as it changes, for a node. Writes nothing to a cluster but HostFirewalls and pods to try connections
//! with, each when an operator says so, starts no program, and shows no credentials. Judges nothing. Start with [`read`],
//! [`follow`](follow()) and [`ProbePods`].

mod access;
mod agents;
mod exec;
mod follow;
mod host_firewall;
mod kinds;
mod list;
mod manifest;
mod probe;
mod snapshot;
mod yaml;

pub use access::{Access, AccessError};
pub use agents::{AgentPod, Agents, AgentsError};
pub use exec::Ended;
pub use follow::{FollowOptions, Listing, Patience, Scope, Trouble, Word, follow, followed};
pub use host_firewall::{
    WriteError, Written, list_api_servers, list_host_firewalls, list_nodes, write_host_firewall,
};
pub use probe::{PROBE_LABEL, ProbeError, ProbePod, ProbePods, RunningPod};
pub use snapshot::{Forbidden, ReadError, Snapshot, read};
