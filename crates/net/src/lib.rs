//! Leaf values of the network: protocols, port ranges, and one packet as a firewall sees it; and
//! sets of them: the ports of one protocol ([`PortSet`]), and all that may be opened between two
//! endpoints ([`ConnectionSet`]).
//!
//! Answers nothing by itself; every other crate speaks in these words. Does no IO and knows
//! neither Kubernetes nor netfilter. Start with [`Protocol`], [`Packet`] and [`ConnectionSet`].

mod connection_set;
mod packet;
mod port;
mod port_set;
mod protocol;

pub use connection_set::ConnectionSet;
pub use packet::{ConnectionState, Packet, TcpFlags};
pub use port::{PortRange, PortRangeError};
pub use port_set::PortSet;
pub use protocol::{IpProtocol, Protocol, UnknownProtocol};

/// The IP family of an address, a rule or a set.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both families, IPv4 first.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// The family that `address` belongs to.
    #[must_use]
    pub const fn of(address: std::net::IpAddr) -> Self {
        match address {
            std::net::IpAddr::V4(_) => Self::V4,
            std::net::IpAddr::V6(_) => Self::V6,
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::V4 => Self::V6,
            Self::V6 => Self::V4,
        }
    }
}
