//! The input once more, as it was written: what stands at a field, and where.
//!
//! Objects are typed and defaulted; what a reader of the file sees beside them, such as annotations, fields left empty and
//! the line of a field, is looked up here by the place that the object begins at.

mod described;
mod path;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use crate::Source;
use crate::diagnostic::{Location, SourceMap};
use crate::yaml::{self, Entry, Key, Node, Span, Value};
pub use described::Described;
use path::{Step, steps};

/// The documents of the input. A file is read when something in it is asked for.
#[derive(Debug, Default)]
pub struct Documents {
    files: BTreeMap<Arc<str>, File>,
}

#[derive(Debug)]
struct File {
    text: Arc<str>,
    objects: OnceLock<Vec<Node>>,
}

/// A field as it was written.
#[derive(Clone, Debug)]
pub struct Field<'a> {
    file: Arc<str>,
    span: Span,
    node: &'a Node,
}

/// One annotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// Where the object begins that carries it.
    pub object: Source,
    /// Its value.
    pub value: String,
    /// Where the value stands.
    pub location: Location,
}

impl Documents {
    /// The documents of `sources`.
    #[must_use]
    pub fn new(sources: &SourceMap) -> Self {
        let file = |(name, text): (&Arc<str>, &Arc<str>)| {
            let (text, objects) = (Arc::clone(text), OnceLock::new());
            (Arc::clone(name), File { text, objects })
        };
        let files = sources.iter().map(file).collect();
        Self { files }
    }

    /// What is written at `path` of the object that begins at `object`, with `path` as the API server writes it:
    /// `spec.ingress[0].from[1].podSelector.matchLabels[app]`. A field without a value is null.
    #[must_use]
    pub fn field(&self, object: &Source, path: &str) -> Option<Field<'_>> {
        let (name, file) = self.files.get_key_value(&object.file)?;
        let root = file.object(object.line, object.column)?;
        let start = Field {
            file: Arc::clone(name),
            span: root.span,
            node: root,
        };
        steps(path).try_fold(start, Field::step)
    }

    /// Where `path` of the object stands; where it is missing, the nearest field around it.
    #[must_use]
    pub fn locate(&self, object: &Source, path: &str) -> Option<Location> {
        let around = path::enclosing(path);
        let field = around.into_iter().find_map(|path| self.field(object, path));
        field.map(|field| field.location())
    }

    /// The objects of the files that may say one of `words` somewhere, in order of file and line; the items of a list are
    /// objects of their own (rule OB-1). A file in which no word stands is not read, unless it may write one in another way.
    pub fn objects_saying(&self, words: &[&str]) -> impl Iterator<Item = Field<'_>> {
        self.objects_of(|file| file.may_say(words))
    }

    /// The same of the files in which an object may be of a version such as `apps/v1` that is `wanted`. Others are not read.
    pub fn objects_of_versions(
        &self,
        wanted: impl Fn(&str) -> bool,
    ) -> impl Iterator<Item = Field<'_>> {
        self.objects_of(move |file| file.may_be_of_version(&wanted))
    }

    fn objects_of(&self, is_read: impl Fn(&File) -> bool) -> impl Iterator<Item = Field<'_>> {
        let files = self.files.iter();
        let read = files.filter(move |(_, file)| is_read(file));
        read.flat_map(|(name, file)| {
            file.objects().iter().map(move |node| Field {
                file: Arc::clone(name),
                span: node.span,
                node,
            })
        })
    }

    /// The names of the files that may say `word` somewhere.
    #[must_use]
    pub fn files_saying(&self, word: &str) -> BTreeSet<&str> {
        let files = self.files.iter();
        let saying = files.filter(|(_, file)| file.may_say(&[word]));
        saying.map(|(name, _)| &**name).collect()
    }

    /// Every annotation called `key`, in order of file and line.
    #[must_use]
    pub fn annotations(&self, key: &str) -> Vec<Annotation> {
        let mut found = Vec::new();
        for (name, file) in self
            .files
            .iter()
            .filter(|(_, file)| file.text.contains(key))
        {
            for object in file.objects() {
                let source = source(name, object.span);
                let Some(field) = self.field(&source, &format!("metadata.annotations[{key}]"))
                else {
                    continue;
                };
                found.extend(field.text().map(|value| Annotation {
                    object: source,
                    value: value.to_owned(),
                    location: field.location(),
                }));
            }
        }
        found
    }

    /// Where the object begins in whose text `location` lies.
    #[must_use]
    pub fn object_at(&self, location: &Location) -> Option<Source> {
        let (name, file) = self.files.get_key_value(&location.source.file)?;
        let at = &location.source;
        let before = |node: &&Node| (node.span.line, node.span.column) <= (at.line, at.column);
        let object = file.objects().iter().rev().find(before)?;
        Some(source(name, object.span))
    }
}

impl File {
    /// Whether one of `words`, of letters alone, may be read from the text: it stands there, or an escape
    /// may hide it.
    fn may_say(&self, words: &[&str]) -> bool {
        self.text.contains('\\') || words.iter().any(|word| self.text.contains(word))
    }

    /// Whether an object may have a version that is `wanted`: it stands behind the word, in quotes or not, or it is written in
    /// another way, which is not looked into.
    fn may_be_of_version(&self, wanted: impl Fn(&str) -> bool) -> bool {
        let values = self.text.split("apiVersion").skip(1).map(|behind| {
            let value = behind.trim_start_matches(['"', '\'', ':', ' ', '\t', '\r', '\n']);
            let end = value.find(['"', '\'', ',', '}', '#', ' ', '\t', '\r', '\n']);
            value.get(..end.unwrap_or(value.len())).unwrap_or_default()
        });
        let is_plain = |value: &str| !value.starts_with(['&', '*', '!', '|', '>', '?', '#']);
        self.text.contains('\\')
            || values
                .into_iter()
                .any(|value| !is_plain(value) || wanted(value))
    }

