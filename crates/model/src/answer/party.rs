//! Rule Q-2: the ends of a connection.

use std::fmt;
use std::net::IpAddr;

use crate::ObjectName;

/// One end of a connection as policy sees it (rule Q-2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Party {
    /// A live pod of the pod network.
    Pod {
        /// Its name.
        name: ObjectName,
        /// Its address in this connection; `None` if it has none yet (rule AM-22).
        address: Option<IpAddr>,
    },
    /// A node, or a host pod, which has its node's address (rule NP-53).
    Node {
        /// The node's name; `None` for a host address of a pod that names no node.
        name: Option<String>,
        /// The host pod that was named.
        host_pod: Option<ObjectName>,
        /// Its address in this connection; `None` if none is known.
        address: Option<IpAddr>,
    },
    /// Any other address.
    Other(IpAddr),
    /// A loopback address: the connection stays inside its source (rule NP-61).
    Loopback(IpAddr),
}

impl Party {
    /// The address that the party uses in this connection, if it is known.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Pod { address, .. } | Self::Node { address, .. } => *address,
            Self::Other(address) | Self::Loopback(address) => Some(*address),
        }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pod { name, .. } => write!(f, "{name}"),
            Self::Node {
                host_pod: Some(pod),
                ..
            } => write!(f, "{pod} (host network)"),
            Self::Node {
                name: Some(name), ..
            } => write!(f, "node/{name}"),
            Self::Node {
                address: Some(address),
                ..
            } => write!(f, "node address {address}"),
            Self::Node { .. } => f.write_str("a node"),
            Self::Other(address) | Self::Loopback(address) => write!(f, "{address}"),
        }
    }
}
