use ipnet::IpNet;
use ringfence_net::{ConnectionState, Family};
use ringfence_ruleset::{Datum, Expression, Field, MetaKey, Operand, Operator, Rule, Statement};

use super::EncodeError;
use super::constants::{
    FIRST_REGISTER, IPPROTO_ICMPV6, IPPROTO_TCP, NFPROTO_IPV6, REGISTERS, VERDICT_REGISTER, expr,
};
use super::datum::{self, ByteOrder, INTERFACE_NAME};
use super::expression::{self as emit, Lookup, Write, nfproto};
use super::layout::{
    address_field, comparable, is_host_order, length32, location, meta_number, octets, state_bit,
};
use crate::attribute::{Writer, align};

/// Tells whether the keys of a set may be ranges, which decides the byte order that a lookup needs.
pub(super) type IsInterval<'a> = dyn Fn(&str) -> Option<bool> + 'a;

/// Writes the expressions of a rule.
///
/// A field of one family or protocol needs a test for it in family `inet`; it is written before the
/// first statement that needs it, and once, which is what nft does and leaves out when it prints.
pub(super) fn write(
    writer: &mut Writer,
    rule: &Rule,
    is_interval: &IsInterval<'_>,
) -> Result<(), EncodeError> {
    let mut encoder = Encoder {
        writer,
        is_interval,
        family: None,
        protocol: None,
    };
    rule.statements
        .iter()
        .try_for_each(|statement| encoder.statement(statement))
}

/// Whether encoding a lookup in a set depends on the set being an interval set.
pub(super) fn needs_definition(key: &Expression) -> bool {
    match key {
        Expression::Concat(parts) => parts.iter().any(needs_definition),
        Expression::Meta(MetaKey::Priority)
        | Expression::SenderCgroup { .. }
        | Expression::Random { .. }
        | Expression::Map { .. } => true,
        Expression::Field(_)
        | Expression::Meta(_)
        | Expression::ConnectionState
        | Expression::Constant(_) => false,
    }
}

struct Encoder<'w, 's> {
    writer: &'w mut Writer,
    is_interval: &'s IsInterval<'s>,
    /// The family that the rule has tested so far.
    family: Option<u8>,
    /// The transport protocol that the rule has tested so far.
    protocol: Option<u8>,
}

impl Encoder<'_, '_> {
    fn statement(&mut self, statement: &Statement) -> Result<(), EncodeError> {
        match statement {
            Statement::Match {
                left,
                operator,
                right,
            } => self.matching(left, *operator, right),
            Statement::VerdictMap { key, map } => {
                self.find(key, map, Lookup::Into(VERDICT_REGISTER))
            }
            Statement::SetPriority(value) => self.set_priority(value),
            Statement::DestinationNat { family, target } => self.destination_nat(*family, target),
            Statement::Remember {
                key,
                value,
                map,
                seconds,
            } => self.write_element(key, value, map, Write::Update(*seconds)),
            Statement::Forget { key, value, map } => {
                self.write_element(key, value, map, Write::Delete)
            }
            Statement::Masquerade
            | Statement::NoTrack
            | Statement::Reject
            | Statement::Reset
            | Statement::Limit(_)
            | Statement::Log(_)
            | Statement::Verdict(_) => {
                self.action(statement);
                Ok(())
            }
        }
    }

    /// The statements that cannot fail.
    fn action(&mut self, statement: &Statement) {
        match statement {
            Statement::Masquerade => emit::masquerade(self.writer),
            Statement::NoTrack => emit::notrack(self.writer),
            Statement::Reject => emit::reject(self.writer),
            Statement::Reset => emit::reset(self.writer),
            Statement::Limit(limit) => emit::limit(self.writer, *limit),
            Statement::Log(log) => emit::log(self.writer, log),
            Statement::Verdict(verdict) => emit::verdict(self.writer, verdict),
            Statement::Match { .. }
            | Statement::VerdictMap { .. }
            | Statement::SetPriority(_)
            | Statement::Remember { .. }
            | Statement::Forget { .. }
            | Statement::DestinationNat { .. } => {}
        }
    }

