//! Where the parts of an object were written, to quote them.

use std::ops::Range;

use crate::Source;
use crate::yaml::{self, Document, Entry, Key, Node};

/// A text of which every value and every key is known by its place.
///
/// Made for quoting: what cannot be read has no places, and nothing is checked.
#[derive(Debug)]
pub struct SourceTree {
    documents: Vec<Document>,
}

/// A value in a [`SourceTree`], with its key if it is a field.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    key: Option<&'a Key>,
    node: &'a Node,
}

impl SourceTree {
    /// Reads YAML or JSON.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let (documents, _) = yaml::parse(text);
        Self { documents }
    }

    /// The mapping that begins at `source`, whose file this is.
    #[must_use]
    pub fn at(&self, source: &Source) -> Option<Place<'_>> {
        let begin = (source.line, source.column);
        let mut roots = self.documents.iter();
        let node = roots.find_map(|document| beginning_at(&document.root, begin))?;
        Some(Place { key: None, node })
    }
}

fn beginning_at(node: &Node, begin: (u32, u32)) -> Option<&Node> {
    if (node.span.line, node.span.column) == begin && node.is_mapping() {
        return Some(node);
    }
    let fields = node.entries().iter().map(|entry| &entry.value);
    fields
        .chain(node.items())
        .find_map(|child| beginning_at(child, begin))
}

impl<'a> Place<'a> {
    /// The field `name` of a mapping.
    #[must_use]
    pub fn field(self, name: &str) -> Option<Self> {
        self.node.entry(name).map(|Entry { key, value }| Self {
            key: Some(key),
            node: value,
        })
    }

    /// The item at `index` of a sequence, counted from 0.
    #[must_use]
    pub fn item(self, index: usize) -> Option<Self> {
        let node = self.node.items().get(index)?;
        Some(Self { key: None, node })
    }

    /// How many items a sequence has; 0 for anything else.
    #[must_use]
    pub fn items(self) -> usize {
        self.node.items().len()
    }

    /// The bytes of the value in the text, without its key.
    #[must_use]
    pub fn value(self) -> Range<usize> {
        self.node.span.bytes()
    }

    /// The bytes of the key and the value.
    #[must_use]
    pub fn bytes(self) -> Range<usize> {
        let value = self.value();
        let start = self.key.map_or(value.start, |key| key.span.start);
        start
            ..value
                .end
                .max(self.key.map_or(value.end, |key| key.span.end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a: 1
---
kind: X
spec:
  ingress:
  - from:
    - podSelector: {matchLabels: {app: web}}
    ports: []
  - {}
";

    fn quoted(bytes: Range<usize>) -> &'static str {
        TEXT.get(bytes).unwrap()
    }

    fn source(line: u32, column: u32) -> Source {
        Source {
            file: "x.yaml".into(),
            line,
            column,
        }
    }

    #[test]
    fn parts_are_quoted_with_their_keys() {
        let tree = SourceTree::read(TEXT);
        let rule = tree.at(&source(6, 5)).unwrap();
        let selector = rule.field("from").unwrap().item(0).unwrap();
        let label = ["podSelector", "matchLabels", "app"]
            .into_iter()
            .try_fold(selector, Place::field)
            .unwrap();
        assert_eq!(quoted(label.bytes()), "app: web");
        assert_eq!(quoted(label.value()), "web");
        assert!(quoted(rule.bytes()).starts_with("from:\n"));
        assert!(quoted(rule.bytes()).ends_with("ports: []"));
    }

    #[test]
    fn the_document_is_found_by_its_first_key_and_nothing_where_nothing_begins() {
        let tree = SourceTree::read(TEXT);
        let document = tree.at(&source(3, 1)).unwrap();
        let rules = document.field("spec").unwrap().field("ingress").unwrap();
        assert_eq!(rules.items(), 2);
        assert_eq!(quoted(rules.item(1).unwrap().bytes()), "{}");
        assert!(tree.at(&source(3, 2)).is_none());
        assert!(document.field("ports").is_none() && rules.item(2).is_none());
    }
}
