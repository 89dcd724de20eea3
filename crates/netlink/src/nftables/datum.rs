use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ringfence_ruleset::{DataType, Datum, Key};

use super::EncodeError;
use crate::attribute::align;

/// Longest interface name, without the NUL (`IFNAMSIZ` - 1).
pub(super) const INTERFACE_NAME: usize = 15;

/// How numbers of host order are stored: as they are, or big-endian, which ranges need for comparing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Host,
    Big,
}

impl ByteOrder {
    /// The order of numbers in a set's keys, as nft has it: big-endian where keys may be ranges.
    pub(super) fn of_keys(interval: bool) -> Self {
        if interval { Self::Big } else { Self::Host }
    }

    fn bytes(self, number: u32) -> [u8; 4] {
        match self {
            Self::Host => number.to_ne_bytes(),
            Self::Big => number.to_be_bytes(),
        }
    }

    fn long_bytes(self, number: u64) -> [u8; 8] {
        match self {
            Self::Host => number.to_ne_bytes(),
            Self::Big => number.to_be_bytes(),
        }
    }

    fn long_number(self, bytes: [u8; 8]) -> u64 {
        match self {
            Self::Host => u64::from_ne_bytes(bytes),
            Self::Big => u64::from_be_bytes(bytes),
        }
    }

    fn number(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Host => u32::from_ne_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }
}

/// Length of a value in bytes, unpadded.
pub(super) const fn length(kind: DataType) -> usize {
    match kind {
        DataType::Ipv4Address | DataType::ClassId | DataType::Mark => 4,
        DataType::Ipv6Address | DataType::InterfaceName => 16,
        DataType::Cgroup => 8,
        DataType::InetProto => 1,
        DataType::InetService => 2,
    }
}

/// nft's number of the type (`enum datatypes` in nft's `datatype.h`), by which it prints elements.
const fn number(kind: DataType) -> u32 {
    match kind {
        DataType::Ipv4Address => 7,
        DataType::Ipv6Address => 8,
        DataType::InetProto => 12,
        DataType::InetService => 13,
        DataType::Mark => 19,
        DataType::ClassId => 23,
        DataType::InterfaceName => 41,
        DataType::Cgroup => 46,
    }
}

const ALL: [DataType; 8] = [
    DataType::Ipv4Address,
    DataType::Ipv6Address,
    DataType::InetProto,
    DataType::InetService,
    DataType::Mark,
    DataType::ClassId,
    DataType::InterfaceName,
    DataType::Cgroup,
];
/// Bits of one field in the number of a concatenated type.
const TYPE_BITS: u32 = 6;

/// The number of a type of one or several fields; `None` beyond the five that fit.
pub(super) fn type_number(fields: &[DataType]) -> Option<u32> {
    let fits = !fields.is_empty() && fields.len() <= 5;
    fits.then(|| {
        fields
            .iter()
            .fold(0, |sum, field| sum << TYPE_BITS | number(*field))
    })
}

/// The fields of a type number, `None` if one is unknown.
pub(super) fn fields_of(mut type_number: u32) -> Option<Vec<DataType>> {
    let mut fields = Vec::new();
    while type_number != 0 {
        let low = type_number & ((1 << TYPE_BITS) - 1);
        fields.push(ALL.into_iter().find(|kind| number(*kind) == low)?);
        type_number >>= TYPE_BITS;
    }
    fields.reverse();
    (!fields.is_empty()).then_some(fields)
}

/// Length of a key or value with these fields: each padded to a register if there are several.
pub(super) fn total_length(fields: &[DataType]) -> usize {
    match fields {
        [only] => length(*only),
        several => several.iter().map(|field| align(length(*field))).sum(),
    }
}

/// The bytes of a key or value.
pub(super) fn encode(
    types: &[DataType],
    values: &[Datum],
    order: ByteOrder,
) -> Result<Vec<u8>, EncodeError> {
    if types.len() != values.len() {
        return Err(EncodeError::FieldCount {
            expected: types.len(),
            found: values.len(),
        });
    }
    let mut bytes = Vec::with_capacity(total_length(types));
    for (kind, value) in types.iter().zip(values) {
        write_one(&mut bytes, *kind, value, order)?;
        if types.len() > 1 {
            bytes.resize(align(bytes.len()), 0);
        }
    }
    Ok(bytes)
}

/// The bytes of one value, unpadded.
pub(super) fn encode_one(
    kind: DataType,
    value: &Datum,
    order: ByteOrder,
) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::with_capacity(length(kind));
    write_one(&mut bytes, kind, value, order)?;
    Ok(bytes)
}

/// Appends the bytes of one value, unpadded.
fn write_one(
    bytes: &mut Vec<u8>,
    kind: DataType,
    value: &Datum,
    order: ByteOrder,
) -> Result<(), EncodeError> {
    match (kind, value) {
        (DataType::Ipv4Address, Datum::Address(IpAddr::V4(address))) => {
            bytes.extend(address.octets());
        }
        (DataType::Ipv6Address, Datum::Address(IpAddr::V6(address))) => {
            bytes.extend(address.octets());
        }
        (DataType::InetProto, Datum::Byte(byte)) => bytes.push(*byte),
        (DataType::InetService, Datum::Port(port)) => bytes.extend(port.to_be_bytes()),
        (DataType::ClassId | DataType::Mark, Datum::Number(number)) => {
            bytes.extend(order.bytes(*number));
        }
        (DataType::Cgroup, Datum::Cgroup(number)) => bytes.extend(order.long_bytes(*number)),
        (DataType::InterfaceName, Datum::Interface(name)) => write_interface(bytes, name)?,
        _ => {
            return Err(EncodeError::Type {
                value: describe(value),
                expected: type_name(kind),
            });
        }
    }
    Ok(())
}

