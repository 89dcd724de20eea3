//! Answers as HTTP.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::Response;
use hyper::body::{Body as HttpBody, Frame};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, VARY, WARNING};
use tokio::sync::mpsc;

use super::feed;
use crate::api::{Answer, Api, Body, List};

pub(super) type Reply = Response<Either<Full<Bytes>, Flow>>;

/// What is sent piece by piece.
#[derive(Debug)]
pub(super) enum Flow {
    /// The events of a watch, or the lines of a log, as they come.
    Events(mpsc::Receiver<Bytes>),
    /// A list, each piece of which is made when the one before is under way; and its first piece.
    List(Option<Bytes>, Box<List>),
}

impl HttpBody for Flow {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = match &mut *self {
            Self::Events(events) => events.poll_recv(context),
            Self::List(first, list) => Poll::Ready(first.take().or_else(|| list.piece())),
        };
        next.map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// Must be called within the server's runtime: a watch gets a task of its own.
pub(super) fn reply(api: &Arc<Api>, answer: Answer) -> Reply {
    let body = match answer.body {
        Body::Json(value) => Either::Left(Full::from(value.to_string())),
        Body::List(mut list) => match list.piece() {
            first if list.has_ended() => Either::Left(Full::from(first.unwrap_or_default())),
            first => Either::Right(Flow::List(first, list)),
        },
        Body::Text(text) => Either::Left(Full::from(text)),
        Body::NotModified | Body::Streaming(_) => Either::Left(Full::default()),
        Body::Watch(watching) => {
            // One batch in the making and one under way: a slow reader holds no more than that.
            let (sender, receiver) = mpsc::channel(1);
            tokio::spawn(feed::feed(Arc::clone(api), watching, sender));
            Either::Right(Flow::Events(receiver))
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = hyper::StatusCode::from_u16(answer.code).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    headers.insert(VARY, HeaderValue::from_static("Accept"));
    let cache = if answer.etag.is_some() {
        "public"
    } else {
        "no-cache, private"
    };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    if let Some(tag) = answer.etag.and_then(|tag| HeaderValue::try_from(tag).ok()) {
        headers.insert(ETAG, tag);
    }
    if answer.code == 429 {
        headers.insert(hyper::header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    for warning in answer.warnings.iter().filter_map(|text| warning(text)) {
        headers.append(WARNING, warning);
    }
    response
}

/// `299 - "text"`, with what a header cannot hold replaced.
fn warning(text: &str) -> Option<HeaderValue> {
    let quoted: String = text
        .chars()
        .map(|character| {
            if character.is_ascii_graphic() || character == ' ' {
                character
            } else {
                '?'
            }
        })
        .flat_map(|character| {
            let escape = matches!(character, '"' | '\\').then_some('\\');
            escape.into_iter().chain([character])
        })
        .collect();
    HeaderValue::try_from(format!("299 - \"{quoted}\"")).ok()
}
