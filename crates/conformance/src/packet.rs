//! Packets that open connections and packets that answer them, byte by byte, and how they are known again wherever
//! they turn up.
//!
//! Each carries its number where no translation reaches it: the sequence number of TCP, the payload of UDP, the
//! initiate tag of SCTP, identifier and sequence of ICMP.

mod checksum;
mod read;
mod transport;

use std::net::IpAddr;

use ringfence_net::{IpProtocol, Protocol};

use checksum::internet;
pub use read::{Role, Seen, read, read_transport};
use transport::Transport;

const ICMP: u8 = IpProtocol::ICMP.0;
const ICMPV6: u8 = IpProtocol::ICMPV6.0;
const TCP: u8 = Protocol::Tcp.number();
const UDP: u8 = Protocol::Udp.number();
const SCTP: u8 = Protocol::Sctp.number();

const ECHO_REQUEST: u8 = 8;
const ECHO_REQUEST_V6: u8 = 128;
const ECHO_REPLY: u8 = 0;
const ECHO_REPLY_V6: u8 = 129;
/// Types of neighbour discovery, which are never filtered on the link (rule NP-66).
pub const NEIGHBOUR_DISCOVERY: std::ops::RangeInclusive<u8> = 133..=137;
const V4_HEADER: usize = 20;
const V6_HEADER: usize = 40;
const HOP_LIMIT: u8 = 64;
/// Types of the chunk that opens an SCTP association, and of its answer.
const SCTP_INIT: u8 = 1;
const SCTP_INIT_ACK: u8 = 2;
/// Source ports start behind those that only root may bind.
const FIRST_SOURCE_PORT: u32 = 1024;
/// How many packets in a row have different source ports and ICMP identifiers.
pub const DISTINCT: u32 = 60_000;

/// A packet that opens a connection. Its source port follows from its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Source address.
    pub source: IpAddr,
    /// Destination address, of the same family.
    pub destination: IpAddr,
    /// IP protocol.
    pub protocol: IpProtocol,
    /// Destination port, for the protocols that have ports.
    pub port: Option<u16>,
    /// Type of an ICMP or ICMPv6 message, if it is no echo request.
    pub kind: Option<u8>,
}

/// A packet that answers one that opened a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Source address.
    pub source: IpAddr,
    /// Destination address, of the same family.
    pub destination: IpAddr,
    /// IP protocol.
    pub protocol: IpProtocol,
    /// Source and destination port; zeros for the protocols without ports.
    pub ports: [u16; 2],
}

impl Opening {
    /// The whole packet, IP header included.
    #[must_use]
    pub fn bytes(&self, number: u32) -> Vec<u8> {
        let echo = match self.protocol {
            IpProtocol::ICMPV6 => ECHO_REQUEST_V6,
            _ => ECHO_REQUEST,
        };
        let transport = Transport {
            ends: [self.source, self.destination],
            protocol: self.protocol.0,
            ports: [source_port(number), self.port.unwrap_or(0)],
            icmp_type: self.kind.unwrap_or(echo),
            answers: false,
            number,
        };
        whole(
            self.source,
            self.destination,
            self.protocol,
            &transport.bytes(),
        )
    }
}

impl Answer {
    /// The whole packet, IP header included.
    #[must_use]
    pub fn bytes(&self, number: u32) -> Vec<u8> {
        let transport = Transport {
            ends: [self.source, self.destination],
            protocol: self.protocol.0,
            ports: self.ports,
            icmp_type: match self.protocol {
                IpProtocol::ICMPV6 => ECHO_REPLY_V6,
                _ => ECHO_REPLY,
            },
            answers: true,
            number,
        };
        whole(
            self.source,
            self.destination,
            self.protocol,
            &transport.bytes(),
        )
    }
}

/// The source port of the packet with this number.
#[must_use]
pub fn source_port(number: u32) -> u16 {
    u16::try_from(FIRST_SOURCE_PORT + number % DISTINCT).expect("below 65536")
}

fn whole(source: IpAddr, destination: IpAddr, protocol: IpProtocol, transport: &[u8]) -> Vec<u8> {
    let length = u16::try_from(transport.len()).expect("a short packet");
    let mut packet = match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let mut header = vec![0x45, 0];
            header.extend((length + 20).to_be_bytes());
            header.extend([0, 0, 0x40, 0, HOP_LIMIT, protocol.0, 0, 0]);
            header.extend(source.octets());
            header.extend(destination.octets());
            let sum = internet(&header).to_be_bytes();
            header[10..12].copy_from_slice(&sum);
            header
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let mut header = vec![0x60, 0, 0, 0];
            header.extend(length.to_be_bytes());
            header.extend([protocol.0, HOP_LIMIT]);
            header.extend(source.octets());
            header.extend(destination.octets());
            header
        }
        _ => panic!("{source} and {destination} are of different families"),
    };
    packet.extend(transport);
    packet
}

#[cfg(test)]
mod tests;
