//! What the agent found when it verified its table by itself.

use std::fmt;

use ringfence_model::Timestamp;
use ringfence_verify::Coverage;
use serde::{Deserialize, Serialize};

use super::Verification;

/// What was found last, and what was wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Watched {
    /// The last verification; none before the first.
    pub last: Option<Verified>,
    /// In what the table differs from the policies; none if it was equal, or could not be compared.
    pub drift: Option<Drift>,
    /// What packets met in the last table that another program had changed, before it was repaired; none if nothing else
    /// than they should.
    pub repaired: Option<Drift>,
}

/// A verification that came to an end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// When it ended.
    pub at: Timestamp,
    /// The store's revision that the table was compared with, if it is exactly one.
    pub revision: Option<u64>,
    /// Why nothing could be compared, if so.
    pub problem: Option<String>,
    /// What was compared.
    pub coverage: Coverage,
    /// Elements of the table's sets.
    pub elements: usize,
    /// Rules of the table's chains.
    pub rules: usize,
    /// How long it took, reading included.
    pub milliseconds: u64,
}

/// A table that does something else than the policies ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// Since when that is known.
    pub since: Timestamp,
    /// In how many places.
    pub differences: usize,
    /// A packet that is judged otherwise, and how.
    pub witness: String,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            since: _,
            differences,
            witness,
        } = self;
        let places = if *differences == 1 { "place" } else { "places" };
        write!(
            f,
            "the table differs from the policies in {differences} {places}: {witness}"
        )
    }
}

impl Verification {
    /// In what the table was found to differ, since then.
    #[must_use]
    pub fn drift(&self, since: Timestamp) -> Option<Drift> {
        let (differences, witness) = match &self.report {
            Some(report) => (report.count, report.differences.first()?.in_short()),
            None if self.foreign => (1, self.problem.clone()?),
            None => return None,
        };
        Some(Drift {
            since,
            differences,
            witness,
        })
    }

    /// Whether it tells what the table does.
    pub(super) const fn is_telling(&self) -> bool {
        self.report.is_some() || self.foreign
    }
}

impl Verified {
    pub(super) fn of(found: &Verification, at: Timestamp) -> Self {
        let report = found.report.as_ref();
        Self {
            at,
            revision: found.revision,
            problem: found.problem.clone(),
            coverage: report.map(|report| report.coverage).unwrap_or_default(),
            elements: found.elements,
            rules: found.rules,
            milliseconds: found.milliseconds,
        }
    }
}