    fn matching(
        &mut self,
        left: &Expression,
        operator: Operator,
        right: &Operand,
    ) -> Result<(), EncodeError> {
        match right {
            Operand::Value(value) => self.compare_value(left, operator, value),
            Operand::Range(first, last) => self.compare_range(left, operator, first, last),
            Operand::Prefix(block) => self.compare_prefix(left, operator, *block),
            Operand::InterfacePrefix(prefix) => self.compare_interface(left, operator, prefix),
            Operand::State(state) => self.compare_state(left, operator, *state),
            Operand::TcpFlags { mask, value } => self.compare_flags(left, operator, *mask, *value),
            Operand::Set(set) => self.find(left, set, membership(operator)),
        }
    }

    fn compare_value(
        &mut self,
        left: &Expression,
        operator: Operator,
        value: &Datum,
    ) -> Result<(), EncodeError> {
        let bytes = datum::encode_one(comparable(left)?, value, ByteOrder::Host)?;
        self.require_for(left);
        self.load(left, FIRST_REGISTER)?;
        emit::compare(self.writer, FIRST_REGISTER, comparison(operator), &bytes);
        if operator == Operator::Equal {
            self.remember(left, value);
        }
        Ok(())
    }

    /// Ranges compare bytes from the left, so numbers of host order are turned first.
    fn compare_range(
        &mut self,
        left: &Expression,
        operator: Operator,
        first: &Datum,
        last: &Datum,
    ) -> Result<(), EncodeError> {
        let kind = comparable(left)?;
        let low = datum::encode_one(kind, first, ByteOrder::Big)?;
        let high = datum::encode_one(kind, last, ByteOrder::Big)?;
        self.require_for(left);
        self.load_ordered(left, FIRST_REGISTER, ByteOrder::Big)?;
        match operator {
            Operator::Equal => {
                emit::compare(self.writer, FIRST_REGISTER, expr::CMP_GTE, &low);
                emit::compare(self.writer, FIRST_REGISTER, expr::CMP_LTE, &high);
            }
            Operator::NotEqual => emit::outside(self.writer, FIRST_REGISTER, &low, &high),
        }
        Ok(())
    }

    /// As nft: a prefix of whole bytes loads just these, any other is masked.
    fn compare_prefix(
        &mut self,
        left: &Expression,
        operator: Operator,
        block: IpNet,
    ) -> Result<(), EncodeError> {
        let (offset, family) = address_field(left)?;
        if Family::of(block.addr()) != family {
            return Err(EncodeError::Operand("an address block of the other family"));
        }
        let network = octets(block.network());
        let whole = usize::from(block.prefix_len()) / 8;
        self.require_for(left);
        if block.prefix_len() == 0 {
            return self.compare_empty_prefix(operator);
        }
        if block.prefix_len().is_multiple_of(8) {
            let bytes = network.get(..whole).unwrap_or(&network);
            self.load_header(offset, bytes.len());
            emit::compare(self.writer, FIRST_REGISTER, comparison(operator), bytes);
        } else {
            let netmask = octets(block.netmask());
            self.load_header(offset, network.len());
            emit::mask(
                self.writer,
                FIRST_REGISTER,
                length32(network.len()),
                &netmask,
            );
            emit::compare(self.writer, FIRST_REGISTER, comparison(operator), &network);
        }
        Ok(())
    }

    /// Every address is in a block of length 0: the family test has said it all. "Not in it" is never true.
    fn compare_empty_prefix(&mut self, operator: Operator) -> Result<(), EncodeError> {
        match operator {
            Operator::Equal => Ok(()),
            Operator::NotEqual => Err(EncodeError::Operand("`!=` with a block of length 0")),
        }
    }

    fn compare_interface(
        &mut self,
        left: &Expression,
        operator: Operator,
        prefix: &str,
    ) -> Result<(), EncodeError> {
        let Expression::Meta(MetaKey::InputInterface | MetaKey::OutputInterface) = left else {
            return Err(EncodeError::Operand("an interface prefix"));
        };
        if prefix.is_empty() || prefix.len() > INTERFACE_NAME || prefix.contains('\0') {
            return Err(EncodeError::InterfaceName(prefix.to_owned()));
        }
        self.load(left, FIRST_REGISTER)?;
        emit::compare(
            self.writer,
            FIRST_REGISTER,
            comparison(operator),
            prefix.as_bytes(),
        );
        Ok(())
    }

