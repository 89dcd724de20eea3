//! What a container has printed, as plain text.

use bytes::BytesMut;
use http_body_util::Either;
use hyper::Response;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use tokio::io::{AsyncReadExt as _, Take};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{CHUNK, SILENCE_LIMIT};
use crate::containers::Output;
use crate::server::reply::{Flow, Reply};

/// Sends what is read as it comes. A slow reader holds one chunk and the next.
pub(super) fn reply(mut output: Take<Output>) -> Reply {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        loop {
            let mut buffer = BytesMut::with_capacity(CHUNK);
            let count = tokio::select! {
                count = timeout(SILENCE_LIMIT, output.read_buf(&mut buffer)) => count,
                () = sender.closed() => return,
            };
            let some = matches!(count, Ok(Ok(count)) if count > 0);
            if !some || sender.send(buffer.freeze()).await.is_err() {
                return;
            }
        }
    });
    let mut response = Response::new(Either::Right(Flow::Events(receiver)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}
