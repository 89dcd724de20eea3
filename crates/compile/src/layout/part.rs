//! Words to write rules with.

use ringfence_net::{ConnectionState, Family, IpProtocol};
use ringfence_ruleset::{
    Datum, Expression, Field, MetaKey, Operand, Operator, Rule, Statement, Verdict,
};

pub(super) fn rule(statements: impl IntoIterator<Item = Statement>) -> Rule {
    Rule {
        statements: statements.into_iter().collect(),
        comment: None,
    }
}

pub(super) fn verdict(verdict: Verdict) -> Statement {
    Statement::Verdict(verdict)
}

pub(super) fn jump(chain: &str) -> Statement {
    Statement::Verdict(Verdict::Jump(chain.to_owned()))
}

pub(super) fn equal(left: Expression, right: Operand) -> Statement {
    Statement::Match {
        left,
        operator: Operator::Equal,
        right,
    }
}

pub(super) fn not_equal(left: Expression, right: Operand) -> Statement {
    Statement::Match {
        left,
        operator: Operator::NotEqual,
        right,
    }
}

pub(super) fn within(key: Expression, set: &str) -> Statement {
    equal(key, Operand::Set(set.to_owned()))
}

pub(super) fn state(state: ConnectionState) -> Statement {
    equal(Expression::ConnectionState, Operand::State(state))
}

pub(super) fn protocol(protocol: IpProtocol) -> Statement {
    let value = Operand::Value(Datum::Byte(protocol.0));
    equal(Expression::Meta(MetaKey::L4Protocol), value)
}

pub(super) fn source(family: Family) -> Expression {
    Expression::Field(Field::SourceAddress(family))
}

pub(super) fn destination(family: Family) -> Expression {
    Expression::Field(Field::DestinationAddress(family))
}

/// `ip daddr . meta l4proto . th dport`.
pub(super) fn service_key(family: Family) -> Vec<Expression> {
    vec![
        destination(family),
        Expression::Meta(MetaKey::L4Protocol),
        Expression::Field(Field::DestinationPort),
    ]
}

/// `meta l4proto . th dport`.
pub(super) fn port_key() -> Vec<Expression> {
    vec![
        Expression::Meta(MetaKey::L4Protocol),
        Expression::Field(Field::DestinationPort),
    ]
}

pub(super) fn priority() -> Expression {
    Expression::Meta(MetaKey::Priority)
}

pub(super) fn set_priority(number: u32) -> Rule {
    let value = Expression::Constant(Datum::Number(number));
    rule([Statement::SetPriority(value)])
}
