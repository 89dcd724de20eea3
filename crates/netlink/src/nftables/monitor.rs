use std::os::fd::{AsFd, BorrowedFd};

use super::constants::{GROUP_NFTABLES, message, msg};
use super::read::attributes;
use crate::socket::{Message, Socket, SocketError, Subsystem};

/// A committed change of the ruleset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The new generation.
    pub generation: u32,
    /// Netlink port of the connection that made the change, to be compared with
    /// [`Nftables::port`](super::Nftables::port): what other ports changed is foreign.
    pub port: u32,
    /// Thread that made the change, numbered as in the machine's first pid namespace.
    pub thread: u32,
    /// Name of that thread, which for programs of one thread is the program's.
    pub program: String,
}

/// Listens for changes of the ruleset by anybody, such as an administrator's `nft flush ruleset`.
#[derive(Debug)]
pub struct Monitor {
    socket: Socket,
    pending: std::collections::VecDeque<Message>,
}

impl Monitor {
    /// Begins to listen in the calling thread's network namespace.
    ///
    /// # Errors
    /// [`SocketError::Open`].
    pub fn open() -> Result<Self, SocketError> {
        let socket = Socket::open(Subsystem::Netfilter)?;
        socket.wait_forever()?;
        socket.join(GROUP_NFTABLES)?;
        Ok(Self {
            socket,
            pending: std::collections::VecDeque::new(),
        })
    }

    /// Blocks for the next change. Notifications lost to a full buffer end in [`SocketError::Receive`]
    /// with `ENOBUFS`: something changed, and listening goes on.
    ///
    /// # Errors
    /// [`SocketError`].
    #[expect(clippy::should_implement_trait, reason = "it blocks and never ends")]
    pub fn next(&mut self) -> Result<Change, SocketError> {
        loop {
            while let Some(message) = self.pending.pop_front() {
                if let Some(change) = decode(&message) {
                    return Ok(change);
                }
            }
            self.pending.extend(self.socket.next_messages()?);
        }
    }
}

impl AsFd for Monitor {
    /// Readable when notifications wait; not all of them are changes, so [`Monitor::next`] may still block.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn decode(notification: &Message) -> Option<Change> {
    if notification.kind != message(msg::NEW_GENERATION) {
        return None;
    }
    // NFTA_GEN_ID, NFTA_GEN_PROC_PID, NFTA_GEN_PROC_NAME
    let fields = attributes(notification);
    Some(Change {
        generation: fields.find(1)?.be32()?,
        port: notification.port,
        thread: fields.find(2)?.be32()?,
        program: fields.find(3)?.text(),
    })
}
