//! What the demonstration found, as it is printed with `--output json`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

/// Everything, in the order in which it happened.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Whether reality, prediction and story agree everywhere.
    pub agreed: bool,
    /// From the start of the lab until its nodes, DNS and policies were ready.
    pub nodes_ready_ms: u64,
    /// From the start of the lab until three pods were ready and their policies enforced.
    pub lab_ready_ms: u64,
    /// From start to exit, cleaning up included.
    pub total_ms: u64,
    /// Cleaning up alone.
    pub cleanup_ms: u64,
    /// The chapters.
    pub steps: Vec<Step>,
    /// The final table.
    pub table: Vec<Check>,
}

/// A chapter of the story.
#[derive(Debug, Default, Serialize)]
pub struct Step {
    /// Counted from 1.
    pub number: usize,
    /// What it is about.
    pub title: String,
    /// The commands it stands for.
    pub commands: Vec<String>,
    /// What they answered.
    pub output: Vec<String>,
    /// What was tried.
    pub checks: Vec<Check>,
    /// What the policies put into the kernel, by node.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub kernel: BTreeMap<String, Vec<String>>,
    /// What it means.
    pub remarks: Vec<String>,
}

/// One attempt, three times: in the story, in the specification, in reality.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// Who tried.
    pub from: String,
    /// What was tried.
    pub to: String,
    /// What the story says; `None` in the final table, which only compares the other two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<Passage>,
    /// What the specification says.
    pub predicted: Passage,
    /// Why.
    pub because: Vec<String>,
    /// What happened; `None` if it was neither.
    pub measured: Option<Passage>,
    /// In words.
    pub outcome: String,
    /// How long it took.
    pub duration_ms: u64,
    /// Whether all agree.
    pub agreed: bool,
}

/// Whether there is a way through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Passage {
    Open,
    Closed,
}

impl Passage {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

impl Check {
    pub fn settle(mut self) -> Self {
        let story = self
            .expected
            .is_none_or(|expected| expected == self.predicted);
        self.agreed = story && self.measured == Some(self.predicted);
        self
    }
}

impl Report {
    pub fn finish(&mut self, total: Duration, cleanup: Duration) {
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
    pub fn counts(&self) -> (usize, usize) {
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

pub fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
