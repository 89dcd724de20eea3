use std::net::IpAddr;

use ringfence_compile::Reason;
use ringfence_model::{Labels, ObjectName, PolicyName, Timestamp};
use ringfence_net::IpProtocol;
use serde::{Deserialize, Serialize};

/// What became of equal packets within a second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FlowRecord {
    /// When the first of them came.
    pub time: Timestamp,
    /// The node that saw them.
    pub node: String,
    /// Their place in the node's journal: later records have higher numbers.
    pub number: u64,
    /// What became of them.
    pub verdict: FlowVerdict,
    /// Which part of the table decided: `egress` for policies of the source, `ingress` for those of the destination.
    pub reason: Reason,
    /// Who sent them.
    pub source: FlowEnd,
    /// Whom they were for, Service addresses translated.
    pub destination: FlowEnd,
    /// `tcp`, `udp`, `icmp`, or the number of another protocol.
    pub protocol: String,
    /// Destination port, of a protocol that has ports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How many there were.
    pub count: u64,
    /// The policies behind it: those that isolate, those whose rules deny, or those whose rules allow. Of what would have
    /// been denied, those in audit mode.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<PolicyName>,
    /// Why, in the words of `ringfence explain`: one line for each direction that was decided.
    pub because: Vec<String>,
    /// Of the rules that could have allowed it the one that came nearest, and what of it did not match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearest: Option<String>,
}

/// What became of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FlowVerdict {
    /// Policies let them pass.
    Allow,
    /// Policies denied them.
    Deny,
    /// They were dropped for another reason than a policy.
    Drop,
    /// They passed, and policies in audit mode would have denied them.
    Audit,
}

impl FlowVerdict {
    /// What a reason means for the packet.
    #[must_use]
    pub const fn of(reason: Reason) -> Self {
        match reason {
            Reason::Allowed => Self::Allow,
            Reason::Egress | Reason::Ingress | Reason::HostPod => Self::Deny,
            Reason::AuditEgress | Reason::AuditIngress => Self::Audit,
            Reason::Spoofed
            | Reason::Unwired
            | Reason::Invalid
            | Reason::Midstream
            | Reason::Tunnel
            | Reason::Elsewhere
            | Reason::Unlisted
            | Reason::Host => Self::Drop,
        }
    }

    /// As in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Drop => "drop",
            Self::Audit => "audit",
        }
    }
}

/// One end of a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FlowEnd {
    /// The address in the packet.
    pub address: IpAddr,
    /// The pod that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<ObjectName>,
    /// The pod's labels.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// The node that has the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
}

/// What was lost since the agent started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lost {
    /// Copies of packets that the kernel had no room for, as far as it says. What its limit held back is not known to it.
    pub packets: u64,
    /// Packets that were seen and are in no record: too many different ones at once, or not readable.
    pub unrecorded: u64,
    /// Records that newer ones have overwritten.
    pub records: u64,
}

/// An answer about flows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Flows {
    /// The records, oldest first.
    pub records: Vec<FlowRecord>,
    /// What to ask for next: the number of the next record, or of the first one that did not fit into this answer.
    pub next: u64,
    /// What was lost since the agent started.
    pub lost: Lost,
    /// Why there are no records, if the kernel's copies cannot be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// `tcp`, `udp`, `sctp`, `icmp`, `icmpv6`, or a number.
pub(super) fn protocol_word(protocol: IpProtocol) -> String {
    match (protocol, protocol.as_policy()) {
        (_, Some(transport)) => transport.name().to_ascii_lowercase(),
        (IpProtocol::ICMP, None) => "icmp".to_owned(),
        (IpProtocol::ICMPV6, None) => "icmpv6".to_owned(),
        (other, None) => other.0.to_string(),
    }
}
