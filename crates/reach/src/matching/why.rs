use std::fmt;
use std::net::IpAddr;

use ringfence_model::{Match, ObjectName, Party};
use ringfence_net::{IpProtocol, Protocol};

/// What is wrong with a field of a rule, for a connection that it does not match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// A label is required that `who` has not.
    LabelMissing {
        /// The pod or the namespace, as messages name it.
        who: String,
        /// The label's key.
        key: String,
    },
    /// A label is required to have another value (rules NP-21, NP-22).
    LabelDiffers {
        /// The pod or the namespace, as messages name it.
        who: String,
        /// The label's key.
        key: String,
        /// Its value.
        found: String,
    },
    /// A label must not be there, or must not have this value.
    LabelUnwanted {
        /// The pod or the namespace, as messages name it.
        who: String,
        /// The label's key.
        key: String,
        /// Its value.
        found: String,
    },
    /// A selector without `namespaceSelector` means the policy's own namespace (rule NP-12).
    OtherNamespace {
        /// The peer.
        pod: ObjectName,
        /// The namespace of the policy.
        policy: String,
    },
    /// Selectors match live pods of the pod network alone (rules NP-16, NP-53, CN-36).
    NoPod(Party),
    /// The address is not in the block (rule NP-40).
    Outside(IpAddr),
    /// The address is in a block of `except` (rule NP-41).
    Excepted(IpAddr),
    /// The address is of the other family (rule NP-40).
    OtherFamily(IpAddr),
    /// The address is not known, so that nobody can tell (rule AM-22).
    AddressUnknown(Party),
    /// The address is not known, but none that it can be would do (rule AM-22).
    NoSuchAddress(Party),
    /// The address is of none of the selected nodes (rule CN-35).
    NoNode(Party),
    /// The address is not known to belong to one of the names (rule AM-19).
    NoName(Party),
    /// Another protocol is asked for (rule NP-38).
    OtherProtocol(IpProtocol),
    /// Another port is asked for (rule NP-32).
    OtherPort(u16),
    /// The protocol that is asked for has no ports, and only rules without ports match it (rule AM-9).
    Portless(IpProtocol),
    /// The destination pod declares no port of that name and protocol (rule NP-34).
    NameMissing {
        /// The destination.
        pod: ObjectName,
        /// The protocol; `None` for any (rule CN-33).
        protocol: Option<Protocol>,
    },
    /// The destination pod declares that name for other ports (rule NP-34).
    NameDiffers {
        /// The destination.
        pod: ObjectName,
        /// The number that the name stands for, the first of several.
        port: u16,
    },
    /// Only pods have ports with names (rule NP-35).
    NameWithoutPod(Party),
    /// A kind of peer that this version does not know (rule CN-38).
    Unrecognized,
}

impl Why {
    /// What the part can still be if this is wrong with it.
    pub(super) const fn leaves(&self) -> Match {
        match self {
            Self::AddressUnknown(_) => Match::Unknown,
            Self::LabelMissing { .. }
            | Self::LabelDiffers { .. }
            | Self::LabelUnwanted { .. }
            | Self::OtherNamespace { .. }
            | Self::NoPod(_)
            | Self::Outside(_)
            | Self::Excepted(_)
            | Self::OtherFamily(_)
            | Self::NoSuchAddress(_)
            | Self::NoNode(_)
            | Self::NoName(_)
            | Self::OtherProtocol(_)
            | Self::OtherPort(_)
            | Self::Portless(_)
            | Self::NameMissing { .. }
            | Self::NameDiffers { .. }
            | Self::NameWithoutPod(_)
            | Self::Unrecognized => Match::No,
        }
    }

    /// How far the field is from what would match: a value is nearer than another kind of thing.
    pub(super) const fn weight(&self) -> usize {
        match self {
            Self::AddressUnknown(_) => 0,
            Self::LabelMissing { .. }
            | Self::LabelDiffers { .. }
            | Self::LabelUnwanted { .. }
            | Self::Excepted(_)
            | Self::OtherPort(_)
            | Self::NameDiffers { .. } => 1,
            Self::OtherNamespace { .. }
            | Self::OtherProtocol(_)
            | Self::NameMissing { .. }
            | Self::NoSuchAddress(_)
            | Self::Outside(_) => 2,
            Self::NoPod(_)
            | Self::OtherFamily(_)
            | Self::NoNode(_)
            | Self::NoName(_)
            | Self::Portless(_)
            | Self::NameWithoutPod(_)
            | Self::Unrecognized => 4,
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LabelMissing { who, key } => write!(f, "{who} has no label `{key}`"),
            Self::LabelDiffers { who, key, found } | Self::LabelUnwanted { who, key, found } => {
                write!(f, "{who} has `{key}: {found}`")
            }
            Self::OtherNamespace { pod, policy } => write!(
                f,
                "this means pods of `{policy}` alone, and {pod} is not one"
            ),
            Self::NoPod(party) => {
                write!(f, "selectors match pods alone, and {party} is not one")
            }
            Self::Outside(address) => write!(f, "{address} is outside"),
            Self::Excepted(address) => write!(f, "{address} is excepted"),
            Self::OtherFamily(address) => write!(f, "{address} is {}", family(*address)),
            Self::AddressUnknown(party) => write!(f, "the address of {party} is not known"),
            Self::NoSuchAddress(_) => f.write_str("no address that it can have is in it"),
            Self::NoNode(party) => write!(f, "{party} is none of these nodes"),
            Self::NoName(party) => {
                write!(f, "{party} is not known to have one of these names")
            }
            Self::OtherProtocol(asked) => write!(f, "not {}", protocol(*asked)),
            Self::OtherPort(asked) => write!(f, "not {asked}"),
            Self::Portless(asked) => write!(f, "{} has no ports", protocol(*asked)),
            Self::NameMissing { pod, protocol } => {
                let protocol = protocol.map_or(String::new(), |found| format!("{found} "));
                write!(f, "{pod} has no {protocol}port of this name")
            }
            Self::NameDiffers { pod, port } => write!(f, "this is {port} on {pod}"),
            Self::NameWithoutPod(party) => {
                write!(f, "only pods have named ports, and {party} is none")
            }
            Self::Unrecognized => f.write_str("a kind of peer that is not known here"),
        }
    }
}

fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "IPv4" } else { "IPv6" }
}

fn protocol(asked: IpProtocol) -> String {
    match (asked.as_policy(), asked) {
        (Some(known), _) => known.to_string(),
        (None, IpProtocol::ICMP) => "ICMP".to_owned(),
        (None, IpProtocol::ICMPV6) => "ICMPv6".to_owned(),
        (None, IpProtocol(number)) => format!("protocol {number}"),
    }
}
