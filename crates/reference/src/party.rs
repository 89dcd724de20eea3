//! Rule Q-2: the ends of a connection.

use std::fmt;
use std::net::IpAddr;

use ringfence_model::ObjectName;
use ringfence_net::Family;

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

/// An endpoint before the family is chosen: who it is, and every address it could use.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    /// The party, its address still open unless the query names it.
    pub(crate) party: Party,
    /// Its addresses in order of preference; empty if none is known (rule AM-22).
    pub(crate) addresses: Vec<IpAddr>,
}

impl Candidate {
    pub(crate) fn literal(party: Party, address: IpAddr) -> Self {
        Self {
            party,
            addresses: vec![address],
        }
    }

    /// The same party without its addresses of the other family.
    pub(crate) fn restricted_to(self, family: Family) -> Self {
        let of_family = |address: &IpAddr| Family::of(*address) == family;
        Self {
            addresses: self.addresses.into_iter().filter(of_family).collect(),
            ..self
        }
    }

    /// Whether it has an address of `family`, or may have one (rule AM-22).
    pub(crate) fn can_speak(&self, family: Family) -> bool {
        self.addresses.is_empty()
            || self
                .addresses
                .iter()
                .any(|address| Family::of(*address) == family)
    }

    /// The party with the address of `family` that it would use.
    pub(crate) fn in_family(&self, family: Option<Family>) -> Party {
        let chosen = self
            .addresses
            .iter()
            .copied()
            .find(|address| Some(Family::of(*address)) == family);
        match self.party.clone() {
            Party::Pod { name, .. } => Party::Pod {
                name,
                address: chosen,
            },
            Party::Node { name, host_pod, .. } => Party::Node {
                name,
                host_pod,
                address: chosen,
            },
            party @ (Party::Other(_) | Party::Loopback(_)) => party,
        }
    }
}
