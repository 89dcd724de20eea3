use std::collections::BTreeMap;

use ringfence_model::{Direction, ObjectName, Source};
use ringfence_ruleset::{Key, Table};

use crate::emit::seal;

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

impl Compiled {
    /// Keeps each set at least as large as in `live`, the table that the node holds now: a set that has become smaller
    /// then needs no other layout, and a number of elements that swings around a power of two replaces nothing.
    pub fn keep_sizes(&mut self, live: &Table) {
        for (name, set) in &mut self.table.sets {
            let known = live.sets.get(name).and_then(|live| live.size);
            set.size = set.size.max(known);
        }
        seal(&mut self.table);
    }
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
