//! The forms of an answer: whole objects, their metadata alone, or the table that `kubectl get` prints.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Request;
use super::answer::{Answer, Body, List};
use crate::kind::Kind;
use crate::managed::{Told, told};
use crate::object;
use crate::status::ApiError;
use crate::store::{WatchEvent, WatchEventKind};
use crate::time::Timestamp;

/// How objects are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Whole,
    Metadata,
    Table(Include),
}

/// What stands behind each row of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Include {
    Nothing,
    Metadata,
    Object,
}

const META: &str = "meta.k8s.io/v1";

impl Form {
    /// The first form that the client names and we can write.
    pub(crate) fn of(request: &Request) -> Result<Self, ApiError> {
        let include = match request.parameter("includeObject") {
            None | Some("Metadata") => Include::Metadata,
            Some("Object") => Include::Object,
            Some("None") => Include::Nothing,
            Some(other) => {
                let message =
                    format!("includeObject: {other:?} is none of None, Metadata and Object");
                return Err(ApiError::bad_request(message));
            }
        };
        let forms = request.accept.split(',').map(str::trim);
        let known = forms.clone().find_map(|form| one_form(form, include));
        let nothing_said = forms.clone().all(str::is_empty);
        known
            .or(nothing_said.then_some(Self::Whole))
            .ok_or_else(|| {
                let message = "only the following media types are accepted: application/json";
                ApiError::new(406, "NotAcceptable", message)
            })
    }

    pub(super) fn one(self, code: u16, object: &Arc<Value>, kind: &Kind, now: Timestamp) -> Answer {
        Answer::json(code, self.write(object, kind, now, true))
    }

    /// One object.
    pub(crate) fn write(
        self,
        object: &Arc<Value>,
        kind: &Kind,
        now: Timestamp,
        headings: bool,
    ) -> Value {
        match self {
            Self::Whole => told(object),
            Self::Metadata => partial(object),
            Self::Table(include) => {
                let metadata = json!({"resourceVersion": object::revision(object)});
                table(
                    &[Arc::clone(object)],
                    metadata,
                    kind,
                    include,
                    (now, headings),
                )
            }
        }
    }

    pub(super) fn list(
        self,
        objects: Vec<Arc<Value>>,
        metadata: Value,
        (kind, version): (&Kind, &str),
        now: Timestamp,
    ) -> Answer {
        match self {
            Self::Whole => Answer {
                body: Body::List(Box::new(List {
                    kind: format!("{}List", kind.kind),
                    api_version: kind.api_version(version),
                    metadata,
                    items: objects,
                })),
                ..Answer::json(200, Value::Null)
            },
            Self::Metadata => {
                let items: Vec<Value> = objects.iter().map(|object| partial(object)).collect();
                let list = json!({
                    "kind": "PartialObjectMetadataList", "apiVersion": META, "metadata": metadata, "items": items,
                });
                Answer::json(200, list)
            }
            Self::Table(include) => {
                let table = table(&objects, metadata, kind, include, (now, true));
                Answer::json(200, table)
            }
        }
    }

    /// One event of a watch as a line; `first` if no other came before it. What is told to all in the same words is written once.
    pub(crate) fn line(
        self,
        event: &WatchEvent,
        (kind, version): (&Kind, &str),
        now: Timestamp,
        first: bool,
    ) -> Vec<u8> {
        let object = match event.kind {
            WatchEventKind::Bookmark | WatchEventKind::InitialEnd => {
                let mut bookmark = Value::clone(&event.object);
                let fields = object::fields(&mut bookmark);
                fields.insert("kind".to_owned(), kind.kind.as_ref().into());
                fields.insert("apiVersion".to_owned(), kind.api_version(version).into());
                Arc::new(bookmark)
            }
            WatchEventKind::Added | WatchEventKind::Modified | WatchEventKind::Deleted => {
                super::read::in_version(&event.object, kind, version)
            }
        };
        let mut line = format!("{{\"type\":\"{}\",\"object\":", event.kind.word()).into_bytes();
        match &event.text {
            Some(text) if self == Self::Whole && Arc::ptr_eq(&object, &event.object) => {
                let text = text.get_or_init(|| Told(&object).to_string().into());
                line.extend_from_slice(text);
            }
            _ if self == Self::Whole => line.extend(Told(&object).to_string().into_bytes()),
            _ => line.extend(
                self.write(&object, kind, now, first)
                    .to_string()
                    .into_bytes(),
            ),
        }
        line.extend_from_slice(b"}\n");
        line
    }
}

fn one_form(form: &str, include: Include) -> Option<Form> {
    let mut parts = form.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    if !matches!(media, "application/json" | "application/*" | "*/*") {
        return None;
    }
    let kind = parts.clone().find_map(|part| part.strip_prefix("as="));
    let version = parts
        .find_map(|part| part.strip_prefix("v="))
        .unwrap_or("v1");
    match (kind, version) {
        (None, _) => Some(Form::Whole),
        (Some("Table"), "v1") => Some(Form::Table(include)),
        (Some("PartialObjectMetadata" | "PartialObjectMetadataList"), "v1") => Some(Form::Metadata),
        (Some(_), _) => None,
    }
}

fn partial(object: &Value) -> Value {
    let metadata = json!({"metadata": object.get("metadata")});
    let metadata = told(&metadata);
    json!({"kind": "PartialObjectMetadata", "apiVersion": META, "metadata": metadata.get("metadata")})
}

fn table(
    objects: &[Arc<Value>],
    metadata: Value,
    kind: &Kind,
    include: Include,
    (now, headings): (Timestamp, bool),
) -> Value {
    let rows = objects.iter().map(|object| row(object, kind, include, now));
    let rows: Vec<Value> = rows.collect();
    let headings = if headings {
        column_definitions(kind)
    } else {
        Vec::new()
    };
    json!({
        "kind": "Table", "apiVersion": META, "metadata": metadata,
        "columnDefinitions": headings, "rows": rows,
    })
}

fn column_definitions(kind: &Kind) -> Vec<Value> {
    let name = json!({
        "name": "Name", "type": "string", "format": "name", "description": "",
        "priority": i32::from(kind.names_are_made_up),
    });
    let more = kind.columns.iter().map(|column| {
        json!({
            "name": column.name, "type": column.value, "format": "", "description": "",
            "priority": i32::from(column.wide),
        })
    });
    std::iter::once(name).chain(more).collect()
}

fn row(object: &Value, kind: &Kind, include: Include, now: Timestamp) -> Value {
    let name: Value = object::name(object).into();
    let cells = kind.columns.iter().map(|column| column.show(object, now));
    let cells: Vec<Value> = std::iter::once(name).chain(cells).collect();
    match include {
        Include::Nothing => json!({"cells": cells}),
        Include::Metadata => json!({"cells": cells, "object": partial(object)}),
        Include::Object => json!({"cells": cells, "object": told(object)}),
    }
}
