//! The forms of an answer: whole objects, their metadata alone, or the table that `kubectl get` prints.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Request;
use super::answer::Answer;
use crate::kind::Kind;
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
            Self::Whole => Value::clone(object),
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
        objects: &[Arc<Value>],
        metadata: Value,
        (kind, version): (&Kind, &str),
        now: Timestamp,
    ) -> Answer {
        let list = |name: String, api_version: String, items: Vec<Value>| json!({"kind": name, "apiVersion": api_version, "metadata": metadata, "items": items});
        Answer::json(
            200,
            match self {
                Self::Whole => {
                    let items = objects.iter().map(|object| Value::clone(object)).collect();
                    list(
                        format!("{}List", kind.kind),
                        kind.api_version(version),
                        items,
                    )
                }
                Self::Metadata => {
                    let items = objects.iter().map(|object| partial(object)).collect();
                    list(
                        "PartialObjectMetadataList".to_owned(),
                        META.to_owned(),
                        items,
                    )
                }
                Self::Table(include) => table(objects, metadata, kind, include, (now, true)),
            },
        )
    }

    /// One event of a watch; `first` if no other came before it.
    pub(crate) fn event(
        self,
        event: &WatchEvent,
        (kind, version): (&Kind, &str),
        now: Timestamp,
        first: bool,
    ) -> Value {
        let object = match event.kind {
            WatchEventKind::Bookmark | WatchEventKind::InitialEnd => {
                let mut bookmark = Value::clone(&event.object);
                let fields = object::fields(&mut bookmark);
                fields.insert("kind".to_owned(), kind.kind.as_ref().into());
                fields.insert("apiVersion".to_owned(), kind.api_version(version).into());
                self.write(&Arc::new(bookmark), kind, now, first)
            }
            WatchEventKind::Added | WatchEventKind::Modified | WatchEventKind::Deleted => {
                let object = super::read::in_version(&event.object, kind, version);
                self.write(&object, kind, now, first)
            }
        };
        json!({"type": event.kind.word(), "object": object})
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
    json!({"kind": "PartialObjectMetadata", "apiVersion": META, "metadata": object.get("metadata")})
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
        Include::Object => json!({"cells": cells, "object": object}),
    }
}
