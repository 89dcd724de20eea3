//! A field of a checked document: its value if it has one, its path, and where to point.

use std::fmt;
use std::rc::Rc;

use crate::yaml::{Entry, Key, Node, Span, Value};

/// A field path as the API server writes it: `spec.ingress[0].from[1]`, `metadata.labels[app]`.
#[derive(Clone, Debug)]
pub(crate) struct Path<'a>(Option<Rc<(Path<'a>, Step<'a>)>>);

#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Field(&'a str),
    Key(&'a str),
    Index(usize),
}

impl<'a> Path<'a> {
    pub(crate) const fn root() -> Self {
        Self(None)
    }

    pub(crate) fn field(&self, name: &'a str) -> Self {
        self.step(Step::Field(name))
    }

    pub(crate) fn key(&self, name: &'a str) -> Self {
        self.step(Step::Key(name))
    }

    pub(crate) fn index(&self, index: usize) -> Self {
        self.step(Step::Index(index))
    }

    fn step(&self, step: Step<'a>) -> Self {
        Self(Some(Rc::new((self.clone(), step))))
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((parent, step)) = self.0.as_deref() else {
            return Ok(());
        };
        parent.fmt(f)?;
        match step {
            Step::Field(name) if parent.0.is_none() => f.write_str(name),
            Step::Field(name) => write!(f, ".{name}"),
            Step::Key(name) => write!(f, "[{name}]"),
            Step::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// A field that may be missing; null counts as missing.
#[derive(Clone, Debug)]
pub(crate) struct View<'a> {
    node: Option<&'a Node>,
    pub(crate) span: Span,
    pub(crate) path: Path<'a>,
}

impl<'a> View<'a> {
    pub(crate) const fn root(node: &'a Node) -> Self {
        Self {
            node: Some(node),
            span: node.span,
            path: Path::root(),
        }
    }

    /// The field `name`; where it is missing, it points at this object.
    pub(crate) fn field(&self, name: &'static str) -> Self {
        let path = self.path.field(name);
        match self.node.and_then(|node| node.entry(name)) {
            Some(Entry { key, value }) if value.is_null() => Self {
                node: None,
                span: key.span,
                path,
            },
            Some(Entry { value, .. }) => Self {
                node: Some(value),
                span: value.span,
                path,
            },
            None => Self {
                node: None,
                span: self.span,
                path,
            },
        }
    }

    /// The same field, pointing at `span`.
    pub(crate) fn pointing_at(&self, span: Span) -> Self {
        Self {
            span,
            ..self.clone()
        }
    }

    pub(crate) const fn is_set(&self) -> bool {
        self.node.is_some()
    }

    /// This field, if it has a value.
    pub(crate) fn set(self) -> Option<Self> {
        self.node.is_some().then_some(self)
    }

    /// The items of a list, in order.
    pub(crate) fn items(&self) -> impl ExactSizeIterator<Item = Self> + use<'a> {
        let items = self.node.map(Node::items).unwrap_or_default();
        let path = self.path.clone();
        items.iter().enumerate().map(move |(index, node)| Self {
            node: (!node.is_null()).then_some(node),
            span: node.span,
            path: path.index(index),
        })
    }

    /// The items of a list, or this value alone; nothing if it is missing.
    pub(crate) fn one_or_more(&self) -> Vec<Self> {
        match self.node.map(|node| &node.value) {
            Some(Value::Sequence(_)) => self.items().collect(),
            Some(_) => vec![self.clone()],
            None => Vec::new(),
        }
    }

    pub(crate) fn is_list(&self) -> bool {
        let value = self.node.map(|node| &node.value);
        matches!(value, Some(Value::Sequence(_)))
    }

    /// The entries of a mapping, in order.
    pub(crate) fn entries(&self) -> impl ExactSizeIterator<Item = (&'a Key, Self)> + use<'a> {
        let entries = self.node.map(Node::entries).unwrap_or_default();
        let path = self.path.clone();
        entries.iter().map(move |Entry { key, value }| {
            let view = Self {
                node: (!value.is_null()).then_some(value),
                span: if value.is_null() {
                    key.span
                } else {
                    value.span
                },
                path: path.key(&key.text),
            };
            (key, view)
        })
    }

    pub(crate) fn text(&self) -> Option<&'a str> {
        self.node.and_then(Node::text)
    }

    /// The text, empty if missing.
    pub(crate) fn text_or_empty(&self) -> &'a str {
        self.text().unwrap_or_default()
    }

    pub(crate) fn boolean(&self) -> Option<bool> {
        match self.node?.value {
            Value::Bool(value) => Some(value),
            Value::Null
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Sequence(_)
            | Value::Mapping(_) => None,
        }
    }

    pub(crate) fn integer(&self) -> Option<i64> {
        match self.node?.value {
            Value::Integer(value) => Some(value),
            Value::Null
            | Value::Bool(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Sequence(_)
            | Value::Mapping(_) => None,
        }
    }
}
