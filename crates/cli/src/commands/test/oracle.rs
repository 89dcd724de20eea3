//! Who judges connections.

mod ruleset;

use ringfence_model::{Outcome, Query};
use ringfence_policy::Engine;

pub(super) use ruleset::Ruleset;

/// Somebody who can be asked what becomes of connections.
pub(super) trait Oracle {
    /// What becomes of each of `queries`, in order; a question that has no answer has a reason instead.
    fn ask(&mut self, queries: &[Query]) -> anyhow::Result<Vec<Result<Outcome, String>>>;
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
    fn ask(&mut self, queries: &[Query]) -> anyhow::Result<Vec<Result<Outcome, String>>> {
        let answers = queries.iter().map(|query| self.engine.answer(query));
        Ok(answers
            .map(|answer| {
                answer
                    .map(|found| found.outcome)
                    .map_err(|error| error.to_string())
            })
            .collect())
    }
}
