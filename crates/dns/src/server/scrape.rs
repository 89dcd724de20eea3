//! The counters over HTTP: `GET /metrics`; `GET /ready` says whether names are known.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::Handle;
use super::gate::Gate;
use crate::metrics::Metrics;

/// How long a connection may live.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause when a connection cannot be accepted.
const PAUSE: Duration = Duration::from_millis(50);
/// Most connections, and most from one address.
const MOST: (usize, usize) = (32, 8);

/// Hands out the counters of one server.
#[derive(Clone)]
pub(crate) struct Scrape {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) handle: Handle,
}

impl Scrape {
    /// Answers for ever.
    pub(crate) async fn serve(self, listener: TcpListener) -> io::Error {
        let gate = Gate::new(MOST.0, MOST.1);
        loop {
            match listener.accept().await {
                Ok((stream, client)) => {
                    let Some(pass) = gate.enter(client.ip()) else {
                        continue;
                    };
                    let this = self.clone();
                    tokio::spawn(async move {
                        let _ = timeout(PATIENCE, this.converse(stream)).await;
                        drop(pass);
                    });
                }
                Err(error) => {
                    tracing::debug!(%error, "connection not accepted");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn converse(&self, stream: TcpStream) {
        let service = service_fn(|request| {
            let page = self.page(&request);
            async move { Ok::<_, Infallible>(page) }
        });
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENCE)
            .serve_connection(TokioIo::new(stream), service)
            .await;
        if let Err(error) = served {
            tracing::debug!(%error, "connection ended");
        }
    }

    fn page(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let known = self.handle.current().is_some();
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/metrics") => page(StatusCode::OK, self.metrics.text()),
            (&Method::GET, "/ready") if known => page(StatusCode::OK, "names are known\n"),
            (&Method::GET, "/ready") => {
                page(StatusCode::SERVICE_UNAVAILABLE, "no names are known yet\n")
            }
            _ => page(StatusCode::NOT_FOUND, "there are /metrics and /ready\n"),
        }
    }
}

fn page(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut page = Response::new(Full::new(text.into()));
    *page.status_mut() = status;
    let kind = hyper::header::HeaderValue::from_static(
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
    );
    page.headers_mut().insert(CONTENT_TYPE, kind);
    page
}
