//! The server side of HTTP/1.1, for the responder, the metadata service and `agnhost`.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue, SERVER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// How long a client may take for its request's head.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);
/// Pause after a failed accept: descriptors may be used up for the moment.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

pub(crate) type Page = Response<Full<Bytes>>;

/// A page of `content_type`.
pub(crate) fn page(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Page {
    let mut page = Response::new(Full::new(body.into()));
    *page.status_mut() = status;
    let headers = page.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(SERVER, HeaderValue::from_static("ringfence-stand-in"));
    page
}

/// A page of plain text.
pub(crate) fn text(status: StatusCode, body: impl Into<Bytes>) -> Page {
    page(status, "text/plain; charset=utf-8", body)
}

/// Answers the requests of one connection.
pub(crate) async fn serve_connection<S, A>(stream: S, answer: A)
where
    S: AsyncRead + AsyncWrite + Unpin,
    A: Fn(&Request<Incoming>) -> Page,
{
    let service = service_fn(|request| {
        let page = answer(&request);
        async move { Ok::<_, Infallible>(page) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "connection ended");
    }
}

/// Answers every connection of `listener`; never returns.
pub(crate) async fn serve<A>(listener: TcpListener, answer: A)
where
    A: Fn(&Request<Incoming>, SocketAddr) -> Page + Send + Sync + 'static,
{
    let answer = Arc::new(answer);
    accept_each(listener, move |stream, source| {
        let answer = Arc::clone(&answer);
        async move { serve_connection(stream, |request| answer(request, source)).await }
    })
    .await;
}

/// Runs `connection` for every connection of `listener`; never returns.
pub(crate) async fn accept_each<C, F>(listener: TcpListener, connection: C)
where
    C: Fn(tokio::net::TcpStream, SocketAddr) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, source)) => {
                connections.spawn(connection(stream, source));
            }
            Err(error) => {
                tracing::warn!(%error, "connection not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}
