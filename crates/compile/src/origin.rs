use std::collections::BTreeMap;
use std::fmt;

use ringfence_model::{Direction, ObjectName, PolicyName, Source};
use ringfence_ruleset::{Key, Table};
use serde::{Deserialize, Serialize};

use crate::Record;
use crate::emit::seal;

/// A table, and which policy each of its elements comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiled {
    /// What the node's kernel must hold.
    pub table: Table,
    /// Which packets it copies to its listeners.
    pub record: Record,
    /// The policy rules behind each element that a policy causes, sorted, the first 32. Endpoints, Services and blocks have none.
    pub origins: BTreeMap<ObjectRef, Vec<Origin>>,
    /// Wired pods that the cluster does not know as live pods of the pod network. They are not programmed and so
    /// stay dropped (rules NP-65, DP-25).
    pub unknown: Vec<ObjectName>,
    /// Rules that cost more than [`Limits`](crate::Limits) allow, sorted. What they allow is denied (rule AM-21), and where
    /// they deny or pass on, everything is.
    pub refused: Vec<RefusedRule>,
}

/// A policy rule that is left out for what it costs. The pods that its policy selects stay as closed as with it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RefusedRule {
    /// The policy.
    pub policy: PolicyName,
    /// Which of its lists.
    pub direction: Direction,
    /// Index in that list.
    pub rule: usize,
    /// Where the rule was written.
    pub source: Option<Source>,
    /// Whether it would deny or pass on: without it everything in its direction is denied to the pods that its policy
    /// selects.
    pub closes: bool,
    /// What it exceeds.
    pub bound: Bound,
    /// What it costs: set elements for one pod address, or on the whole node.
    pub elements: u64,
    /// What it may cost, or all rules of the node together.
    pub limit: u64,
}

/// What a refused rule exceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bound {
    /// What one rule may cost.
    Rule,
    /// What all rules of the node may cost: it was the costliest.
    Node,
}

impl fmt::Display for RefusedRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "policy {} {}[{}]",
            self.policy, self.direction, self.rule
        )?;
        if let Some(source) = &self.source {
            write!(f, " ({source})")?;
        }
        if self.closes {
            write!(f, " denies all {} of its pods", self.direction)?;
        } else {
            f.write_str(" is left out")?;
        }
        let (elements, limit) = (self.elements, self.limit);
        match self.bound {
            Bound::Rule => write!(
                f,
                ": it takes {elements} set elements per pod address, and {limit} are allowed"
            ),
            Bound::Node => write!(
                f,
                ": it takes {elements} set elements, and the rules of this node together exceed {limit}"
            ),
        }
    }
}

impl Compiled {
    /// Keeps each set at least as large as in `live`, the table that the node holds now: a set that has become smaller
    /// then needs no other layout, and a number of elements that swings around a power of two replaces nothing.
    pub fn keep_sizes(&mut self, live: &Table) {
        for (name, set) in &mut self.table.sets {
            let known = live.sets.get(name).and_then(|live| live.size);
            set.size = set.size.max(known);
        }
        seal(&mut self.table, self.record);
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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origin {
    /// The policy.
    pub policy: PolicyName,
    /// Which of its lists.
    pub direction: Direction,
    /// Index in that list; `None` for the isolation itself (rule NP-2).
    pub rule: Option<usize>,
    /// Where the rule was written, or the policy for the isolation.
    pub source: Option<Source>,
}
