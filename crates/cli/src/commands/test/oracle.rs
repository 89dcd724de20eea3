//! Who judges connections.

use ringfence_model::{Answer, Cluster, Outcome, Query, QueryError};

/// Somebody who can be asked what becomes of connections.
pub(super) trait Oracle {
    /// What becomes of each of `queries`, in order; a question that has no answer has a reason instead.
    fn ask(&mut self, queries: &[Query]) -> anyhow::Result<Vec<Result<Outcome, String>>>;
}

/// What the policies say, and why.
pub(super) fn explain(cluster: &Cluster, query: &Query) -> Result<Answer, QueryError> {
    ringfence_reference::answer(cluster, query)
}

/// The policies themselves.
pub(super) struct Manifests<'a> {
    cluster: &'a Cluster,
}

impl<'a> Manifests<'a> {
    pub(super) const fn new(cluster: &'a Cluster) -> Self {
        Self { cluster }
    }
}

impl Oracle for Manifests<'_> {
    fn ask(&mut self, queries: &[Query]) -> anyhow::Result<Vec<Result<Outcome, String>>> {
        let answers = queries.iter().map(|query| explain(self.cluster, query));
        Ok(answers
            .map(|answer| {
                answer
                    .map(|found| found.outcome)
                    .map_err(|error| error.to_string())
            })
            .collect())
    }
}
