//! Rules: what can be asked.

use std::fmt;
use std::net::IpAddr;

use ringfence_net::IpProtocol;

use crate::ObjectName;

/// One connection attempt (rule Q-1): only its opening packet is judged, and source ports never matter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Query {
    /// Who opens the connection.
    pub source: Endpoint,
    /// To whom.
    pub destination: Endpoint,
    /// Any IP protocol (rule Q-12).
    pub protocol: IpProtocol,
    /// Destination port, 1 to 65535; `None` for protocols other than TCP, UDP and SCTP (rule Q-12).
    pub port: Option<u16>,
}

/// One end of a connection, as it is named (rule Q-2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Endpoint {
    /// A pod; a host pod stands for its node's address (rules Q-3, NP-53).
    Pod(ObjectName),
    /// A literal address, resolved in the order of rule Q-3.
    Address(IpAddr),
    /// A node by name: its address (rule Q-5).
    Node(String),
    /// A Service by name, as destination: its cluster address (rule Q-8).
    Service(ObjectName),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pod(name) => write!(f, "{name}"),
            Self::Address(address) => write!(f, "{address}"),
            Self::Node(name) => write!(f, "node/{name}"),
            Self::Service(name) => write!(f, "svc/{name}"),
        }
    }
}

/// Why a question has no answer; never a verdict (rule Q-13).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The pod, node or Service does not exist, or the pod is finished (rule Q-4).
    #[error("no such endpoint `{0}`")]
    NoSuchEndpoint(Endpoint),
    /// The two ends have no address of one family (rule Q-7).
    #[error("no common address family between `{from}` and `{to}`", from = .0, to = .1)]
    NoCommonFamily(Endpoint, Endpoint),
    /// Two live pods of the pod network have one address (rule Q-6).
    #[error("address {address} belongs to both `{first}` and `{second}`")]
    SharedAddress {
        /// The address.
        address: IpAddr,
        /// The first pod in order of name.
        first: ObjectName,
        /// The other pod.
        second: ObjectName,
    },
    /// TCP, UDP and SCTP are asked with a port (rule Q-1).
    #[error("protocol {} needs a destination port", .0.0)]
    PortMissing(IpProtocol),
    /// A port is 1 to 65535 (rule Q-1).
    #[error("port 0 cannot be connected to")]
    PortZero,
    /// Other protocols have no port (rule Q-12).
    #[error("protocol {} has no ports", .0.0)]
    PortUnexpected(IpProtocol),
    /// A Service opens no connections (rules Q-3, OB-14).
    #[error("service `{0}` cannot be the source of a connection")]
    ServiceAsSource(ObjectName),
    /// A headless or ExternalName Service has no address of its own (rule OB-13).
    #[error("service `{0}` has no cluster address")]
    NoServiceAddress(ObjectName),
    /// The Service that is named does not serve this port, so that nobody answers there (rule Q-8).
    #[error("service `{0}` does not serve this port")]
    NoServicePort(ObjectName),
    /// Packets from a loopback address never leave where they are made (rule NP-61).
    #[error("loopback address {0} cannot be the source of a connection to elsewhere")]
    LoopbackSource(IpAddr),
}
