use ringfence_model::Direction;
use serde::{Deserialize, Serialize};

/// The group of listeners (nflog) that the table's packets are copied to.
pub const LOG_GROUP: u16 = 29_286;

/// Bytes of a packet that are copied: addresses and ports, behind a few extension headers too.
pub(crate) const SNAPLEN: u32 = 128;

/// What begins the prefix of each of our log statements.
const PREFIX: &str = "ringfence ";

/// Which packets a table copies to its listeners, beside those that it drops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Record {
    /// None: dropped ones alone.
    #[default]
    Denied,
    /// Those that open a connection between or with pods, too.
    All,
}

/// Why a packet was copied: each log statement has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Policies deny it to its source (rule NP-2).
    Egress,
    /// Policies deny it to its destination.
    Ingress,
    /// A source address that does not belong to its interface.
    Spoofed,
    /// A destination that is not programmed (yet) on this node (rules NP-65, DP-26).
    Unwired,
    /// It belongs to no connection and opens none (rule DP-22): connection tracking calls it invalid.
    Invalid,
    /// It belongs to no connection and opens none: TCP, and not a SYN.
    Midstream,
    /// The tunnel between nodes, by somebody who is no node.
    Tunnel,
    /// From outside to a Service that keeps to its node, which has no backend of it (rule OB-19).
    Elsewhere,
    /// From a source that the load balancer's Service does not list (rule OB-20).
    Unlisted,
    /// No rule of a host firewall lets it in to the node (rule HF-2).
    Host,
    /// Policies deny it to a pod in the network of its node (rule HN-2). The table of such pods reports it.
    HostPod,
    /// It opens a connection, and nothing denies that.
    Allowed,
    /// Policies in audit mode would deny it to its source (rule AU-4).
    AuditEgress,
    /// Policies in audit mode would deny it to its destination.
    AuditIngress,
}

impl Reason {
    /// All that are followed by a drop in the table of the node.
    pub const DROPS: [Self; 10] = [
        Self::Egress,
        Self::Ingress,
        Self::Spoofed,
        Self::Unwired,
        Self::Invalid,
        Self::Midstream,
        Self::Tunnel,
        Self::Elsewhere,
        Self::Unlisted,
        Self::Host,
    ];

    /// All that are followed by nothing: the packet goes on.
    pub const PASSES: [Self; 3] = [Self::Allowed, Self::AuditEgress, Self::AuditIngress];

    /// The reason of what policies in audit mode would deny in a direction.
    #[must_use]
    pub const fn audit(direction: Direction) -> Self {
        match direction {
            Direction::Egress => Self::AuditEgress,
            Direction::Ingress => Self::AuditIngress,
        }
    }

    /// The reason of what policies deny in a direction.
    #[must_use]
    pub const fn denial(direction: Direction) -> Self {
        match direction {
            Direction::Egress => Self::Egress,
            Direction::Ingress => Self::Ingress,
        }
    }

    /// The word that follows `ringfence ` in the prefix and `drop-` in the name of the chain.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Egress => "egress",
            Self::Ingress => "ingress",
            Self::Spoofed => "spoofed",
            Self::Unwired => "unwired",
            Self::Invalid => "invalid",
            Self::Midstream => "midstream",
            Self::Tunnel => "tunnel",
            Self::Elsewhere => "elsewhere",
            Self::Unlisted => "unlisted",
            Self::Host => "host",
            Self::HostPod => "host-pod",
            Self::Allowed => "allowed",
            Self::AuditEgress => "audit-egress",
            Self::AuditIngress => "audit-ingress",
        }
    }

    /// What listeners are told with the packet.
    #[must_use]
    pub fn prefix(self) -> String {
        format!("{PREFIX}{}", self.word())
    }

    /// What a prefix means; `None` for somebody else's.
    #[must_use]
    pub fn of_prefix(prefix: &str) -> Option<Self> {
        let word = prefix.strip_prefix(PREFIX)?;
        let others = Self::PASSES.into_iter().chain([Self::HostPod]);
        let mut all = Self::DROPS.into_iter().chain(others);
        all.find(|reason| reason.word() == word)
    }

    /// The chain that reports for this reason, and drops unless the packet goes on.
    pub(crate) fn chain(self) -> String {
        match self {
            Self::Egress
            | Self::Ingress
            | Self::Spoofed
            | Self::Unwired
            | Self::Invalid
            | Self::Midstream
            | Self::Tunnel
            | Self::Elsewhere
            | Self::Unlisted
            | Self::Host
            | Self::HostPod => format!("drop-{}", self.word()),
            Self::Allowed | Self::AuditEgress | Self::AuditIngress => {
                format!("report-{}", self.word())
            }
        }
    }

    /// Packets per second that are copied for this reason, and at once. Each reason has a bucket of its own, so that a
    /// flood of one hides nothing of the others.
    pub(crate) const fn rate(self) -> (u64, u32) {
        match self {
            Self::Egress
            | Self::Ingress
            | Self::HostPod
            | Self::Allowed
            | Self::AuditEgress
            | Self::AuditIngress => (500, 1_000),
            Self::Spoofed
            | Self::Unwired
            | Self::Invalid
            | Self::Midstream
            | Self::Tunnel
            | Self::Elsewhere
            | Self::Unlisted
            | Self::Host => (100, 200),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_prefix_means_its_reason() {
        let others = Reason::PASSES.into_iter().chain([Reason::HostPod]);
        for reason in Reason::DROPS.into_iter().chain(others) {
            assert_eq!(Reason::of_prefix(&reason.prefix()), Some(reason));
        }
        assert_eq!(Reason::of_prefix("ringfence"), None);
        assert_eq!(Reason::of_prefix("somebody egress"), None);
    }
}
