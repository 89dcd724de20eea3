//! The axes of header space, each cut into atoms that neither the table nor the policies tell apart.

pub(crate) mod address;

use std::collections::BTreeSet;

use ringfence_net::{ConnectionState, Family};

use crate::bits::Bits;
use crate::region::{AXES, Axis, Region};
use address::AddressAxis;

/// All states, in the order of their atoms.
pub(crate) const STATES: [ConnectionState; 5] = [
    ConnectionState::New,
    ConnectionState::Established,
    ConnectionState::Related,
    ConnectionState::Invalid,
    ConnectionState::Untracked,
];

/// The atoms of every axis, for one family and one place of judgement.
#[derive(Clone, Debug)]
pub(crate) struct Axes {
    pub(crate) family: Family,
    pub(crate) source: AddressAxis,
    pub(crate) destination: AddressAxis,
    pub(crate) input: Vec<String>,
    pub(crate) output: Vec<String>,
    pub(crate) ports: PortAxis,
}

/// Ports 0 to 65535 in pieces, and one atom more for packets without.
#[derive(Clone, Debug)]
pub(crate) struct PortAxis {
    /// First port of each piece, ascending from 0.
    starts: Vec<u32>,
}

impl PortAxis {
    /// `cuts` are ports with which a piece begins.
    pub(crate) fn new(cuts: impl IntoIterator<Item = u32>) -> Self {
        let starts: BTreeSet<u32> = cuts.into_iter().chain([0, 1]).collect();
        Self {
            starts: starts.into_iter().filter(|port| *port <= 65_535).collect(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.starts.len() + 1
    }

    /// The atom of packets that have no port.
    pub(crate) fn absent(&self) -> usize {
        self.starts.len()
    }

    /// The lowest port of an atom.
    pub(crate) fn port(&self, atom: usize) -> Option<u16> {
        let start = self.starts.get(atom)?;
        u16::try_from(*start).ok()
    }

    pub(crate) fn bits(&self, first: u16, last: u16) -> Bits {
        let within = |start: &u32| (u32::from(first)..=u32::from(last)).contains(start);
        let found = self.starts.iter().enumerate();
        let atoms = found.filter(|(_, start)| within(start));
        Bits::of(self.len(), atoms.map(|(atom, _)| atom))
    }
}

impl Axes {
    pub(crate) fn len(&self, axis: Axis) -> usize {
        match axis {
            Axis::Source => self.source.len(),
            Axis::Destination => self.destination.len(),
            Axis::Input => self.input.len(),
            Axis::Output => self.output.len(),
            Axis::Protocol | Axis::Flags => 256,
            Axis::Port => self.ports.len(),
            Axis::State => STATES.len(),
            Axis::Icmpv6Type => 257,
        }
    }

    /// Every packet.
    pub(crate) fn everything(&self) -> Region {
        let sets: [Bits; AXES] = Axis::ALL.map(|axis| Bits::full(self.len(axis)));
        Region::new(sets)
    }

    pub(crate) fn names(&self, axis: Axis) -> &[String] {
        match axis {
            Axis::Input => &self.input,
            Axis::Output => &self.output,
            Axis::Source
            | Axis::Destination
            | Axis::Protocol
            | Axis::Port
            | Axis::State
            | Axis::Flags
            | Axis::Icmpv6Type => &[],
        }
    }

    /// The interfaces for which `holds` says so.
    pub(crate) fn interfaces(&self, axis: Axis, holds: impl Fn(&str) -> bool) -> Bits {
        let names = self.names(axis).iter().enumerate();
        let found = names.filter(|(_, name)| holds(name));
        Bits::of(self.len(axis), found.map(|(atom, _)| atom))
    }

    pub(crate) fn addresses(&self, axis: Axis) -> &AddressAxis {
        match axis {
            Axis::Source => &self.source,
            Axis::Destination
            | Axis::Input
            | Axis::Output
            | Axis::Protocol
            | Axis::Port
            | Axis::State
            | Axis::Flags
            | Axis::Icmpv6Type => &self.destination,
        }
    }
}

pub(crate) fn protocols(numbers: impl IntoIterator<Item = u8>) -> Bits {
    Bits::of(256, numbers.into_iter().map(usize::from))
}

pub(crate) fn states(wanted: impl IntoIterator<Item = ConnectionState>) -> Bits {
    let place = |state| STATES.iter().position(|known| *known == state);
    Bits::of(STATES.len(), wanted.into_iter().filter_map(place))
}

/// The TCP flags whose bits of `mask` equal `value`.
pub(crate) fn flags(mask: u8, value: u8) -> Bits {
    let fitting = (0..=u8::MAX).filter(|flags| flags & mask == value);
    Bits::of(256, fitting.map(usize::from))
}

pub(crate) fn icmpv6_types(first: u8, last: u8) -> Bits {
    Bits::of(257, (first..=last).map(usize::from))
}
