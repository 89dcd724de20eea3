//! Plain TCP and UDP.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use super::resolve::resolve;
use super::{Deadline, ProbeOutcome, ProbeRequest, Unreached};
use crate::Peer;

/// How long a connected server may take to say who it is.
const INTRODUCTION: Duration = Duration::from_millis(250);
/// What probes send.
const GREETING: &[u8] = b"ringfence probe\n";

type Outcome = Result<ProbeOutcome, Unreached>;

pub(super) fn tcp(request: &ProbeRequest, deadline: Deadline) -> Outcome {
    let mut stream = connect(&request.target, request.port, deadline)?;
    let peer = introduction(&mut stream, deadline);
    Ok(ProbeOutcome::Reached {
        detail: "connected".to_owned(),
        peer,
    })
}

/// A connection to the first address that takes one; the addresses share the time.
pub(crate) fn connect(host: &str, port: u16, deadline: Deadline) -> Result<TcpStream, Unreached> {
    let addresses = resolve(host, port, deadline)?;
    let mut last = Unreached::TimedOut;
    for (tried, address) in addresses.iter().enumerate() {
        let waiting = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let left = deadline.left();
        let left = if tried == 0 {
            left.map_err(unsent)
        } else {
            left
        }?;
        let share = (left / waiting).max(Duration::from_millis(1));
        match TcpStream::connect_timeout(address, share) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = failure(&error),
        }
    }
    Err(last)
}

/// The time was up before anything was sent: nobody was asked, so that this says nothing of who would have answered.
fn unsent(_: Unreached) -> Unreached {
    Unreached::other("the time was up before anything was sent")
}

/// What a failed call on a socket means.
pub(crate) fn failure(error: &io::Error) -> Unreached {
    if is_timeout(error) {
        Unreached::TimedOut
    } else if error.kind() == io::ErrorKind::ConnectionRefused {
        Unreached::Refused
    } else {
        Unreached::other(error)
    }
}

/// A socket whose time is up says either.
pub(crate) fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock
    )
}

/// Who is there, if it says so: to be connected is an answer, everything after it is a courtesy.
fn introduction(stream: &mut TcpStream, deadline: Deadline) -> Option<Peer> {
    stream.write_all(GREETING).ok()?;
    let end = Instant::now() + deadline.left().ok()?.min(INTRODUCTION);
    let mut heard = Vec::new();
    let mut buffer = [0; 512];
    loop {
        let left = end.saturating_duration_since(Instant::now());
        stream.set_read_timeout(Some(left)).ok()?;
        let length = stream.read(&mut buffer).ok().filter(|length| *length > 0)?;
        heard.extend_from_slice(buffer.get(..length)?);
        if heard.contains(&b'\n') || heard.len() > 4096 {
            return peer_in(&heard);
        }
    }
}

fn peer_in(answer: &[u8]) -> Option<Peer> {
    let text = std::str::from_utf8(answer).ok()?;
    let (peer, _) = Peer::parse(text.trim_end())?;
    Some(peer)
}

pub(super) fn udp(request: &ProbeRequest, deadline: Deadline) -> Outcome {
    let addresses = resolve(&request.target, request.port, deadline)?;
    let address = first(&addresses)?;
    let answer = exchange(address, GREETING, deadline, |_| true)?;
    Ok(ProbeOutcome::Reached {
        detail: format!("{} bytes", answer.len()),
        peer: peer_in(&answer),
    })
}

pub(super) fn first(addresses: &[SocketAddr]) -> Result<SocketAddr, Unreached> {
    let none = || Unreached::Name("no address".to_owned());
    addresses.first().copied().ok_or_else(none)
}

/// Sends `question` until an answer comes that `fits`. A datagram may get lost without any policy,
/// so it is sent four times in the time there is.
pub(super) fn exchange(
    address: SocketAddr,
    question: &[u8],
    deadline: Deadline,
    fits: impl Fn(&[u8]) -> bool,
) -> Result<Vec<u8>, Unreached> {
    let socket = connected(address).map_err(|error| failure(&error))?;
    let left = deadline.left().map_err(unsent)?;
    let pause = (left / 4).max(Duration::from_millis(50));
    let mut buffer = vec![0; usize::from(u16::MAX)];
    loop {
        socket.send(question).map_err(|error| failure(&error))?;
        let resend = Deadline::after(pause);
        while let Ok(wait) = resend.left() {
            let wait = wait.min(deadline.left()?);
            let set = socket.set_read_timeout(Some(wait));
            match set.and_then(|()| socket.recv(&mut buffer)) {
                Ok(length) => {
                    let answer = buffer.get(..length).unwrap_or_default();
                    if fits(answer) {
                        return Ok(answer.to_vec());
                    }
                }
                Err(error) if is_timeout(&error) => {}
                Err(error) => return Err(failure(&error)),
            }
        }
    }
}

/// Connected, so that only the target's answers and errors arrive.
pub(crate) fn connected(address: SocketAddr) -> io::Result<UdpSocket> {
    let local: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((local, 0))?;
    socket.connect(address)?;
    Ok(socket)
}
