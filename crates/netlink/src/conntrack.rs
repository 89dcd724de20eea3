//! Connection tracking: lists entries and deletes single ones (ctnetlink, `nfnetlink_conntrack.h`).
//!
//! Deleting an entry does not end a connection: with `nf_conntrack_tcp_loose` at its default the next
//! segment of either side makes a new entry, possibly the other way round. Whoever revokes must also
//! judge that segment.

mod codec;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::panic::resume_unwind;
use std::thread;

use nix::libc;

use crate::socket::{Message, Socket, SocketError, Subsystem};

/// nfnetlink's number of ctnetlink.
const SUBSYSTEM: u16 = 1 << 8;
const NEW: u16 = SUBSYSTEM;
const GET: u16 = SUBSYSTEM | 1;
const DELETE: u16 = SUBSYSTEM | 2;
/// So many entries are deleted in one system call; the answers to all of them fit into the socket.
const AT_ONCE: usize = 128;

/// One direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tuple {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// What tells connections between these addresses apart.
    pub transport: Transport,
}

/// The part of a tuple behind the addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// TCP, UDP, SCTP and others with ports; both are 0 for protocols without.
    Ports {
        /// Protocol number of the IP header.
        protocol: u8,
        /// Source port.
        source: u16,
        /// Destination port.
        destination: u16,
    },
    /// ICMP and ICMPv6 queries.
    Icmp {
        /// 1 or 58.
        protocol: u8,
        /// Type of the query or answer.
        kind: u8,
        /// Code.
        code: u8,
        /// Identifier.
        id: u16,
    },
}

impl Transport {
    /// Protocol number of the IP header.
    #[must_use]
    pub const fn protocol(self) -> u8 {
        match self {
            Self::Ports { protocol, .. } | Self::Icmp { protocol, .. } => protocol,
        }
    }
}

/// Bits of [`Entry::status`] (`enum ip_conntrack_status`).
pub mod status {
    /// Traffic was seen in both directions.
    pub const SEEN_REPLY: u32 = 1 << 1;
    /// Will not be dropped early when the table is full.
    pub const ASSURED: u32 = 1 << 2;
    /// Its first packet has left this host.
    pub const CONFIRMED: u32 = 1 << 3;
    /// Its source is rewritten.
    pub const SOURCE_NAT: u32 = 1 << 4;
    /// Its destination is rewritten.
    pub const DESTINATION_NAT: u32 = 1 << 5;
}

/// State of a TCP connection (`enum tcp_conntrack`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TcpState {
    /// Nothing seen.
    None,
    /// SYN seen.
    SynSent,
    /// SYN and ACK seen.
    SynReceived,
    /// Open.
    Established,
    /// One FIN seen.
    FinWait,
    /// The FIN is acknowledged.
    CloseWait,
    /// Both FINs seen.
    LastAck,
    /// Closed, waiting for stragglers.
    TimeWait,
    /// Reset.
    Close,
    /// Both sides sent a SYN.
    SynSent2,
    /// Any other number.
    Other(u8),
}

/// A tracked connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Direction of the first packet, before translation.
    pub original: Tuple,
    /// What answers look like, before they are translated back.
    pub reply: Tuple,
    /// See [`status`].
    pub status: u32,
    /// The connection's mark.
    pub mark: u32,
    /// Seconds until the entry ends if nothing more comes.
    pub timeout: u32,
    /// The kernel's number of the entry.
    pub id: u32,
    /// State, for TCP.
    pub tcp: Option<TcpState>,
    /// Zone; 0 unless rules set one.
    pub zone: u16,
}

/// Which address of an entry is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// Who opened the connection: the source of its first packet.
    Client,
    /// Where answers come from.
    Server,
}

impl End {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Client, Self::Server];
}

/// A connection to ctnetlink in one network namespace.
#[derive(Debug)]
pub struct Conntrack {
    socket: Socket,
    /// Lists at the same time as the other.
    second: Socket,
}

impl Conntrack {
    /// Opens a connection in the calling thread's network namespace, where it stays.
    ///
    /// # Errors
    /// [`SocketError::Open`].
    pub fn open() -> Result<Self, SocketError> {
        Ok(Self {
            socket: Socket::open(Subsystem::Netfilter)?,
            second: Socket::open(Subsystem::Netfilter)?,
        })
    }

    /// All entries of both families. Those that this crate cannot read are left out, such as entries of
    /// families that are neither IPv4 nor IPv6.
    ///
    /// # Errors
    /// [`SocketError`].
    pub fn entries(&mut self) -> Result<Vec<Entry>, SocketError> {
        self.of_family(None)
    }

    /// All entries of the family of this address, or of both.
    fn of_family(&mut self, address: Option<IpAddr>) -> Result<Vec<Entry>, SocketError> {
        let read = |message: Message| codec::entry(&message.body);
        self.socket.dump_read(GET, &codec::header(address), read)
    }

