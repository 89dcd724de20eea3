//! The DNS server as a process of its own, inside a pod's network namespace.
//!
//! It takes zones as lines of JSON (one [`Zone`] per line) and writes one [`Event`] per line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{SignalKind, signal};

use crate::server::Scrape;
use crate::{Handle, Metrics, ServeOptions, Sharing, Sockets, Teacher, Upstream, Zone, serve};

/// How the process is set up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsConfig {
    /// Addresses for UDP and TCP, usually port 53.
    pub listen: Vec<SocketAddr>,
    /// Whether other servers answer at the same addresses, so that names are known while one of them is started anew.
    #[serde(default)]
    pub sharing: Sharing,
    /// Servers for outside names.
    #[serde(default)]
    pub upstream: UpstreamConfig,
    /// Where counters are read (`/metrics`), usually port 9153.
    #[serde(default)]
    pub metrics: Vec<SocketAddr>,
    /// Where zones come from.
    pub updates: Updates,
    /// Unix sockets of the agents that learn the addresses of names which their policies ask for.
    #[serde(default)]
    pub agents: Vec<PathBuf>,
}

/// Who is asked for names outside of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpstreamConfig {
    /// Nobody: they are refused.
    #[default]
    Nobody,
    /// These, in order.
    Servers(Vec<SocketAddr>),
    /// Those that this `resolv.conf` names.
    ResolvConf(PathBuf),
}

impl UpstreamConfig {
    fn read(&self) -> anyhow::Result<Upstream> {
        Ok(match self {
            Self::Nobody => Upstream::none(),
            Self::Servers(servers) => Upstream::new(servers.clone()),
            Self::ResolvConf(path) => {
                let text = std::fs::read_to_string(path);
                let text = text.with_context(|| format!("reading `{}`", path.display()))?;
                Upstream::of_resolv_conf(&text)
            }
        })
    }
}

/// Where zones come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Updates {
    /// Standard input; events go to standard output. Its end ends the process: whoever feeds the
    /// server owns it.
    Stdin,
    /// A Unix socket at this path, which the process creates. Any number of connections, one after
    /// another or at once; the last zone counts. Events go back on the same connection.
    Socket(PathBuf),
}

/// What the process says, one line of JSON each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The sockets are bound. First line of every stream.
    Listening(Vec<SocketAddr>),
    /// Every question from now on is answered from the zone with this serial.
    Serving(u32),
    /// A line was no zone; the zone in use stays.
    Rejected(String),
}

/// Runs the server until SIGTERM or SIGINT, or until standard input ends if zones come from there.
///
/// # Errors
/// If an address is taken, or the update socket cannot be made, or a socket fails for good.
pub fn run(config: &DnsConfig) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting the DNS server")?;
    let ended = runtime.block_on(run_until_told(config));
    // A read of standard input cannot be interrupted: do not wait for it.
    runtime.shutdown_background();
    ended
}

async fn run_until_told(config: &DnsConfig) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("waiting for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("waiting for SIGINT")?;
    let sockets = Sockets::bind(&config.listen, config.sharing)?;
    let handle = Handle::new();
    let metrics = Arc::new(Metrics::default());
    let feed = Feed {
        handle: handle.clone(),
        addresses: sockets.addresses(),
        metrics: Arc::clone(&metrics),
    };
    offer_counters(&feed, &config.metrics).await?;
    let updates = take_updates(feed, &config.updates);
    let mut failed = Ok(());
    let told = async {
        tokio::select! {
            ended = updates => failed = ended,
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let options = ServeOptions {
        upstream: config.upstream.read()?,
        metrics,
        teacher: Teacher::start(&config.agents),
        ..ServeOptions::default()
    };
    serve(sockets, handle, options, told).await?;
    failed
}

async fn offer_counters(feed: &Feed, addresses: &[SocketAddr]) -> anyhow::Result<()> {
    for address in addresses {
        let listener = TcpListener::bind(address).await;
        let listener = listener.with_context(|| format!("cannot listen on {address}"))?;
        let scrape = Scrape {
            metrics: Arc::clone(&feed.metrics),
            handle: feed.handle.clone(),
        };
        tokio::spawn(scrape.serve(listener));
    }
    Ok(())
}

async fn take_updates(feed: Feed, updates: &Updates) -> anyhow::Result<()> {
    match updates {
        Updates::Stdin => feed.take(tokio::io::stdin(), tokio::io::stdout()).await,
        Updates::Socket(path) => {
            let listener = UnixListener::bind(path)
                .with_context(|| format!("making the update socket `{}`", path.display()))?;
            loop {
                let (stream, _) = listener.accept().await.context("accepting an updater")?;
                let (input, output) = stream.into_split();
                let feed = feed.clone();
                tokio::spawn(async move {
                    if let Err(error) = feed.take(input, output).await {
                        tracing::warn!("{error:#}");
                    }
                });
            }
        }
    }
}

/// The way of zones into the server.
#[derive(Clone)]
struct Feed {
    handle: Handle,
    addresses: Vec<SocketAddr>,
    metrics: Arc<Metrics>,
}

impl Feed {
    async fn take(
        &self,
        input: impl AsyncRead + Unpin,
        mut output: impl AsyncWrite + Unpin,
    ) -> anyhow::Result<()> {
        say(&mut output, &Event::Listening(self.addresses.clone())).await?;
        let mut lines = BufReader::new(input).split(b'\n');
        while let Some(line) = lines.next_segment().await.context("reading zones")? {
            if !line.trim_ascii().is_empty() {
                say(&mut output, &self.apply(&line)).await?;
            }
        }
        Ok(())
    }

    fn apply(&self, line: &[u8]) -> Event {
        match serde_json::from_slice::<Zone>(line) {
            Ok(zone) => {
                let serial = zone.serial();
                self.handle.replace(zone);
                self.metrics.serial.set(u64::from(serial));
                tracing::debug!(serial, "zone replaced");
                Event::Serving(serial)
            }
            Err(error) => {
                tracing::warn!(%error, "update is no zone");
                Event::Rejected(error.to_string())
            }
        }
    }
}

async fn say(output: &mut (impl AsyncWrite + Unpin), event: &Event) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(event).context("writing an event")?;
    line.push(b'\n');
    output.write_all(&line).await.context("writing an event")?;
    output.flush().await.context("writing an event")
}

#[cfg(test)]
mod tests;
