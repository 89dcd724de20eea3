//! Packets that open connections, byte by byte, and how they are known again wherever they turn up.
//!
//! Each carries its number where no translation reaches it: the sequence number of TCP, the payload of UDP, the
//! initiate tag of SCTP, identifier and sequence of ICMP.

mod checksum;

use std::net::IpAddr;

use ringfence_net::{IpProtocol, Protocol, TcpFlags};

use checksum::{crc32c, internet};

const ICMP: u8 = IpProtocol::ICMP.0;
const ICMPV6: u8 = IpProtocol::ICMPV6.0;
const TCP: u8 = Protocol::Tcp.number();
const UDP: u8 = Protocol::Udp.number();
const SCTP: u8 = Protocol::Sctp.number();

const ECHO_REQUEST: u8 = 8;
const ECHO_REQUEST_V6: u8 = 128;
/// Types of neighbour discovery, which are never filtered on the link (rule NP-66).
pub const NEIGHBOUR_DISCOVERY: std::ops::RangeInclusive<u8> = 133..=137;
/// Type and code of "port unreachable", which `reject` sends.
const PORT_UNREACHABLE: [u8; 2] = [3, 3];
const PORT_UNREACHABLE_V6: [u8; 2] = [1, 4];
/// Bytes of an ICMP error before the packet that it is about.
const ERROR_HEADER: usize = 8;
const V4_HEADER: usize = 20;
const V6_HEADER: usize = 40;
const HOP_LIMIT: u8 = 64;
/// Type of the chunk that opens an SCTP association.
const SCTP_INIT: u8 = 1;
/// Source ports start behind those that only root may bind.
const FIRST_SOURCE_PORT: u32 = 1024;
/// How many packets in a row have different source ports and ICMP identifiers.
pub const DISTINCT: u32 = 60_000;

/// A packet to send.
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

/// What a captured packet says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It opens a connection.
    Opening {
        /// The number that it was sent with.
        number: u32,
        /// Where it comes from, as the receiver sees it.
        source: IpAddr,
        /// The port that it is for.
        port: Option<u16>,
    },
    /// It says that this packet was refused.
    Refusal {
        /// The number of the refused packet.
        number: u32,
    },
}

impl Opening {
    /// The whole packet, IP header included.
    #[must_use]
    pub fn bytes(&self, number: u32) -> Vec<u8> {
        let transport = self.transport(number);
        let length = u16::try_from(transport.len()).expect("a short packet");
        let mut packet = match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let mut header = vec![0x45, 0];
                header.extend((length + 20).to_be_bytes());
                header.extend([0, 0, 0x40, 0, HOP_LIMIT, self.protocol.0, 0, 0]);
                header.extend(source.octets());
                header.extend(destination.octets());
                let sum = internet(&header).to_be_bytes();
                header[10..12].copy_from_slice(&sum);
                header
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let mut header = vec![0x60, 0, 0, 0];
                header.extend(length.to_be_bytes());
                header.extend([self.protocol.0, HOP_LIMIT]);
                header.extend(source.octets());
                header.extend(destination.octets());
                header
            }
            _ => panic!("{self:?} mixes families"),
        };
        packet.extend(transport);
        packet
    }

    fn transport(&self, number: u32) -> Vec<u8> {
        let from = u16::try_from(FIRST_SOURCE_PORT + number % DISTINCT).expect("below 65536");
        let ports = [from, self.port.unwrap_or(0)]
            .map(u16::to_be_bytes)
            .concat();
        match self.protocol.0 {
            TCP => self.with_checksum(16, tcp(&ports, number)),
            UDP => {
                let rest = [&[0, 12, 0, 0][..], &number.to_be_bytes()].concat();
                self.with_checksum(6, [ports, rest].concat())
            }
            SCTP => sctp(&ports, number),
            ICMPV6 => {
                let echo = echo(self.kind.unwrap_or(ECHO_REQUEST_V6), number);
                match self.destination {
                    IpAddr::V6(_) => self.with_checksum(2, echo),
                    IpAddr::V4(_) => summed(2, echo),
                }
            }
            _ => summed(2, echo(self.kind.unwrap_or(ECHO_REQUEST), number)),
        }
    }

    /// With the checksum that covers addresses and protocol as well.
    fn with_checksum(&self, at: usize, mut segment: Vec<u8>) -> Vec<u8> {
        let mut covered = match (self.source, self.destination) {
            (IpAddr::V4(from), IpAddr::V4(to)) => [from.octets(), to.octets()].concat(),
            (IpAddr::V6(from), IpAddr::V6(to)) => [from.octets(), to.octets()].concat(),
            _ => panic!("{self:?} mixes families"),
        };
        covered.extend([0, self.protocol.0]);
        covered.extend(u16::try_from(segment.len()).expect("short").to_be_bytes());
        covered.extend(&segment);
        // Zero would say that there is none; both are zero in one's complement.
        let sum = match internet(&covered) {
            0 => u16::MAX,
            sum => sum,
        };
        segment[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        segment
    }
}

/// With the checksum of its own bytes alone.
fn summed(at: usize, mut bytes: Vec<u8>) -> Vec<u8> {
    let sum = internet(&bytes).to_be_bytes();
    bytes[at..at + 2].copy_from_slice(&sum);
    bytes
}

fn tcp(ports: &[u8], number: u32) -> Vec<u8> {
    let window = [0x20, 0, 0, 0, 0, 0];
    let header_words = 5 << 4;
    [
        ports,
        &number.to_be_bytes(),
        &[0; 4],
        &[header_words, TcpFlags::SYN.0],
        &window,
    ]
    .concat()
}

