use std::fmt::{Display, Formatter, Result};

use ringfence_net::{ConnectionState, Family};

use super::datum::{name_of, print_datum};
use crate::{
    DataType, Datum, Expression, Field, Limit, Log, MetaKey, Operand, Operator, Rule, Statement,
};

impl Display for Rule {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for (index, statement) in self.statements.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { " " })?;
            write!(f, "{statement}")?;
        }
        match &self.comment {
            Some(comment) => write!(f, " comment \"{comment}\""),
            None => Ok(()),
        }
    }
}

impl Display for Statement {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Match {
                left,
                operator,
                right,
            } => print_match(f, left, *operator, right),
            Self::VerdictMap { key, map } => write!(f, "{key} vmap @{map}"),
            Self::SetPriority(value) => write!(f, "meta priority set {value}"),
            Self::DestinationNat { family, target } => {
                write!(f, "dnat {} to {target}", family_name(*family))
            }
            Self::Remember {
                key,
                value,
                map,
                seconds,
            } => {
                write!(f, "update @{map} {{ {key} timeout ")?;
                print_time(f, *seconds)?;
                write!(f, " : {value} }}")
            }
            Self::Forget { key, value, map } => write!(f, "delete @{map} {{ {key} : {value} }}"),
            Self::Masquerade => f.write_str("masquerade"),
            Self::NoTrack => f.write_str("notrack"),
            Self::Reject => f.write_str("reject"),
            Self::Reset => f.write_str("reject with tcp reset"),
            Self::Limit(limit) => write!(f, "{limit}"),
            Self::Log(log) => write!(f, "{log}"),
            Self::Verdict(verdict) => write!(f, "{verdict}"),
        }
    }
}

/// A time as nft writes it: `3h`, `1d30s`.
fn print_time(f: &mut Formatter<'_>, seconds: u32) -> Result {
    let units = [
        (seconds / 86_400, 'd'),
        (seconds / 3_600 % 24, 'h'),
        (seconds / 60 % 60, 'm'),
        (seconds % 60, 's'),
    ];
    for (number, unit) in units.into_iter().filter(|(number, _)| *number > 0) {
        write!(f, "{number}{unit}")?;
    }
    Ok(())
}

/// The burst that nft means where none is written.
const USUAL_BURST: u32 = 5;

impl Display for Limit {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "limit rate {}/second", self.rate)?;
        match self.burst {
            USUAL_BURST => Ok(()),
            burst => write!(f, " burst {burst} packets"),
        }
    }
}

impl Display for Log {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "log prefix \"{}\" group {}", self.prefix, self.group)?;
        match self.snaplen {
            0 => Ok(()),
            snaplen => write!(f, " snaplen {snaplen}"),
        }
    }
}

const fn family_name(family: Family) -> &'static str {
    match family {
        Family::V4 => "ip",
        Family::V6 => "ip6",
    }
}

impl Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Field(field) => write!(f, "{field}"),
            Self::Meta(key) => write!(f, "{key}"),
            Self::ConnectionState => f.write_str("ct state"),
            Self::Constant(datum) => print_datum(f, DataType::ClassId, datum),
            Self::Concat(parts) => print_concat(f, parts),
            Self::Map { key, map } => write!(f, "{key} map @{map}"),
            Self::SenderCgroup { level } => write!(f, "socket cgroupv2 level {level}"),
            Self::Random { modulus } => write!(f, "numgen random mod {modulus}"),
        }
    }
}

fn print_concat(f: &mut Formatter<'_>, parts: &[Expression]) -> Result {
    for (index, part) in parts.iter().enumerate() {
        f.write_str(if index == 0 { "" } else { " . " })?;
        write!(f, "{part}")?;
    }
    Ok(())
}

impl Display for Field {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::SourceAddress(family) => write!(f, "{} saddr", family_name(*family)),
            Self::DestinationAddress(family) => write!(f, "{} daddr", family_name(*family)),
            Self::DestinationPort => f.write_str("th dport"),
            Self::TcpFlags => f.write_str("tcp flags"),
            Self::Icmpv6Type => f.write_str("icmpv6 type"),
        }
    }
}

impl Display for MetaKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::L4Protocol => "meta l4proto",
            Self::NfProtocol => "meta nfproto",
            Self::InputInterface => "iifname",
            Self::OutputInterface => "oifname",
            Self::Priority => "meta priority",
        })
    }
}