    fn compare_state(
        &mut self,
        left: &Expression,
        operator: Operator,
        state: ConnectionState,
    ) -> Result<(), EncodeError> {
        let Expression::ConnectionState = left else {
            return Err(EncodeError::Operand("a connection state"));
        };
        let bit = state_bit(state).to_ne_bytes();
        self.load(left, FIRST_REGISTER)?;
        match operator {
            Operator::Equal => {
                emit::mask(self.writer, FIRST_REGISTER, 4, &bit);
                emit::compare(self.writer, FIRST_REGISTER, expr::CMP_NEQ, &[0; 4]);
            }
            // A packet has exactly one state.
            Operator::NotEqual => {
                emit::compare(self.writer, FIRST_REGISTER, expr::CMP_NEQ, &bit);
            }
        }
        Ok(())
    }

    fn compare_flags(
        &mut self,
        left: &Expression,
        operator: Operator,
        mask: u8,
        value: u8,
    ) -> Result<(), EncodeError> {
        let Expression::Field(Field::TcpFlags) = left else {
            return Err(EncodeError::Operand("TCP flags"));
        };
        self.require_for(left);
        self.load(left, FIRST_REGISTER)?;
        emit::mask(self.writer, FIRST_REGISTER, 1, &[mask]);
        emit::compare(self.writer, FIRST_REGISTER, comparison(operator), &[value]);
        Ok(())
    }

    fn find(&mut self, key: &Expression, set: &str, result: Lookup) -> Result<(), EncodeError> {
        self.require_for(key);
        self.load_key(key, set, FIRST_REGISTER)?;
        emit::lookup(self.writer, set, FIRST_REGISTER, result);
        Ok(())
    }

    /// The value lies in the register behind the key.
    fn write_element(
        &mut self,
        key: &Expression,
        value: &Expression,
        map: &str,
        what: Write,
    ) -> Result<(), EncodeError> {
        self.require_for(key);
        self.require_for(value);
        self.load_key(key, map, FIRST_REGISTER)?;
        let next = FIRST_REGISTER + width(key)?;
        self.load(value, next)?;
        emit::write_element(self.writer, map, (FIRST_REGISTER, next), what);
        Ok(())
    }

    fn set_priority(&mut self, value: &Expression) -> Result<(), EncodeError> {
        self.require_for(value);
        match value {
            Expression::Constant(Datum::Number(number)) => {
                emit::constant(self.writer, FIRST_REGISTER, &number.to_ne_bytes());
            }
            Expression::Map { .. } | Expression::Random { .. } | Expression::Meta(_) => {
                self.load(value, FIRST_REGISTER)?;
            }
            Expression::Constant(_)
            | Expression::Field(_)
            | Expression::SenderCgroup { .. }
            | Expression::ConnectionState
            | Expression::Concat(_) => {
                return Err(EncodeError::Operand("a value for the priority"));
            }
        }
        emit::meta_set(self.writer, expr::META_PRIORITY, FIRST_REGISTER);
        Ok(())
    }

    /// The map's value is `address . port`; the port lies in the register behind the address.
    fn destination_nat(&mut self, family: Family, target: &Expression) -> Result<(), EncodeError> {
        let Expression::Map { .. } = target else {
            return Err(EncodeError::Operand("a destination that is no map"));
        };
        self.require_family(nfproto(family));
        self.require_for(target);
        self.load(target, FIRST_REGISTER)?;
        let address = match family {
            Family::V4 => 1,
            Family::V6 => 4,
        };
        emit::destination_nat(
            self.writer,
            family,
            FIRST_REGISTER,
            FIRST_REGISTER + address,
        );
        Ok(())
    }

    fn load(&mut self, expression: &Expression, register: u32) -> Result<(), EncodeError> {
        match expression {
            Expression::Field(field) => {
                let (base, offset, length) = location(*field);
                emit::payload(self.writer, base, offset, length, register);
            }
            Expression::Meta(key) => emit::meta_load(self.writer, meta_number(*key), register),
            Expression::ConnectionState => emit::ct_load(self.writer, expr::CT_STATE, register),
            Expression::SenderCgroup { level } => {
                emit::sender_cgroup(self.writer, *level, register)
            }
            Expression::Random { modulus } => emit::random(self.writer, *modulus, register),
            Expression::Map { key, map } => {
                self.load_key(key, map, register)?;
                emit::lookup(self.writer, map, register, Lookup::Into(register));
            }
            Expression::Constant(_) => return Err(EncodeError::Operand("a constant")),
            Expression::Concat(_) => return Err(EncodeError::Operand("a concatenation")),
        }
        Ok(())
    }

