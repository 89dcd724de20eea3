//! One request, acknowledgement and dump loop for `NETLINK_ROUTE` and `NETLINK_NETFILTER`.
//!
//! A socket belongs to the network namespace of the thread that opened it, and stays there: open it
//! in a thread that entered the namespace (see [`crate::namespace::run_in`]) and use it anywhere.

mod message;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::TimeVal;

pub(crate) use message::Kind;
pub(crate) use message::{ACK, CREATE, DUMP, EXCLUSIVE, REPLACE, REQUEST};
use message::{DUMP_INTERRUPTED, Messages};
pub use message::{KernelError, Message};

use crate::attribute::Writer;

/// Bytes of receive buffer asked of the kernel; the limit `net.core.rmem_max` applies without privileges.
const RECEIVE_BUFFER: usize = 8 << 20;
/// Size of one read. The kernel fills at most 32 KiB per message of a dump (`netlink_dump`).
const READ: usize = 256 << 10;
/// How often a dump is begun again because the kernel's state changed underneath.
const DUMP_ATTEMPTS: usize = 20;
/// The kernel answers within the system call; longer means an answer was lost.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Which part of the kernel a socket talks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subsystem {
    /// Links, addresses, routes, neighbours.
    Route,
    /// nf_tables and connection tracking.
    Netfilter,
}

/// Why an exchange with the kernel failed.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The socket could not be opened or set up.
    #[error("cannot open a netlink socket")]
    Open(#[source] io::Error),
    /// The request could not be sent.
    #[error("cannot send {bytes} bytes to the kernel")]
    Send {
        /// Size of the request.
        bytes: usize,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The answer could not be received.
    #[error("cannot receive from the kernel")]
    Receive(#[source] io::Error),
    /// The kernel sent something that does not follow its own format.
    #[error("malformed answer from the kernel: {0}")]
    Malformed(&'static str),
    /// State kept changing while it was listed.
    #[error("the kernel's state changed during each of {DUMP_ATTEMPTS} attempts to list it")]
    Interrupted,
    /// The kernel said no.
    #[error(transparent)]
    Refused(#[from] KernelError),
}

impl SocketError {
    /// The kernel's error number, if the kernel refused the request.
    #[must_use]
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Self::Refused(refused) => Some(refused.errno),
            Self::Open(_)
            | Self::Send { .. }
            | Self::Receive(_)
            | Self::Malformed(_)
            | Self::Interrupted => None,
        }
    }

    /// Whether the object to create is there already.
    #[must_use]
    pub fn is_exists(&self) -> bool {
        self.errno() == Some(Errno::EEXIST)
    }

    /// Whether the object named in the request does not exist. Netlink uses several numbers for that.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(
            self.errno(),
            Some(Errno::ENOENT | Errno::ESRCH | Errno::ENODEV | Errno::EADDRNOTAVAIL)
        )
    }
}

