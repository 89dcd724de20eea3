//! The API on a socket: TLS, tokens, limits. Everything that waits is here, and everything that waits has an end.

mod connection;
mod feed;
mod identity;
mod reply;
mod streams;

pub use identity::{Identity, IdentityError, random};

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::api::Api;
use crate::containers::{Containers, NoContainers};

/// How many connections there may be; more wait to be accepted.
const MOST_CONNECTIONS: usize = 512;
/// How long the server rests when it cannot accept, for want of descriptors for example.
const PAUSE: Duration = Duration::from_millis(50);

/// A server that runs until this is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

/// What every connection is served with.
#[derive(Debug)]
struct Shared {
    api: Arc<Api>,
    identity: Identity,
    containers: Arc<dyn Containers>,
}

impl Server {
    /// Serves `api` on `listener`, in a thread of its own. Nothing runs in its pods.
    ///
    /// # Errors
    /// As [`Server::with_containers`].
    pub fn start(api: Arc<Api>, listener: TcpListener, identity: Identity) -> io::Result<Self> {
        Self::with_containers(api, Arc::new(NoContainers), listener, identity)
    }

    /// Serves `api` on `listener`, in a thread of its own, and what runs in its pods.
    ///
    /// # Errors
    /// If the socket cannot be used, the thread cannot start, or the identity does not make a TLS server.
    pub fn with_containers(
        api: Arc<Api>,
        containers: Arc<dyn Containers>,
        listener: TcpListener,
        identity: Identity,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let acceptor = TlsAcceptor::from(identity.tls().map_err(io::Error::other)?);
        let shared = Arc::new(Shared {
            api,
            identity,
            containers,
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let serve = async move {
            let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
                return tracing::error!("cannot listen");
            };
            tokio::select! {
                () = accept(&listener, &acceptor, &shared) => {}
                _ = stopped => {}
            }
        };
        std::thread::Builder::new()
            .name("apiserver".to_owned())
            .spawn(move || {
                runtime.block_on(serve);
                // Requests that are being decided are not waited for.
                runtime.shutdown_background();
            })?;
        Ok(Self {
            address,
            _stop: stop,
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn accept(listener: &tokio::net::TcpListener, acceptor: &TlsAcceptor, shared: &Arc<Shared>) {
    let permits = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (acceptor, shared) = (acceptor.clone(), Arc::clone(shared));
                tokio::spawn(async move {
                    connection::serve(stream, &acceptor, shared, Arc::new(permit)).await;
                });
            }
            Err(error) => {
                tracing::debug!(%error, "cannot accept");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
