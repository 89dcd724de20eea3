use std::collections::BTreeMap;

use serde::Serialize;

use super::source::{Node, Nodes};

/// What is said of each node.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer<'a, T> {
    /// What the answer has to be read with.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    nodes: BTreeMap<&'a str, T>,
}

impl<'a, T> Answer<'a, T> {
    pub(super) fn new(nodes: &'a Nodes, answer: impl Fn(&'a Node) -> T) -> Self {
        let all = nodes.all.iter();
        Self {
            note: nodes.note.as_deref(),
            nodes: all.map(|node| (node.name.as_str(), answer(node))).collect(),
        }
    }
}
