//! From parser events to trees, document by document.

use std::collections::BTreeMap;

use granit_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span as EventSpan, Tag};

use super::aliases::{AliasError, Anchors, merge};
use super::{Document, Entry, Key, Node, Span, Value, YamlError, scalar};

/// Levels of nesting that a document may have; Kubernetes objects have about a dozen.
const MAX_DEPTH: usize = 96;

/// Reads all documents of `text`, without the empty ones. A broken document does not hide the others.
pub(crate) fn parse(text: &str) -> (Vec<Document>, Vec<YamlError>) {
    let options = granit_parser::options! { emit_comments: false };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder::new(text);
    while let Some(event) = parser.next() {
        let failure = match event {
            Ok((event, span)) => builder.event(event, span).err(),
            Err(error) => Some(builder.syntax_error(&error)),
        };
        let Some(failure) = failure else { continue };
        builder.errors.push(failure);
        builder.abandon();
        match parser.proceed_next_document() {
            Ok(true) => {}
            Ok(false) | Err(_) => break,
        }
    }
    (builder.documents, builder.errors)
}

struct Builder<'a> {
    text: &'a str,
    open: Vec<Open>,
    anchors: Anchors,
    documents: Vec<Document>,
    errors: Vec<YamlError>,
    /// Whether the current document is free of faults so far.
    sound: bool,
}

/// A collection whose end has not been seen.
struct Open {
    span: Span,
    anchor: usize,
    /// Levels of nesting below this one.
    depth: usize,
    flow: bool,
    content: Content,
}

enum Content {
    Sequence(Vec<Node>),
    Mapping {
        entries: Vec<Entry>,
        merged: Vec<Node>,
        key: Option<PendingKey>,
    },
}

enum PendingKey {
    Named(Key),
    Merge,
}

/// A finished value with its levels of nesting, and whether it could be the merge key.
struct Done {
    node: Node,
    depth: usize,
    plain: bool,
}

impl<'a> Builder<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            open: Vec::new(),
            anchors: Anchors::default(),
            documents: Vec::new(),
            errors: Vec::new(),
            sound: true,
        }
    }

    fn abandon(&mut self) {
        self.open.clear();
        self.sound = true;
        self.anchors.forget();
    }

    fn event(&mut self, event: Event<'_>, span: EventSpan) -> Result<(), YamlError> {
        let place = self.span(span.start, span.end);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && tag.is_none();
                let value = scalar_value(&text, style, tag.as_deref(), place)?;
                self.finish(
                    anchor,
                    Done {
                        node: Node { span: place, value },
                        depth: 0,
                        plain,
                    },
                )
            }
            Event::SequenceStart(style, anchor, _) => {
                self.begin(place, anchor, style, Content::Sequence(Vec::new()))
            }
            Event::MappingStart(style, anchor, _) => {
                let content = Content::Mapping {
                    entries: Vec::new(),
                    merged: Vec::new(),
                    key: None,
                };
                self.begin(place, anchor, style, content)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(place),
            Event::Alias(anchor) => self.alias(anchor, place),
            Event::DocumentEnd => {
                self.anchors.forget();
                self.sound = true;
                Ok(())
            }
            Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(..)
            | Event::Anchor(..)
            | Event::UnresolvedAlias(_)
            | Event::Comment(..)
            | _ => Ok(()),
        }
    }

    fn begin(
        &mut self,
        span: Span,
        anchor: usize,
        style: granit_parser::StructureStyle,
        content: Content,
    ) -> Result<(), YamlError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep(span));
        }
        let flow = style == granit_parser::StructureStyle::Flow;
        self.open.push(Open {
            span,
            anchor,
            depth: 0,
            flow,
            content,
        });
        Ok(())
    }

    fn end(&mut self, end: Span) -> Result<(), YamlError> {
        let Some(mut open) = self.open.pop() else {
            return Ok(());
        };
        if open.flow {
            open.span.end = end.end.max(open.span.end);
        }
        let (anchor, depth, span) = (open.anchor, open.depth + 1, open.span);
        let value = match open.content {
            Content::Sequence(items) => Value::Sequence(items),
            Content::Mapping {
                mut entries,
                merged,
                ..
            } => {
                self.report_duplicates(&entries);
                merge(&mut entries, merged).map_err(|node| {
                    error_at(node.span, "`<<` takes a mapping or a list of mappings")
                })?;
                Value::Mapping(entries)
            }
        };
        self.finish(
            anchor,
            Done {
                node: Node { span, value },
                depth,
                plain: false,
            },
        )
    }

    /// Rule OB-5.
    fn report_duplicates(&mut self, entries: &[Entry]) {
        let mut seen: BTreeMap<&str, &Key> = BTreeMap::new();
        for Entry { key, .. } in entries {
            if let Some(first) = seen.get(key.text.as_str()) {
                self.sound = false;
                self.errors.push(YamlError {
                    rule: Some("OB-5"),
                    help: Some(already_given(key, first)),
                    ..error_at(key.span, format!("duplicate key `{}`", key.text))
                });
            } else {
                seen.insert(&key.text, key);
            }
        }
    }

    fn alias(&mut self, anchor: usize, place: Span) -> Result<(), YamlError> {
        let (node, depth) = self.anchors.follow(anchor).map_err(|error| match error {
            AliasError::Recursive => error_at(place, "this alias names a value that contains it"),
            AliasError::TooLarge => error_at(place, "aliases expand to too large a document"),
        })?;
        if self.open.len() + depth > MAX_DEPTH {
            return Err(too_deep(place));
        }
        self.attach(Done {
            node,
            depth,
            plain: false,
        })
    }

    fn finish(&mut self, anchor: usize, done: Done) -> Result<(), YamlError> {
        self.anchors.define(anchor, &done.node, done.depth);
        self.attach(done)
    }

    fn attach(&mut self, done: Done) -> Result<(), YamlError> {
        let Some(parent) = self.open.last_mut() else {
            if !done.node.is_null() {
                self.documents.push(Document {
                    root: done.node,
                    sound: self.sound,
                });
            }
            return Ok(());
        };
        parent.depth = parent.depth.max(done.depth);
        parent.span.end = parent.span.end.max(done.node.span.end);
        match &mut parent.content {
            Content::Sequence(items) => items.push(done.node),
            Content::Mapping {
                entries,
                merged,
                key,
            } => match key.take() {
                None => *key = Some(pending_key(done)?),
                Some(PendingKey::Merge) => merged.push(done.node),
                Some(PendingKey::Named(key)) => entries.push(Entry {
                    key,
                    value: done.node,
                }),
            },
        }
        Ok(())
    }

    fn span(&self, start: Marker, end: Marker) -> Span {
        let offset = |marker: Marker| marker.byte_offset().unwrap_or(self.text.len());
        let start_offset = offset(start).min(self.text.len());
        Span {
            start: start_offset,
            end: offset(end).clamp(start_offset, self.text.len()),
            line: u32::try_from(start.line()).unwrap_or(u32::MAX),
            column: u32::try_from(start.col() + 1).unwrap_or(u32::MAX),
        }
    }

    fn syntax_error(&self, error: &ScanError) -> YamlError {
        let marker = *error.marker();
        error_at(
            self.span(marker, marker),
            format!("broken YAML: {}", error.info()),
        )
    }
}