    fn object(&self, line: u32, column: u32) -> Option<&Node> {
        let at = |node: &Node| (node.span.line, node.span.column);
        let objects = self.objects();
        let place = objects.binary_search_by_key(&(line, column), at).ok()?;
        objects.get(place)
    }

    fn objects(&self) -> &[Node] {
        self.objects.get_or_init(|| {
            let (documents, _) = yaml::parse(&self.text);
            let mut objects = Vec::new();
            for document in documents {
                flatten(document.root, &mut objects);
            }
            objects
        })
    }
}

/// Lists become their items; those of a typed list are of its version and kind if they name none (rule OB-1).
fn flatten(node: Node, objects: &mut Vec<Node>) {
    let kind = node.get("kind").and_then(Node::text);
    let Some(item_kind) = kind.and_then(|kind| kind.strip_suffix("List")) else {
        objects.push(node);
        return;
    };
    let inherited = inherited(&node, item_kind);
    let Value::Mapping(entries) = node.value else {
        return;
    };
    let items = entries.into_iter().find(|entry| entry.key.text == "items");
    if let Some(Value::Sequence(items)) = items.map(|entry| entry.value.value) {
        for mut item in items {
            if let Value::Mapping(entries) = &mut item.value {
                let has = |name: &str| entries.iter().any(|entry| entry.key.text == name);
                if !has("kind") && !has("apiVersion") {
                    entries.extend(inherited.iter().cloned());
                }
            }
            flatten(item, objects);
        }
    }
}

/// The version and kind of the items of `list`; nothing for a list of anything.
fn inherited(list: &Node, item_kind: &str) -> Vec<Entry> {
    let (Some(version), Some(kind)) = (list.entry("apiVersion"), list.entry("kind")) else {
        return Vec::new();
    };
    if item_kind.is_empty() {
        return Vec::new();
    }
    let mut kind = kind.clone();
    kind.value.value = Value::Text(item_kind.to_owned());
    vec![version.clone(), kind]
}

fn source(file: &Arc<str>, span: Span) -> Source {
    Source {
        file: Arc::clone(file),
        line: span.line,
        column: span.column,
    }
}

impl<'a> Field<'a> {
    /// Where it stands; a field without a value stands where its key does.
    #[must_use]
    pub fn location(&self) -> Location {
        Location {
            source: source(&self.file, self.span),
            bytes: self.span.bytes(),
        }
    }

    /// Its text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.node.text()
    }

    /// Whether it has no value.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        self.node.is_null()
    }

    /// What is written at `path` inside of it; a field without a value is null.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<Self> {
        steps(path).try_fold(self.clone(), Self::step)
    }

    /// The text at `path` inside of it, if there is one and it is not empty.
    #[must_use]
    pub fn text_at(&self, path: &str) -> Option<String> {
        let field = self.get(path)?;
        let text = field.text().filter(|text| !text.is_empty());
        text.map(str::to_owned)
    }

    /// The items of the list at `path` inside of it, in order; none if there is no list.
    #[must_use]
    pub fn items_at(&self, path: &str) -> Vec<Self> {
        let list = self.get(path);
        let items = list.as_ref().map_or(&[][..], |list| list.node.items());
        let item = |node: &'a Node| Self {
            file: Arc::clone(&self.file),
            span: node.span,
            node,
        };
        items.iter().map(item).collect()
    }

    /// Every text inside of it, in order, with the names of the fields that lead there: `spec`, `routes`, `services`, `name`.
    #[must_use]
    pub fn texts(&self) -> Vec<(Vec<&'a str>, Self)> {
        let mut found = Vec::new();
        let mut left = vec![(Vec::new(), self.node)];
        while let Some((names, node)) = left.pop() {
            match &node.value {
                Value::Mapping(entries) => left.extend(entries.iter().rev().map(|entry| {
                    let mut names: Vec<&'a str> = names.clone();
                    names.push(&entry.key.text);
                    (names, &entry.value)
                })),
                Value::Sequence(items) => {
                    left.extend(items.iter().rev().map(|item| (names.clone(), item)));
                }
                Value::Text(_) => found.push((
                    names,
                    Self {
                        file: Arc::clone(&self.file),
                        span: node.span,
                        node,
                    },
                )),
                Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) => {}
            }
        }
        found
    }

    /// Its whole number, if it is one.
    #[must_use]
    pub const fn number(&self) -> Option<i64> {
        match self.node.value {
            Value::Integer(number) => Some(number),
            Value::Null
            | Value::Bool(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Sequence(_)
            | Value::Mapping(_) => None,
        }
    }

    /// Whether it is written as `false`.
    #[must_use]
    pub const fn is_false(&self) -> bool {
        matches!(self.node.value, Value::Bool(false))
    }

    fn step(self, step: Step<'_>) -> Option<Self> {
        let (node, key): (&Node, Option<&Key>) = match step {
            Step::Index(index) => (self.node.items().get(index)?, None),
            Step::Name(name) => {
                let entry = self.node.entry(name)?;
                (&entry.value, Some(&entry.key))
            }
        };
        let span = match key {
            Some(key) if node.is_null() => key.span,
            Some(_) | None => node.span,
        };
        let file = self.file;
        Some(Self { file, span, node })
    }
}
