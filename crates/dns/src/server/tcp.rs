//! Connections: several questions on each, answered in their order.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::gate::Gate;
use super::resolver::{Resolver, Step};
use crate::metrics::Limit;
use crate::reply::Transport;

/// How long a client may take to send a question, and to take a response.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest question.
const LONGEST: usize = 4096;
/// Pause when a connection cannot be accepted: there are no descriptors left.
const PAUSE: Duration = Duration::from_millis(50);

/// A TCP socket and what answers on it.
pub(super) struct Connections {
    pub(super) listener: TcpListener,
    pub(super) resolver: Arc<Resolver>,
    /// A turn for each question to others.
    pub(super) turns: Arc<Semaphore>,
    pub(super) gate: Arc<Gate>,
}

impl Connections {
    /// Answers for ever.
    pub(super) async fn serve(self) -> io::Error {
        loop {
            match self.listener.accept().await {
                Ok((stream, client)) => self.admit(stream, client.ip()),
                Err(error) => {
                    tracing::debug!(%error, "connection not accepted");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn admit(&self, stream: TcpStream, client: IpAddr) {
        let Some(pass) = self.gate.enter(client) else {
            self.resolver.metrics().limited(Limit::Connections);
            return;
        };
        let (resolver, turns) = (Arc::clone(&self.resolver), Arc::clone(&self.turns));
        tokio::spawn(async move {
            resolver.metrics().connections.inc();
            if let Err(error) = converse(stream, &resolver, &turns).await {
                tracing::debug!(%client, %error, "connection ended");
            }
            resolver.metrics().connections.dec();
            drop(pass);
        });
    }
}

/// Until the client has no more questions, or is silent for too long.
async fn converse(mut stream: TcpStream, resolver: &Resolver, turns: &Semaphore) -> io::Result<()> {
    loop {
        let message = timeout(PATIENCE, read(&mut stream)).await??;
        let step = match resolver.begin(&message, Transport::Tcp) {
            Step::Ask(pending) => match turns.try_acquire() {
                Ok(_turn) => resolver.finish(*pending).await,
                Err(_) => resolver.refuse(&pending),
            },
            Step::Teach(taught) => match turns.try_acquire() {
                Ok(_turn) => resolver.teach(*taught).await,
                Err(_) => resolver.untaught(*taught),
            },
            done @ (Step::Silence | Step::Respond(_)) => done,
        };
        let Step::Respond(response) = step else {
            return Err(io::Error::other("no question"));
        };
        timeout(PATIENCE, write(&mut stream, &response)).await??;
    }
}

async fn read(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let length = usize::from(stream.read_u16().await?);
    if length > LONGEST {
        return Err(io::Error::other("question is too long"));
    }
    let mut message = vec![0; length];
    stream.read_exact(&mut message).await?;
    Ok(message)
}

async fn write(stream: &mut TcpStream, response: &[u8]) -> io::Result<()> {
    let length = u16::try_from(response.len()).map_err(io::Error::other)?;
    stream
        .write_all(&[&length.to_be_bytes(), response].concat())
        .await
}