fn error_at(span: Span, message: impl Into<String>) -> YamlError {
    YamlError {
        message: message.into(),
        span,
        rule: None,
        help: None,
    }
}

fn too_deep(span: Span) -> YamlError {
    error_at(span, format!("nested deeper than {MAX_DEPTH} levels"))
}

fn scalar_value(
    text: &str,
    style: ScalarStyle,
    tag: Option<&Tag>,
    span: Span,
) -> Result<Value, YamlError> {
    match tag {
        None if style == ScalarStyle::Plain => Ok(scalar::resolve(text)),
        None => Ok(Value::Text(text.to_owned())),
        Some(tag) => tag
            .core_suffix()
            .and_then(|suffix| scalar::tagged(suffix, text))
            .ok_or_else(|| {
                error_at(
                    span,
                    format!("cannot read this value as `{}`", tag.original()),
                )
            }),
    }
}

fn pending_key(done: Done) -> Result<PendingKey, YamlError> {
    let span = done.node.span;
    let (text, not_text) = match done.node.value {
        Value::Text(text) if text == "<<" && done.plain => return Ok(PendingKey::Merge),
        Value::Text(text) => (text, None),
        Value::Bool(value) => (value.to_string(), Some("a boolean")),
        Value::Integer(value) => (value.to_string(), None),
        Value::Float(value) => (value.to_string(), Some("a number")),
        Value::Null => (String::new(), Some("null")),
        Value::Sequence(_) | Value::Mapping(_) => {
            return Err(error_at(span, "a mapping key must be a string"));
        }
    };
    Ok(PendingKey::Named(Key {
        text,
        span,
        not_text,
    }))
}

/// Files without `---` between them look like one document with two of everything.
fn already_given(key: &Key, first: &Key) -> String {
    let line = first.span.line;
    let given = format!("it is already given on line {line}");
    if key.text == "apiVersion" {
        format!("{given}; a line `---` parts one document from the next")
    } else {
        given
    }
}
