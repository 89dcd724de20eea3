//! A zone on sockets: [`serve`] answers until its shutdown resolves.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use hickory_server::Server;
use hickory_server::net::NetError;
use tokio::net::{TcpListener, UdpSocket};

use crate::Zone;

mod handler;
mod message;
#[cfg(test)]
mod tests;
mod upstream;

pub use upstream::Upstream;

use handler::Handler;

/// How long a TCP client may stay silent.
const TCP_IDLE: Duration = Duration::from_secs(10);
/// Answers waiting for a slow TCP client.
const TCP_QUEUE: usize = 32;
/// Attempts to find a port that is free for UDP and TCP.
const PORT_ATTEMPTS: usize = 16;

/// The zone that a server answers from. Before the first [`Handle::replace`] the server knows
/// nothing and says so (SERVFAIL), so that nobody remembers a name as missing.
#[derive(Clone, Debug, Default)]
pub struct Handle {
    zone: Arc<RwLock<Option<Arc<Zone>>>>,
}

impl Handle {
    /// A handle without zone.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers from `zone` from now on.
    pub fn replace(&self, zone: Zone) {
        let mut held = self.zone.write().unwrap_or_else(PoisonError::into_inner);
        *held = Some(Arc::new(zone));
    }

    /// The zone in use.
    #[must_use]
    pub fn current(&self) -> Option<Arc<Zone>> {
        let held = self.zone.read().unwrap_or_else(PoisonError::into_inner);
        held.clone()
    }
}

/// Bound sockets, a UDP and a TCP one for each address.
#[derive(Debug)]
pub struct Sockets {
    pairs: Vec<(UdpSocket, TcpListener)>,
}

impl Sockets {
    /// Binds every address for UDP and TCP. Port 0 takes a port that is free for both.
    ///
    /// # Errors
    /// [`ServeError::Bind`] with the address that is taken or missing.
    pub async fn bind(addresses: &[SocketAddr]) -> Result<Self, ServeError> {
        let mut pairs = Vec::new();
        for address in addresses {
            let bound = bind_pair(*address).await;
            pairs.push(bound.map_err(|source| ServeError::Bind {
                address: *address,
                source,
            })?);
        }
        Ok(Self { pairs })
    }

    /// The bound addresses, in the order they were asked for.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let address = |(udp, _): &(UdpSocket, TcpListener)| udp.local_addr().ok();
        self.pairs.iter().filter_map(address).collect()
    }
}

async fn bind_pair(address: SocketAddr) -> io::Result<(UdpSocket, TcpListener)> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let udp = UdpSocket::bind(address).await?;
        match TcpListener::bind(udp.local_addr()?).await {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(_) if address.port() == 0 && attempt < PORT_ATTEMPTS => {}
            Err(error) => return Err(error),
        }
    }
}

/// Why a server cannot start or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A socket failed for good.
    #[error("the DNS server's socket failed")]
    Socket(#[source] NetError),
}

/// Answers questions on `sockets` from the zone in `handle` until `shutdown` resolves.
///
/// # Errors
/// [`ServeError::Socket`] if a socket fails for good.
pub async fn serve(
    sockets: Sockets,
    handle: Handle,
    upstream: Upstream,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let mut server = Server::new(Handler::new(handle, upstream));
    for (udp, tcp) in sockets.pairs {
        server.register_socket(udp);
        server.register_listener(tcp, TCP_IDLE, TCP_QUEUE);
    }
    tokio::select! {
        ended = server.block_until_done() => return ended.map_err(ServeError::Socket),
        () = shutdown => {}
    }
    server
        .shutdown_gracefully()
        .await
        .map_err(ServeError::Socket)
}
