use std::borrow::Cow;
use std::fmt::{Formatter, Result, Write};
use std::net::{IpAddr, Ipv6Addr};

use crate::{DataType, Datum};

/// Protocols that nft prints by name, as Debian's `/etc/protocols` spells them; nft asks that file.
const PROTOCOLS: [(u8, &str); 18] = [
    (0, "ip"),
    (1, "icmp"),
    (2, "igmp"),
    (4, "ipencap"),
    (6, "tcp"),
    (17, "udp"),
    (33, "dccp"),
    (41, "ipv6"),
    (47, "gre"),
    (50, "esp"),
    (51, "ah"),
    (58, "ipv6-icmp"),
    (89, "ospf"),
    (103, "pim"),
    (108, "ipcomp"),
    (112, "vrrp"),
    (132, "sctp"),
    (136, "udplite"),
];

pub(crate) fn protocol_name(number: u8) -> Cow<'static, str> {
    name_of(&PROTOCOLS, number)
}

pub(crate) fn name_of(names: &[(u8, &'static str)], number: u8) -> Cow<'static, str> {
    names
        .iter()
        .find(|(known, _)| *known == number)
        .map_or_else(|| number.to_string().into(), |(_, name)| (*name).into())
}

/// One value as a field of type `kind`.
pub(crate) fn print_datum(f: &mut Formatter<'_>, kind: DataType, datum: &Datum) -> Result {
    match (kind, datum) {
        (_, Datum::Address(address)) => print_address(f, *address),
        (_, Datum::Byte(number)) => f.write_str(&protocol_name(*number)),
        (_, Datum::Port(port)) => write!(f, "{port}"),
        (DataType::Mark, Datum::Number(number)) => write!(f, "0x{number:08x}"),
        (_, Datum::Number(number)) => print_class(f, *number),
        (_, Datum::Interface(name)) => write!(f, "\"{name}\""),
        (_, Datum::Cgroup(number)) => write!(f, "{number}"),
    }
}

/// One field of a key: a value, a block or a range.
pub(crate) fn print_field(
    f: &mut Formatter<'_>,
    kind: DataType,
    first: &Datum,
    last: &Datum,
) -> Result {
    if first == last {
        return print_datum(f, kind, first);
    }
    print_datum(f, kind, first)?;
    if let Some(length) = prefix_length(first, last) {
        return write!(f, "/{length}");
    }
    f.write_char('-')?;
    print_datum(f, kind, last)
}

fn print_class(f: &mut Formatter<'_>, number: u32) -> Result {
    match number {
        0 => f.write_str("none"),
        u32::MAX => f.write_str("root"),
        _ => write!(f, "{:x}:{:x}", number >> 16, number & 0xffff),
    }
}

/// An address as `inet_ntop` writes it, which spells the last four bytes of `::1.2.3.4` in decimal.
fn print_address(f: &mut Formatter<'_>, address: IpAddr) -> Result {
    match address {
        IpAddr::V4(address) => write!(f, "{address}"),
        IpAddr::V6(address) => match compatible(address) {
            Some([a, b, c, d]) => write!(f, "::{a}.{b}.{c}.{d}"),
            None => write!(f, "{address}"),
        },
    }
}

fn compatible(address: Ipv6Addr) -> Option<[u8; 4]> {
    let bits = u32::try_from(address.to_bits()).ok()?;
    (bits > 0xffff).then(|| bits.to_be_bytes())
}

/// The length of the block that is exactly `first..=last`.
fn prefix_length(first: &Datum, last: &Datum) -> Option<u32> {
    let (Datum::Address(first), Datum::Address(last)) = (first, last) else {
        return None;
    };
    let (first, last, width) = match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => {
            (u128::from(first.to_bits()), u128::from(last.to_bits()), 32)
        }
        (IpAddr::V6(first), IpAddr::V6(last)) => (first.to_bits(), last.to_bits(), 128),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return None,
    };
    let host = first ^ last;
    let is_block = host & host.wrapping_add(1) == 0 && first & host == 0;
    is_block.then(|| width - host.count_ones())
}

/// The bytes that the kernel holds for a value, unpadded except for interface names.
pub(crate) fn key_bytes(datum: &Datum) -> Vec<u8> {
    match datum {
        Datum::Address(IpAddr::V4(address)) => address.octets().to_vec(),
        Datum::Address(IpAddr::V6(address)) => address.octets().to_vec(),
        Datum::Byte(number) => vec![*number],
        Datum::Port(port) => port.to_be_bytes().to_vec(),
        Datum::Number(number) => number.to_le_bytes().to_vec(),
        Datum::Cgroup(number) => number.to_le_bytes().to_vec(),
        Datum::Interface(name) => {
            let mut bytes = name.as_bytes().to_vec();
            bytes.resize(16, 0);
            bytes
        }
    }
}
