//! Where values lie in packets and registers, and which numbers the kernel has for them.

use std::net::IpAddr;

use ringfence_net::{ConnectionState, Family};
use ringfence_ruleset::{DataType, Expression, Field, MetaKey};

use super::EncodeError;
use super::constants::expr;

/// The type of a value that one register group holds.
pub(super) fn comparable(expression: &Expression) -> Result<DataType, EncodeError> {
    match expression {
        Expression::Field(Field::SourceAddress(family) | Field::DestinationAddress(family)) => {
            Ok(match family {
                Family::V4 => DataType::Ipv4Address,
                Family::V6 => DataType::Ipv6Address,
            })
        }
        Expression::Field(Field::DestinationPort) => Ok(DataType::InetService),
        Expression::Field(Field::TcpFlags | Field::Icmpv6Type)
        | Expression::Meta(MetaKey::L4Protocol | MetaKey::NfProtocol) => Ok(DataType::InetProto),
        Expression::Meta(MetaKey::InputInterface | MetaKey::OutputInterface) => {
            Ok(DataType::InterfaceName)
        }
        Expression::Meta(MetaKey::Priority) => Ok(DataType::ClassId),
        Expression::Random { .. } => Ok(DataType::Mark),
        Expression::SenderCgroup { .. } => Ok(DataType::Cgroup),
        Expression::ConnectionState => Err(EncodeError::Operand("a connection state as a number")),
        Expression::Constant(_) => Err(EncodeError::Operand("a constant")),
        Expression::Concat(_) => Err(EncodeError::Operand("a concatenation")),
        Expression::Map { .. } => Err(EncodeError::Operand("a map's value")),
    }
}

pub(super) const fn is_host_order(expression: &Expression) -> bool {
    matches!(
        expression,
        Expression::Meta(MetaKey::Priority)
            | Expression::Random { .. }
            | Expression::SenderCgroup { .. }
    )
}

/// Base, offset and length of a header field.
pub(super) const fn location(field: Field) -> (u32, u32, u32) {
    match field {
        Field::SourceAddress(Family::V4) => (expr::NETWORK_HEADER, 12, 4),
        Field::DestinationAddress(Family::V4) => (expr::NETWORK_HEADER, 16, 4),
        Field::SourceAddress(Family::V6) => (expr::NETWORK_HEADER, 8, 16),
        Field::DestinationAddress(Family::V6) => (expr::NETWORK_HEADER, 24, 16),
        Field::DestinationPort => (expr::TRANSPORT_HEADER, 2, 2),
        Field::TcpFlags => (expr::TRANSPORT_HEADER, 13, 1),
        Field::Icmpv6Type => (expr::TRANSPORT_HEADER, 0, 1),
    }
}

pub(super) fn address_field(expression: &Expression) -> Result<(u32, Family), EncodeError> {
    let Expression::Field(
        field @ (Field::SourceAddress(family) | Field::DestinationAddress(family)),
    ) = expression
    else {
        return Err(EncodeError::Operand("an address block"));
    };
    Ok((location(*field).1, *family))
}

pub(super) const fn meta_number(key: MetaKey) -> u32 {
    match key {
        MetaKey::L4Protocol => expr::META_L4PROTO,
        MetaKey::NfProtocol => expr::META_NFPROTO,
        MetaKey::InputInterface => expr::META_IIFNAME,
        MetaKey::OutputInterface => expr::META_OIFNAME,
        MetaKey::Priority => expr::META_PRIORITY,
    }
}

/// The state as a bit of `NF_CT_STATE_BIT` (`linux/netfilter/nf_conntrack_common.h`).
pub(super) const fn state_bit(state: ConnectionState) -> u32 {
    match state {
        ConnectionState::Invalid => 1,
        ConnectionState::Established => 2,
        ConnectionState::Related => 4,
        ConnectionState::New => 8,
        ConnectionState::Untracked => 64,
    }
}

pub(super) fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// Lengths here are at most that of a few registers.
pub(super) fn length32(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
