use std::collections::BTreeMap;

use ringfence_model::{Direction, ObjectName, Source};
use ringfence_ruleset::{Key, Table};

/// A table, and which policy each of its elements comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiled {
    /// What the node's kernel must hold.
    pub table: Table,
    /// The policy rules behind each element that a policy causes, sorted. Endpoints, Services and blocks have none.
    pub origins: BTreeMap<ObjectRef, Vec<Origin>>,
    /// Wired pods that the cluster does not know as live pods of the pod network. They are not programmed and so
    /// stay dropped (rules NP-65, DP-25).
    pub unknown: Vec<ObjectName>,
}

/// A part of a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectRef {
    /// An element of a set.
    Element {
        /// The set's name.
        set: String,
        /// The element's key.
        key: Key,
    },
}

/// A policy rule that caused something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The policy.
    pub policy: ObjectName,
    /// Which of its lists.
    pub direction: Direction,
    /// Index in that list; `None` for the isolation itself (rule NP-2).
    pub rule: Option<usize>,
    /// Where the rule was written, or the policy for the isolation.
    pub source: Option<Source>,
}
