use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use ringfence_net::Family;

use crate::bits::Bits;

/// Addresses of one family in groups that nothing tells apart.
#[derive(Clone, Debug)]
pub(crate) struct AddressAxis {
    family: Family,
    /// First address of each piece, ascending.
    starts: Vec<u128>,
    /// The atom of each piece; none for addresses that no packet between two ends has.
    atoms: Vec<Option<usize>>,
    /// For each atom the first address of its first piece, and how many addresses it has.
    members: Vec<(IpAddr, u128)>,
}

/// Something that holds for some addresses and not for others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub(crate) first: u128,
    pub(crate) last: u128,
    /// Marks of one meaning have one number.
    pub(crate) meaning: u32,
}

impl AddressAxis {
    /// Atoms of the addresses that have the same meanings and the same `kind`. `kind` is asked for one address of each
    /// piece between two marks.
    pub(crate) fn new(family: Family, marks: &[Mark], kind: impl Fn(IpAddr) -> u64) -> Self {
        let starts = starts(family, marks);
        let mut meanings: Vec<Vec<u32>> = vec![Vec::new(); starts.len()];
        for mark in marks {
            let from = starts.partition_point(|start| *start < mark.first);
            let to = starts.partition_point(|start| *start <= mark.last);
            for piece in meanings.get_mut(from..to).into_iter().flatten() {
                piece.push(mark.meaning);
            }
        }
        let mut axis = Self {
            family,
            atoms: Vec::with_capacity(starts.len()),
            members: Vec::new(),
            starts,
        };
        axis.group(meanings, kind);
        axis
    }

    fn group(&mut self, meanings: Vec<Vec<u32>>, kind: impl Fn(IpAddr) -> u64) {
        let mut known: BTreeMap<(u64, Vec<u32>), usize> = BTreeMap::new();
        let ends = self.starts.iter().skip(1).map(|next| next - 1);
        let ends: Vec<u128> = ends.chain([highest(self.family)]).collect();
        for ((start, end), mut meaning) in self.starts.iter().zip(ends).zip(meanings) {
            let address = address(self.family, *start);
            if never_travels(address) {
                self.atoms.push(None);
                continue;
            }
            meaning.sort_unstable();
            meaning.dedup();
            let size = (end - start).saturating_add(1);
            let atom = *known
                .entry((kind(address), meaning))
                .or_insert(self.members.len());
            match self.members.get_mut(atom) {
                Some((_, addresses)) => *addresses = addresses.saturating_add(size),
                None => self.members.push((address, size)),
            }
            self.atoms.push(Some(atom));
        }
    }

    pub(crate) const fn family(&self) -> Family {
        self.family
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// An address of each atom, in order.
    pub(crate) fn examples(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.members.iter().map(|(address, _)| *address)
    }

    pub(crate) fn example(&self, atom: usize) -> Option<IpAddr> {
        self.members.get(atom).map(|(address, _)| *address)
    }

    /// How many addresses all atoms have together.
    pub(crate) fn size(&self) -> u128 {
        let sizes = self.members.iter().map(|(_, size)| *size);
        sizes.fold(0, u128::saturating_add)
    }

    /// The atoms that have addresses from `first` to `last`.
    pub(crate) fn bits(&self, first: u128, last: u128) -> Bits {
        let from = self.starts.partition_point(|start| *start < first);
        let to = self.starts.partition_point(|start| *start <= last);
        let pieces = self.atoms.get(from..to).into_iter().flatten();
        Bits::of(self.len(), pieces.filter_map(|atom| *atom))
    }

    /// The atoms for which `holds` says so of an address of theirs.
    pub(crate) fn matching(&self, holds: impl Fn(IpAddr) -> bool) -> Bits {
        let found = self.examples().enumerate();
        let found = found.filter(|(_, address)| holds(*address));
        Bits::of(self.len(), found.map(|(atom, _)| atom))
    }
}

/// Where the pieces begin.
fn starts(family: Family, marks: &[Mark]) -> Vec<u128> {
    let mut starts = BTreeSet::from([0]);
    let never = NEVER
        .iter()
        .filter(|(address, _)| Family::of(*address) == family);
    let never = never.map(|(address, length)| {
        let first = number(*address);
        let size = 1_u128 << (bits(family) - length);
        (first, first + (size - 1))
    });
    let all = marks
        .iter()
        .map(|mark| (mark.first, mark.last))
        .chain(never);
    for (first, last) in all {
        starts.insert(first);
        if last < highest(family) {
            starts.insert(last + 1);
        }
    }
    starts.into_iter().collect()
}

/// Addresses that no packet between two ends has: loopback (rule NP-61), and IPv4 in the clothes of IPv6 (rule Q-6).
const NEVER: [(IpAddr, u32); 3] = [
    (IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
    (IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
    (IpAddr::V6(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0)), 96),
];

fn never_travels(address: IpAddr) -> bool {
    let is_mapped = match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => address.to_ipv4_mapped().is_some(),
    };
    address.is_loopback() || is_mapped
}

const fn bits(family: Family) -> u32 {
    match family {
        Family::V4 => 32,
        Family::V6 => 128,
    }
}

const fn highest(family: Family) -> u128 {
    match family {
        Family::V4 => u32::MAX as u128,
        Family::V6 => u128::MAX,
    }
}

/// An address as a number.
pub(crate) fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The address of a number; the highest one for a number that is none.
fn address(family: Family, number: u128) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::from_bits(u32::try_from(number).unwrap_or(u32::MAX)).into(),
        Family::V6 => Ipv6Addr::from_bits(number).into(),
    }
}

/// The first and last address of a block, as numbers.
pub(crate) fn span(block: IpNet) -> (u128, u128) {
    (number(block.network()), number(block.broadcast()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(first: &str, last: &str, meaning: u32) -> Mark {
        let of = |text: &str| number(text.parse().unwrap());
        Mark {
            first: of(first),
            last: of(last),
            meaning,
        }
    }

    #[test]
    fn addresses_with_the_same_marks_are_one_atom() {
        let marks = [
            mark("10.0.0.1", "10.0.0.1", 1),
            mark("10.0.0.5", "10.0.0.6", 1),
            mark("10.0.0.6", "10.0.0.6", 2),
        ];
        let axis = AddressAxis::new(Family::V4, &marks, |_| 0);
        assert_eq!(axis.len(), 3, "none, the first mark alone, both");
        let one = axis.bits(
            number("10.0.0.1".parse().unwrap()),
            number("10.0.0.1".parse().unwrap()),
        );
        let two = axis.bits(
            number("10.0.0.5".parse().unwrap()),
            number("10.0.0.5".parse().unwrap()),
        );
        assert_eq!(one, two);
        assert_eq!(
            axis.size(),
            (1 << 32) - (1 << 24),
            "loopback is no packet's"
        );
    }

    #[test]
    fn a_kind_tells_apart_what_marks_do_not() {
        let marks = [mark("fd00::1", "fd00::1", 1), mark("fd00::2", "fd00::2", 1)];
        let kind = |address: IpAddr| u64::from(address == "fd00::2".parse::<IpAddr>().unwrap());
        let axis = AddressAxis::new(Family::V6, &marks, kind);
        assert_eq!(axis.len(), 3);
    }
}