    fn load_ordered(
        &mut self,
        expression: &Expression,
        register: u32,
        order: ByteOrder,
    ) -> Result<(), EncodeError> {
        self.load(expression, register)?;
        if order == ByteOrder::Big && is_host_order(expression) {
            let length = length32(datum::length(comparable(expression)?));
            emit::to_network_order(self.writer, register, length);
        }
        Ok(())
    }

    /// Loads the key for a lookup in `set`, in the byte order of that set's keys.
    fn load_key(&mut self, key: &Expression, set: &str, register: u32) -> Result<(), EncodeError> {
        let order = self.order_of(key, set)?;
        let Expression::Concat(parts) = key else {
            return self.load_ordered(key, register, order);
        };
        let mut next = register;
        for part in parts {
            let width = width(part)?;
            if next + width > FIRST_REGISTER + REGISTERS {
                return Err(EncodeError::Registers);
            }
            self.load_ordered(part, next, order)?;
            next += width;
        }
        Ok(())
    }

    fn order_of(&self, key: &Expression, set: &str) -> Result<ByteOrder, EncodeError> {
        if !needs_definition(key) {
            return Ok(ByteOrder::Host);
        }
        let interval =
            (self.is_interval)(set).ok_or_else(|| EncodeError::UnknownSet(set.to_owned()))?;
        Ok(ByteOrder::of_keys(interval))
    }

    fn load_header(&mut self, offset: u32, length: usize) {
        let length = length32(length);
        emit::payload(
            self.writer,
            expr::NETWORK_HEADER,
            offset,
            length,
            FIRST_REGISTER,
        );
    }

    /// Writes the tests that the fields in `expression` imply.
    fn require_for(&mut self, expression: &Expression) {
        match expression {
            Expression::Field(field) => self.require_for_field(*field),
            Expression::Concat(parts) => parts.iter().for_each(|part| self.require_for(part)),
            Expression::Map { key, .. } => self.require_for(key),
            Expression::Meta(_)
            | Expression::ConnectionState
            | Expression::Constant(_)
            | Expression::SenderCgroup { .. }
            | Expression::Random { .. } => {}
        }
    }

    fn require_for_field(&mut self, field: Field) {
        match field {
            Field::SourceAddress(family) | Field::DestinationAddress(family) => {
                self.require_family(nfproto(family));
            }
            Field::DestinationPort => {}
            Field::TcpFlags => self.require_protocol(IPPROTO_TCP),
            Field::Icmpv6Type => {
                self.require_family(NFPROTO_IPV6);
                self.require_protocol(IPPROTO_ICMPV6);
            }
        }
    }

    fn require_family(&mut self, family: u8) {
        if self.family != Some(family) {
            emit::meta_load(self.writer, expr::META_NFPROTO, FIRST_REGISTER);
            emit::compare(self.writer, FIRST_REGISTER, expr::CMP_EQ, &[family]);
            self.family = Some(family);
        }
    }

    fn require_protocol(&mut self, protocol: u8) {
        if self.protocol != Some(protocol) {
            emit::meta_load(self.writer, expr::META_L4PROTO, FIRST_REGISTER);
            emit::compare(self.writer, FIRST_REGISTER, expr::CMP_EQ, &[protocol]);
            self.protocol = Some(protocol);
        }
    }

    fn remember(&mut self, left: &Expression, value: &Datum) {
        match (left, value) {
            (Expression::Meta(MetaKey::NfProtocol), Datum::Byte(byte)) => self.family = Some(*byte),
            (Expression::Meta(MetaKey::L4Protocol), Datum::Byte(byte)) => {
                self.protocol = Some(*byte);
            }
            _ => {}
        }
    }
}

/// How many registers a value or key takes.
fn width(expression: &Expression) -> Result<u32, EncodeError> {
    match expression {
        Expression::Concat(parts) => parts.iter().map(width).sum(),
        Expression::Field(_)
        | Expression::Meta(_)
        | Expression::ConnectionState
        | Expression::Constant(_)
        | Expression::Map { .. }
        | Expression::SenderCgroup { .. }
        | Expression::Random { .. } => {
            Ok(length32(align(datum::length(comparable(expression)?))) / 4)
        }
    }
}

const fn comparison(operator: Operator) -> u32 {
    match operator {
        Operator::Equal => expr::CMP_EQ,
        Operator::NotEqual => expr::CMP_NEQ,
    }
}

const fn membership(operator: Operator) -> Lookup {
    match operator {
        Operator::Equal => Lookup::Member,
        Operator::NotEqual => Lookup::NotMember,
    }
}
