//! Anchors, aliases and merge keys, with a bound on what they may expand to.

use std::collections::BTreeMap;

use super::{Entry, Node, Value};

/// What all aliases of one input may add, in units of [`weight`].
const BUDGET: usize = 16 * 1024 * 1024;

/// The values that aliases of the current document can name.
#[derive(Debug, Default)]
pub(super) struct Anchors {
    known: BTreeMap<usize, (Node, usize)>,
    spent: usize,
}

/// Why an alias cannot be followed.
pub(super) enum AliasError {
    /// It names a value that contains it.
    Recursive,
    /// Following it would make the document too large.
    TooLarge,
}

impl Anchors {
    /// Remembers `node` with `depth` levels of nesting. Anchor 0 is none.
    pub(super) fn define(&mut self, anchor: usize, node: &Node, depth: usize) {
        if anchor != 0 {
            self.known.insert(anchor, (node.clone(), depth));
        }
    }

    /// The value that `anchor` names, and its depth.
    pub(super) fn follow(&mut self, anchor: usize) -> Result<(Node, usize), AliasError> {
        let (node, depth) = self.known.get(&anchor).ok_or(AliasError::Recursive)?;
        self.spent = self.spent.saturating_add(weight(node));
        if self.spent > BUDGET {
            return Err(AliasError::TooLarge);
        }
        Ok((node.clone(), *depth))
    }

    /// Forgets the anchors at the end of a document; the budget is shared by all documents.
    pub(super) fn forget(&mut self) {
        self.known.clear();
    }
}

fn weight(node: &Node) -> usize {
    const NODE: usize = 64;
    NODE + match &node.value {
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) => 0,
        Value::Text(text) => text.len(),
        Value::Sequence(items) => items.iter().map(weight).sum(),
        Value::Mapping(entries) => entries
            .iter()
            .map(|entry| entry.key.text.len() + weight(&entry.value))
            .sum(),
    }
}

/// Adds the entries of `<<` mappings that `entries` does not have itself; the first mapping wins.
///
/// # Errors
/// The node that is no mapping.
pub(super) fn merge(entries: &mut Vec<Entry>, merged: Vec<Node>) -> Result<(), Node> {
    for node in merged {
        match node.value {
            Value::Mapping(others) => add_missing(entries, others),
            Value::Sequence(items) => merge(entries, items)?,
            Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) => {
                return Err(node);
            }
        }
    }
    Ok(())
}

fn add_missing(entries: &mut Vec<Entry>, others: Vec<Entry>) {
    let known: std::collections::BTreeSet<String> =
        entries.iter().map(|entry| entry.key.text.clone()).collect();
    entries.extend(
        others
            .into_iter()
            .filter(|other| !known.contains(&other.key.text)),
    );
}
