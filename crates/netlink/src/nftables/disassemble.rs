//! Rules from the kernel's instructions: the way back of [`super::rule`].
//!
//! Runs the instructions with expressions in the registers instead of values. Only what the encoder
//! writes is understood; a rule that does anything else is nobody's that ringfence could vouch for.

mod operand;

use std::collections::{BTreeMap, BTreeSet};

use ringfence_net::Family;
use ringfence_ruleset::{
    Datum, Expression, Field, Limit, Log, MetaKey, Operand, Operator, Set, SetKind, Statement,
};

use super::constants::{IPPROTO_TCP, VERDICT_REGISTER, data, expr};
use super::datum::{self, ByteOrder};
use super::decode;
use super::expression::nfproto;
use super::layout::{comparable, is_host_order, location, meta_number};
use crate::attribute::{Attributes, align};
use operand::{be32, be64, masked, needs, only, plain, register, start_of, value_of};

const META_KEYS: [MetaKey; 5] = [
    MetaKey::L4Protocol,
    MetaKey::NfProtocol,
    MetaKey::InputInterface,
    MetaKey::OutputInterface,
    MetaKey::Priority,
];
const FIELDS: [Field; 7] = [
    Field::SourceAddress(Family::V4),
    Field::DestinationAddress(Family::V4),
    Field::SourceAddress(Family::V6),
    Field::DestinationAddress(Family::V6),
    Field::DestinationPort,
    Field::TcpFlags,
    Field::Icmpv6Type,
];

/// The statements of a rule; `None` if the encoder could not have written it.
pub(super) fn statements(
    list: Attributes<'_>,
    sets: &BTreeMap<String, Set>,
) -> Option<Vec<Statement>> {
    let mut machine = Machine {
        sets,
        registers: BTreeMap::new(),
        lower: None,
        statements: Vec::new(),
        family: None,
        protocol: None,
        repeated: BTreeSet::new(),
    };
    for instruction in list {
        let fields = instruction.nested();
        let name = fields.find(expr::NAME)?.text();
        let data = fields.find(expr::DATA).map(|data| data.nested());
        machine.run(&name, &data.unwrap_or_else(|| Attributes::new(&[])))?;
    }
    // A lower bound without an upper one.
    machine.lower.is_none().then_some(machine.statements)
}

/// What a register holds.
#[derive(Clone, Debug, PartialEq)]
enum Held {
    Value(Expression, ByteOrder),
    /// The first bytes of an address.
    Start(Field, usize),
    Masked(Expression, Vec<u8>),
}

struct Machine<'a> {
    sets: &'a BTreeMap<String, Set>,
    registers: BTreeMap<u32, Held>,
    /// The register and the lower bound of a range whose upper bound comes next.
    lower: Option<(u32, Vec<u8>)>,
    statements: Vec<Statement>,
    family: Option<u8>,
    protocol: Option<u8>,
    /// Tests of what the rule had tested before: no field asked for them.
    repeated: BTreeSet<usize>,
}

