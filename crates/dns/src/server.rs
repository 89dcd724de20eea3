//! A zone on sockets: [`serve`] answers until its shutdown resolves.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::{Metrics, Teacher, Zone};

mod gate;
mod outside;
mod resolver;
mod scrape;
mod tcp;
#[cfg(test)]
mod tests;
mod udp;
mod upstream;

pub(crate) use scrape::Scrape;
pub use upstream::Upstream;

use gate::Gate;
use resolver::Resolver;
use tcp::Connections;
use udp::Datagrams;

/// Questions to others that are under way at once, with a socket each, and answers that are held back until agents know them.
/// Questions beyond are refused, answers beyond are not held back.
const MOST_OUTSIDE: usize = 256;
/// Most TCP connections, and most from one address.
const MOST_CONNECTIONS: (usize, usize) = (512, 32);
/// Connections that wait to be taken.
const BACKLOG: i32 = 1024;
/// Attempts to find a port that is free for UDP and TCP.
const PORT_ATTEMPTS: usize = 16;
/// How long questions wait for the first zone.
const ZONE_PATIENCE: Duration = Duration::from_secs(5);
/// How long a server that ends waits for the answers of others.
const END_PATIENCE: Duration = Duration::from_secs(4);

/// The zone that a server answers from. Before the first [`Handle::replace`] questions wait, where the kernel keeps
/// them; then the server knows nothing and says so (SERVFAIL), so that nobody remembers a name as missing.
#[derive(Clone, Debug)]
pub struct Handle {
    zone: watch::Sender<Option<Arc<Zone>>>,
}

impl Default for Handle {
    fn default() -> Self {
        Self::new()
    }
}

impl Handle {
    /// A handle without zone.
    #[must_use]
    pub fn new() -> Self {
        let (zone, _) = watch::channel(None);
        Self { zone }
    }

    /// Answers from `zone` from now on.
    pub fn replace(&self, zone: Zone) {
        self.zone.send_replace(Some(Arc::new(zone)));
    }

    /// The zone in use.
    #[must_use]
    pub fn current(&self) -> Option<Arc<Zone>> {
        self.zone.borrow().clone()
    }

    /// Waits for a first zone.
    async fn known(&self) {
        // The sender lives as long as this handle.
        let _ = self.zone.subscribe().wait_for(Option::is_some).await;
    }
}

/// What a server needs besides sockets and a zone.
#[derive(Debug)]
pub struct ServeOptions {
    /// Who knows outside names.
    pub upstream: Upstream,
    /// Where it counts.
    pub metrics: Arc<Metrics>,
    /// How long questions wait for the first zone.
    pub zone_patience: Duration,
    /// Who learns of answers before clients do.
    pub teacher: Teacher,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            upstream: Upstream::none(),
            metrics: Arc::default(),
            zone_patience: ZONE_PATIENCE,
            teacher: Teacher::default(),
        }
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
    pub fn bind(addresses: &[SocketAddr], sharing: Sharing) -> Result<Self, ServeError> {
        let mut pairs = Vec::new();
        for address in addresses {
            let bound = bind_pair(*address, sharing);
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

/// Whether other servers of the same user may listen on the same addresses: the kernel then spreads questions over all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sharing {
    /// They may not.
    #[default]
    Alone,
    /// They may, if each of them says so.
    Shared,
}

fn bind_pair(address: SocketAddr, sharing: Sharing) -> io::Result<(UdpSocket, TcpListener)> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let udp = UdpSocket::from_std(bound(address, sharing, Type::DGRAM)?.into())?;
        match listening(udp.local_addr()?, sharing) {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(_) if address.port() == 0 && attempt < PORT_ATTEMPTS => {}
            Err(error) => return Err(error),
        }
    }
}

