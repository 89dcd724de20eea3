//! Copies of packets that rules log to a group (nflog, `nfnetlink_log.h`).
//!
//! One listener per group and network namespace. What it cannot take in time is lost and counted: the kernel numbers
//! the copies, and says when the socket's buffer was full. Where nobody listens, nothing is copied.

mod codec;

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;

use crate::socket::{Message, Socket, SocketError, Subsystem};
use codec::{configure_bind, configure_copy, configure_numbers, configure_timeout};

/// nfnetlink's number of nflog.
const SUBSYSTEM: u16 = 4 << 8;
const PACKET: u16 = SUBSYSTEM;
const CONFIGURE: u16 = SUBSYSTEM | 1;

/// The copy of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// The prefix of the rule that logged it.
    pub prefix: String,
    /// Where it was logged.
    pub hook: LogHook,
    /// Index of the interface that it came in by; 0 for none.
    pub input: u32,
    /// Index of the interface that it goes out by; 0 where that is not known yet.
    pub output: u32,
    /// Its number among the copies of the group.
    pub sequence: u32,
    /// The first bytes, from the network header on.
    pub payload: Vec<u8>,
}

/// A hook of the kernel (`enum nf_inet_hooks`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogHook {
    /// Before routing.
    Prerouting,
    /// To this host.
    Input,
    /// From one interface to another.
    Forward,
    /// From this host.
    Output,
    /// After routing.
    Postrouting,
    /// Any other number.
    Other(u8),
}

/// What came in one turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The copies, in the kernel's order.
    pub copies: Vec<Copy>,
    /// How many before and among them were lost, as far as the numbers tell.
    pub lost: u64,
    /// Whether the kernel said that the socket's buffer had been full.
    pub overrun: bool,
}

/// Listens to one group.
#[derive(Debug)]
pub struct Nflog {
    socket: Socket,
    group: u16,
    /// The number that the next copy must have.
    expected: Option<u32>,
    pending: VecDeque<Message>,
}

impl Nflog {
    /// Begins to listen to `group` in the calling thread's network namespace; copies hold at most `snaplen` bytes of
    /// the packet.
    ///
    /// # Errors
    /// [`SocketError::Refused`] with `EBUSY` or `EPERM` if somebody listens to that group already.
    pub fn open(group: u16, snaplen: u32) -> Result<Self, SocketError> {
        let mut socket = Socket::open(Subsystem::Netfilter)?;
        let mut pending = VecDeque::new();
        let steps = [
            configure_bind(group),
            configure_copy(group, snaplen),
            configure_numbers(group),
            configure_timeout(group),
        ];
        for body in steps {
            // Copies may come while the rest is still being set up.
            pending.extend(socket.request(CONFIGURE, 0, &body)?);
        }
        Ok(Self {
            socket,
            group,
            expected: None,
            pending,
        })
    }

    /// Waits for copies, at most `limit`; an empty batch if none came.
    ///
    /// # Errors
    /// [`SocketError`] if the socket itself fails. A full buffer is no error: see [`Batch::overrun`].
    pub fn next(&mut self, limit: Duration) -> Result<Batch, SocketError> {
        let mut batch = Batch::default();
        if self.pending.is_empty() {
            self.socket.wait_at_most(limit)?;
            match self.socket.next_messages() {
                Ok(messages) => self.pending.extend(messages),
                Err(SocketError::Receive(error)) => match error.raw_os_error().map(Errno::from_raw)
                {
                    Some(Errno::EAGAIN) => {}
                    Some(Errno::ENOBUFS) => batch.overrun = true,
                    Some(_) | None => return Err(SocketError::Receive(error)),
                },
                Err(error) => return Err(error),
            }
        }
        while let Some(message) = self.pending.pop_front() {
            self.take(&message, &mut batch);
        }
        Ok(batch)
    }

    fn take(&mut self, message: &Message, batch: &mut Batch) {
        if message.kind != PACKET {
            return;
        }
        let Some((group, copy)) = codec::packet(&message.body) else {
            return;
        };
        if group != self.group {
            return;
        }
        let missed = self
            .expected
            .map_or(0, |expected| copy.sequence.wrapping_sub(expected));
        batch.lost = batch.lost.saturating_add(u64::from(missed));
        self.expected = Some(copy.sequence.wrapping_add(1));
        batch.copies.push(copy);
    }
}

impl AsFd for Nflog {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
