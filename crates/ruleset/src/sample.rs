//! A small valid table for tests, and words to change it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ringfence_net::{ConnectionState, Family, Packet, Protocol, TcpFlags};

use crate::{
    BaseChain, Chain, ChainKind, DataType, Datum, Element, Expression, Field, Hook, Key, MetaKey,
    Operand, Operator, Rule, Set, SetKind, Statement, TABLE_NAME, Table, Value, Verdict,
};

pub(crate) fn address(text: &str) -> Datum {
    Datum::Address(text.parse().unwrap())
}

pub(crate) fn source() -> Expression {
    Expression::Field(Field::SourceAddress(Family::V4))
}

pub(crate) fn rule(statements: impl Into<Vec<Statement>>) -> Rule {
    Rule {
        statements: statements.into(),
        comment: None,
    }
}

pub(crate) fn jump(chain: &str) -> Statement {
    Statement::Verdict(Verdict::Jump(chain.to_owned()))
}

pub(crate) fn verdict(verdict: Verdict) -> Rule {
    rule([Statement::Verdict(verdict)])
}

pub(crate) fn when(left: Expression, right: Operand, then: Verdict) -> Rule {
    let operator = Operator::Equal;
    rule([
        Statement::Match {
            left,
            operator,
            right,
        },
        Statement::Verdict(then),
    ])
}

pub(crate) fn map(key: Expression, map: &str) -> Expression {
    Expression::Map {
        key: Box::new(key),
        map: map.to_owned(),
    }
}

pub(crate) fn set_priority(value: Expression) -> Rule {
    rule([Statement::SetPriority(value)])
}

pub(crate) fn number(number: u32) -> Expression {
    Expression::Constant(Datum::Number(number))
}

pub(crate) fn priority_is(number: u32, then: Verdict) -> Rule {
    let right = Operand::Value(Datum::Number(number));
    when(Expression::Meta(MetaKey::Priority), right, then)
}

pub(crate) fn called(rules: impl Into<Vec<Rule>>) -> Chain {
    Chain {
        base: None,
        rules: rules.into(),
    }
}

pub(crate) fn base(kind: ChainKind, hook: Hook, rules: impl Into<Vec<Rule>>) -> Chain {
    Chain {
        base: Some(BaseChain {
            kind,
            hook,
            priority: 0,
        }),
        rules: rules.into(),
    }
}

pub(crate) fn set(kind: SetKind, interval: bool, elements: &[(&str, &str, Value)]) -> Set {
    let element = |(first, last, value): &(&str, &str, Value)| {
        let key = Key::range(vec![address(first)], vec![address(last)]);
        let element = Element {
            value: value.clone(),
            comment: None,
        };
        (key, element)
    };
    Set {
        key: vec![DataType::Ipv4Address],
        kind,
        interval,
        counted: false,
        dynamic: false,
        timed: false,
        size: Some(8),
        elements: elements.iter().map(element).collect(),
    }
}

/// `forward` calls `judge` for a verdict map, a range set and a class map.
pub(crate) fn table() -> Table {
    let class = |number| Value::Data(vec![Datum::Number(number)]);
    let judged = Value::Verdict(Verdict::Jump("judge".to_owned()));
    let sets = [
        (
            "classes",
            set(
                SetKind::Map(vec![DataType::ClassId]),
                true,
                &[
                    ("10.0.0.0", "10.0.0.9", class(7)),
                    ("10.0.0.10", "10.0.0.10", class(8)),
                ],
            ),
        ),
        (
            "isolated",
            set(
                SetKind::VerdictMap,
                false,
                &[("10.0.0.1", "10.0.0.1", judged)],
            ),
        ),
        (
            "blocks",
            set(
                SetKind::Set,
                true,
                &[("10.0.0.0", "10.0.0.7", Value::Member)],
            ),
        ),
    ];
    let isolated = Statement::VerdictMap {
        key: source(),
        map: "isolated".to_owned(),
    };
    let chains = [
        (
            "forward",
            base(ChainKind::Filter, Hook::Forward, [rule([isolated])]),
        ),
        (
            "judge",
            called([
                set_priority(map(source(), "classes")),
                when(source(), Operand::Set("blocks".to_owned()), Verdict::Return),
                verdict(Verdict::Drop),
            ]),
        ),
    ];
    Table {
        name: TABLE_NAME.to_owned(),
        comment: None,
        chains: chains.map(|(name, chain)| (name.to_owned(), chain)).into(),
        sets: sets.map(|(name, set)| (name.to_owned(), set)).into(),
    }
}

/// A table of chains alone.
pub(crate) fn chains(chains: impl IntoIterator<Item = (&'static str, Chain)>) -> Table {
    Table {
        chains: chains
            .into_iter()
            .map(|(name, chain)| (name.to_owned(), chain))
            .collect(),
        sets: BTreeMap::new(),
        ..table()
    }
}

/// A TCP segment that opens a connection.
pub(crate) fn packet(source: &str, destination: &str, port: u16) -> Packet {
    let parse = |text: &str| -> IpAddr { text.parse().unwrap() };
    Packet {
        source: parse(source),
        destination: parse(destination),
        protocol: Protocol::Tcp.into(),
        source_port: Some(40_000),
        destination_port: Some(port),
        tcp_flags: TcpFlags::SYN,
        state: ConnectionState::New,
        input_interface: "eth0".to_owned(),
        output_interface: String::new(),
    }
}
