use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use ringfence_net::Family;

/// A block in CIDR form, and the atom of the addresses of which it is the smallest.
///
/// Ordered so that a block comes before those inside it, and these before whatever lies behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Atom {
    family: Family,
    pub(super) first: u128,
    pub(super) length: u8,
}

/// Addresses that no packet between two ends has: loopback (rule NP-61), and IPv4 in the clothes of IPv6 (rule Q-6).
pub(super) const NEVER: [(IpAddr, u8); 3] = [
    (IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
    (IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
    (IpAddr::V6(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0)), 96),
];

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
    pub(super) fn holding(address: IpAddr, length: u8) -> Self {
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
    pub(super) fn widened(self, length: u8) -> Self {
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

    pub(super) fn last(self) -> u128 {
        let host = u32::from(self.family.width() - self.length);
        let hosts = u128::MAX.checked_shr(u128::BITS - host).unwrap_or(0);
        self.first | hosts
    }

    /// With how many equal bits both blocks begin.
    pub(super) fn common_length(self, other: Self) -> u8 {
        let outside = u128::BITS - u32::from(self.family.width());
        let equal = (self.first ^ other.first).leading_zeros() - outside;
        let equal = u8::try_from(equal).unwrap_or(u8::MAX);
        equal.min(self.length).min(other.length)
    }

    pub(super) fn address(self, number: u128) -> IpAddr {
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