fn write_interface(bytes: &mut Vec<u8>, name: &str) -> Result<(), EncodeError> {
    if name.is_empty() || name.len() > INTERFACE_NAME || name.contains('\0') {
        return Err(EncodeError::InterfaceName(name.to_owned()));
    }
    let end = bytes.len() + length(DataType::InterfaceName);
    bytes.extend_from_slice(name.as_bytes());
    bytes.resize(end, 0);
    Ok(())
}

/// The values in a key or map value read from the kernel; `None` if the length is wrong.
pub(super) fn decode(types: &[DataType], bytes: &[u8], order: ByteOrder) -> Option<Vec<Datum>> {
    if bytes.len() < total_length(types) {
        return None;
    }
    let mut rest = bytes;
    let mut values = Vec::with_capacity(types.len());
    for kind in types {
        let width = length(*kind);
        values.push(decode_one(*kind, rest.get(..width)?, order)?);
        rest = rest.get(align(width)..).unwrap_or_default();
    }
    Some(values)
}

fn decode_one(kind: DataType, bytes: &[u8], order: ByteOrder) -> Option<Datum> {
    Some(match kind {
        DataType::Ipv4Address => {
            Datum::Address(IpAddr::V4(Ipv4Addr::from(*bytes.first_chunk::<4>()?)))
        }
        DataType::Ipv6Address => {
            Datum::Address(IpAddr::V6(Ipv6Addr::from(*bytes.first_chunk::<16>()?)))
        }
        DataType::InetProto => Datum::Byte(*bytes.first()?),
        DataType::InetService => Datum::Port(u16::from_be_bytes(*bytes.first_chunk()?)),
        DataType::ClassId | DataType::Mark => Datum::Number(order.number(*bytes.first_chunk()?)),
        DataType::Cgroup => Datum::Cgroup(order.long_number(*bytes.first_chunk()?)),
        DataType::InterfaceName => {
            let end = bytes
                .iter()
                .position(|byte| *byte == 0)
                .unwrap_or(bytes.len());
            Datum::Interface(String::from_utf8_lossy(bytes.get(..end)?).into_owned())
        }
    })
}

/// nft's name of a type.
pub(super) const fn type_name(kind: DataType) -> &'static str {
    match kind {
        DataType::Ipv4Address => "ipv4_addr",
        DataType::Ipv6Address => "ipv6_addr",
        DataType::InetProto => "inet_proto",
        DataType::InetService => "inet_service",
        DataType::Mark => "mark",
        DataType::ClassId => "classid",
        DataType::InterfaceName => "ifname",
        DataType::Cgroup => "cgroupsv2",
    }
}

pub(super) fn describe(value: &Datum) -> String {
    match value {
        Datum::Address(address) => address.to_string(),
        Datum::Byte(byte) => byte.to_string(),
        Datum::Port(port) => port.to_string(),
        Datum::Number(number) => format!("{number:#x}"),
        Datum::Interface(name) => format!("\"{name}\""),
        Datum::Cgroup(number) => number.to_string(),
    }
}

/// Prints a key for people: `10.0.0.1 . 6 . 80-90`.
pub(super) struct DisplayKey<'a>(pub(super) &'a Key);

impl fmt::Display for DisplayKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (first, last)) in self.0.first.iter().zip(self.0.last.iter()).enumerate() {
            if position > 0 {
                f.write_str(" . ")?;
            }
            f.write_str(&describe(first))?;
            if first != last {
                f.write_char('-')?;
                f.write_str(&describe(last))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_numbers_are_those_of_nft() {
        // Seen in what nft 1.0.6 sends: `ipv4_addr . classid` and `ipv4_addr . inet_service`.
        assert_eq!(
            type_number(&[DataType::Ipv4Address, DataType::ClassId]),
            Some(0x1d7)
        );
        assert_eq!(
            type_number(&[DataType::Ipv4Address, DataType::InetService]),
            Some(0x1cd)
        );
        for kind in ALL {
            assert_eq!(
                fields_of(type_number(&[kind, kind]).unwrap()),
                Some(vec![kind, kind])
            );
        }
        assert_eq!(fields_of(0), None);
        assert_eq!(fields_of(7 << TYPE_BITS | 1), None);
    }

    #[test]
    fn concatenated_fields_are_padded() {
        let types = [
            DataType::InetProto,
            DataType::InetService,
            DataType::ClassId,
        ];
        let values = [Datum::Byte(6), Datum::Port(80), Datum::Number(7)];
        let bytes = encode(&types, &values, ByteOrder::Big).unwrap();
        assert_eq!(bytes, [6, 0, 0, 0, 0, 80, 0, 0, 0, 0, 0, 7]);
        assert_eq!(decode(&types, &bytes, ByteOrder::Big).unwrap(), values);
        assert_eq!(decode(&types, &bytes[..11], ByteOrder::Big), None);
    }

    #[test]
    fn values_of_another_type_are_refused() {
        let wrong = encode(&[DataType::Ipv4Address], &[Datum::Port(1)], ByteOrder::Host);
        assert!(matches!(wrong, Err(EncodeError::Type { .. })));
        let long = Datum::Interface("a".repeat(16));
        let wrong = encode(&[DataType::InterfaceName], &[long], ByteOrder::Host);
        assert!(matches!(wrong, Err(EncodeError::InterfaceName(_))));
    }
}
