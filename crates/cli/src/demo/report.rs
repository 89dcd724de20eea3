//! What the demonstration found, as it is printed with `--output json`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

/// Everything, in the order in which it happened.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    /// Whether reality, prediction and story agree everywhere.
    pub(crate) agreed: bool,
    /// From the start of the lab until its nodes, DNS and policies were ready.
    pub(crate) nodes_ready_ms: u64,
    /// From the start of the lab until three pods were ready and their policies enforced.
    pub(crate) lab_ready_ms: u64,
    /// From start to exit, cleaning up included.
    pub(crate) total_ms: u64,
    /// Cleaning up alone.
    pub(crate) cleanup_ms: u64,
    /// The chapters.
    pub(crate) steps: Vec<Step>,
    /// The final table.
    pub(crate) table: Vec<Check>,
}

/// A chapter of the story.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Step {
    /// Counted from 1.
    pub(crate) number: usize,
    /// What it is about.
    pub(crate) title: String,
    /// The commands it stands for.
    pub(crate) commands: Vec<String>,
    /// What they answered.
    pub(crate) output: Vec<String>,
    /// What was tried.
    pub(crate) checks: Vec<Check>,
    /// What the policies put into the kernel, by node.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) kernel: BTreeMap<String, Vec<KernelChange>>,
    /// What it means.
    pub(crate) remarks: Vec<String>,
}

/// An element that came to or went from a node's table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct KernelChange {
    /// Whether it came; else it went.
    pub(crate) added: bool,
    /// The element as nft writes it, behind the name of its set.
    pub(crate) element: String,
    /// The policies behind it, with their source lines.
    pub(crate) because: Vec<String>,
}

/// One attempt, three times: in the story, in the specification, in reality.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Check {
    /// Who tried.
    pub(crate) from: String,
    /// What was tried.
    pub(crate) to: String,
    /// What the story says; `None` in the final table, which only compares the other two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expected: Option<Passage>,
    /// What the specification says.
    pub(crate) predicted: Passage,
    /// Why.
    pub(crate) because: Vec<String>,
    /// What happened; `None` if it was neither.
    pub(crate) measured: Option<Passage>,
    /// In words.
    pub(crate) outcome: String,
    /// How long it took.
    pub(crate) duration_ms: u64,
    /// Whether all agree.
    pub(crate) agreed: bool,
}

/// Whether there is a way through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Passage {
    Open,
    Closed,
}

impl Passage {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

impl Check {
    pub(crate) fn settle(mut self) -> Self {
        let story = self
            .expected
            .is_none_or(|expected| expected == self.predicted);
        self.agreed = story && self.measured == Some(self.predicted);
        self
    }
}

impl Report {
    pub(crate) fn finish(&mut self, total: Duration, cleanup: Duration) {
        self.total_ms = milliseconds(total);
        self.cleanup_ms = milliseconds(cleanup);
        let mut checks = self
            .steps
            .iter()
            .flat_map(|step| &step.checks)
            .chain(&self.table);
        self.agreed = checks.all(|check| check.agreed);
    }

    /// How many attempts there were, and how many disagreed.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let checks: Vec<_> = self
            .steps
            .iter()
            .flat_map(|step| &step.checks)
            .chain(&self.table)
            .collect();
        (
            checks.len(),
            checks.iter().filter(|check| !check.agreed).count(),
        )
    }
}

pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
