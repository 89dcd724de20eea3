//! From a cluster and one of its nodes to the nftables table that this node must hold.
//!
//! [`compile`] is a pure function: equal inputs give byte-equal tables. It writes nothing, reads no clock
//! and keeps no state between calls; `ringfence-ruleset` turns two results into a transaction.
//! Start with [`NodeView`] and [`Compiled`]; what the table looks like is `docs/design/dataplane.md`.
//! What grows with what stands there too.

mod class;
mod comment;
mod emit;
mod error;
mod hash;
mod layout;
mod limits;
mod node;
mod origin;
mod peer;
mod policy;
mod report;
mod service;
mod span;

pub use error::CompileError;
pub use limits::Limits;
pub use node::{Capacity, Enforcement, LocalEndpoint, NetworkConfig, NodeView};
pub use origin::{Bound, Compiled, ObjectRef, Origin, RefusedRule};
pub use report::{LOG_GROUP, Reason, Record};

use ringfence_model::Cluster;

use emit::Emitter;
use peer::Peers;

/// The table that enforces the policies and serves the Services of `cluster` on the node of `node`, within the
/// [`Limits`] that are built in.
///
/// # Errors
/// [`CompileError`] for an endpoint that no table can express, or sets beyond what the kernel counts.
pub fn compile(cluster: &Cluster, node: &NodeView<'_>) -> Result<Compiled, CompileError> {
    compile_within(cluster, node, Limits::default())
}

/// The same within other limits.
///
/// # Errors
/// As [`compile`].
pub fn compile_within(
    cluster: &Cluster,
    node: &NodeView<'_>,
    limits: Limits,
) -> Result<Compiled, CompileError> {
    let peers = Peers::new(cluster, node)?;
    let mut emitter = Emitter::new(node.network.record);
    emitter.endpoints(&peers);
    emitter.blocks(cluster, node);
    emitter.tunnels(cluster, node.network.tunnel_port);
    service::emit(cluster, node.network, &peers, &mut emitter)?;
    match node.enforcement {
        Enforcement::On => emitter.policies(policy::admit(cluster, &peers, limits), &peers),
        Enforcement::Off => {}
    }
    emitter.unjudged_selves(&peers);
    emitter.finish(node.network.capacity, peers)
}