fn listening(address: SocketAddr, sharing: Sharing) -> io::Result<TcpListener> {
    let socket = bound(address, sharing, Type::STREAM)?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn bound(address: SocketAddr, sharing: Sharing, kind: Type) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, None)?;
    socket.set_nonblocking(true)?;
    // Connections of a server that has ended are no reason to wait.
    socket.set_reuse_address(kind == Type::STREAM)?;
    socket.set_reuse_port(sharing == Sharing::Shared)?;
    socket.bind(&address.into())?;
    Ok(socket)
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
    /// A server that others would ask is asked itself.
    #[error("the upstream server {address} is this server: questions would go round in circles")]
    Loop {
        /// Its address.
        address: SocketAddr,
    },
    /// A socket failed for good.
    #[error("the DNS server's socket failed")]
    Socket(#[source] io::Error),
}

/// Answers questions on `sockets` from the zone in `handle` until `shutdown` resolves.
///
/// # Errors
/// [`ServeError::Loop`] if an upstream server is the server itself, [`ServeError::Socket`] if a socket fails for good.
pub async fn serve(
    sockets: Sockets,
    handle: Handle,
    options: ServeOptions,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let own = sockets.addresses();
    if let Some(address) = options
        .upstream
        .servers()
        .iter()
        .find(|server| is_one_of(**server, &own))
    {
        return Err(ServeError::Loop { address: *address });
    }
    let turns = Arc::new(Semaphore::new(MOST_OUTSIDE));
    let zone_patience = options.zone_patience;
    let known = handle.clone();
    let resolver = Arc::new(Resolver::new(handle, options));
    let (datagrams, connections) = services(sockets, &resolver, &turns);
    let answering = async {
        // The kernel keeps what comes before the first zone.
        let _ = timeout(zone_patience, known.known()).await;
        answer(&datagrams, connections).await
    };
    let ended = tokio::select! {
        error = answering => Err(ServeError::Socket(error)),
        () = shutdown => Ok(()),
    };
    finish(&datagrams, &turns).await;
    ended
}

fn services(
    sockets: Sockets,
    resolver: &Arc<Resolver>,
    turns: &Arc<Semaphore>,
) -> (Vec<Datagrams>, Vec<Connections>) {
    let gate = Gate::new(MOST_CONNECTIONS.0, MOST_CONNECTIONS.1);
    let services = sockets.pairs.into_iter().map(|(socket, listener)| {
        let datagrams = Datagrams {
            socket: Arc::new(socket),
            resolver: Arc::clone(resolver),
            turns: Arc::clone(turns),
        };
        let connections = Connections {
            listener,
            resolver: Arc::clone(resolver),
            turns: Arc::clone(turns),
            gate: Arc::clone(&gate),
        };
        (datagrams, connections)
    });
    services.unzip()
}

/// Whether `server` is where a server with these addresses listens.
fn is_one_of(server: SocketAddr, own: &[SocketAddr]) -> bool {
    own.iter().any(|address| {
        let everywhere = address.ip().is_unspecified() && server.ip().is_loopback();
        address.port() == server.port() && (address.ip() == server.ip() || everywhere)
    })
}

/// Answers until a socket fails.
async fn answer(datagrams: &[Datagrams], connections: Vec<Connections>) -> io::Error {
    let mut serving = JoinSet::new();
    for service in datagrams {
        serving.spawn(service.clone().serve());
    }
    for service in connections {
        serving.spawn(service.serve());
    }
    match serving.join_next().await {
        Some(Ok(error)) => error,
        Some(Err(error)) => io::Error::other(error),
        None => std::future::pending().await,
    }
}

/// Answers what has come already, and waits until those who were asked have answered.
async fn finish(datagrams: &[Datagrams], turns: &Semaphore) {
    let ending = async {
        for service in datagrams {
            service.drain().await;
        }
        let all = u32::try_from(MOST_OUTSIDE).unwrap_or(u32::MAX);
        let _ = turns.acquire_many(all).await;
    };
    let _ = timeout(END_PATIENCE, ending).await;
}
