use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nix::libc;

use super::{End, Entry, TcpState, Transport, Tuple, status};
use crate::attribute::{Attributes, Writer};

// `enum ctattr_type` and the enums nested in it.
const ORIGINAL: u16 = 1;
const REPLY: u16 = 2;
const STATUS: u16 = 3;
const PROTOCOL_INFO: u16 = 4;
const TIMEOUT: u16 = 7;
const MARK: u16 = 8;
const ID: u16 = 12;
const ZONE: u16 = 18;
const FILTER: u16 = 25;
const TUPLE_IP: u16 = 1;
const TUPLE_PROTOCOL: u16 = 2;
/// `enum ctattr_filter`, and the flag behind both (`CTA_FILTER_F_CTA_IP_SRC`).
const FILTER_ORIGINAL: u16 = 1;
const FILTER_REPLY: u16 = 2;
const FILTER_SOURCE: u32 = 1;
const IP_V4: (u16, u16) = (1, 2);
const IP_V6: (u16, u16) = (3, 4);
const NUMBER: u16 = 1;
const SOURCE_PORT: u16 = 2;
const DESTINATION_PORT: u16 = 3;
/// Identifier, type and code.
const ICMP: [u16; 3] = [4, 5, 6];
const ICMPV6: [u16; 3] = [7, 8, 9];
const INFO_TCP: u16 = 1;
const TCP_STATE: u16 = 1;
/// Size of `struct nfgenmsg`.
const HEADER: usize = 4;
const PROTOCOL_ICMP: u8 = 1;
const PROTOCOL_ICMPV6: u8 = 58;

/// `struct nfgenmsg` for the family of an address, or for all.
pub(super) fn header(address: Option<IpAddr>) -> [u8; HEADER] {
    let family = match address {
        None => libc::AF_UNSPEC,
        Some(IpAddr::V4(_)) => libc::AF_INET,
        Some(IpAddr::V6(_)) => libc::AF_INET6,
    };
    [u8::try_from(family).unwrap_or(0), 0, 0, 0]
}

/// The body of a request to list the entries with this IPv4 address at one end.
pub(super) fn filter(address: IpAddr, end: End) -> Vec<u8> {
    let (tuple, flags) = match end {
        End::Client => (ORIGINAL, FILTER_ORIGINAL),
        End::Server => (REPLY, FILTER_REPLY),
    };
    let mut writer = Writer::default();
    writer.raw(&header(Some(address)));
    writer.nest(tuple, |writer| {
        writer.nest(TUPLE_IP, |writer| {
            write_address(writer, address, (IP_V4.0, IP_V6.0));
        });
    });
    writer.nest(FILTER, |writer| {
        writer.put(flags, &FILTER_SOURCE.to_ne_bytes())
    });
    writer.finish().unwrap_or_default()
}

/// The body of a request to delete one entry.
pub(super) fn delete(original: &Tuple, zone: u16, id: Option<u32>) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.raw(&header(Some(original.source)));
    writer.nest(ORIGINAL, |writer| write_tuple(writer, original));
    if zone != 0 {
        writer.put(ZONE, &zone.to_be_bytes());
    }
    if let Some(id) = id {
        writer.be32(ID, id);
    }
    writer.finish().unwrap_or_default()
}

/// The body of a request to make an entry.
pub(super) fn create(original: &Tuple, reply: &Tuple, timeout: u32) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.raw(&header(Some(original.source)));
    writer.nest(ORIGINAL, |writer| write_tuple(writer, original));
    writer.nest(REPLY, |writer| write_tuple(writer, reply));
    writer.be32(
        STATUS,
        status::SEEN_REPLY | status::ASSURED | status::CONFIRMED,
    );
    writer.be32(TIMEOUT, timeout);
    writer.finish().unwrap_or_default()
}

fn write_tuple(writer: &mut Writer, tuple: &Tuple) {
    writer.nest(TUPLE_IP, |writer| {
        write_address(writer, tuple.source, (IP_V4.0, IP_V6.0));
        write_address(writer, tuple.destination, (IP_V4.1, IP_V6.1));
    });
    writer.nest(TUPLE_PROTOCOL, |writer| {
        writer.put(NUMBER, &[tuple.transport.protocol()]);
        match tuple.transport {
            Transport::Ports {
                source,
                destination,
                ..
            } => {
                writer.put(SOURCE_PORT, &source.to_be_bytes());
                writer.put(DESTINATION_PORT, &destination.to_be_bytes());
            }
            Transport::Icmp {
                protocol,
                kind,
                code,
                id,
            } => {
                let [id_number, kind_number, code_number] = if protocol == PROTOCOL_ICMPV6 {
                    ICMPV6
                } else {
                    ICMP
                };
                writer.put(id_number, &id.to_be_bytes());
                writer.put(kind_number, &[kind]);
                writer.put(code_number, &[code]);
            }
        }
    });
}

