//! One connection: the handshake, then requests one after the other.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, IF_NONE_MATCH, USER_AGENT};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_rustls::TlsAcceptor;

use super::Shared;
use super::reply::{Reply, reply};
use super::streams::{self, Offer};
use crate::api::{Answer, Body, Method, Moment, Request};
use crate::permission::User;
use crate::status::ApiError;
use crate::time::Timestamp;

/// How long a client may take for the TLS handshake, and for the head of a request.
const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// How long a client may take for a body.
const BODY_LIMIT: Duration = Duration::from_secs(30);
/// The longest head, in bytes.
const HEAD_SIZE: usize = 64 << 10;
/// The longest body, in bytes, as in Kubernetes.
const BODY_SIZE: usize = 3 << 20;
/// How long, and how much of, a body that is too long is still read.
const DROP_LIMIT: Duration = Duration::from_secs(1);
const DROPPED_SIZE: usize = 64 << 20;

/// What a connection is counted by. Those who go on with it in another protocol keep it.
pub(super) type Permit = Arc<OwnedSemaphorePermit>;

pub(super) async fn serve(
    stream: TcpStream,
    acceptor: &TlsAcceptor,
    shared: Arc<Shared>,
    permit: Permit,
) {
    let _ = stream.set_nodelay(true);
    let Ok(Ok(stream)) = tokio::time::timeout(HEAD_LIMIT, acceptor.accept(stream)).await else {
        return;
    };
    let service = service_fn(move |request| {
        let (shared, permit) = (Arc::clone(&shared), Arc::clone(&permit));
        async move { Ok::<_, Infallible>(answer(shared, permit, request).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .max_buf_size(HEAD_SIZE)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection broke");
    }
}

async fn answer(
    shared: Arc<Shared>,
    permit: Permit,
    mut request: hyper::Request<Incoming>,
) -> Reply {
    let offer = Offer::take(&mut request, permit);
    let mut answer = match prepare(&shared, request).await {
        Ok((user, request)) => handle(&shared, user, request).await,
        Err(error) => Answer::error(&error),
    };
    if let Body::Streaming(streaming) = answer.body {
        match streams::answer(&shared, *streaming, offer).await {
            Ok(reply) => return reply,
            Err(error) => answer = Answer::error(&error),
        }
    }
    reply(&shared.api, answer)
}

/// Decides apart from the sockets' thread: a write may have to wait for the cluster.
async fn handle(shared: &Arc<Shared>, user: Option<User>, request: Request) -> Answer {
    let deciding = Arc::clone(shared);
    let decided = tokio::task::spawn_blocking(move || {
        let random = || deciding.identity.random();
        let moment = Moment {
            now: now(),
            random: &random,
        };
        let allowed = user.map_or(Ok(()), |user| deciding.api.authorize(&user, &request));
        match allowed {
            Ok(()) => deciding.api.handle(&request, &moment),
            Err(error) => Answer::error(&error),
        }
    });
    decided.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a request was not answered");
        Answer::error(&ApiError::internal(
            "the request could not be handled; this is a bug of ringfence",
        ))
    })
}

pub(super) fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// The request, and who asks; of what anybody may know that is not asked.
async fn prepare(
    shared: &Shared,
    request: hyper::Request<Incoming>,
) -> Result<(Option<User>, Request), ApiError> {
    let (head, body) = request.into_parts();
    let text = |name: HeaderName| {
        let values = head.headers.get_all(name).iter();
        let values: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
        values.join(",")
    };
    let is_public = is_public(head.uri.path());
    let user = shared.identity.user(bearer(&text(AUTHORIZATION)));
    if !is_public && user.is_none() {
        return Err(ApiError::new(401, "Unauthorized", "Unauthorized"));
    }
    let method = Method::parse(head.method.as_str());
    let method =
        method.ok_or_else(|| ApiError::not_allowed("the server does not know this method"))?;
    let path = segments(head.uri.path())?;
    let query = form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes());
    let request = Request {
        method,
        path,
        query: query
            .map(|(key, value)| (key.into_owned(), value.into_owned()))
            .collect(),
        accept: text(ACCEPT),
        content_type: text(CONTENT_TYPE),
        user_agent: text(USER_AGENT),
        if_none_match: Some(text(IF_NONE_MATCH)).filter(|tag| !tag.is_empty()),
        body: read(body).await?,
    };
    Ok((user.filter(|_| !is_public), request))
}

/// What anybody may know.
fn is_public(path: &str) -> bool {
    matches!(path, "/version" | "/healthz" | "/livez" | "/readyz")
}

fn bearer(header: &str) -> &[u8] {
    header
        .strip_prefix("Bearer ")
        .unwrap_or_default()
        .trim()
        .as_bytes()
}

async fn read(body: Incoming) -> Result<Vec<u8>, ApiError> {
    let read = tokio::time::timeout(BODY_LIMIT, read_all(body)).await;
    read.unwrap_or_else(|_| {
        let message = "the body of the request did not come in time";
        Err(ApiError::new(408, "Timeout", message))
    })
}

/// Reads a body. Of one that is too long the rest is read and dropped, up to a point: a client that is still writing when
/// the connection closes would not see the answer.
async fn read_all(mut body: Incoming) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    while let Some(data) = next(&mut body).await? {
        if bytes.len() + data.len() > BODY_SIZE {
            let _ = tokio::time::timeout(DROP_LIMIT, drop_rest(body)).await;
            let message = format!("Request entity too large: limit is {BODY_SIZE}");
            return Err(ApiError::new(413, "RequestEntityTooLarge", message));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

async fn next(body: &mut Incoming) -> Result<Option<Bytes>, ApiError> {
    let frame = body.frame().await.transpose();
    let frame = frame
        .map_err(|error| ApiError::bad_request(format!("the body cannot be read: {error}")))?;
    Ok(frame.map(|frame| frame.into_data().unwrap_or_default()))
}

async fn drop_rest(mut body: Incoming) {
    let mut length = 0;
    while let Ok(Some(data)) = next(&mut body).await {
        length += data.len();
        if length > DROPPED_SIZE {
            return;
        }
    }
}

/// The parts of a path, decoded.
fn segments(path: &str) -> Result<Vec<String>, ApiError> {
    path.split('/')
        .filter(|part| !part.is_empty())
        .map(decode)
        .collect()
}

fn decode(part: &str) -> Result<String, ApiError> {
    let bad = || ApiError::bad_request("the path is not encoded properly");
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            let (high, low) = (digit().ok_or_else(bad)?, digit().ok_or_else(bad)?);
            bytes.push(u8::try_from(high * 16 + low).map_err(|_| bad())?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_decoded_part_by_part() {
        let decoded = segments("/api//v1/a%2Fb%20c/").unwrap();
        assert_eq!(decoded, ["api", "v1", "a/b c"]);
        for bad in ["/%", "/%4", "/%zz", "/%ff"] {
            assert_eq!(segments(bad).unwrap_err().code, 400, "{bad}");
        }
    }
}
