//! The server side of HTTP/1.1, for the responder, the metadata service and `agnhost`.

use std::convert::Infallible;
use std::io;
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
use tokio::net::{TcpListener, TcpStream};
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
    C: Fn(TcpStream, SocketAddr) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    accept_until(listener, connection, std::future::pending()).await;
}

/// Runs `connection` for every connection of `listener` until `told` is over, and for those that are open by then; returns
/// when all of them have ended.
pub(crate) async fn accept_until<C, F>(
    listener: TcpListener,
    connection: C,
    told: impl Future<Output = ()>,
) where
    C: Fn(TcpStream, SocketAddr) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    let mut told = std::pin::pin!(told);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut told => break,
        };
        match accepted {
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
    match waiting(listener) {
        Ok(waiting) => {
            for (stream, source) in waiting {
                connections.spawn(connection(stream, source));
            }
        }
        Err(error) => tracing::warn!(%error, "connections not accepted at the end"),
    }
    while connections.join_next().await.is_some() {}
}

/// The connections that the kernel has opened for `listener`, which ends with this.
fn waiting(listener: TcpListener) -> io::Result<Vec<(TcpStream, SocketAddr)>> {
    let listener = listener.into_std()?;
    let mut found = Vec::new();
    while let Ok((stream, source)) = listener.accept() {
        stream.set_nonblocking(true)?;
        found.push((TcpStream::from_std(stream)?, source));
    }
    Ok(found)
}
