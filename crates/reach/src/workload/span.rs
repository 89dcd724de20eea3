use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use ringfence_net::Family;

/// Addresses of one family from `first` to `last`, both inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Span {
    pub(crate) family: Family,
    pub(crate) first: u128,
    pub(crate) last: u128,
}

impl Span {
    pub(crate) fn of_block(block: IpNet) -> Self {
        Self::between(block.network(), block.broadcast())
    }

    /// Both ends are of one family.
    pub(crate) fn between(first: IpAddr, last: IpAddr) -> Self {
        Self {
            family: Family::of(first),
            first: number(first),
            last: number(last),
        }
    }

    pub(crate) fn contains(self, other: Self) -> bool {
        self.family == other.family && self.first <= other.first && other.last <= self.last
    }

    /// Whether `address` lies inside.
    pub(crate) fn has(self, address: IpAddr) -> bool {
        self.contains(Self::between(address, address))
    }

    pub(crate) fn intersection(self, other: Self) -> Option<Self> {
        let (first, last) = (self.first.max(other.first), self.last.min(other.last));
        (self.family == other.family && first <= last).then_some(Self {
            first,
            last,
            ..self
        })
    }

    /// Every address; the first comes last, because it often names a network.
    pub(crate) fn addresses(self) -> impl Iterator<Item = IpAddr> {
        let later = (self.first..=self.last).skip(1);
        let first = std::iter::once(self.first);
        later
            .chain(first)
            .map(move |number| address(self.family, number))
    }
}

pub(crate) fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The address with this number; of IPv4 the lower 32 bits count.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a span of IPv4 ends at 32 bits"
)]
const fn address(family: Family, number: u128) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::from_bits(number as u32)),
        Family::V6 => IpAddr::V6(Ipv6Addr::from_bits(number)),
    }
}
