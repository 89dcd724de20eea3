//! An answer as the server sends it.

use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::kind::Kind;
use crate::managed::Told;
use crate::status::ApiError;
use crate::store::Watch;

use super::streams::Streaming;
use super::table::Form;

/// What is sent.
#[derive(Debug)]
pub enum Body {
    /// A JSON value.
    Json(Value),
    /// Many objects.
    List(Box<List>),
    /// Plain text.
    Text(String),
    /// Nothing: the client has it already.
    NotModified,
    /// Events until the client has enough, or for so many seconds.
    Watch(Box<Watching>),
    /// What the pod itself says, by whoever runs it.
    Streaming(Box<Streaming>),
}

/// Objects as they are in the store. Its `Display` is its JSON, written without a copy of any of them.
#[derive(Debug)]
pub struct List {
    pub(crate) kind: String,
    pub(crate) api_version: String,
    pub(crate) metadata: Value,
    pub(crate) items: Vec<Arc<Value>>,
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, version) = (json!(self.kind), json!(self.api_version));
        write!(
            f,
            "{{\"kind\":{kind},\"apiVersion\":{version},\"metadata\":{},\"items\":[",
            self.metadata
        )?;
        for (index, item) in self.items.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{}", Told(item))?;
        }
        f.write_str("]}")
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP code.
    pub code: u16,
    /// The form of the body.
    pub content_type: &'static str,
    /// What users are told beside the answer.
    pub warnings: Vec<String>,
    /// The tag of this answer, for answers that seldom change.
    pub etag: Option<String>,
    /// What is sent.
    pub body: Body,
}

/// A watch and how its events are written.
#[derive(Debug)]
pub struct Watching {
    /// How far it has come.
    pub watch: Watch,
    /// The kind of its objects.
    pub kind: Arc<Kind>,
    /// The version that was asked for.
    pub version: String,
    /// How objects are written.
    pub(crate) form: Form,
    /// Whether the client understands bookmarks.
    pub bookmarks: bool,
    /// Seconds until the end.
    pub seconds: Option<u64>,
}

pub(crate) const JSON: &str = "application/json";

impl Answer {
    pub(crate) fn json(code: u16, value: Value) -> Self {
        Self {
            code,
            content_type: JSON,
            warnings: Vec::new(),
            etag: None,
            body: Body::Json(value),
        }
    }

    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self {
            content_type: "text/plain; charset=utf-8",
            body: Body::Text(text.into()),
            ..Self::json(200, Value::Null)
        }
    }

    /// A refusal.
    #[must_use]
    pub fn error(error: &ApiError) -> Self {
        Self::json(error.code, error.to_value())
    }
}
