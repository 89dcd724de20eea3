use std::time::Duration;

use crate::{BaseChain, Element, Key, Rule, Set};

/// One step of a transaction on a table. A transaction is a list of operations that the kernel takes whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Create the table; no error if it is there.
    AddTable {
        /// Comment stored with it.
        comment: Option<String>,
    },
    /// Delete the table with all it holds.
    DeleteTable,
    /// Create a chain without rules.
    AddChain {
        /// Its name.
        name: String,
        /// Its hook, for a base chain.
        base: Option<BaseChain>,
    },
    /// Delete a chain that is empty and not referred to.
    DeleteChain {
        /// Its name.
        name: String,
    },
    /// Remove all rules of a chain.
    FlushChain {
        /// Its name.
        name: String,
    },
    /// Append a rule.
    AddRule {
        /// The chain.
        chain: String,
        /// The rule.
        rule: Rule,
    },
    /// Create a set or map without elements.
    AddSet {
        /// Its name.
        name: String,
        /// Its definition; `elements` is empty.
        set: Set,
    },
    /// Delete a set that no rule refers to.
    DeleteSet {
        /// Its name.
        name: String,
    },
    /// Add elements.
    AddElements {
        /// The set.
        set: String,
        /// The set's definition, which says how to encode; `elements` is empty.
        definition: Set,
        /// What to add.
        elements: Vec<(Key, Element)>,
        /// How long the kernel keeps them, in a set whose elements may end; without it, until they are removed. It is no
        /// part of a table: two tables are equal however long their elements have.
        lifetime: Option<Duration>,
    },
    /// Remove elements.
    DeleteElements {
        /// The set.
        set: String,
        /// The set's definition, which says how to encode; `elements` is empty.
        definition: Set,
        /// What to remove.
        keys: Vec<Key>,
    },
}

impl Operation {
    /// How many elements it adds or deletes; `None` if it is about something else.
    #[must_use]
    pub const fn elements(&self) -> Option<usize> {
        match self {
            Self::AddElements { elements, .. } => Some(elements.len()),
            Self::DeleteElements { keys, .. } => Some(keys.len()),
            Self::AddTable { .. }
            | Self::DeleteTable
            | Self::AddChain { .. }
            | Self::DeleteChain { .. }
            | Self::FlushChain { .. }
            | Self::AddRule { .. }
            | Self::AddSet { .. }
            | Self::DeleteSet { .. } => None,
        }
    }
}