/// A blocking netlink socket.
#[derive(Debug)]
pub struct Socket {
    inner: netlink_sys::Socket,
    port: u32,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Socket {
    /// Opens a socket in the calling thread's network namespace.
    ///
    /// # Errors
    /// [`SocketError::Open`].
    pub fn open(subsystem: Subsystem) -> Result<Self, SocketError> {
        let (inner, port) = open(subsystem).map_err(SocketError::Open)?;
        Ok(Self {
            inner,
            port,
            sequence: 0,
            buffer: vec![0; READ],
        })
    }

    /// The socket's netlink port, by which notifications name it.
    pub(crate) fn port(&self) -> u32 {
        self.port
    }

    /// Sends one request and waits for its acknowledgement; returns the messages that came before it.
    ///
    /// # Errors
    /// [`SocketError::Refused`] if the kernel refuses, others if the exchange itself fails.
    pub(crate) fn request(
        &mut self,
        kind: u16,
        flags: u16,
        body: &[u8],
    ) -> Result<Vec<Message>, SocketError> {
        let sequence = self.send_request(kind, REQUEST | ACK | flags, body)?;
        Ok(self.collect(sequence, &Some)?.found)
    }

    /// Sends requests of one kind in one system call, and returns for each what it was refused with, if it was. Their answers
    /// must fit into the socket.
    ///
    /// # Errors
    /// If the exchange itself fails.
    pub(crate) fn request_all(
        &mut self,
        kind: u16,
        bodies: &[Vec<u8>],
    ) -> Result<Vec<Option<KernelError>>, SocketError> {
        let too_long = SocketError::Malformed("request too long");
        let Ok(count) = u32::try_from(bodies.len()) else {
            return Err(too_long);
        };
        let first = self.reserve(count);
        let mut writer = Writer::default();
        for (number, body) in (0..count).zip(bodies) {
            let sequence = first.wrapping_add(number);
            writer.message(kind, REQUEST | ACK, sequence, |writer| writer.raw(body));
        }
        self.send(&writer.finish().map_err(|_| too_long)?)?;
        self.outcomes(first, bodies.len())
    }

    /// Sends one dump request and returns all its messages, from one consistent state of the kernel.
    ///
    /// # Errors
    /// [`SocketError::Refused`], [`SocketError::Interrupted`], others if the exchange itself fails.
    pub(crate) fn dump(&mut self, kind: u16, body: &[u8]) -> Result<Vec<Message>, SocketError> {
        self.dump_read(kind, body, Some)
    }

    /// The same, but gives what `read` makes of each message: of many messages only as many are held at a time as one read brings.
    ///
    /// # Errors
    /// As [`Socket::dump`].
    pub(crate) fn dump_read<T>(
        &mut self,
        kind: u16,
        body: &[u8],
        read: impl Fn(Message) -> Option<T>,
    ) -> Result<Vec<T>, SocketError> {
        for _ in 0..DUMP_ATTEMPTS {
            let sequence = self.send_request(kind, REQUEST | DUMP, body)?;
            match self.collect(sequence, &read) {
                Ok(answer) if answer.interrupted => {}
                Ok(answer) => return Ok(answer.found),
                Err(SocketError::Refused(refused)) if refused.errno == Errno::EINTR => {}
                Err(error) => return Err(error),
            }
        }
        Err(SocketError::Interrupted)
    }

    /// Reserves `count` sequence numbers and returns the first.
    pub(crate) fn reserve(&mut self, count: u32) -> u32 {
        let first = self.sequence.wrapping_add(1);
        self.sequence = self.sequence.wrapping_add(count);
        first
    }

    /// Sends bytes in one system call.
    pub(crate) fn send(&self, bytes: &[u8]) -> Result<(), SocketError> {
        let failed = |source| SocketError::Send {
            bytes: bytes.len(),
            source,
        };
        let sent = retry(|| self.inner.send(bytes, 0)).map_err(failed)?;
        if sent == bytes.len() {
            Ok(())
        } else {
            Err(failed(io::ErrorKind::WriteZero.into()))
        }
    }

    /// Reads every message that waits, without blocking.
    pub(crate) fn drain(&mut self, mut visit: impl FnMut(&Message)) -> Result<(), SocketError> {
        loop {
            match self.receive(libc::MSG_DONTWAIT) {
                Ok(messages) => messages.iter().for_each(&mut visit),
                Err(SocketError::Receive(error)) => match error.raw_os_error().map(Errno::from_raw)
                {
                    Some(Errno::EAGAIN) => return Ok(()),
                    // Later answers did not fit: those before them are still queued.
                    Some(Errno::ENOBUFS) => {}
                    Some(_) | None => return Err(SocketError::Receive(error)),
                },
                Err(error) => return Err(error),
            }
        }
    }

    /// Blocks for the next batch of messages, whatever their sequence number.
    pub(crate) fn next_messages(&mut self) -> Result<Vec<Message>, SocketError> {
        self.receive(0)
    }

    /// Joins a multicast group.
    pub(crate) fn join(&self, group: u32) -> Result<(), SocketError> {
        self.inner.add_membership(group).map_err(SocketError::Open)
    }

    /// Waits for messages without limit, as a listener does.
    pub(crate) fn wait_forever(&self) -> Result<(), SocketError> {
        set_timeout(&self.inner, Duration::ZERO).map_err(SocketError::Open)
    }

    /// Waits at most so long for messages; a wait that ends without is [`SocketError::Receive`] with `EAGAIN`.
    pub(crate) fn wait_at_most(&self, limit: Duration) -> Result<(), SocketError> {
        let limit = limit.max(Duration::from_millis(1));
        set_timeout(&self.inner, limit).map_err(SocketError::Open)
    }

    fn send_request(&mut self, kind: u16, flags: u16, body: &[u8]) -> Result<u32, SocketError> {
        let sequence = self.reserve(1);
        let mut writer = Writer::default();
        writer.message(kind, flags, sequence, |writer| writer.raw(body));
        let bytes = writer
            .finish()
            .map_err(|_| SocketError::Malformed("request too long"))?;
        self.send(&bytes)?;
        Ok(sequence)
    }

    /// Reads until the end of the answer to `sequence`; what belongs to earlier requests is dropped.
    fn collect<T>(
        &mut self,
        sequence: u32,
        read: &impl Fn(Message) -> Option<T>,
    ) -> Result<Answer<T>, SocketError> {
        let mut answer = Answer {
            found: Vec::new(),
            interrupted: false,
        };
        loop {
            for message in self.receive(0)? {
                if message.sequence != sequence {
                    continue;
                }
                answer.interrupted |= message.flags & DUMP_INTERRUPTED != 0;
                match message.classify()? {
                    Kind::Acknowledged | Kind::Done => return Ok(answer),
                    Kind::Refused(refused) => return Err(refused.into()),
                    Kind::Data => answer.found.extend(read(message)),
                    Kind::Noop => {}
                }
            }
        }
    }

    /// Reads until each of so many requests is answered; what belongs to earlier ones is dropped.
    fn outcomes(
        &mut self,
        first: u32,
        count: usize,
    ) -> Result<Vec<Option<KernelError>>, SocketError> {
        let (mut outcomes, mut answered) = (vec![None; count], 0);
        while answered < count {
            for message in self.receive(0)? {
                let number = usize::try_from(message.sequence.wrapping_sub(first));
                let Some(outcome) = number.ok().and_then(|number| outcomes.get_mut(number)) else {
                    continue;
                };
                match message.classify()? {
                    Kind::Acknowledged => answered += 1,
                    Kind::Refused(refused) => {
                        *outcome = Some(refused);
                        answered += 1;
                    }
                    Kind::Data | Kind::Noop | Kind::Done => {}
                }
            }
        }
        Ok(outcomes)
    }

    fn receive(&mut self, flags: libc::c_int) -> Result<Vec<Message>, SocketError> {
        let (length, sender) = retry(|| {
            let mut space = self.buffer.as_mut_slice();
            self.inner.recv_from(&mut space, flags | libc::MSG_TRUNC)
        })
        .map_err(SocketError::Receive)?;
        if sender.port_number() != 0 {
            return Ok(Vec::new());
        }
        let bytes = self
            .buffer
            .get(..length)
            .ok_or(SocketError::Malformed("truncated"))?;
        Messages::new(bytes).collect()
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

#[derive(Debug)]
struct Answer<T> {
    found: Vec<T>,
    interrupted: bool,
}

fn open(subsystem: Subsystem) -> io::Result<(netlink_sys::Socket, u32)> {
    let protocol = match subsystem {
        Subsystem::Route => netlink_sys::protocols::NETLINK_ROUTE,
        Subsystem::Netfilter => netlink_sys::protocols::NETLINK_NETFILTER,
    };
    let mut socket = netlink_sys::Socket::new(protocol)?;
    let port = socket.bind_auto()?.port_number();
    socket.set_cap_ack(true)?;
    socket.set_ext_ack(true)?;
    if setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER).is_err() {
        setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER)?;
    }
    set_timeout(&socket, TIMEOUT)?;
    Ok((socket, port))
}

fn set_timeout(socket: &netlink_sys::Socket, limit: Duration) -> io::Result<()> {
    let seconds = libc::time_t::try_from(limit.as_secs()).unwrap_or(libc::time_t::MAX);
    let rest = libc::suseconds_t::from(limit.subsec_micros());
    Ok(setsockopt(
        socket,
        sockopt::ReceiveTimeout,
        &TimeVal::new(seconds, rest),
    )?)
}

/// Repeats a system call that a signal interrupted.
fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
