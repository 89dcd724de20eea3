//! Addresses that no block tells apart.
//!
//! Blocks in CIDR form are nested or have nothing in common. So the smallest block that holds an address says which
//! others hold it, and the addresses that have the same smallest block form an *atom*.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use ringfence_net::Family;

/// A block in CIDR form, and the atom of the addresses of which it is the smallest.
///
/// Ordered so that a block comes before those inside it, and these before whatever lies behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Atom {
    family: Family,
    first: u128,
    length: u8,
}

/// Every block that policies name.
#[derive(Clone, Debug)]
pub(crate) struct Atoms {
    /// With the number of times that it is named.
    blocks: BTreeMap<Atom, usize>,
}

/// Addresses that no packet between two ends has: loopback (rule NP-61), and IPv4 in the clothes of IPv6 (rule Q-6).
const NEVER: [(IpAddr, u8); 3] = [
    (IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
    (IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
    (IpAddr::V6(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0)), 96),
];

impl Atoms {
    /// All addresses of each family, and those that are special by nature.
    pub(crate) fn new() -> Self {
        let whole = Family::ALL.map(Atom::all);
        let never = NEVER.map(|(address, length)| Atom::holding(address, length));
        let blocks = whole.into_iter().chain(never);
        Self {
            blocks: blocks.map(|block| (block, 1)).collect(),
        }
    }

    /// Names a block once more. True if nobody did before.
    pub(crate) fn acquire(&mut self, block: Atom) -> bool {
        let count = self.blocks.entry(block).or_default();
        *count += 1;
        *count == 1
    }

    /// Takes one naming back. True if nobody is left.
    pub(crate) fn release(&mut self, block: Atom) -> bool {
        let Some(count) = self.blocks.get_mut(&block) else {
            return false;
        };
        *count -= 1;
        let is_last = *count == 0;
        if is_last {
            self.blocks.remove(&block);
        }
        is_last
    }

    /// Every atom, some of which may have no address.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Atom> + '_ {
        self.blocks.keys().copied()
    }

    /// The smallest block that holds `address`.
    pub(crate) fn of(&self, address: IpAddr) -> Atom {
        self.smallest(Atom::holding(address, Family::of(address).width()))
    }

    /// The smallest block that holds all of `inner` and is larger.
    pub(crate) fn around(&self, inner: Atom) -> Atom {
        match inner.length.checked_sub(1) {
            Some(length) => self.smallest(inner.widened(length)),
            None => inner,
        }
    }

    /// The smallest block that holds all of `wanted`.
    fn smallest(&self, wanted: Atom) -> Atom {
        let mut bound = wanted;
        // A block that holds `wanted` is not behind it, and of those the last is the smallest. What is found on the
        // way is inside of what is searched, which therefore holds the common beginning of both.
        while let Some((found, _)) = self.blocks.range(..=bound).next_back() {
            if found.holds(wanted) {
                return *found;
            }
            bound = wanted.widened(found.common_length(wanted));
        }
        Atom::all(wanted.family)
    }

    /// The addresses of an atom: what of its block lies in no smaller one.
    pub(crate) fn ranges(&self, atom: Atom) -> Vec<(IpAddr, IpAddr)> {
        let mut ranges = Vec::new();
        let mut next = Some(atom.first);
        for inner in self.inside(atom) {
            let Some(first) = next else { break };
            // Blocks inside of one that was passed already begin before `first`.
            if inner.first < first {
                continue;
            }
            if inner.first > first {
                ranges.push((atom.address(first), atom.address(inner.first - 1)));
            }
            next = inner.last().checked_add(1);
        }
        if let Some(first) = next.filter(|first| *first <= atom.last()) {
            ranges.push((atom.address(first), atom.address(atom.last())));
        }
        ranges
    }

    /// The blocks inside of `block`, itself left out.
    fn inside(&self, block: Atom) -> impl Iterator<Item = Atom> + '_ {
        let behind = self.blocks.range(block..).map(|(inner, _)| *inner);
        behind
            .skip_while(move |inner| *inner == block)
            .take_while(move |inner| block.holds(*inner))
    }
}

impl Atom {
    /// Every address of `family`.
    pub(crate) const fn all(family: Family) -> Self {
        Self {
            family,
            first: 0,
            length: 0,
        }
    }

    /// The block of `length` bits that holds `address`.
    fn holding(address: IpAddr, length: u8) -> Self {
        let (family, number) = match address {
            IpAddr::V4(address) => (Family::V4, u128::from(u32::from(address))),
            IpAddr::V6(address) => (Family::V6, u128::from(address)),
        };
        let whole = Self {
            family,
            first: number,
            length: family.width(),
        };
        whole.widened(length.min(family.width()))
    }

    /// The block of `length` bits around this one.
    fn widened(self, length: u8) -> Self {
        let host = u32::from(self.family.width() - length);
        let first = self.first.checked_shr(host).unwrap_or(0);
        Self {
            first: first.checked_shl(host).unwrap_or(0),
            length,
            ..self
        }
    }

    pub(crate) const fn family(self) -> Family {
        self.family
    }

    pub(crate) fn first_address(self) -> IpAddr {
        self.address(self.first)
    }

    pub(crate) fn last_address(self) -> IpAddr {
        self.address(self.last())
    }

    /// The last block, in order, that can be inside of this one.
    pub(crate) fn last_inside(self) -> Self {
        Self {
            first: self.last(),
            length: self.family.width(),
            ..self
        }
    }

    /// Whether every address of `inner` is in this block.
    pub(crate) fn holds(self, inner: Self) -> bool {
        self.family == inner.family
            && self.length <= inner.length
            && inner.widened(self.length).first == self.first
    }

