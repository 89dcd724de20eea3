//! The smallest edits of policies after which a connection is allowed that was refused, or refused that was allowed.
//!
//! An edit is tried on the engine before it is returned: one after which the answer is not the wanted one is never seen
//! outside of here. What else it changes comes from [`crate::diff`]. Start with [`fixes`].

mod allow;
mod beside;
mod deny;
mod edit;
mod identity;
mod obstacle;
mod patch;
mod ports;
mod rank;
mod search;
#[cfg(test)]
mod tests;
mod yaml;

use ringfence_model::{IpBlock, OneByOne, Query, Workers};
use ringfence_net::ConnectionSet;
use ringfence_policy::Engine;

use crate::diff::{Difference, PairChange};

pub use edit::Edit;
pub use patch::{Hunk, PatchStep, Patched, edited, hunk, new_document, patched};

/// What is wanted of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Each is allowed for certain.
    Allow,
    /// Each is refused for certain.
    Deny,
}

/// Connections between two ends that no rule tells apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// One of them.
    pub query: Query,
    /// All of them, as they are dialled.
    pub connections: ConnectionSet,
    /// Whether the ends stand for all pods of their workloads that no policy tells apart from them.
    pub is_for_alike: bool,
}

/// What is to become true.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// What is wanted.
    pub goal: Goal,
    /// Of which connections; of all of them together.
    pub flows: &'a [Flow],
    /// What addresses outside of the cluster stand for, where they are examples; any other stands for itself.
    pub outside: &'a [IpBlock],
}

/// Edits that together make a wish true, as the engine has verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// The edits; no fewer would do. Each is to be made after those before it.
    pub edits: Vec<Edit>,
    /// Everything that they change, by workload.
    pub difference: Difference,
    /// What they change besides what was wished for.
    pub besides: Vec<PairChange>,
}

/// Ways to make the wish true with as few edits as can be; those that change the least besides come first. Of edits of
/// the same kinds that alone is returned which changes the least. None if it is true already, if no edit of a policy can
/// make it true, or if that needs too many.
#[must_use]
pub fn fixes(engine: &Engine, wish: Wish<'_>) -> Vec<Fix> {
    fixes_with(engine, wish, &OneByOne)
}

/// As [`fixes`], by `workers`.
#[must_use]
pub fn fixes_with(engine: &Engine, wish: Wish<'_>, workers: &dyn Workers) -> Vec<Fix> {
    let found = search::search(engine, wish);
    rank::ranked(engine, wish, found, workers)
}
