//! Datagrams: what the zone knows is answered in their order, what others know when they have said so.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::resolver::{Pending, Resolver, Step, Taught};
use crate::reply::Transport;

/// Longest question. What is longer is cut off and then not readable.
const LONGEST: usize = 4096;
/// A socket that ends and had nothing for so long is empty.
const LINGER: Duration = Duration::from_millis(10);
/// Errors in a row after which a socket is given up.
const MOST_ERRORS: usize = 100;

/// A UDP socket and what answers on it.
#[derive(Clone)]
pub(super) struct Datagrams {
    pub(super) socket: Arc<UdpSocket>,
    pub(super) resolver: Arc<Resolver>,
    /// A turn for each question to others.
    pub(super) turns: Arc<Semaphore>,
}

impl Datagrams {
    /// Answers for as long as the socket works.
    pub(super) async fn serve(self) -> io::Error {
        let mut buffer = vec![0; LONGEST];
        let mut errors = 0;
        loop {
            match self.socket.recv_from(&mut buffer).await {
                Ok((length, client)) => {
                    errors = 0;
                    self.take(buffer.get(..length).unwrap_or_default(), client)
                        .await;
                }
                Err(error) if errors >= MOST_ERRORS => return error,
                Err(error) => {
                    errors += 1;
                    tracing::warn!(%error, "question not received");
                }
            }
        }
    }

    /// Answers what the socket holds already. What comes from now on goes to the other servers at its address, if there are any: of
    /// a connected socket the kernel asks nothing but what its peer sends, and this one's peer is itself.
    pub(super) async fn drain(&self) {
        let own = self.socket.local_addr();
        let connected = match own {
            Ok(own) => self.socket.connect(own).await,
            Err(error) => Err(error),
        };
        if let Err(error) = connected {
            tracing::debug!(%error, "a socket that ends cannot be turned away from questions");
        }
        let mut buffer = vec![0; LONGEST];
        while let Ok(Ok((length, client))) =
            timeout(LINGER, self.socket.recv_from(&mut buffer)).await
        {
            self.take(buffer.get(..length).unwrap_or_default(), client)
                .await;
        }
    }

    async fn take(&self, message: &[u8], client: SocketAddr) {
        match self.resolver.begin(message, Transport::Udp) {
            Step::Ask(pending) => self.ask(*pending, client).await,
            Step::Teach(taught) => self.teach(*taught, client).await,
            done @ (Step::Silence | Step::Respond(_)) => self.send(done, client).await,
        }
    }

    /// Asks others beside everything else, or refuses if too many are being asked.
    async fn ask(&self, pending: Pending, client: SocketAddr) {
        let Ok(turn) = Arc::clone(&self.turns).try_acquire_owned() else {
            return self.send(self.resolver.refuse(&pending), client).await;
        };
        let this = self.clone();
        tokio::spawn(async move {
            let done = this.resolver.finish(pending).await;
            this.send(done, client).await;
            drop(turn);
        });
    }

    /// Tells agents beside everything else; if too many answers are held back, this one is not.
    async fn teach(&self, taught: Taught, client: SocketAddr) {
        let Ok(turn) = Arc::clone(&self.turns).try_acquire_owned() else {
            return self.send(self.resolver.untaught(taught), client).await;
        };
        let this = self.clone();
        tokio::spawn(async move {
            let done = this.resolver.teach(taught).await;
            this.send(done, client).await;
            drop(turn);
        });
    }

    async fn send(&self, step: Step, client: SocketAddr) {
        let Step::Respond(response) = step else {
            return;
        };
        if let Err(error) = self.socket.send_to(&response, client).await {
            tracing::debug!(%client, %error, "response not sent");
        }
    }
}