fn write_address(writer: &mut Writer, address: IpAddr, (v4, v6): (u16, u16)) {
    match address {
        IpAddr::V4(address) => writer.put(v4, &address.octets()),
        IpAddr::V6(address) => writer.put(v6, &address.octets()),
    }
}

/// Reads the body of one message; `None` if it is no entry that makes sense.
pub(super) fn entry(body: &[u8]) -> Option<Entry> {
    let fields = Attributes::new(body.get(HEADER..)?);
    let number = |kind| {
        fields
            .find(kind)
            .and_then(|field| field.be32())
            .unwrap_or(0)
    };
    Some(Entry {
        original: tuple(&fields.find(ORIGINAL)?.nested())?,
        reply: tuple(&fields.find(REPLY)?.nested())?,
        status: number(STATUS),
        mark: number(MARK),
        timeout: number(TIMEOUT),
        id: number(ID),
        tcp: tcp(&fields),
        zone: fields.find(ZONE).and_then(|zone| zone.be16()).unwrap_or(0),
    })
}

fn tuple(fields: &Attributes<'_>) -> Option<Tuple> {
    let ip = fields.find(TUPLE_IP)?.nested();
    Some(Tuple {
        source: address(&ip, IP_V4.0, IP_V6.0)?,
        destination: address(&ip, IP_V4.1, IP_V6.1)?,
        transport: transport(&fields.find(TUPLE_PROTOCOL)?.nested())?,
    })
}

fn address(fields: &Attributes<'_>, v4: u16, v6: u16) -> Option<IpAddr> {
    if let Some(field) = fields.find(v4) {
        return Some(Ipv4Addr::from(*field.value.first_chunk::<4>()?).into());
    }
    Some(Ipv6Addr::from(*fields.find(v6)?.value.first_chunk::<16>()?).into())
}

fn transport(fields: &Attributes<'_>) -> Option<Transport> {
    let protocol = fields.find(NUMBER)?.u8()?;
    let byte = |kind| fields.find(kind).and_then(|field| field.u8()).unwrap_or(0);
    let short = |kind| {
        fields
            .find(kind)
            .and_then(|field| field.be16())
            .unwrap_or(0)
    };
    Some(match protocol {
        PROTOCOL_ICMP | PROTOCOL_ICMPV6 => {
            let [id, kind, code] = if protocol == PROTOCOL_ICMPV6 {
                ICMPV6
            } else {
                ICMP
            };
            Transport::Icmp {
                protocol,
                kind: byte(kind),
                code: byte(code),
                id: short(id),
            }
        }
        _ => Transport::Ports {
            protocol,
            source: short(SOURCE_PORT),
            destination: short(DESTINATION_PORT),
        },
    })
}

fn tcp(fields: &Attributes<'_>) -> Option<TcpState> {
    let state = fields
        .find(PROTOCOL_INFO)?
        .nested()
        .find(INFO_TCP)?
        .nested()
        .find(TCP_STATE)?
        .u8()?;
    Some(match state {
        0 => TcpState::None,
        1 => TcpState::SynSent,
        2 => TcpState::SynReceived,
        3 => TcpState::Established,
        4 => TcpState::FinWait,
        5 => TcpState::CloseWait,
        6 => TcpState::LastAck,
        7 => TcpState::TimeWait,
        8 => TcpState::Close,
        9 => TcpState::SynSent2,
        other => TcpState::Other(other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_of_a_tuple_is_read() {
        let transports = [
            Transport::Ports {
                protocol: 6,
                source: 1,
                destination: 80,
            },
            Transport::Icmp {
                protocol: 58,
                kind: 128,
                code: 0,
                id: 7,
            },
            Transport::Icmp {
                protocol: 1,
                kind: 8,
                code: 0,
                id: 7,
            },
        ];
        for transport in transports {
            for (source, destination) in [("10.0.0.1", "10.0.0.2"), ("fd00::1", "fd00::2")] {
                let source = source.parse().unwrap();
                let destination = destination.parse().unwrap();
                let tuple = Tuple {
                    source,
                    destination,
                    transport,
                };
                let mut writer = Writer::default();
                write_tuple(&mut writer, &tuple);
                let bytes = writer.finish().unwrap();
                assert_eq!(super::tuple(&Attributes::new(&bytes)), Some(tuple));
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
            let _ = entry(&bytes);
        }

        #[test]
        fn broken_entries_are_read_without_panic(cut in 0_usize..200, at in 0_usize..200, value: u8) {
            let transport = Transport::Ports { protocol: 6, source: 1, destination: 80 };
            let tuple = Tuple {
                source: [10, 0, 0, 1].into(),
                destination: [10, 0, 0, 2].into(),
                transport,
            };
            let mut bytes = delete(&tuple, 1, Some(7));
            bytes.truncate(cut);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
            let _ = entry(&bytes);
        }
    }
}
