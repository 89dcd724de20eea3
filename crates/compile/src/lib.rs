//! From a cluster and one of its nodes to the nftables table that this node must hold.
//!
//! [`compile`] is a pure function: equal inputs give byte-equal tables. It writes nothing, reads no clock
//! and keeps no state between calls; `ringfence-ruleset` turns two results into a transaction.
//! Start with [`NodeView`] and [`Compiled`]; what the table looks like is `docs/design/dataplane.md`.
//!
//! What grows with what: `endpoints`, `hairpin`, `egress` and `ingress` with the pods of this node; `peers` with the
//! pods that a selector in a rule for a local isolated pod matches; `blocks` with the edges of address blocks in such
//! rules; ports, peers and ranges of a direction with local isolated pods, times the classes of their peers, times
//! the ports; `services` and `backends` with Service ports and their backends. A class is a set of terms (selectors,
//! blocks, named ports) that some address matches: with T terms there are at most as many classes as distinct pods
//! and block atoms, and few where labels repeat. Chains and rules do not grow, but for one balance chain per number of
//! backends. 10,000 pods under 1,000 policies compile in 30 ms for 100 local pods (`examples/scale.rs`).

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
    service::emit(cluster, &peers, &mut emitter)?;
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
