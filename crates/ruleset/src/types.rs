//! Which types the fields of an expression have.

use ringfence_net::Family;

use crate::{
    DataType, Datum, Expression, Field, MetaKey, Operand, SetKind, Statement, Table, Value,
};

impl Expression {
    /// The types of the expression's fields; `None` if a map that it names is missing or maps to verdicts.
    /// Bytes of any meaning count as `inet_proto`, random numbers as `mark`.
    pub(crate) fn types(&self, table: &Table) -> Option<Vec<DataType>> {
        Some(match self {
            Self::Field(field) => vec![field.data_type()],
            Self::Meta(key) => vec![key.data_type()],
            Self::ConnectionState => Vec::new(),
            Self::Constant(datum) => vec![datum.constant_type()],
            Self::Concat(parts) => {
                let types: Option<Vec<_>> = parts.iter().map(|part| part.types(table)).collect();
                types?.into_iter().flatten().collect()
            }
            Self::Map { map, .. } => match &table.sets.get(map)?.kind {
                SetKind::Map(types) => types.clone(),
                SetKind::Set | SetKind::VerdictMap => return None,
            },
            Self::SenderCgroup { .. } => vec![DataType::Cgroup],
            Self::Random { .. } => vec![DataType::Mark],
        })
    }

    /// The sets and maps that the expression looks up.
    pub(crate) fn sets(&self) -> Vec<&str> {
        match self {
            Self::Map { key, map } => {
                let mut names = key.sets();
                names.push(map);
                names
            }
            Self::Concat(parts) => parts.iter().flat_map(Self::sets).collect(),
            Self::Field(_)
            | Self::Meta(_)
            | Self::ConnectionState
            | Self::Constant(_)
            | Self::SenderCgroup { .. }
            | Self::Random { .. } => Vec::new(),
        }
    }
}

impl Field {
    const fn data_type(self) -> DataType {
        match self {
            Self::SourceAddress(Family::V4) | Self::DestinationAddress(Family::V4) => {
                DataType::Ipv4Address
            }
            Self::SourceAddress(Family::V6) | Self::DestinationAddress(Family::V6) => {
                DataType::Ipv6Address
            }
            Self::DestinationPort => DataType::InetService,
            Self::TcpFlags | Self::Icmpv6Type => DataType::InetProto,
        }
    }
}

impl MetaKey {
    const fn data_type(self) -> DataType {
        match self {
            Self::L4Protocol | Self::NfProtocol => DataType::InetProto,
            Self::InputInterface | Self::OutputInterface => DataType::InterfaceName,
            Self::Priority => DataType::ClassId,
        }
    }
}

impl Datum {
    /// The type of a constant that stands alone; a number is a class there.
    const fn constant_type(&self) -> DataType {
        match self {
            Self::Address(std::net::IpAddr::V4(_)) => DataType::Ipv4Address,
            Self::Address(std::net::IpAddr::V6(_)) => DataType::Ipv6Address,
            Self::Byte(_) => DataType::InetProto,
            Self::Port(_) => DataType::InetService,
            Self::Number(_) => DataType::ClassId,
            Self::Interface(_) => DataType::InterfaceName,
            Self::Cgroup(_) => DataType::Cgroup,
        }
    }

    /// Whether the value fits a field of type `kind`.
    #[must_use]
    pub fn fits(&self, kind: DataType) -> bool {
        let own = self.constant_type();
        let name_fits = match self {
            Self::Interface(name) => (1..=15).contains(&name.len()),
            Self::Address(_)
            | Self::Byte(_)
            | Self::Port(_)
            | Self::Number(_)
            | Self::Cgroup(_) => true,
        };
        name_fits && (own == kind || (own == DataType::ClassId && kind == DataType::Mark))
    }
}

impl DataType {
    /// Bytes that the value takes in a register, padded to 4.
    pub(crate) const fn padded_length(self) -> usize {
        match self {
            Self::Ipv6Address | Self::InterfaceName => 16,
            Self::Cgroup => 8,
            Self::Ipv4Address
            | Self::InetProto
            | Self::InetService
            | Self::ClassId
            | Self::Mark => 4,
        }
    }
}

impl Value {
    /// Whether the value is one that a set of this kind holds.
    #[must_use]
    pub fn fits(&self, kind: &SetKind) -> bool {
        match (self, kind) {
            (Self::Member, SetKind::Set) | (Self::Verdict(_), SetKind::VerdictMap) => true,
            (Self::Data(fields), SetKind::Map(types)) => {
                fields.len() == types.len()
                    && fields
                        .iter()
                        .zip(types)
                        .all(|(field, kind)| field.fits(*kind))
            }
            (Self::Member | Self::Data(_) | Self::Verdict(_), _) => false,
        }
    }
}

impl Statement {
    /// The sets and maps that the statement looks up.
    #[must_use]
    pub fn sets(&self) -> Vec<&str> {
        match self {
            Self::Match { left, right, .. } => {
                let mut names = left.sets();
                if let Operand::Set(name) = right {
                    names.push(name);
                }
                names
            }
            Self::VerdictMap { key, map } => {
                let mut names = key.sets();
                names.push(map);
                names
            }
            Self::SetPriority(value) => value.sets(),
            Self::DestinationNat { target, .. } => target.sets(),
            Self::Remember {
                key, value, map, ..
            }
            | Self::Forget { key, value, map } => {
                let mut names = key.sets();
                names.append(&mut value.sets());
                names.push(map);
                names
            }
            Self::Masquerade
            | Self::NoTrack
            | Self::Reject
            | Self::Reset
            | Self::Limit(_)
            | Self::Log(_)
            | Self::Verdict(_) => Vec::new(),
        }
    }
}
