//! What came of a run.

use std::collections::BTreeSet;

use ringfence_model::{Answer, Expected, Outcome, Source};
use ringfence_reach::assertion::Coverage;

use super::arguments::Against;
use super::judge::Way;
use super::mutation::Trial;
use crate::output::doubt::Doubt;

/// Everything that a run found.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) against: Against,
    pub(super) cases: Vec<Judged>,
    /// Tests that were left out because an earlier one failed.
    pub(super) not_judged: usize,
    pub(super) coverage: Option<Coverage>,
    /// How much must be covered, in hundredths.
    pub(super) coverage_min: Option<usize>,
    pub(super) trial: Option<Trial>,
    /// How many mistakes must be noticed, in hundredths.
    pub(super) mutate_min: Option<usize>,
    /// What the verdicts do not speak of.
    pub(super) warnings: BTreeSet<Doubt>,
}

/// What came of one test.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) name: String,
    pub(super) file: String,
    pub(super) reason: Option<String>,
    /// How many connections were asked about.
    pub(super) asked: usize,
    pub(super) failures: Vec<Failure>,
    pub(super) skipped: Vec<Skipped>,
    pub(super) seconds: f64,
}

/// In one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Passed,
    /// Some connection is not as it must be.
    Failed,
    /// None is known to be wrong, but some could not be tried.
    Skipped,
}

/// Connections that are not as an assertion says, all for one reason.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) expected: Expected,
    /// Where the assertion was written.
    pub(super) place: Option<Source>,
    /// The connections; at least one way.
    pub(super) ways: Vec<Way>,
    /// What became of them, or why nobody can tell.
    pub(super) outcome: Result<Outcome, String>,
    /// What the policies say to the first of them, and why.
    pub(super) answer: Option<Answer>,
}

/// Connections that could not be tried, all for one reason.
#[derive(Clone, Debug)]
pub(super) struct Skipped {
    pub(super) reason: String,
    /// Where the assertion was written.
    pub(super) place: Option<Source>,
    /// The connections; at least one way.
    pub(super) ways: Vec<Way>,
}

impl Report {
    /// Whether what came of a connection depends on an address that is not known (rule AM-22).
    pub(super) fn is_unknown(&self) -> bool {
        let mut failures = self.cases.iter().flat_map(|case| &case.failures);
        failures.any(|failure| matches!(failure.outcome, Ok(Outcome::Unknown { .. })))
    }

    /// Whether nothing is wrong, and something was judged.
    pub(super) fn passed(&self) -> bool {
        self.count(Status::Failed) == 0
            && self.judged_anything()
            && self.is_covered()
            && self.is_noticed()
    }

    pub(super) fn count(&self, status: Status) -> usize {
        let of_it = self.cases.iter().filter(|case| case.status() == status);
        of_it.count()
    }

    /// How many connections were asked about.
    pub(super) fn asked(&self) -> usize {
        self.cases.iter().map(|case| case.asked).sum()
    }

    /// Where everything is skipped, nothing is known.
    pub(super) fn judged_anything(&self) -> bool {
        let skipped = self.cases.iter().flat_map(|case| &case.skipped);
        let skipped: usize = skipped.map(|skipped| skipped.ways.len()).sum();
        skipped == 0 || self.asked() > skipped
    }

    pub(super) fn is_covered(&self) -> bool {
        let least = self.coverage_min.unwrap_or(0);
        self.coverage
            .as_ref()
            .is_none_or(|coverage| coverage.percent() >= least)
    }

    /// Whether enough of the mistakes are noticed.
    pub(super) fn is_noticed(&self) -> bool {
        let least = self.mutate_min.unwrap_or(0);
        self.trial
            .as_ref()
            .is_none_or(|trial| trial.mutations.percent() >= least)
    }
}

impl Judged {
    pub(super) fn status(&self) -> Status {
        if !self.failures.is_empty() {
            Status::Failed
        } else if !self.skipped.is_empty() {
            Status::Skipped
        } else {
            Status::Passed
        }
    }
}

impl Status {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}
