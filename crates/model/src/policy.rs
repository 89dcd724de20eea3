use std::fmt;

use ipnet::IpNet;
use ringfence_net::{PortRange, Protocol};
use serde::{Deserialize, Serialize};

use crate::{AuditMode, LabelSelector, ObjectName, Source};

/// A NetworkPolicy of `networking.k8s.io/v1`, valid and defaulted (rules V-*, NP-3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkPolicy {
    /// Namespace and name.
    pub name: ObjectName,
    /// Pods of the policy's namespace that it selects (rule NP-1).
    pub pod_selector: LabelSelector,
    /// Effective policy types (rule NP-3): whether it isolates for ingress.
    pub isolates_ingress: bool,
    /// Effective policy types (rule NP-3): whether it isolates for egress.
    pub isolates_egress: bool,
    /// `spec.ingress` as written; inert unless it isolates for ingress (rule NP-4).
    pub ingress: Vec<PolicyRule>,
    /// `spec.egress` as written; inert unless it isolates for egress (rule NP-4).
    pub egress: Vec<PolicyRule>,
    /// When it is in audit mode (rule AU-1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditMode>,
    /// Where the policy was written.
    pub source: Option<Source>,
}

impl NetworkPolicy {
    /// Whether the policy isolates the pods it selects in `direction` (rules NP-2, NP-3).
    #[must_use]
    pub const fn isolates(&self, direction: Direction) -> bool {
        match direction {
            Direction::Ingress => self.isolates_ingress,
            Direction::Egress => self.isolates_egress,
        }
    }

    /// The rules of `direction` as written.
    #[must_use]
    pub fn rules(&self, direction: Direction) -> &[PolicyRule] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}

/// The direction of traffic, seen from the pod that a policy selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Direction {
    /// Into the pod.
    Ingress,
    /// Out of the pod.
    Egress,
}

impl Direction {
    /// Both directions, egress first: the order in which a connection meets them.
    pub const ALL: [Self; 2] = [Self::Egress, Self::Ingress];

    /// That of the other end of the same connection.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Ingress => Self::Egress,
            Self::Egress => Self::Ingress,
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        })
    }
}

/// One rule: peers and ports must both match (rule NP-10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRule {
    /// `from` or `to`; empty matches every peer (rule NP-10).
    pub peers: Vec<PolicyPeer>,
    /// `ports`; empty matches every protocol and port (rule NP-10).
    pub ports: Vec<PolicyPort>,
    /// Where the rule was written.
    pub source: Option<Source>,
}

/// One item of `from` or `to` (rule NP-11).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyPeer {
    /// Addresses (rules NP-40 to NP-44).
    IpBlock(IpBlock),
    /// Pods (rules NP-12 to NP-16).
    Pods(PeerSelector),
}

/// `ipBlock`: the addresses of `cidr` that lie in no `except` block.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IpBlock {
    /// The block, host bits cleared (rule AM-24).
    pub cidr: IpNet,
    /// Holes in it.
    pub except: Vec<IpNet>,
}

/// Pods by selector.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PeerSelector {
    /// Namespaces; `None` means the policy's own (rule NP-12).
    pub namespaces: Option<LabelSelector>,
    /// Pods in these namespaces; `None` means all of them (rule NP-13).
    pub pods: Option<LabelSelector>,
}

/// One item of `ports`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PolicyPort {
    /// Protocol, TCP by default (rule NP-30).
    pub protocol: Protocol,
    /// Which ports of that protocol.
    pub port: PortMatch,
}

/// The `port` and `endPort` of an item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PortMatch {
    /// No `port`: every port of the protocol (rule NP-31).
    Any,
    /// A number, or a range with `endPort` (rule NP-32).
    Range(PortRange),
    /// A container port's name, resolved on the destination pod (rules NP-34, NP-35).
    Name(String),
}