    /// The entries that have one of these addresses at this end.
    ///
    /// Of IPv4 the kernel looks at every entry once for each that is asked for, for two of them at the same time, and copies those that
    /// it is about: with few that is much faster than [`Conntrack::entries`]. Of IPv6 it copies all: its filter leaves out just
    /// those that were asked for (`ctnetlink_filter_match_tuple`, seen on Linux 6.18). Nor does it filter before Linux 5.8. So each
    /// answer is looked at again.
    ///
    /// # Errors
    /// [`SocketError`].
    pub fn entries_of(
        &mut self,
        ends: &BTreeSet<(IpAddr, End)>,
    ) -> Result<Vec<Entry>, SocketError> {
        let filtered: Vec<_> = ends.iter().filter(|(ip, _)| ip.is_ipv4()).collect();
        let some = filtered.iter().step_by(2).copied();
        let others = filtered.iter().skip(1).step_by(2).copied();
        let mut entries = if filtered.len() < 2 {
            list(&mut self.socket, some)?
        } else {
            self.list_both(some, others)?
        };
        if let Some((unfiltered, _)) = ends.iter().find(|(ip, _)| ip.is_ipv6()) {
            entries.extend(self.of_family(Some(*unfiltered))?);
        }
        entries.retain(|entry| {
            ends.contains(&(entry.original.source, End::Client))
                || ends.contains(&(entry.reply.source, End::Server))
        });
        let key = |entry: &Entry| (entry.original, entry.zone);
        entries.sort_by_key(key);
        entries.dedup_by_key(|entry| key(entry));
        Ok(entries)
    }

    fn list_both<'a>(
        &mut self,
        some: impl Iterator<Item = &'a (IpAddr, End)>,
        others: impl Iterator<Item = &'a (IpAddr, End)> + Clone + Send,
    ) -> Result<Vec<Entry>, SocketError> {
        let Self { socket, second } = self;
        thread::scope(|scope| {
            let again = others.clone();
            let beside = thread::Builder::new().spawn_scoped(scope, || list(second, others));
            let mut entries = list(socket, some)?;
            entries.extend(match beside {
                Ok(beside) => beside.join().unwrap_or_else(|panic| resume_unwind(panic))?,
                // One after the other, then.
                Err(_) => list(socket, again)?,
            });
            Ok(entries)
        })
    }

    /// Deletes the entry with this original or reply tuple, zone and number, and reports whether there
    /// was one. The number keeps a new connection with equal tuples safe.
    ///
    /// # Errors
    /// [`SocketError`].
    pub fn delete(&mut self, entry: &Entry) -> Result<bool, SocketError> {
        let found = self.delete_all(std::slice::from_ref(entry))?;
        Ok(found.contains(&true))
    }

    /// As [`Conntrack::delete`], of many at once, and reports of each whether there was one. All are tried, whatever becomes of
    /// one of them.
    ///
    /// # Errors
    /// [`SocketError`], the last one.
    pub fn delete_all(&mut self, entries: &[Entry]) -> Result<Vec<bool>, SocketError> {
        let body = |entry: &Entry| codec::delete(&entry.original, entry.zone, Some(entry.id));
        self.delete_requests(&entries.iter().map(body).collect::<Vec<_>>())
    }

    /// Deletes the entries of zone 0 with these original tuples, and reports of each whether there was one. All are tried.
    ///
    /// # Errors
    /// [`SocketError`], the last one.
    pub fn delete_tuples(&mut self, originals: &[Tuple]) -> Result<Vec<bool>, SocketError> {
        let body = |original: &Tuple| codec::delete(original, 0, None);
        self.delete_requests(&originals.iter().map(body).collect::<Vec<_>>())
    }

    /// Makes an entry as if answers had been seen already, which ends after so many seconds. For tests and measurements:
    /// the kernel makes those of real connections.
    ///
    /// # Errors
    /// [`SocketError`], also if there is such an entry.
    pub fn create(
        &mut self,
        original: &Tuple,
        reply: &Tuple,
        timeout: u32,
    ) -> Result<(), SocketError> {
        let flags = u16::try_from(libc::NLM_F_CREATE | libc::NLM_F_EXCL).unwrap_or(0);
        let body = codec::create(original, reply, timeout);
        self.socket.request(NEW, flags, &body).map(drop)
    }

    /// Deletes all entries of the namespace. For tests only: idle connections whose server speaks first
    /// do not survive it.
    ///
    /// # Errors
    /// [`SocketError`].
    pub fn flush(&mut self) -> Result<(), SocketError> {
        self.socket
            .request(DELETE, 0, &codec::header(None))
            .map(drop)
    }

    fn delete_requests(&mut self, bodies: &[Vec<u8>]) -> Result<Vec<bool>, SocketError> {
        let (mut found, mut failure) = (Vec::with_capacity(bodies.len()), None);
        for bodies in bodies.chunks(AT_ONCE) {
            for refused in self.socket.request_all(DELETE, bodies)? {
                found.push(refused.is_none());
                let error = refused.map(SocketError::from);
                failure = error.filter(|error| !error.is_missing()).or(failure);
            }
        }
        failure.map_or(Ok(found), Err)
    }
}

/// The entries with these addresses at these ends; one that has two of them comes twice.
fn list<'a>(
    socket: &mut Socket,
    ends: impl Iterator<Item = &'a (IpAddr, End)>,
) -> Result<Vec<Entry>, SocketError> {
    let mut entries = Vec::new();
    for (address, end) in ends {
        let read = |message: Message| codec::entry(&message.body);
        entries.extend(socket.dump_read(GET, &codec::filter(*address, *end), read)?);
    }
    Ok(entries)
}
