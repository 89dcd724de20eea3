//! From a cluster and one of its nodes to the nftables table that this node must hold.
//!
//! [`compile`] is a pure function: equal inputs give byte-equal tables. [`Compiler`] does the same step by step: it holds
//! a cluster, takes changes, and gives the transaction that each means; `compile` is a compiler that is fed with
//! everything at once, so that what policies mean stands in one place. Neither reads a clock or writes anything.
//! Start with [`NodeView`] and [`Compiled`]; what the table looks like is `docs/design/dataplane.md`.
//! What grows with what stands there too, and how a change finds what it touches is `docs/design/compiler.md`.

mod balance;
mod change;
mod class;
mod comment;
mod compiler;
mod count;
mod emit;
mod error;
mod hash;
mod host;
mod host_pods;
mod layout;
mod limits;
mod node;
mod origin;
mod peer;
mod place;
mod policy;
mod portion;
mod report;
mod service;
mod shared;
mod span;
mod supposed;
pub mod trace;

pub use change::Change;
pub use compiler::Compiler;
pub use error::CompileError;
pub use host::Trial;
pub use host_pods::{HostPods, LEVELS, PodCgroups, host_pods_table, judges_host_pods};
pub use layout::holds_trial;
pub use limits::Limits;
pub use node::{Capacity, Enforcement, LocalEndpoint, NetworkConfig, NodeView};
pub use origin::{Bound, Compiled, ObjectRef, Origin, RefusedRule};
pub use portion::Portions;
pub use report::{LOG_GROUP, Reason, Record};

pub use supposed::{Supposed, suppose};

use ringfence_model::Cluster;

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
    let mut compiler = Compiler::with(cluster.clone(), node, limits);
    compiler.settle()?;
    Ok(compiler.into_compiled())
}
