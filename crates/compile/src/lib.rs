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
mod node;
mod origin;
mod peer;
mod policy;
mod service;
mod span;

pub use error::CompileError;
pub use node::{Capacity, Enforcement, LocalEndpoint, NetworkConfig, NodeView};
pub use origin::{Compiled, ObjectRef, Origin};

use ringfence_model::Cluster;

use class::{Classes, Terms};
use emit::Emitter;
use peer::Peers;

/// The table that enforces the policies and serves the Services of `cluster` on the node of `node`.
///
/// # Errors
/// [`CompileError`] for an endpoint that no table can express, or sets beyond what the kernel counts.
pub fn compile(cluster: &Cluster, node: &NodeView<'_>) -> Result<Compiled, CompileError> {
    let peers = Peers::new(cluster, node)?;
    let mut emitter = Emitter::new();
    emitter.endpoints(&peers);
    emitter.blocks(cluster, node);
    emitter.tunnels(cluster, node.network.tunnel_port);
    service::emit(cluster, node.network, &peers, &mut emitter)?;
    match node.enforcement {
        Enforcement::On => enforce(cluster, &peers, &mut emitter),
        Enforcement::Off => {}
    }
    emitter.finish(node.network.capacity, peers)
}

fn enforce<'a>(cluster: &'a Cluster, peers: &Peers<'a>, emitter: &mut Emitter) {
    let mut terms = Terms::default();
    let groups = policy::groups(cluster, peers, &mut terms);
    let classes = Classes::new(&terms, peers);
    emitter.classes(&classes, &terms, peers);
    for group in &groups {
        emitter.group(group, &terms, &classes, peers);
    }
}