fn sctp(ports: &[u8], number: u32) -> Vec<u8> {
    let window = 65_536_u32.to_be_bytes();
    let streams = [0, 1, 0, 1];
    let mut packet = [
        ports,
        &[0; 8],
        &[SCTP_INIT, 0, 0, 20],
        &number.to_be_bytes(),
        &window,
        &streams,
        &1_u32.to_be_bytes(),
    ]
    .concat();
    let sum = crc32c(&packet).to_le_bytes();
    packet[8..12].copy_from_slice(&sum);
    packet
}

/// The low half of the number first: connection tracking tells echoes apart by the identifier alone.
fn echo(kind: u8, number: u32) -> Vec<u8> {
    [&[kind, 0, 0, 0][..], &number.rotate_left(16).to_be_bytes()].concat()
}

/// Reads a captured IP packet.
#[must_use]
pub fn read(packet: &[u8]) -> Option<Seen> {
    let (protocol, source, transport) = split(packet)?;
    read_transport(protocol, source, transport)
}

fn split(packet: &[u8]) -> Option<(u8, IpAddr, &[u8])> {
    match packet.first()? >> 4 {
        4 => {
            let header = usize::from(packet[0] & 15) * 4;
            let source: [u8; 4] = packet.get(12..16)?.try_into().ok()?;
            (header >= V4_HEADER).then_some((*packet.get(9)?, source.into(), packet.get(header..)?))
        }
        6 => {
            let source: [u8; 16] = packet.get(8..24)?.try_into().ok()?;
            Some((*packet.get(6)?, source.into(), packet.get(V6_HEADER..)?))
        }
        _ => None,
    }
}

/// Reads what stands behind the IP header.
#[must_use]
pub fn read_transport(protocol: u8, source: IpAddr, bytes: &[u8]) -> Option<Seen> {
    let kind = [*bytes.first()?, *bytes.get(1)?];
    let is_error = (protocol == ICMP && kind == PORT_UNREACHABLE)
        || (protocol == ICMPV6 && kind == PORT_UNREACHABLE_V6);
    if is_error {
        let (protocol, _, transport) = split(bytes.get(ERROR_HEADER..)?)?;
        let (number, _) = opening(protocol, transport)?;
        return Some(Seen::Refusal { number });
    }
    let (number, port) = opening(protocol, bytes)?;
    Some(Seen::Opening {
        number,
        source,
        port,
    })
}

/// Number and destination port of a packet that opens a connection.
fn opening(protocol: u8, bytes: &[u8]) -> Option<(u32, Option<u16>)> {
    let port = u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?);
    let number_at = |at: usize| {
        let number: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_be_bytes(number))
    };
    match protocol {
        TCP => (*bytes.get(13)? == TcpFlags::SYN.0).then_some((number_at(4)?, Some(port))),
        UDP => Some((number_at(8)?, Some(port))),
        SCTP => (*bytes.get(12)? == SCTP_INIT).then_some((number_at(16)?, Some(port))),
        ICMP | ICMPV6 => {
            let kind = bytes[0];
            let is_echo = matches!(kind, ECHO_REQUEST | ECHO_REQUEST_V6);
            (is_echo || NEIGHBOUR_DISCOVERY.contains(&kind))
                .then_some((number_at(4)?.rotate_left(16), None))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_kind() -> Vec<Opening> {
        let ends = [("10.0.1.10", "10.0.2.11"), ("fd00:10:1::a", "fd00:10:2::b")];
        let kinds = [
            (TCP, Some(80)),
            (UDP, Some(53)),
            (SCTP, Some(7777)),
            (ICMP, None),
            (ICMPV6, None),
        ];
        ends.into_iter()
            .flat_map(|(source, destination)| {
                kinds.map(|(protocol, port)| Opening {
                    source: source.parse().unwrap(),
                    destination: destination.parse().unwrap(),
                    protocol: IpProtocol(protocol),
                    port,
                    kind: None,
                })
            })
            .collect()
    }

    #[test]
    fn what_is_sent_is_known_again() {
        for opening in every_kind() {
            for number in [0, 1, 0xffff, 0x1_0000, 0x1234_5678] {
                let seen = read(&opening.bytes(number));
                let expected = Seen::Opening {
                    number,
                    source: opening.source,
                    port: opening.port,
                };
                assert_eq!(seen, Some(expected), "{opening:?}");
            }
        }
    }

    #[test]
    fn a_refusal_names_the_packet_that_it_is_about() {
        for opening in every_kind() {
            let (protocol, [kind, code]) = match opening.source {
                IpAddr::V4(_) => (ICMP, PORT_UNREACHABLE),
                IpAddr::V6(_) => (ICMPV6, PORT_UNREACHABLE_V6),
            };
            let error = [vec![kind, code, 0, 0, 0, 0, 0, 0], opening.bytes(77)].concat();
            let seen = read_transport(protocol, opening.destination, &error);
            assert_eq!(seen, Some(Seen::Refusal { number: 77 }), "{opening:?}");
            let other = [vec![kind, code + 1, 0, 0, 0, 0, 0, 0], opening.bytes(77)].concat();
            assert_eq!(read_transport(protocol, opening.destination, &other), None);
        }
    }

    #[test]
    fn answers_are_no_openings() {
        let tcp = &every_kind()[0];
        let mut packet = tcp.bytes(5);
        packet[V4_HEADER + 13] = TcpFlags::SYN.0 | TcpFlags::ACK.0;
        assert_eq!(read(&packet), None);
        let echo = &every_kind()[3];
        let mut packet = echo.bytes(5);
        packet[V4_HEADER] = 0;
        assert_eq!(read(&packet), None);
    }

    #[test]
    fn no_bytes_are_too_few() {
        for opening in every_kind() {
            let packet = opening.bytes(5);
            for length in 0..packet.len() {
                let _ = read(&packet[..length]);
            }
        }
    }
}
