use ringfence_net::IpProtocol;

use super::set::check_target;
use super::{LOG_PREFIX_LIMIT, ValidationError, check_comment};
use crate::{
    DataType, Datum, Expression, Field, Limit, Log, MetaKey, Operand, Operator, Set, SetKind,
    Statement, Table,
};

pub(super) fn check(table: &Table, errors: &mut Vec<ValidationError>) {
    for (name, chain) in &table.chains {
        for (index, rule) in chain.rules.iter().enumerate() {
            let at = || place(name, index);
            check_comment(rule.comment.as_ref(), at, errors);
            let mut check = Check {
                table,
                at: &at,
                errors,
            };
            for statement in &rule.statements {
                check.statement(statement);
            }
            check.resets(&rule.statements);
        }
    }
}

/// How errors name a rule.
pub(super) fn place(chain: &str, index: usize) -> String {
    format!("rule {index} of chain `{chain}`")
}

struct Check<'a> {
    table: &'a Table,
    at: &'a dyn Fn() -> String,
    errors: &'a mut Vec<ValidationError>,
}

impl Check<'_> {
    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Match { left, right, .. } => {
                self.expression(left);
                self.operand(left, right);
            }
            Statement::VerdictMap { key, map } => {
                self.expression(key);
                self.lookup(key, map, |set| set.kind == SetKind::VerdictMap);
            }
            Statement::SetPriority(value) => {
                self.expression(value);
                self.value(value, &[DataType::ClassId]);
            }
            Statement::DestinationNat { family, target } => {
                self.expression(target);
                let address = match family {
                    ringfence_net::Family::V4 => DataType::Ipv4Address,
                    ringfence_net::Family::V6 => DataType::Ipv6Address,
                };
                self.value(target, &[address, DataType::InetService]);
            }
            Statement::Remember {
                key,
                value,
                map,
                seconds,
            } => {
                self.write(key, value, map);
                if *seconds == 0 {
                    self.errors.push(ValidationError::Limit { at: (self.at)() });
                }
            }
            Statement::Forget { key, value, map } => self.write(key, value, map),
            Statement::Verdict(verdict) => {
                check_target(self.table, verdict, self.at, self.errors);
            }
            Statement::Limit(limit) => self.limit(*limit),
            Statement::Log(log) => self.log(log),
            Statement::Masquerade | Statement::NoTrack | Statement::Reject | Statement::Reset => {}
        }
    }

    /// nft adds the test for TCP where a rule has none, and a packet of another protocol would be dropped without a word.
    fn resets(&mut self, statements: &[Statement]) {
        let mut before = statements.iter().take_while(|it| **it != Statement::Reset);
        if statements.contains(&Statement::Reset) && !before.any(is_test_for_tcp) {
            self.errors.push(ValidationError::Reset { at: (self.at)() });
        }
    }

    /// What packets write goes into a map that is there for it.
    fn write(&mut self, key: &Expression, value: &Expression, map: &str) {
        self.expression(key);
        self.expression(value);
        self.lookup(key, map, |set| {
            set.dynamic && matches!(set.kind, SetKind::Map(_))
        });
        if let Some(SetKind::Map(types)) = self.table.sets.get(map).map(|set| &set.kind) {
            self.value(value, types);
        }
    }

    /// The kernel counts a bucket in nanoseconds: rate, burst and both together must fit.
    fn limit(&mut self, limit: Limit) {
        if limit.rate == 0 || limit.rate > 1_000_000_000 || limit.burst == 0 {
            self.errors.push(ValidationError::Limit { at: (self.at)() });
        }
    }

    fn log(&mut self, log: &Log) {
        let unquotable = |c: char| matches!(c, '"' | '\\') || c.is_control();
        let length = log.prefix.len();
        if length == 0 || length > LOG_PREFIX_LIMIT || log.prefix.contains(unquotable) {
            self.errors.push(ValidationError::LogPrefix {
                at: (self.at)(),
                limit: LOG_PREFIX_LIMIT,
            });
        }
    }

    fn expression(&mut self, expression: &Expression) {
        match expression {
            Expression::Concat(parts) => parts.iter().for_each(|part| self.expression(part)),
            Expression::Map { key, map } => {
                self.expression(key);
                self.lookup(key, map, |set| matches!(set.kind, SetKind::Map(_)));
            }
            Expression::Random { modulus: 0 } => {
                self.errors
                    .push(ValidationError::Modulus { at: (self.at)() });
            }
            Expression::SenderCgroup { level: 0 } => {
                self.errors.push(ValidationError::Limit { at: (self.at)() });
            }
            Expression::Field(_)
            | Expression::Meta(_)
            | Expression::ConnectionState
            | Expression::Constant(_)
            | Expression::SenderCgroup { .. }
            | Expression::Random { .. } => {}
        }
    }

    fn lookup(&mut self, key: &Expression, name: &str, is_kind: impl FnOnce(&Set) -> bool) {
        let (at, set) = ((self.at)(), name.to_owned());
        let Some(found) = self.table.sets.get(name) else {
            self.errors.push(ValidationError::MissingSet { at, set });
            return;
        };
        if !is_kind(found) {
            self.errors.push(ValidationError::SetKind { at, set });
        } else if key
            .types(self.table)
            .is_some_and(|types| types != found.key)
        {
            self.errors.push(ValidationError::FieldTypes { at, set });
        }
    }

    fn value(&mut self, value: &Expression, wanted: &[DataType]) {
        if value.types(self.table).is_some_and(|types| types != wanted) {
            self.errors
                .push(ValidationError::Operand { at: (self.at)() });
        }
    }

    fn operand(&mut self, left: &Expression, right: &Operand) {
        if let Operand::Set(name) = right {
            self.lookup(left, name, |set| set.kind == SetKind::Set);
        } else if !self.comparable(left, right) {
            self.errors
                .push(ValidationError::Operand { at: (self.at)() });
        }
    }

    fn comparable(&self, left: &Expression, right: &Operand) -> bool {
        let types = left.types(self.table);
        let fits = |datum: &Datum| match types.as_deref() {
            Some([kind]) => datum.fits(*kind),
            Some(_) => false,
            None => true,
        };
        match right {
            Operand::Value(datum) => fits(datum),
            Operand::Range(first, last) => fits(first) && fits(last) && first <= last,
            Operand::Prefix(block) => fits(&Datum::Address(block.network())),
            Operand::InterfacePrefix(prefix) => {
                is_interface(left) && (1..=14).contains(&prefix.len())
            }
            Operand::State(_) => *left == Expression::ConnectionState,
            Operand::TcpFlags { mask, value } => {
                *left == Expression::Field(Field::TcpFlags) && *mask != 0 && value & !mask == 0
            }
            Operand::Set(_) => true,
        }
    }
}

fn is_test_for_tcp(statement: &Statement) -> bool {
    *statement
        == Statement::Match {
            left: Expression::Meta(MetaKey::L4Protocol),
            operator: Operator::Equal,
            right: Operand::Value(Datum::Byte(IpProtocol::TCP.0)),
        }
}

fn is_interface(expression: &Expression) -> bool {
    matches!(
        expression,
        Expression::Meta(MetaKey::InputInterface | MetaKey::OutputInterface)
    )
}
