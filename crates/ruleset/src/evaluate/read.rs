use std::net::IpAddr;

use ringfence_net::{Family, IpProtocol, Packet, Protocol};

use super::machine::Machine;
use crate::{Datum, Expression, Field, MetaKey, Operand, Operator, Value};

impl<'a> Machine<'_, 'a> {
    /// The fields of an expression; `None` if the packet has no such field or a map no such key.
    pub(super) fn read(&mut self, expression: &'a Expression) -> Option<Vec<Datum>> {
        match expression {
            Expression::Field(field) => Some(vec![field_of(&self.packet, *field)?]),
            Expression::Meta(key) => Some(vec![self.meta(*key)]),
            Expression::ConnectionState => None,
            Expression::Constant(datum) => Some(vec![datum.clone()]),
            Expression::Concat(parts) => {
                let mut fields = Vec::with_capacity(parts.len());
                for part in parts {
                    fields.append(&mut self.read(part)?);
                }
                Some(fields)
            }
            Expression::Map { key, map } => {
                let fields = self.read(key)?;
                match self.lookup(map, &fields)? {
                    Value::Data(data) => Some(data.clone()),
                    Value::Member | Value::Verdict(_) => None,
                }
            }
            Expression::SenderCgroup { level } => {
                let above = usize::from(*level).checked_sub(1)?;
                let found = self.evaluator.cgroups.get(above)?;
                Some(vec![Datum::Cgroup(*found)])
            }
            Expression::Random { modulus } => {
                let number = (self.choose)(*modulus);
                Some(vec![Datum::Number(number.checked_rem(*modulus)?)])
            }
        }
    }

    fn meta(&self, key: MetaKey) -> Datum {
        match key {
            MetaKey::L4Protocol => Datum::Byte(self.packet.protocol.0),
            MetaKey::NfProtocol => Datum::Byte(match self.packet.family() {
                Family::V4 => 2,
                Family::V6 => 10,
            }),
            MetaKey::InputInterface => Datum::Interface(self.packet.input_interface.clone()),
            MetaKey::OutputInterface => Datum::Interface(self.packet.output_interface.clone()),
            MetaKey::Priority => Datum::Number(self.priority),
        }
    }

    /// Whether a match holds. A packet without the field does not match, whatever the operator.
    pub(super) fn matches(
        &mut self,
        left: &'a Expression,
        operator: Operator,
        right: &'a Operand,
    ) -> bool {
        match self.equals(left, right) {
            None => false,
            Some(equal) => equal == (operator == Operator::Equal),
        }
    }

    fn equals(&mut self, left: &'a Expression, right: &'a Operand) -> Option<bool> {
        if let Operand::State(state) = right {
            return (*left == Expression::ConnectionState).then(|| self.packet.state == *state);
        }
        let fields = self.read(left)?;
        if let Operand::Set(set) = right {
            return Some(self.lookup(set, &fields).is_some());
        }
        match fields.as_slice() {
            [field] => Some(compares(field, right)),
            _ => None,
        }
    }
}

fn compares(field: &Datum, right: &Operand) -> bool {
    match (right, field) {
        (Operand::Value(value), field) => field == value,
        (Operand::Range(first, last), field) => first <= field && field <= last,
        (Operand::Prefix(block), Datum::Address(address)) => block.contains(address),
        (Operand::InterfacePrefix(prefix), Datum::Interface(name)) => name.starts_with(prefix),
        (Operand::TcpFlags { mask, value }, Datum::Byte(flags)) => flags & mask == *value,
        (
            Operand::Prefix(_)
            | Operand::InterfacePrefix(_)
            | Operand::TcpFlags { .. }
            | Operand::State(_)
            | Operand::Set(_),
            _,
        ) => false,
    }
}

/// A header field, with the tests for family and protocol that it implies.
fn field_of(packet: &Packet, field: Field) -> Option<Datum> {
    match field {
        Field::SourceAddress(family) => address_of(packet.source, family),
        Field::DestinationAddress(family) => address_of(packet.destination, family),
        Field::DestinationPort => packet.destination_port.map(Datum::Port),
        Field::TcpFlags => {
            let is_tcp = packet.protocol == Protocol::Tcp.into();
            is_tcp.then_some(Datum::Byte(packet.tcp_flags.0))
        }
        Field::Icmpv6Type => {
            let [kind, _] = packet.source_port?.to_be_bytes();
            let is_icmp = packet.protocol == IpProtocol::ICMPV6;
            is_icmp.then_some(Datum::Byte(kind))
        }
    }
}

fn address_of(address: IpAddr, family: Family) -> Option<Datum> {
    (Family::of(address) == family).then_some(Datum::Address(address))
}
