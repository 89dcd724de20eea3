use std::net::IpAddr;

use ringfence_net::TcpFlags;

use super::{
    ECHO_REPLY, ECHO_REPLY_V6, ECHO_REQUEST, ECHO_REQUEST_V6, ICMP, ICMPV6, NEIGHBOUR_DISCOVERY,
    SCTP, SCTP_INIT, SCTP_INIT_ACK, TCP, UDP, V4_HEADER, V6_HEADER,
};

/// Type and code of "port unreachable", which `reject` sends for all but TCP.
pub(super) const PORT_UNREACHABLE: [u8; 2] = [3, 3];
pub(super) const PORT_UNREACHABLE_V6: [u8; 2] = [1, 4];
/// Bytes of an ICMP error before the packet that it is about.
const ERROR_HEADER: usize = 8;

/// What a captured packet says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It opens a connection or answers.
    Packet {
        /// The number that it was sent with.
        number: u32,
        /// Which of the two.
        role: Role,
        /// Where it comes from, as the receiver sees it.
        source: IpAddr,
        /// Who it is for; `None` if the IP header was not captured.
        destination: Option<IpAddr>,
        /// Source and destination port, for the protocols that have ports.
        ports: Option<[u16; 2]>,
    },
    /// It says that this packet was refused.
    Refusal {
        /// The number of the refused packet.
        number: u32,
    },
}

/// What a packet does for its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Opens it.
    Opening,
    /// Answers.
    Answer,
    /// One cannot tell: UDP.
    Either,
}

/// Reads a captured IP packet.
#[must_use]
pub fn read(packet: &[u8]) -> Option<Seen> {
    let header = Header::of(packet)?;
    let seen = read_transport(header.protocol, header.source, header.transport)?;
    Some(match seen {
        Seen::Packet {
            number,
            role,
            source,
            destination: _,
            ports,
        } => Seen::Packet {
            number,
            role,
            source,
            destination: Some(header.destination),
            ports,
        },
        refusal @ Seen::Refusal { .. } => refusal,
    })
}

struct Header<'a> {
    protocol: u8,
    source: IpAddr,
    destination: IpAddr,
    transport: &'a [u8],
}

impl<'a> Header<'a> {
    fn of(packet: &'a [u8]) -> Option<Self> {
        let v4 = |at: usize| -> Option<IpAddr> {
            let address: [u8; 4] = packet.get(at..at + 4)?.try_into().ok()?;
            Some(address.into())
        };
        let v6 = |at: usize| -> Option<IpAddr> {
            let address: [u8; 16] = packet.get(at..at + 16)?.try_into().ok()?;
            Some(address.into())
        };
        match packet.first()? >> 4 {
            4 => Some(Self {
                protocol: *packet.get(9)?,
                source: v4(12)?,
                destination: v4(16)?,
                transport: packet.get((usize::from(packet[0] & 15) * 4).max(V4_HEADER)..)?,
            }),
            6 => Some(Self {
                protocol: *packet.get(6)?,
                source: v6(8)?,
                destination: v6(24)?,
                transport: packet.get(V6_HEADER..)?,
            }),
            _ => None,
        }
    }
}

/// Reads what stands behind the IP header.
#[must_use]
pub fn read_transport(protocol: u8, source: IpAddr, bytes: &[u8]) -> Option<Seen> {
    let kind = [*bytes.first()?, *bytes.get(1)?];
    if let Some(number) = reset(protocol, bytes) {
        return Some(Seen::Refusal { number });
    }
    let is_error = (protocol == ICMP && kind == PORT_UNREACHABLE)
        || (protocol == ICMPV6 && kind == PORT_UNREACHABLE_V6);
    if is_error {
        let refused = Header::of(bytes.get(ERROR_HEADER..)?)?;
        let (number, _) = numbered(refused.protocol, refused.transport)?;
        return Some(Seen::Refusal { number });
    }
    let (number, role) = numbered(protocol, bytes)?;
    Some(Seen::Packet {
        number,
        role,
        source,
        destination: None,
        ports: ports(protocol, bytes),
    })
}

/// The number of the opening that a TCP reset answers (RFC 9293, section 3.10.7.1): the one before what it acknowledges.
fn reset(protocol: u8, bytes: &[u8]) -> Option<u32> {
    let refuses = TcpFlags(TcpFlags::RST.0 | TcpFlags::ACK.0);
    let is_reset = protocol == TCP && TcpFlags(*bytes.get(13)?) == refuses;
    let acknowledged: [u8; 4] = bytes.get(8..12)?.try_into().ok()?;
    is_reset.then(|| u32::from_be_bytes(acknowledged).wrapping_sub(1))
}

fn ports(protocol: u8, bytes: &[u8]) -> Option<[u16; 2]> {
    let port = |at: usize| {
        let port: [u8; 2] = bytes.get(at..at + 2)?.try_into().ok()?;
        Some(u16::from_be_bytes(port))
    };
    match protocol {
        TCP | UDP | SCTP => Some([port(0)?, port(2)?]),
        _ => None,
    }
}

/// The number of a packet, and whether it opens or answers; `None` for any other.
fn numbered(protocol: u8, bytes: &[u8]) -> Option<(u32, Role)> {
    let number_at = |at: usize| {
        let number: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_be_bytes(number))
    };
    match protocol {
        TCP => {
            let role = match TcpFlags(*bytes.get(13)?) {
                TcpFlags::SYN => Role::Opening,
                TcpFlags(flags) if flags == TcpFlags::SYN.0 | TcpFlags::ACK.0 => Role::Answer,
                TcpFlags(_) => return None,
            };
            Some((number_at(4)?, role))
        }
        UDP => Some((number_at(8)?, Role::Either)),
        SCTP => {
            let role = match *bytes.get(12)? {
                SCTP_INIT => Role::Opening,
                SCTP_INIT_ACK => Role::Answer,
                _ => return None,
            };
            Some((number_at(16)?, role))
        }
        ICMP | ICMPV6 => {
            let role = match bytes[0] {
                ECHO_REQUEST | ECHO_REQUEST_V6 => Role::Opening,
                ECHO_REPLY | ECHO_REPLY_V6 => Role::Answer,
                kind if NEIGHBOUR_DISCOVERY.contains(&kind) => Role::Opening,
                _ => return None,
            };
            Some((number_at(4)?.rotate_left(16), role))
        }
        _ => None,
    }
}
