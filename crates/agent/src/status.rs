//! What the agent tells whoever asks on `<data dir>/status.sock`: one request and one answer per connection,
//! each a line of JSON.

use std::collections::BTreeMap;

use ringfence_model::{Direction, ObjectName, Source};
use serde::{Deserialize, Serialize};

/// A question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StatusRequest {
    /// The table as it is in the kernel, and the policies behind it. Answered with [`Rules`].
    Rules,
    /// Whether all is well. Answered with [`Health`].
    Health,
}

/// The table that the agent last saw committed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// As nft text; empty before the first commit.
    pub table_text: String,
    /// Each element that a policy causes, with one of its causes a line, sorted.
    pub origins: Vec<RuleOrigin>,
    /// The store revision that it enforces, if it is exactly one.
    pub revision: Option<u64>,
    /// The programmed endpoints: host interface to pod.
    pub endpoints: BTreeMap<String, ObjectName>,
}

/// A cause of an element.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RuleOrigin {
    /// The element, as `<set> { <key> }`.
    pub object: String,
    /// The policy.
    pub policy: ObjectName,
    /// Which of its lists.
    pub direction: Direction,
    /// Index in that list; none for the isolation itself.
    pub rule: Option<usize>,
    /// Where it was written.
    pub source: Option<Source>,
}

/// Whether the node enforces what it should.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Store in sync, endpoint records read, table in the kernel.
    pub ready: bool,
    /// Whether the store is connected.
    pub connected: bool,
    /// The last store revision that is enforced.
    pub applied: Option<u64>,
    /// How many endpoints are programmed.
    pub endpoints: usize,
    /// What is wrong, if something is.
    pub problem: Option<String>,
}
