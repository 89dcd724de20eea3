//! What compared bytes mean, and what attributes of instructions say.

use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_net::{ConnectionState, Family};
use ringfence_ruleset::{DataType, Datum, Expression, Field, Operand, Operator};

use crate::attribute::{Attribute, Attributes};
use crate::nftables::constants::{
    self, FIRST_REGISTER, IPPROTO_ICMPV6, IPPROTO_TCP, NFPROTO_IPV4, NFPROTO_IPV6,
    VERDICT_REGISTER, data,
};
use crate::nftables::datum::{self, ByteOrder};
use crate::nftables::layout::{comparable, location, state_bit};

const STATES: [ConnectionState; 5] = [
    ConnectionState::Invalid,
    ConnectionState::Established,
    ConnectionState::Related,
    ConnectionState::New,
    ConnectionState::Untracked,
];

/// Family and transport protocol that a field implies.
pub(super) const fn needs(field: Field) -> (Option<u8>, Option<u8>) {
    match field {
        Field::SourceAddress(Family::V4) | Field::DestinationAddress(Family::V4) => {
            (Some(NFPROTO_IPV4), None)
        }
        Field::SourceAddress(Family::V6) | Field::DestinationAddress(Family::V6) => {
            (Some(NFPROTO_IPV6), None)
        }
        Field::DestinationPort => (None, None),
        Field::TcpFlags => (None, Some(IPPROTO_TCP)),
        Field::Icmpv6Type => (Some(NFPROTO_IPV6), Some(IPPROTO_ICMPV6)),
    }
}

/// The operand of a comparison with an unmasked value.
pub(super) fn plain(left: &Expression, operator: Operator, bytes: &[u8]) -> Option<Operand> {
    if *left == Expression::ConnectionState {
        let state = state(u32::from_ne_bytes(bytes.try_into().ok()?))?;
        return (operator == Operator::NotEqual).then_some(Operand::State(state));
    }
    let kind = comparable(left).ok()?;
    if kind == DataType::InterfaceName && bytes.len() < datum::length(kind) {
        return Some(Operand::InterfacePrefix(
            String::from_utf8(bytes.to_vec()).ok()?,
        ));
    }
    only(datum::decode(&[kind], bytes, ByteOrder::Host)?).map(Operand::Value)
}

/// The meaning of a comparison with a masked value.
pub(super) fn masked(
    left: Expression,
    operator: Operator,
    mask: &[u8],
    bytes: &[u8],
) -> Option<(Expression, Operator, Operand)> {
    let right = match &left {
        Expression::ConnectionState => {
            let any = operator == Operator::NotEqual && bytes.iter().all(|byte| *byte == 0);
            any.then_some(())?;
            let state = state(u32::from_ne_bytes(mask.try_into().ok()?))?;
            return Some((left, Operator::Equal, Operand::State(state)));
        }
        Expression::Field(Field::TcpFlags) => {
            let ([mask], [value]) = (mask, bytes) else {
                return None;
            };
            Operand::TcpFlags {
                mask: *mask,
                value: *value,
            }
        }
        Expression::Field(Field::SourceAddress(_) | Field::DestinationAddress(_)) => {
            Operand::Prefix(IpNet::with_netmask(ip(bytes)?, ip(mask)?).ok()?)
        }
        Expression::Field(_)
        | Expression::Meta(_)
        | Expression::Constant(_)
        | Expression::Concat(_)
        | Expression::Map { .. }
        | Expression::SenderCgroup { .. }
        | Expression::Random { .. } => return None,
    };
    Some((left, operator, right))
}

/// The block of addresses that begin with these bytes.
pub(super) fn start_of(field: Field, length: usize, bytes: &[u8]) -> Option<Operand> {
    let mut whole = bytes.get(..length)?.to_vec();
    whole.resize(usize::try_from(location(field).2).ok()?, 0);
    let bits = u8::try_from(length * 8).ok()?;
    Some(Operand::Prefix(IpNet::new(ip(&whole)?, bits).ok()?))
}

pub(super) fn ip(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}

pub(super) fn state(bit: u32) -> Option<ConnectionState> {
    STATES.into_iter().find(|state| state_bit(*state) == bit)
}

pub(super) fn only(values: Vec<Datum>) -> Option<Datum> {
    let [value] = <[Datum; 1]>::try_from(values).ok()?;
    Some(value)
}

pub(super) fn be32(fields: &Attributes<'_>, kind: u16) -> Option<u32> {
    fields.find(kind)?.be32()
}

pub(super) fn be64(fields: &Attributes<'_>, kind: u16) -> Option<u64> {
    let value = fields.find(kind)?.value;
    Some(u64::from_be_bytes(*value.first_chunk()?))
}

/// A register, all in the numbering of 4-byte ones: the kernel names every fourth by the old numbers.
pub(super) fn register(fields: &Attributes<'_>, kind: u16) -> Option<u32> {
    match be32(fields, kind)? {
        VERDICT_REGISTER => Some(VERDICT_REGISTER),
        old @ 1..=4 => Some(FIRST_REGISTER + (old - 1) * 4),
        number => (FIRST_REGISTER..FIRST_REGISTER + constants::REGISTERS)
            .contains(&number)
            .then_some(number),
    }
}

pub(super) fn value_of<'a>(fields: &Attributes<'a>, kind: u16) -> Option<&'a [u8]> {
    let nested: Attribute<'a> = fields.find(kind)?;
    Some(nested.nested().find(data::VALUE)?.value)
}
