//! One question, many implementations.

use std::fmt;

use ringfence_model::Cluster;
use ringfence_model::Outcome;
use ringfence_reference::answer;

use crate::flows::ProbeFlow;

/// Something that can tell what becomes of a flow: the reference, the compiled rules, the kernel.
pub trait Decider {
    /// What it is called in messages.
    fn name(&self) -> &str;

    /// What becomes of `flow` in `cluster`.
    fn decide(&mut self, cluster: &Cluster, flow: &ProbeFlow) -> Decision;
}

/// A verdict, and the words of whoever gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What becomes of the flow.
    pub verdict: Verdict,
    /// Why, for people.
    pub because: String,
}

/// What becomes of a flow (rule Q-13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It passes.
    Allow,
    /// It is dropped.
    Deny,
    /// Some backends of the Service would get it, others not.
    Partial,
    /// The Service has no backend.
    NoEndpoints,
    /// It depends on an address that is not known.
    Unknown,
    /// The question makes no sense.
    Error,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 6] = [
        Self::Allow,
        Self::Deny,
        Self::Partial,
        Self::NoEndpoints,
        Self::Unknown,
        Self::Error,
    ];

    /// The word of the corpus for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Partial => "partial",
            Self::NoEndpoints => "no-endpoints",
            Self::Unknown => "unknown",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl From<&Outcome> for Verdict {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Allow => Self::Allow,
            Outcome::Deny => Self::Deny,
            Outcome::Partial => Self::Partial,
            Outcome::NoEndpoints => Self::NoEndpoints,
            Outcome::Unknown { .. } => Self::Unknown,
        }
    }
}

/// The specification's own answer.
#[derive(Clone, Copy, Debug)]
pub struct ReferenceDecider;

impl Decider for ReferenceDecider {
    fn name(&self) -> &'static str {
        "reference"
    }

    fn decide(&mut self, cluster: &Cluster, flow: &ProbeFlow) -> Decision {
        match answer(cluster, flow) {
            Ok(answer) => Decision {
                verdict: Verdict::from(&answer.outcome),
                because: answer.to_string(),
            },
            Err(error) => Decision {
                verdict: Verdict::Error,
                because: error.to_string(),
            },
        }
    }
}
