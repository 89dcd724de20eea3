//! Who judges connections.

mod lab;
mod ruleset;

use ringfence_model::{Outcome, Query};
use ringfence_policy::Engine;

use crate::threads::map_in_lots;

pub(super) use lab::Lab;
pub(super) use ruleset::Ruleset;

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

/// The policies themselves.
pub(super) struct Manifests<'a> {
    engine: &'a Engine,
}

impl<'a> Manifests<'a> {
    pub(super) const fn new(engine: &'a Engine) -> Self {
        Self { engine }
    }
}

impl Oracle for Manifests<'_> {
    fn ask(&mut self, queries: &[Query]) -> anyhow::Result<Vec<Verdict>> {
        Ok(map_in_lots(queries, |query| {
            match self.engine.answer(query) {
                Ok(answer) => Verdict::Found(answer.outcome),
                Err(error) => Verdict::NoAnswer(error.to_string()),
            }
        }))
    }
}
