use std::net::IpAddr;

use crate::{Family, IpProtocol};

/// What connection tracking says of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConnectionState {
    /// Could not be tracked.
    Invalid,
    /// Belongs to a connection that has seen both directions.
    Established,
    /// Belongs to another connection, such as an ICMP error.
    Related,
    /// Opens a connection.
    New,
    /// Tracking was switched off for it.
    Untracked,
}

/// The TCP flags that decide whether a segment opens a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// FIN.
    pub const FIN: Self = Self(0x01);
    /// SYN.
    pub const SYN: Self = Self(0x02);
    /// RST.
    pub const RST: Self = Self(0x04);
    /// ACK.
    pub const ACK: Self = Self(0x10);
}

/// One packet as the rules see it at one hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// Transport protocol.
    pub protocol: IpProtocol,
    /// Bytes 0-1 of the transport header: the source port of TCP, UDP and SCTP; type and code of ICMP.
    /// `None` for a packet too short to have them.
    pub source_port: Option<u16>,
    /// Bytes 2-3 of the transport header: the destination port. `None` for a packet without them.
    pub destination_port: Option<u16>,
    /// TCP flags, for TCP packets.
    pub tcp_flags: TcpFlags,
    /// What connection tracking says.
    pub state: ConnectionState,
    /// Name of the interface the packet came in by; empty for locally made packets.
    pub input_interface: String,
    /// Name of the interface the packet leaves by; empty before routing and for local delivery.
    pub output_interface: String,
}

impl Packet {
    /// The packet's IP family.
    #[must_use]
    pub const fn family(&self) -> Family {
        Family::of(self.destination)
    }
}
