//! Connections that become something else: exec, attach and port-forward, over WebSockets and over SPDY; and logs.
//!
//! Codecs read no sockets: [`channel`] and [`spdy`]. What a command and its client say to each other is one thing for all
//! of them, in [`session`].

mod channel;
mod forward;
mod handshake;
mod logs;
mod multiplexed;
mod session;
mod spdy;
mod websocket;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{Method, Request, Response, StatusCode};
use tokio::io::AsyncReadExt as _;

use super::Shared;
use super::connection::Permit;
use super::reply::Reply;
use crate::api::Streaming;
use crate::containers::{Process, Streams};
use crate::status::ApiError;
use forward::Dialler;
use handshake::{Agreement, Protocol};

/// How long it may take until a command runs, or a log is read.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How long a client may take to go on in the new protocol.
const UPGRADE_LIMIT: Duration = Duration::from_secs(10);
/// How long a client may say nothing at all, not even that it is there.
const SILENCE_LIMIT: Duration = Duration::from_hours(4);
/// How often a client hears that the server is there. It asks, but its question may stand behind input that the command
/// does not read; kubectl gives up when it has heard nothing for a minute. One that has left is noticed by it, too.
const SIGN_OF_LIFE: Duration = Duration::from_secs(20);
/// How long a client may take to hang up when all is said.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);
/// How much of an output is sent at once, in bytes.
const CHUNK: usize = 32 << 10;

/// What a request offers to go on with.
pub(super) struct Offer {
    method: Method,
    headers: HeaderMap,
    upgrade: OnUpgrade,
    permit: Permit,
}

impl Offer {
    pub(super) fn take(request: &mut Request<Incoming>, permit: Permit) -> Self {
        Self {
            method: request.method().clone(),
            headers: request.headers().clone(),
            upgrade: hyper::upgrade::on(request),
            permit,
        }
    }
}

/// Starts what is asked for and answers how the connection goes on. Whatever is refused is refused here, so that it reads
/// the same in every protocol.
pub(super) async fn answer(
    shared: &Arc<Shared>,
    streaming: Streaming,
    offer: Offer,
) -> Result<Reply, ApiError> {
    let containers = Arc::clone(&shared.containers);
    match streaming {
        Streaming::Exec(container, exec) => {
            let agreement = handshake::session(&offer.method, &offer.headers)?;
            let streams = exec.streams;
            let process = start(move || containers.exec(&container, &exec)).await?;
            Ok(speak(offer, agreement, streams, process))
        }
        Streaming::Attach(container, streams) => {
            let agreement = handshake::session(&offer.method, &offer.headers)?;
            let process = start(move || containers.attach(&container, streams)).await?;
            Ok(speak(offer, agreement, streams, process))
        }
        Streaming::Forward(pod, ports) => {
            let dialler = Arc::new(Dialler { containers, pod });
            forward(dialler, ports, offer).await
        }
        Streaming::Logs(container, options) => {
            let limit = options.limit_bytes.unwrap_or(u64::MAX);
            let output = start(move || containers.logs(&container, &options)).await?;
            Ok(logs::reply(output.take(limit)))
        }
    }
}

/// Waits for whoever runs pods, apart from the thread of the sockets.
async fn start<T: Send + 'static>(
    begin: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let started = tokio::time::timeout(START_LIMIT, tokio::task::spawn_blocking(begin)).await;
    let late = || ApiError::new(504, "Timeout", "the pod did not answer in time");
    started.map_err(|_| late())?.unwrap_or_else(|error| {
        tracing::error!(%error, "a pod was not asked");
        let message = "the pod could not be asked; this is a bug of ringfence";
        Err(ApiError::internal(message))
    })
}

fn speak(offer: Offer, agreement: Agreement, streams: Streams, process: Process) -> Reply {
    let protocol = agreement.protocol;
    go_on(offer, agreement, move |upgraded| async move {
        match protocol {
            Protocol::Channels(channels) => websocket::serve(upgraded, channels, process).await,
            Protocol::Spdy => multiplexed::serve(wire::plain(upgraded), streams, process).await,
            Protocol::Tunnel => {
                multiplexed::serve(wire::tunnel(upgraded).await, streams, process).await;
            }
        }
    })
}

async fn forward(dialler: Arc<Dialler>, ports: Vec<u16>, offer: Offer) -> Result<Reply, ApiError> {
    let agreement = handshake::forward(&offer.method, &offer.headers)?;
    let (containers, pod) = (Arc::clone(&dialler.containers), dialler.pod.clone());
    start(move || containers.forwards(&pod)).await?;
    let protocol = agreement.protocol;
    Ok(go_on(offer, agreement, move |upgraded| async move {
        match protocol {
            Protocol::Channels(_) => forward::channels(upgraded, &ports, &dialler).await,
            Protocol::Spdy => forward::serve(wire::plain(upgraded), &dialler).await,
            Protocol::Tunnel => forward::serve(wire::tunnel(upgraded).await, &dialler).await,
        }
    }))
}

/// Agrees, and goes on as `then` when the client has heard it.
fn go_on<F: Future<Output = ()> + Send>(
    offer: Offer,
    agreement: Agreement,
    then: impl FnOnce(Upgraded) -> F + Send + 'static,
) -> Reply {
    let Offer {
        upgrade, permit, ..
    } = offer;
    tokio::spawn(async move {
        if let Ok(Ok(upgraded)) = tokio::time::timeout(UPGRADE_LIMIT, upgrade).await {
            then(upgraded).await;
        }
        drop(permit);
    });
    let mut response = Response::new(Either::Left(Full::<Bytes>::default()));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *response.headers_mut() = agreement.headers;
    response
}
