//! Traffic from one thread that holds both ends: packets run through all hooks inside the sender's system call, so a
//! transaction takes exactly the processor time that it costs, and no other processor has to be woken.

use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use ringfence_benches::{connections, exchange, time};
use ringfence_netlink::namespace::run_in;

use crate::pods::{CLOSED_PORT, OPEN_PORT};
use crate::topology::{FAR, NEAR, Topology};

/// Where the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    SameNode,
    AcrossNodes,
}

impl Way {
    pub(crate) const ALL: [Self; 2] = [Self::SameNode, Self::AcrossNodes];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::SameNode => "same node",
            Self::AcrossNodes => "across nodes",
        }
    }

    const fn address(self) -> Ipv4Addr {
        match self {
            Self::SameNode => NEAR.address,
            Self::AcrossNodes => FAR.address,
        }
    }

    fn server(self, topology: &Topology) -> &OwnedFd {
        let [_, near, far] = &topology.pods;
        match self {
            Self::SameNode => near,
            Self::AcrossNodes => far,
        }
    }
}

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Traffic {
    /// Connect, a byte each way, close.
    Connections,
    /// A byte each way on one connection.
    Requests,
    /// Datagrams of an exchange that was answered once.
    Datagrams,
    /// Datagrams that nobody ever answers: each is judged.
    Unanswered,
}

impl Traffic {
    pub(crate) const ALL: [Self; 4] = [
        Self::Connections,
        Self::Requests,
        Self::Datagrams,
        Self::Unanswered,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Connections => "TCP connections",
            Self::Requests => "TCP requests",
            Self::Datagrams => "UDP, established",
            Self::Unanswered => "UDP, never answered",
        }
    }

    /// About a tenth of a second of plain routing.
    const fn count(self) -> u32 {
        match self {
            Self::Connections => 1_500,
            Self::Requests => 6_000,
            Self::Datagrams => 25_000,
            Self::Unanswered => 15_000,
        }
    }

    /// Transactions a second.
    pub(crate) fn rate(self, topology: &Topology, way: Way) -> Result<f64> {
        let [client, ..] = &topology.pods;
        let taken = match self {
            Self::Connections | Self::Requests => {
                let listener = run_in(way.server(topology), listen)??;
                run_in(client, || self.stream(&listener, way.address()))??
            }
            Self::Datagrams | Self::Unanswered => {
                let server = run_in(way.server(topology), bind)??;
                run_in(client, || self.datagrams(&server, way.address()))??
            }
        };
        Ok(f64::from(self.count()) / taken.as_secs_f64())
    }

    fn stream(self, listener: &TcpListener, to: Ipv4Addr) -> Result<Duration> {
        if self == Self::Connections {
            let to = SocketAddrV4::new(to, OPEN_PORT);
            return Ok(connections(listener, to, self.count())?);
        }
        let mut client = TcpStream::connect((to, OPEN_PORT))?;
        let mut server = listener.accept()?.0;
        let (taken, done) =
            time(|| (0..self.count()).try_for_each(|_| exchange(&mut client, &mut server)));
        done?;
        Ok(taken)
    }

    fn datagrams(self, server: &UdpSocket, to: Ipv4Addr) -> Result<Duration> {
        let client = UdpSocket::bind(("0.0.0.0", 0))?;
        client.connect((to, OPEN_PORT))?;
        client.send(b"first")?;
        let (_, from) = server.recv_from(&mut [0; 16])?;
        if self == Self::Datagrams {
            server.send_to(b"answer", from)?;
            client.recv(&mut [0; 16])?;
            // The second one from the client makes the exchange established for good.
            client.send(b"second")?;
        }
        let (taken, done) = time(|| {
            (0..self.count()).try_for_each(|_| client.send(b"eighteen bytes are").map(drop))
        });
        done?;
        Ok(taken)
    }
}

/// That the open port is reached and, where rules enforce, no other.
pub(crate) fn check(topology: &Topology, way: Way, enforces: bool) -> Result<()> {
    const PATIENCE: Duration = Duration::from_millis(300);
    let [client, ..] = &topology.pods;
    let open = run_in(way.server(topology), listen)??;
    let to = |port| SocketAddrV4::new(way.address(), port).into();
    run_in(client, || {
        TcpStream::connect_timeout(&to(OPEN_PORT), PATIENCE)
    })?
    .context("the open port is not reached")?;
    drop(open);
    let refused = run_in(client, || {
        TcpStream::connect_timeout(&to(CLOSED_PORT), PATIENCE)
    })?;
    let Err(error) = refused else {
        bail!("somebody listens on the closed port");
    };
    // Whoever is reached without a listener refuses at once.
    let dropped = error.kind() == std::io::ErrorKind::TimedOut;
    if dropped != enforces {
        bail!("the closed port: {error}, enforcement: {enforces}");
    }
    Ok(())
}

fn listen() -> std::io::Result<TcpListener> {
    TcpListener::bind(("0.0.0.0", OPEN_PORT))
}

fn bind() -> std::io::Result<UdpSocket> {
    UdpSocket::bind(("0.0.0.0", OPEN_PORT))
}