    /// Whether no packet between two ends has such an address.
    pub(crate) fn never_travels(self) -> bool {
        let mut never = NEVER.iter();
        never.any(|(address, length)| Self::holding(*address, *length).holds(self))
    }

    fn last(self) -> u128 {
        let host = u32::from(self.family.width() - self.length);
        let hosts = u128::MAX.checked_shr(u128::BITS - host).unwrap_or(0);
        self.first | hosts
    }

    /// With how many equal bits both blocks begin.
    fn common_length(self, other: Self) -> u8 {
        let outside = u128::BITS - u32::from(self.family.width());
        let equal = (self.first ^ other.first).leading_zeros() - outside;
        let equal = u8::try_from(equal).unwrap_or(u8::MAX);
        equal.min(self.length).min(other.length)
    }

    fn address(self, number: u128) -> IpAddr {
        match self.family {
            // The numbers of this family have 32 bits.
            Family::V4 => IpAddr::V4(Ipv4Addr::from(u32::try_from(number).unwrap_or(u32::MAX))),
            Family::V6 => IpAddr::V6(Ipv6Addr::from(number)),
        }
    }
}

impl From<IpNet> for Atom {
    fn from(network: IpNet) -> Self {
        Self::holding(network.addr(), network.prefix_len())
    }
}

impl From<IpAddr> for Atom {
    /// The block of one address.
    fn from(address: IpAddr) -> Self {
        Self::holding(address, u8::MAX)
    }
}

trait Width {
    /// The number of bits of an address.
    fn width(self) -> u8;
}

impl Width for Family {
    fn width(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(text: &str) -> Atom {
        Atom::from(text.parse::<IpNet>().unwrap())
    }

    fn atoms(blocks: &[&str]) -> Atoms {
        let mut atoms = Atoms::new();
        for text in blocks {
            atoms.acquire(block(text));
        }
        atoms
    }

    fn of(atoms: &Atoms, address: &str) -> Atom {
        atoms.of(address.parse().unwrap())
    }

    fn ranges(atoms: &Atoms, text: &str) -> Vec<String> {
        let ranges = atoms.ranges(block(text));
        let words = ranges.iter().map(|(first, last)| format!("{first}-{last}"));
        words.collect()
    }

    #[test]
    fn the_smallest_block_is_found_past_its_neighbours() {
        let found = atoms(&[
            "10.0.0.0/8",
            "10.1.0.0/16",
            "10.1.2.0/24",
            "10.1.2.3/32",
            "fd00::/8",
        ]);
        for (address, expected) in [
            ("10.1.2.3", "10.1.2.3/32"),
            ("10.1.2.4", "10.1.2.0/24"),
            ("10.1.255.255", "10.1.0.0/16"),
            ("10.200.0.1", "10.0.0.0/8"),
            ("10.0.0.0", "10.0.0.0/8"),
            ("11.0.0.0", "0.0.0.0/0"),
            ("0.0.0.0", "0.0.0.0/0"),
            ("127.0.0.1", "127.0.0.0/8"),
            ("fd00::1", "fd00::/8"),
            ("2001:db8::1", "::/0"),
            ("ffff::", "::/0"),
        ] {
            assert_eq!(of(&found, address), block(expected), "{address}");
        }
        assert_eq!(found.around(block("10.1.2.3/32")), block("10.1.2.0/24"));
        assert_eq!(found.around(block("10.1.2.0/24")), block("10.1.0.0/16"));
        assert_eq!(found.around(block("fd00::/8")), block("::/0"));
    }

    #[test]
    fn an_atom_is_its_block_without_smaller_ones() {
        let found = atoms(&[
            "10.0.0.0/8",
            "10.0.0.0/16",
            "10.0.5.0/24",
            "10.255.255.255/32",
        ]);
        assert_eq!(ranges(&found, "10.0.0.0/8"), ["10.1.0.0-10.255.255.254"]);
        assert_eq!(
            ranges(&found, "10.0.0.0/16"),
            ["10.0.0.0-10.0.4.255", "10.0.6.0-10.0.255.255"]
        );
        let halves = atoms(&["10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9"]);
        assert_eq!(ranges(&halves, "10.0.0.0/8"), Vec::<String>::new());
        let top = atoms(&["255.255.255.255/32", "ff00::/8"]);
        assert_eq!(
            ranges(&top, "0.0.0.0/0"),
            ["0.0.0.0-126.255.255.255", "128.0.0.0-255.255.255.254"]
        );
        assert_eq!(
            ranges(&top, "ff00::/8"),
            ["ff00::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]
        );
    }

    #[test]
    fn a_block_stays_while_somebody_names_it() {
        let mut found = atoms(&["10.0.0.0/8"]);
        assert!(!found.acquire(block("10.0.0.0/8")));
        assert!(!found.release(block("10.0.0.0/8")));
        assert_eq!(of(&found, "10.0.0.1"), block("10.0.0.0/8"));
        assert!(found.release(block("10.0.0.0/8")));
        assert_eq!(of(&found, "10.0.0.1"), block("0.0.0.0/0"));
    }

    #[test]
    fn host_bits_do_not_matter() {
        assert_eq!(block("10.0.0.7/8"), block("10.0.0.0/8"));
    }

    #[test]
    fn some_addresses_never_travel() {
        assert!(block("127.3.0.0/16").never_travels() && block("::1/128").never_travels());
        assert!(block("::ffff:10.0.0.0/104").never_travels());
        assert!(!block("126.0.0.0/8").never_travels() && !block("::/0").never_travels());
    }
}