impl Machine<'_> {
    fn run(&mut self, name: &str, fields: &Attributes<'_>) -> Option<()> {
        match name {
            "meta" => self.meta(fields),
            "ct" => self.connection_state(fields),
            "payload" => self.payload(fields),
            "numgen" => self.random(fields),
            "socket" => self.cgroup(fields),
            "byteorder" => self.byte_order(fields),
            "bitwise" => self.mask(fields),
            "cmp" => self.compare(fields),
            "range" => self.outside(fields),
            "lookup" => self.lookup(fields),
            "immediate" => self.immediate(fields),
            "dynset" => self.write_element(fields),
            "nat" => self.nat(fields),
            "masq" => self.finish(Statement::Masquerade, None),
            "notrack" => self.finish(Statement::NoTrack, None),
            "reject" => self.reject(fields),
            "limit" => self.limit(fields),
            "log" => self.log(fields),
            _ => None,
        }
    }

    fn meta(&mut self, fields: &Attributes<'_>) -> Option<()> {
        let number = be32(fields, 2)?;
        if let Some(source) = register(fields, 3) {
            return self.set_priority(number, source);
        }
        let key = META_KEYS
            .into_iter()
            .find(|key| meta_number(*key) == number)?;
        self.hold(register(fields, 1)?, Expression::Meta(key))
    }

    fn set_priority(&mut self, key: u32, source: u32) -> Option<()> {
        if key != expr::META_PRIORITY {
            return None;
        }
        let value = self.value(source, ByteOrder::Host)?;
        let key = value.clone();
        self.finish(Statement::SetPriority(value), Some(&key))
    }

    fn connection_state(&mut self, fields: &Attributes<'_>) -> Option<()> {
        let is_state = be32(fields, 2)? == expr::CT_STATE;
        is_state.then_some(())?;
        self.hold(register(fields, 1)?, Expression::ConnectionState)
    }

    fn payload(&mut self, fields: &Attributes<'_>) -> Option<()> {
        let (base, offset, length) = (be32(fields, 2)?, be32(fields, 3)?, be32(fields, 4)?);
        let target = register(fields, 1)?;
        let at = |field: &Field| location(*field).0 == base && location(*field).1 == offset;
        let field = FIELDS
            .into_iter()
            .filter(at)
            .find(|field| self.is_tested(*field))?;
        let whole = location(field).2;
        if length == whole {
            return self.hold(target, Expression::Field(field));
        }
        let address = matches!(
            field,
            Field::SourceAddress(_) | Field::DestinationAddress(_)
        );
        (address && length < whole).then_some(())?;
        self.registers
            .insert(target, Held::Start(field, usize::try_from(length).ok()?));
        Some(())
    }

    fn random(&mut self, fields: &Attributes<'_>) -> Option<()> {
        let random = be32(fields, 3)? == expr::NUMGEN_RANDOM && be32(fields, 4).unwrap_or(0) == 0;
        random.then_some(())?;
        self.hold(
            register(fields, 1)?,
            Expression::Random {
                modulus: be32(fields, 2)?,
            },
        )
    }

    fn cgroup(&mut self, fields: &Attributes<'_>) -> Option<()> {
        (be32(fields, 1)? == expr::SOCKET_CGROUP).then_some(())?;
        let level = u8::try_from(be32(fields, 3)?).ok()?;
        self.hold(register(fields, 2)?, Expression::SenderCgroup { level })
    }

    fn byte_order(&mut self, fields: &Attributes<'_>) -> Option<()> {
        let (source, target) = (register(fields, 1)?, register(fields, 2)?);
        let value = self.value(source, ByteOrder::Host)?;
        let length = datum::length(comparable(&value).ok()?);
        let length = u32::try_from(length).ok()?;
        let turned = be32(fields, 3)? == expr::HTON
            && be32(fields, 4)? == length
            && be32(fields, 5)? == length;
        (turned && source == target && is_host_order(&value)).then_some(())?;
        self.registers
            .insert(target, Held::Value(value, ByteOrder::Big));
        Some(())
    }

    fn mask(&mut self, fields: &Attributes<'_>) -> Option<()> {
        let (source, target) = (register(fields, 1)?, register(fields, 2)?);
        let mask = value_of(fields, 4)?.to_vec();
        let clear = value_of(fields, 5)?.iter().all(|byte| *byte == 0);
        (source == target && clear && be32(fields, 6).unwrap_or(0) == 0).then_some(())?;
        let value = self.value(source, ByteOrder::Host)?;
        self.registers.insert(target, Held::Masked(value, mask));
        Some(())
    }

    fn compare(&mut self, fields: &Attributes<'_>) -> Option<()> {
        let (source, operator) = (register(fields, 1)?, be32(fields, 2)?);
        let bytes = value_of(fields, 3)?;
        match operator {
            expr::CMP_EQ => self.equal(source, Operator::Equal, bytes),
            expr::CMP_NEQ => self.equal(source, Operator::NotEqual, bytes),
            expr::CMP_GTE => self.at_least(source, bytes),
            expr::CMP_LTE => self.at_most(source, bytes),
            _ => None,
        }
    }

    fn equal(&mut self, source: u32, operator: Operator, bytes: &[u8]) -> Option<()> {
        self.lower.is_none().then_some(())?;
        let (left, operator, right) = match self.registers.get(&source)?.clone() {
            Held::Start(field, length) => (
                Expression::Field(field),
                operator,
                start_of(field, length, bytes)?,
            ),
            Held::Masked(left, mask) => masked(left, operator, &mask, bytes)?,
            Held::Value(left, ByteOrder::Host) => {
                let right = plain(&left, operator, bytes)?;
                (left, operator, right)
            }
            Held::Value(_, ByteOrder::Big) => return None,
        };
        self.matching(left, operator, right)
    }

    fn at_least(&mut self, source: u32, bytes: &[u8]) -> Option<()> {
        self.lower
            .replace((source, bytes.to_vec()))
            .is_none()
            .then_some(())
    }

    fn at_most(&mut self, source: u32, bytes: &[u8]) -> Option<()> {
        let (register, low) = self.lower.take()?;
        (register == source).then_some(())?;
        self.range(source, Operator::Equal, &low, bytes)
    }

    fn outside(&mut self, fields: &Attributes<'_>) -> Option<()> {
        (be32(fields, 2)? == expr::RANGE_NEQ).then_some(())?;
        let (low, high) = (value_of(fields, 3)?, value_of(fields, 4)?);
        self.range(register(fields, 1)?, Operator::NotEqual, low, high)
    }

    fn range(&mut self, source: u32, operator: Operator, low: &[u8], high: &[u8]) -> Option<()> {
        let Held::Value(left, order) = self.registers.get(&source)?.clone() else {
            return None;
        };
        (!is_host_order(&left) || order == ByteOrder::Big).then_some(())?;
        let kind = comparable(&left).ok()?;
        let bound = |bytes| only(datum::decode(&[kind], bytes, ByteOrder::Big)?);
        let right = Operand::Range(bound(low)?, bound(high)?);
        self.matching(left, operator, right)
    }

    fn lookup(&mut self, fields: &Attributes<'_>) -> Option<()> {
        let map = fields.find(1)?.text();
        let set = self.sets.get(&map)?;
        let key = self.key(set, register(fields, 2)?)?;
        let inverted = be32(fields, 5).unwrap_or(0) & expr::LOOKUP_INVERT != 0;
        match (register(fields, 3), &set.kind) {
            (None, SetKind::Set | SetKind::Map(_) | SetKind::VerdictMap) => {
                let operator = if inverted {
                    Operator::NotEqual
                } else {
                    Operator::Equal
                };
                self.matching(key, operator, Operand::Set(map))
            }
            (Some(VERDICT_REGISTER), SetKind::VerdictMap) => {
                let fields = key.clone();
                self.finish(Statement::VerdictMap { key, map }, Some(&fields))
            }
            (Some(target), SetKind::Map(_)) => self.hold(
                target,
                Expression::Map {
                    key: Box::new(key),
                    map,
                },
            ),
            (Some(_), SetKind::Set | SetKind::VerdictMap) => None,
        }
    }

    /// The key that lies in the registers from `source` on.
    fn key(&self, set: &Set, source: u32) -> Option<Expression> {
        let order = ByteOrder::of_keys(set.interval);
        if let [_] = set.key.as_slice() {
            return self.value(source, order);
        }
        let mut next = source;
        let mut parts = Vec::new();
        for kind in &set.key {
            parts.push(self.value(next, order)?);
            next += u32::try_from(align(datum::length(*kind)) / 4).ok()?;
        }
        Some(Expression::Concat(parts))
    }

    fn immediate(&mut self, fields: &Attributes<'_>) -> Option<()> {
        let target = register(fields, 1)?;
        let value = fields.find(2)?.nested();
        if target == VERDICT_REGISTER {
            let verdict = decode::verdict(&value.find(data::VERDICT)?.nested())?;
            return self.finish(Statement::Verdict(verdict), None);
        }
        let number = u32::from_ne_bytes(value.find(data::VALUE)?.value.try_into().ok()?);
        self.hold(target, Expression::Constant(Datum::Number(number)))
    }

    fn nat(&mut self, fields: &Attributes<'_>) -> Option<()> {
        (be32(fields, 1)? == expr::NAT_DESTINATION).then_some(())?;
        let number = be32(fields, 2)?;
        let family = Family::ALL
            .into_iter()
            .find(|family| u32::from(nfproto(*family)) == number)?;
        let (address, port) = (register(fields, 3)?, register(fields, 5)?);
        let width = match family {
            Family::V4 => 1,
            Family::V6 => 4,
        };
        (port == address + width && self.family == Some(nfproto(family))).then_some(())?;
        let target = self.value(address, ByteOrder::Host)?;
        let key = target.clone();
        self.drop_family_test(nfproto(family));
        self.finish(Statement::DestinationNat { family, target }, Some(&key))
    }

    /// An element that a packet writes or takes out; with an expression of its own it is nothing that we write.
    fn write_element(&mut self, fields: &Attributes<'_>) -> Option<()> {
        let map = fields.find(1)?.text();
        let set = self.sets.get(&map).filter(|set| set.dynamic)?;
        let has_expression = fields.find(7).is_some() || fields.find(10).is_some();
        let usual = !has_expression && be32(fields, 9).unwrap_or(0) == 0;
        usual.then_some(())?;
        let key = self.key(set, register(fields, 4)?)?;
        let value = self.value(register(fields, 5)?, ByteOrder::Host)?;
        let milliseconds = be64(fields, 6).unwrap_or(0);
        let read = key.clone();
        let statement = match be32(fields, 3)? {
            expr::DYNSET_UPDATE => Statement::Remember {
                key,
                value,
                map,
                seconds: u32::try_from(milliseconds / 1000).ok()?,
            },
            expr::DYNSET_DELETE if milliseconds == 0 => Statement::Forget { key, value, map },
            _ => return None,
        };
        self.finish(statement, Some(&read))
    }

    fn reject(&mut self, fields: &Attributes<'_>) -> Option<()> {
        let statement = match (be32(fields, 1)?, fields.find(2).and_then(|code| code.u8())) {
            (expr::REJECT_ICMPX, Some(expr::ICMPX_PORT_UNREACHABLE)) => Statement::Reject,
            // The code means nothing here, and the kernel does not tell it.
            (expr::REJECT_TCP_RESET, _) if self.protocol == Some(IPPROTO_TCP) => Statement::Reset,
            _ => return None,
        };
        self.finish(statement, None)
    }

    fn limit(&mut self, fields: &Attributes<'_>) -> Option<()> {
        let usual = be64(fields, 2)? == expr::LIMIT_SECOND
            && be32(fields, 4)? == expr::LIMIT_PACKETS
            && be32(fields, 5).unwrap_or(0) == 0;
        usual.then_some(())?;
        let (rate, burst) = (be64(fields, 1)?, be32(fields, 3)?);
        self.finish(Statement::Limit(Limit { rate, burst }), None)
    }

    /// A log without a group goes to the kernel's own log; a threshold or level is nothing that we write.
    fn log(&mut self, fields: &Attributes<'_>) -> Option<()> {
        let threshold = fields.find(4).and_then(|field| field.be16()).unwrap_or(0);
        let usual = threshold == 0 && fields.find(5).is_none() && fields.find(6).is_none();
        usual.then_some(())?;
        let log = Log {
            prefix: fields.find(2)?.text(),
            group: fields.find(1)?.be16()?,
            snaplen: be32(fields, 3).unwrap_or(0),
        };
        self.finish(Statement::Log(log), None)
    }

    fn matching(&mut self, left: Expression, operator: Operator, right: Operand) -> Option<()> {
        if let (Expression::Meta(key), Operator::Equal, Operand::Value(Datum::Byte(byte))) =
            (&left, operator, &right)
        {
            let known = match key {
                MetaKey::NfProtocol => self.family.replace(*byte),
                MetaKey::L4Protocol => self.protocol.replace(*byte),
                MetaKey::InputInterface | MetaKey::OutputInterface | MetaKey::Priority => None,
            };
            if known == Some(*byte) {
                self.repeated.insert(self.statements.len());
            }
        }
        let fields = left.clone();
        self.finish(
            Statement::Match {
                left,
                operator,
                right,
            },
            Some(&fields),
        )
    }

    /// Ends a statement, and leaves out the tests before it that its fields imply.
    fn finish(&mut self, statement: Statement, fields: Option<&Expression>) -> Option<()> {
        self.lower.is_none().then_some(())?;
        if let Some(expression) = fields {
            self.drop_tests(expression);
        }
        self.statements.push(statement);
        Some(())
    }

    fn drop_tests(&mut self, expression: &Expression) {
        match expression {
            Expression::Concat(parts) => parts.iter().rev().for_each(|part| self.drop_tests(part)),
            Expression::Map { key, .. } => self.drop_tests(key),
            Expression::Field(field) => {
                let (family, protocol) = needs(*field);
                if let Some(protocol) = protocol {
                    self.drop_last(MetaKey::L4Protocol, protocol);
                }
                if let Some(family) = family {
                    self.drop_family_test(family);
                }
            }
            Expression::Meta(_)
            | Expression::ConnectionState
            | Expression::Constant(_)
            | Expression::SenderCgroup { .. }
            | Expression::Random { .. } => {}
        }
    }

    fn drop_family_test(&mut self, family: u8) {
        self.drop_last(MetaKey::NfProtocol, family);
    }

    fn drop_last(&mut self, key: MetaKey, byte: u8) {
        let test = Statement::Match {
            left: Expression::Meta(key),
            operator: Operator::Equal,
            right: Operand::Value(Datum::Byte(byte)),
        };
        let last = self.statements.len().wrapping_sub(1);
        if self.statements.get(last) == Some(&test) && !self.repeated.contains(&last) {
            self.statements.pop();
        }
    }

    /// Whether the rule has made sure that packets have the field.
    fn is_tested(&self, field: Field) -> bool {
        let (family, protocol) = needs(field);
        (family.is_none() || self.family == family)
            && (protocol.is_none() || self.protocol == protocol)
    }

    fn hold(&mut self, register: u32, expression: Expression) -> Option<()> {
        self.registers
            .insert(register, Held::Value(expression, ByteOrder::Host));
        Some(())
    }

    /// The expression in a register, in this byte order if it is one of numbers.
    fn value(&self, register: u32, wanted: ByteOrder) -> Option<Expression> {
        let Held::Value(expression, order) = self.registers.get(&register)? else {
            return None;
        };
        (!is_host_order(expression) || *order == wanted).then(|| expression.clone())
    }
}
