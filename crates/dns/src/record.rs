use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// What a question asks for. Types that a cluster never has are [`Kind::Other`]: their answer is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// IPv4 address.
    A,
    /// IPv6 address.
    Aaaa,
    /// Alias.
    Cname,
    /// Name server of a zone.
    Ns,
    /// Name of an address.
    Ptr,
    /// Start of authority.
    Soa,
    /// Port and host of a service.
    Srv,
    /// Text.
    Txt,
    /// Anything else.
    Other,
}

/// The value of a record. Names are lower case without final dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RecordData {
    /// IPv4 address.
    A(Ipv4Addr),
    /// IPv6 address.
    Aaaa(Ipv6Addr),
    /// Alias for a name.
    Cname(String),
    /// Name server.
    Ns(String),
    /// Name of an address.
    Ptr(String),
    /// Start of authority of the zone that owns it.
    Soa {
        /// The primary server's name.
        server: String,
        /// The responsible mailbox, written as a name.
        contact: String,
        /// Version of the zone.
        serial: u32,
    },
    /// A port of a service at a host.
    Srv {
        /// Share among records of the same name.
        weight: u16,
        /// The port to dial.
        port: u16,
        /// The host to dial.
        target: String,
    },
    /// Text.
    Txt(String),
}

impl RecordData {
    /// The type a question must ask for to get this record.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::A(_) => Kind::A,
            Self::Aaaa(_) => Kind::Aaaa,
            Self::Cname(_) => Kind::Cname,
            Self::Ns(_) => Kind::Ns,
            Self::Ptr(_) => Kind::Ptr,
            Self::Soa { .. } => Kind::Soa,
            Self::Srv { .. } => Kind::Srv,
            Self::Txt(_) => Kind::Txt,
        }
    }
}

impl From<IpAddr> for RecordData {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::A(address),
            IpAddr::V6(address) => Self::Aaaa(address),
        }
    }
}

/// A record of an answer: a value and the name that owns it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record {
    /// The owner, lower case without final dot.
    pub name: String,
    /// The value.
    pub data: RecordData,
}
