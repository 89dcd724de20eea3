//! An answer as the server sends it.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use serde_json::{Value, json};

use crate::kind::Kind;
use crate::managed::tell;
use crate::status::ApiError;
use crate::store::{Listed, Text, Watch};

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

/// How long a piece of a list gets, about, in bytes.
const PIECE: usize = 64 << 10;

/// Objects as they are in the store, whose JSON is written piece by piece and shared with others who list them at the same time: a
/// list that is read slowly takes little more memory than its objects.
#[derive(Debug)]
pub struct List {
    /// What comes before the first object, until it has been written.
    head: Vec<u8>,
    items: VecDeque<Listed>,
    begun: bool,
    ended: bool,
}

impl List {
    pub(crate) fn new(kind: &str, api_version: &str, metadata: &Value, items: Vec<Listed>) -> Self {
        let (kind, version) = (json!(kind), json!(api_version));
        let head = format!(
            "{{\"kind\":{kind},\"apiVersion\":{version},\"metadata\":{metadata},\"items\":["
        );
        Self {
            head: head.into_bytes(),
            items: items.into(),
            begun: false,
            ended: false,
        }
    }

    /// Whether all of it has been written.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.ended
    }

    /// The next piece of the JSON; nothing behind the last one.
    pub fn piece(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        let mut out = std::mem::take(&mut self.head);
        while out.len() < PIECE && !self.ended {
            if let Some(Listed { object, text }) = self.items.pop_front() {
                if std::mem::replace(&mut self.begun, true) {
                    out.push(b',');
                }
                tell_shared(&object, text.as_ref(), &mut out);
            } else {
                out.extend_from_slice(b"]}");
                self.ended = true;
            }
        }
        Some(out.into())
    }
}

/// Writes the JSON of an object, which is made once where others are told the same.
pub(super) fn tell_shared(object: &Value, text: Option<&Text>, out: &mut Vec<u8>) {
    let Some(text) = text else {
        return tell(object, out);
    };
    out.extend_from_slice(text.get_or_init(|| {
        let mut text = Vec::new();
        tell(object, &mut text);
        text.into()
    }));
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
