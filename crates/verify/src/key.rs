//! What the parts of a key are on the axes.

use ringfence_net::Family;
use ringfence_ruleset::{Datum, Expression, Field, MetaKey};

use crate::axes::address::number;
use crate::axes::{Axes, icmpv6_types, protocols};
use crate::bits::Bits;
use crate::region::Axis;

/// One part of a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Axis(Axis),
    Priority,
    /// A random number below this.
    Random(u32),
    Constant(Datum),
    /// A field that packets of this family do not have.
    Absent,
}

/// The parts of an expression, for packets of `family`; none for an expression that is no plain key.
pub(crate) fn parts(expression: &Expression, family: Family) -> Option<Vec<Part>> {
    Some(match expression {
        Expression::Field(field) => vec![field_part(*field, family)],
        Expression::Meta(key) => vec![meta_part(*key, family)],
        Expression::Constant(datum) => vec![Part::Constant(datum.clone())],
        Expression::Random { modulus } => vec![Part::Random(*modulus)],
        Expression::Concat(all) => {
            let all: Option<Vec<_>> = all.iter().map(|part| parts(part, family)).collect();
            all?.into_iter().flatten().collect()
        }
        Expression::ConnectionState | Expression::Map { .. } | Expression::SenderCgroup { .. } => {
            return None;
        }
    })
}

fn field_part(field: Field, family: Family) -> Part {
    match field {
        Field::SourceAddress(of) if of == family => Part::Axis(Axis::Source),
        Field::DestinationAddress(of) if of == family => Part::Axis(Axis::Destination),
        Field::SourceAddress(_) | Field::DestinationAddress(_) => Part::Absent,
        Field::DestinationPort => Part::Axis(Axis::Port),
        Field::TcpFlags => Part::Axis(Axis::Flags),
        Field::Icmpv6Type => Part::Axis(Axis::Icmpv6Type),
    }
}

fn meta_part(key: MetaKey, family: Family) -> Part {
    match key {
        MetaKey::L4Protocol => Part::Axis(Axis::Protocol),
        MetaKey::InputInterface => Part::Axis(Axis::Input),
        MetaKey::OutputInterface => Part::Axis(Axis::Output),
        MetaKey::Priority => Part::Priority,
        MetaKey::NfProtocol => Part::Constant(Datum::Byte(match family {
            Family::V4 => 2,
            Family::V6 => 10,
        })),
    }
}

/// The packets that have this field at all.
pub(crate) fn readable(axis: Axis, axes: &Axes) -> Vec<(Axis, Bits)> {
    match axis {
        Axis::Port => {
            let absent = Bits::single(axes.ports.len(), axes.ports.absent());
            let present = Bits::full(axes.ports.len()).without(&absent);
            vec![(Axis::Port, present)]
        }
        Axis::Flags => vec![(Axis::Protocol, protocols([6]))],
        Axis::Icmpv6Type => vec![
            (Axis::Protocol, protocols([58])),
            (Axis::Icmpv6Type, icmpv6_types(0, u8::MAX)),
        ],
        Axis::Source
        | Axis::Destination
        | Axis::Input
        | Axis::Output
        | Axis::Protocol
        | Axis::State => Vec::new(),
    }
}

/// The atoms of `axis` from one value to another; none if they are no values of this axis.
pub(crate) fn between(axis: Axis, first: &Datum, last: &Datum, axes: &Axes) -> Option<Bits> {
    let of_axis = |from: u8, to: u8| match axis {
        Axis::Protocol | Axis::Flags => Some(protocols(from..=to)),
        Axis::Icmpv6Type => Some(icmpv6_types(from, to)),
        Axis::Source
        | Axis::Destination
        | Axis::Input
        | Axis::Output
        | Axis::Port
        | Axis::State => None,
    };
    match (first, last) {
        (Datum::Byte(from), Datum::Byte(to)) => of_axis(*from, *to),
        (Datum::Port(from), Datum::Port(to)) if axis == Axis::Port => {
            Some(axes.ports.bits(*from, *to))
        }
        (Datum::Address(from), Datum::Address(to))
            if matches!(axis, Axis::Source | Axis::Destination) =>
        {
            let is_own = Family::of(*from) == axes.family && Family::of(*to) == axes.family;
            let addresses = axes.addresses(axis);
            is_own.then(|| addresses.bits(number(*from), number(*to)))
        }
        (Datum::Interface(from), Datum::Interface(to))
            if from == to && matches!(axis, Axis::Input | Axis::Output) =>
        {
            Some(axes.interfaces(axis, |name| name == from))
        }
        (
            Datum::Byte(_)
            | Datum::Port(_)
            | Datum::Address(_)
            | Datum::Interface(_)
            | Datum::Number(_)
            | Datum::Cgroup(_),
            _,
        ) => None,
    }
}
