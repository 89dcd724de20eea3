//! Who judges connections in the place of the policies themselves.

mod cluster;
mod lab;
mod ruleset;
mod targets;

use ringfence_model::{Outcome, Query};

pub(super) use cluster::LiveCluster;
pub(super) use lab::Lab;
pub(super) use ruleset::{Ruleset, Tables};

/// What somebody who was asked says of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// What becomes of it.
    Found(Outcome),
    /// The question makes no sense for this cluster.
    NoAnswer(String),
    /// It cannot be tried in this way.
    Skipped(String),
}

/// Somebody who can be asked what becomes of connections.
pub(super) trait Oracle {
    /// What becomes of each of `queries`, in order.
    fn ask(&mut self, queries: &[Query]) -> anyhow::Result<Vec<Verdict>>;
}
