//! What stands in for a container: it listens on the declared ports and says who it is.
//!
//! TCP: HTTP if the first bytes look like a request (an HTML page, or JSON with `?format=json`),
//! a refusal in their own words for TLS and PostgreSQL, and else every line back, each behind the
//! identity. UDP: every datagram back behind the identity. Nothing claims to be the real image.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use ringfence_net::Protocol;
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, UdpSocket};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::{Peer, http, listen};

mod conversation;
pub(crate) mod page;
#[cfg(test)]
pub(crate) mod tests;

/// How long clients that are connected may take when a stand-in is to end.
const FAREWELL: Duration = Duration::from_secs(1);

/// What a stand-in is, and where it listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponderConfig {
    /// The pod's name; for a host outside the cluster, the host's.
    pub pod: String,
    /// The pod's namespace; empty for a host outside the cluster.
    #[serde(default)]
    pub namespace: String,
    /// The node it runs on.
    pub node: String,
    /// The image it stands in for.
    pub image: String,
    /// The container's name.
    pub container: String,
    /// Where it listens.
    pub ports: Vec<ResponderPort>,
    /// Addresses to listen on; every address if nothing is said.
    #[serde(default = "listen::everywhere")]
    pub addresses: Vec<IpAddr>,
}

/// A declared container port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponderPort {
    /// TCP, UDP or SCTP. SCTP is left out with a warning: this machine's kernel may not have it.
    pub protocol: Protocol,
    /// The port; 0 takes a free one.
    pub port: u16,
    /// Its name, if it has one.
    #[serde(default)]
    pub name: Option<String>,
}

impl ResponderConfig {
    /// A host outside the cluster: HTTP on 80, and 443.
    #[must_use]
    pub fn outside(host: &str) -> Self {
        let port = |port| ResponderPort {
            protocol: Protocol::Tcp,
            port,
            name: None,
        };
        Self {
            pod: host.to_owned(),
            namespace: String::new(),
            node: "outside".to_owned(),
            image: "outside".to_owned(),
            container: host.to_owned(),
            ports: vec![port(80), port(443)],
            addresses: listen::everywhere(),
        }
    }
}

/// A port that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on port {port}/{protocol} for container `{container}`")]
pub struct PortError {
    /// The port.
    pub port: u16,
    /// Its protocol.
    pub protocol: Protocol,
    /// The container it belongs to.
    pub container: String,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// A stand-in whose ports are bound.
#[derive(Debug)]
pub struct Responder {
    tcp: Vec<(Arc<Door>, TcpListener)>,
    udp: Vec<(Arc<Door>, UdpSocket)>,
}

/// One port of one stand-in: all that its answers say.
#[derive(Debug)]
struct Door {
    config: Arc<ResponderConfig>,
    port: u16,
    name: Option<String>,
}

impl Door {
    fn peer(&self, source: SocketAddr) -> Peer {
        Peer {
            namespace: self.config.namespace.clone(),
            pod: self.config.pod.clone(),
            node: self.config.node.clone(),
            source: SocketAddr::new(source.ip().to_canonical(), source.port()),
        }
    }
}

impl Responder {
    /// Binds every port; needs a running tokio runtime.
    ///
    /// # Errors
    /// [`PortError`] for the first port that is taken or forbidden.
    pub fn bind(config: ResponderConfig) -> Result<Self, PortError> {
        let config = Arc::new(config);
        let mut responder = Self {
            tcp: Vec::new(),
            udp: Vec::new(),
        };
        for port in &config.ports {
            responder.open(&config, port).map_err(|source| PortError {
                port: port.port,
                protocol: port.protocol,
                container: config.container.clone(),
                source,
            })?;
        }
        Ok(responder)
    }

    fn open(&mut self, config: &Arc<ResponderConfig>, port: &ResponderPort) -> io::Result<()> {
        let door = |bound: io::Result<SocketAddr>| {
            bound.map(|bound| {
                Arc::new(Door {
                    config: Arc::clone(config),
                    port: bound.port(),
                    name: port.name.clone(),
                })
            })
        };
        match port.protocol {
            Protocol::Tcp => {
                for listener in listen::tcp(&config.addresses, port.port)? {
                    self.tcp.push((door(listener.local_addr())?, listener));
                }
            }
            Protocol::Udp => {
                for socket in listen::udp(&config.addresses, port.port)? {
                    self.udp.push((door(socket.local_addr())?, socket));
                }
            }
            Protocol::Sctp => tracing::warn!(port.port, "a stand-in does not listen on SCTP"),
        }
        Ok(())
    }

    /// Bound addresses: TCP first, each in the order of the configuration.
    #[must_use]
    pub fn addresses(&self) -> Vec<(Protocol, SocketAddr)> {
        let tcp = self
            .tcp
            .iter()
            .map(|(_, each)| (Protocol::Tcp, each.local_addr()));
        let udp = self
            .udp
            .iter()
            .map(|(_, each)| (Protocol::Udp, each.local_addr()));
        tcp.chain(udp)
            .filter_map(|(protocol, address)| Some((protocol, address.ok()?)))
            .collect()
    }

    /// Answers everybody; never returns. A stand-in without ports just waits.
    pub async fn serve(self) {
        self.serve_until(std::future::pending()).await;
    }

    /// Answers everybody until `told` is over, and then those TCP clients who are connected already, but not for long.
    pub async fn serve_until(self, told: impl Future<Output = ()>) {
        let (leave, stays) = watch::channel(());
        let mut doors = JoinSet::new();
        for (door, listener) in self.tcp {
            let connection =
                move |stream, source| conversation::hold(Arc::clone(&door), stream, source);
            let mut stays = stays.clone();
            let told = async move { while stays.changed().await.is_ok() {} };
            doors.spawn(http::accept_until(listener, connection, told));
        }
        let mut echoes = JoinSet::new();
        for (door, socket) in self.udp {
            echoes.spawn(async move { conversation::echo_datagrams(&door, &socket).await });
        }
        told.await;
        drop(leave);
        let ended = async { while doors.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(FAREWELL, ended).await;
    }
}

/// Stands in for a container until SIGTERM or SIGINT.
///
/// # Errors
/// If a port is taken.
pub fn run(config: ResponderConfig) -> anyhow::Result<()> {
    runtime()?.block_on(async {
        let told = told()?;
        let image = config.image.clone();
        let responder = Responder::bind(config)?;
        for (protocol, address) in responder.addresses() {
            tracing::info!("ringfence stand-in for image {image} listens on {address}/{protocol}");
        }
        responder.serve_until(told).await;
        Ok(())
    })
}

/// Runs `work` on one thread until it ends or SIGTERM or SIGINT arrives.
pub(crate) fn until_told(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    runtime()?.block_on(async {
        let told = told()?;
        tokio::select! {
            ended = work => ended,
            () = told => Ok(()),
        }
    })
}

fn runtime() -> anyhow::Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let built = builder.enable_all().build();
    built.context("starting the stand-in")
}

/// Over when SIGTERM or SIGINT arrives after this.
fn told() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("waiting for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("waiting for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