fn print_match(
    f: &mut Formatter<'_>,
    left: &Expression,
    operator: Operator,
    right: &Operand,
) -> Result {
    write!(f, "{left} {}", operator_text(left, operator, right))?;
    match right {
        Operand::Value(datum) => print_value(f, left, datum),
        Operand::Range(first, last) => print_range(f, left, first, last),
        Operand::Prefix(block) => write!(f, "{block}"),
        Operand::InterfacePrefix(prefix) => write!(f, "\"{prefix}*\""),
        Operand::State(state) => f.write_str(state_name(*state)),
        Operand::TcpFlags { mask, value: 0 } => f.write_str(&flag_names(*mask)),
        Operand::TcpFlags { mask, value } => {
            write!(f, "{} / {}", flag_names(*value), flag_names(*mask))
        }
        Operand::Set(name) => write!(f, "@{name}"),
    }
}

/// The operator's spelling; nft leaves out `==` except for whole TCP flags, and writes "no bit of these" as `!`.
const fn operator_text(left: &Expression, operator: Operator, right: &Operand) -> &'static str {
    match (operator, left, right) {
        (Operator::Equal, _, Operand::TcpFlags { value: 0, .. }) => "! ",
        (Operator::NotEqual, _, Operand::TcpFlags { value: 0, .. }) => "",
        (Operator::Equal, Expression::Field(Field::TcpFlags), Operand::Value(_)) => "== ",
        (Operator::Equal, _, _) => "",
        (Operator::NotEqual, _, _) => "!= ",
    }
}

fn print_value(f: &mut Formatter<'_>, left: &Expression, datum: &Datum) -> Result {
    match (left, datum) {
        (Expression::Meta(MetaKey::NfProtocol), Datum::Byte(number)) => {
            f.write_str(&name_of(&NF_PROTOCOLS, *number))
        }
        (Expression::Field(Field::Icmpv6Type), Datum::Byte(number)) => {
            f.write_str(&name_of(&ICMPV6_TYPES, *number))
        }
        (Expression::Field(Field::TcpFlags), Datum::Byte(number)) => match number.count_ones() {
            1 => f.write_str(&flag_names(*number)),
            _ => write!(f, "0x{number:x}"),
        },
        (_, datum) => print_datum(f, DataType::ClassId, datum),
    }
}

/// A range; nft writes the ends of a range of bytes as numbers.
fn print_range(f: &mut Formatter<'_>, left: &Expression, first: &Datum, last: &Datum) -> Result {
    if let (Datum::Byte(first), Datum::Byte(last)) = (first, last) {
        return write!(f, "{first}-{last}");
    }
    print_value(f, left, first)?;
    f.write_str("-")?;
    print_value(f, left, last)
}

const fn state_name(state: ConnectionState) -> &'static str {
    match state {
        ConnectionState::Invalid => "invalid",
        ConnectionState::Established => "established",
        ConnectionState::Related => "related",
        ConnectionState::New => "new",
        ConnectionState::Untracked => "untracked",
    }
}

const TCP_FLAGS: [(u8, &str); 8] = [
    (0x01, "fin"),
    (0x02, "syn"),
    (0x04, "rst"),
    (0x08, "psh"),
    (0x10, "ack"),
    (0x20, "urg"),
    (0x40, "ecn"),
    (0x80, "cwr"),
];

fn flag_names(flags: u8) -> String {
    let names: Vec<&str> = TCP_FLAGS
        .iter()
        .filter(|(bit, _)| flags & bit != 0)
        .map(|(_, name)| *name)
        .collect();
    names.join(",")
}

const NF_PROTOCOLS: [(u8, &str); 2] = [(2, "ipv4"), (10, "ipv6")];

const ICMPV6_TYPES: [(u8, &str); 18] = [
    (1, "destination-unreachable"),
    (2, "packet-too-big"),
    (3, "time-exceeded"),
    (4, "parameter-problem"),
    (128, "echo-request"),
    (129, "echo-reply"),
    (130, "mld-listener-query"),
    (131, "mld-listener-report"),
    (132, "mld-listener-done"),
    (133, "nd-router-solicit"),
    (134, "nd-router-advert"),
    (135, "nd-neighbor-solicit"),
    (136, "nd-neighbor-advert"),
    (137, "nd-redirect"),
    (138, "router-renumbering"),
    (141, "ind-neighbor-solicit"),
    (142, "ind-neighbor-advert"),
    (143, "mld2-listener-report"),
];
