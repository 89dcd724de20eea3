//! The forms of an answer: whole objects, their metadata alone, or the table that `kubectl get` prints.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Request;
use super::answer::{Answer, Body, List, tell_shared};
use crate::kind::{Column, Kind};
use crate::managed::told;
use crate::object;
use crate::status::ApiError;
use crate::store::{Listed, WatchEvent, WatchEventKind};
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
                let api_version = object::text(object, &["apiVersion"]);
                let version = api_version.rsplit('/').next().unwrap_or_default();
                let columns = kind.columns_of(version);
                let headings = headings.then(|| column_definitions(kind, columns));
                let headings = headings.unwrap_or_default();
                table(
                    &[Arc::clone(object)],
                    metadata,
                    (columns, headings),
                    include,
                    now,
                )
            }
        }
    }

    pub(super) fn list(
        self,
        objects: Vec<Listed>,
        metadata: Value,
        (kind, version): (&Kind, &str),
        now: Timestamp,
    ) -> Answer {
        match self {
            Self::Whole => {
                let api_version = kind.api_version(version);
                let list = List::new(&kind.list_kind, &api_version, &metadata, objects);
                Answer {
                    body: Body::List(Box::new(list)),
                    ..Answer::json(200, Value::Null)
                }
            }
            Self::Metadata => {
                let items = objects.iter().map(|listed| partial(&listed.object));
                let items: Vec<Value> = items.collect();
                let list = json!({
                    "kind": "PartialObjectMetadataList", "apiVersion": META, "metadata": metadata, "items": items,
                });
                Answer::json(200, list)
            }
            Self::Table(include) => {
                let columns = kind.columns_of(version);
                let columns = (columns, column_definitions(kind, columns));
                let objects: Vec<Arc<Value>> =
                    objects.into_iter().map(|listed| listed.object).collect();
                let table = table(&objects, metadata, columns, include, now);
                Answer::json(200, table)
            }
        }
    }

    /// Writes one event of a watch as a line; `first` if no other came before it. What is told to all in the same words is made once.
    pub(crate) fn line(
        self,
        event: &WatchEvent,
        (kind, version): (&Kind, &str),
        now: Timestamp,
        first: bool,
        out: &mut Vec<u8>,
    ) {
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
        let head = format!("{{\"type\":\"{}\",\"object\":", event.kind.word());
        out.extend_from_slice(head.as_bytes());
        if self == Self::Whole {
            let text = event.text.as_ref();
            let shared = text.filter(|_| Arc::ptr_eq(&object, &event.object));
            tell_shared(&object, shared, out);
        } else {
            let object = self.write(&object, kind, now, first);
            out.extend_from_slice(object.to_string().as_bytes());
        }
        out.extend_from_slice(b"}\n");
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
    (columns, headings): (&[Column], Vec<Value>),
    include: Include,
    now: Timestamp,
) -> Value {
    let rows = objects.iter();
    let rows: Vec<Value> = rows
        .map(|object| row(object, columns, include, now))
        .collect();
    json!({
        "kind": "Table", "apiVersion": META, "metadata": metadata,
        "columnDefinitions": headings, "rows": rows,
    })
}

fn column_definitions(kind: &Kind, columns: &[Column]) -> Vec<Value> {
    let name = json!({
        "name": "Name", "type": "string", "format": "name", "description": "",
        "priority": i32::from(kind.names_are_made_up),
    });
    let more = columns.iter().map(|column| {
        json!({
            "name": column.name, "type": column.value, "format": column.format, "description": column.description,
            "priority": i32::from(column.wide),
        })
    });
    std::iter::once(name).chain(more).collect()
}

fn row(object: &Value, columns: &[Column], include: Include, now: Timestamp) -> Value {
    let name: Value = object::name(object).into();
    let cells = columns.iter().map(|column| column.show(object, now));
    let cells: Vec<Value> = std::iter::once(name).chain(cells).collect();
    match include {
        Include::Nothing => json!({"cells": cells}),
        Include::Metadata => json!({"cells": cells, "object": partial(object)}),
        Include::Object => json!({"cells": cells, "object": told(object)}),
    }
}
