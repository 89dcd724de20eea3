//! From a cluster and one of its nodes to the nftables table that this node must hold.
//!
//! [`compile`] is a pure function: equal inputs give byte-equal tables. It writes nothing, reads no clock
//! and keeps no state between calls; `ringfence-ruleset` turns two results into a transaction.
//! Start with [`NodeView`] and [`Compiled`]; what the table looks like is `docs/design/dataplane.md`.

mod error;
mod node;
mod origin;

pub use error::CompileError;
pub use node::{Capacity, Enforcement, LocalEndpoint, NetworkConfig, NodeView};
pub use origin::{Compiled, ObjectRef, Origin};

use ringfence_model::Cluster;
use ringfence_ruleset::Table;
use std::collections::BTreeMap;

/// The table that enforces the policies and serves the Services of `cluster` on the node of `node`.
///
/// # Errors
/// [`CompileError`] for an endpoint or a Service that no table can express.
pub fn compile(_cluster: &Cluster, _node: &NodeView<'_>) -> Result<Compiled, CompileError> {
    Ok(Compiled {
        table: Table {
            name: "ringfence".to_owned(),
            comment: None,
            chains: BTreeMap::new(),
            sets: BTreeMap::new(),
        },
        origins: BTreeMap::new(),
        unknown: Vec::new(),
    })
}
