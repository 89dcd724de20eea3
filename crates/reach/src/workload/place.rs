//! The outside of a cluster by places: what everybody calls the internet, and the blocks that policies name.

mod partition;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;

use ipnet::IpNet;
use ringfence_model::{Cluster, ClusterPeer, Direction, NetworkPolicy, PolicyPeer, PolicyRule};
use ringfence_net::Family;

use super::Span;
pub(crate) use partition::{overlay, partition};

/// Addresses outside of pods and nodes that have one name. Each address lies in one place: that of the smallest block
/// that a policy names around it; without one, in what the address is used for (RFC 6890).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// Addresses that are reachable globally.
    Internet(Family),
    /// Where clouds serve the credentials of their machines: 169.254.169.254 and fd00:ec2::254.
    Metadata(Family),
    /// 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10; fc00::/7.
    Private(Family),
    /// Addresses for every other special purpose: link-local, multicast, documentation, reserved.
    Special(Family),
    /// Blocks that policies name, without smaller ones inside. Of several, no policy tells one from another.
    Blocks(Vec<IpNet>),
}

/// How many blocks are named in a text for people.
const NAMED: usize = 2;

impl Place {
    /// One block.
    #[must_use]
    pub fn block(block: IpNet) -> Self {
        Self::Blocks(vec![block])
    }

    /// The family of its addresses.
    #[must_use]
    pub fn family(&self) -> Family {
        match self {
            Self::Internet(family)
            | Self::Metadata(family)
            | Self::Private(family)
            | Self::Special(family) => *family,
            Self::Blocks(blocks) => match blocks.first() {
                Some(IpNet::V6(_)) => Family::V6,
                Some(IpNet::V4(_)) | None => Family::V4,
            },
        }
    }

    /// The place of IPv6 with the same purpose; `None` for blocks and for IPv6.
    #[must_use]
    pub const fn in_ipv6(&self) -> Option<Self> {
        match self {
            Self::Internet(Family::V4) => Some(Self::Internet(Family::V6)),
            Self::Metadata(Family::V4) => Some(Self::Metadata(Family::V6)),
            Self::Private(Family::V4) => Some(Self::Private(Family::V6)),
            Self::Special(Family::V4) => Some(Self::Special(Family::V6)),
            Self::Internet(Family::V6)
            | Self::Metadata(Family::V6)
            | Self::Private(Family::V6)
            | Self::Special(Family::V6)
            | Self::Blocks(_) => None,
        }
    }

    /// Whether every address of this place lies in `other`.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Blocks(blocks), Self::Blocks(around)) => {
                let lies = |block: &IpNet| around.iter().any(|outer| outer.contains(block));
                blocks.iter().all(lies)
            }
            (Self::Blocks(blocks), _) => blocks.iter().all(|block| other.holds(*block)),
            (_, Self::Blocks(around)) => self.lies_in(around),
            (one, other) => one == other,
        }
    }

    /// Whether `blocks` cover all that is used for what this place is.
    fn lies_in(&self, blocks: &[IpNet]) -> bool {
        let around: Vec<Span> = blocks.iter().map(|block| Span::of_block(*block)).collect();
        let places = partition(self.family(), &BTreeSet::new());
        let mut own = places.iter().filter(|(_, place)| place == self);
        own.all(|(span, _)| around.iter().any(|block| block.contains(*span)))
    }

    /// Whether what the whole of `block` is used for is this place.
    fn holds(&self, block: IpNet) -> bool {
        let span = Span::of_block(block);
        let places = partition(span.family, &BTreeSet::new());
        let mut inside = places
            .iter()
            .filter(|(other, _)| other.intersection(span).is_some());
        inside.all(|(_, place)| place == self)
    }

    /// The place that `text` names in its full form: `internet`, `private-ipv6`, `10.0.0.0/8`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (word, family) = match text.strip_suffix(IPV6) {
            Some(word) => (word, Family::V6),
            None => (text, Family::V4),
        };
        match word {
            "internet" => Some(Self::Internet(family)),
            "metadata" => Some(Self::Metadata(family)),
            "private" => Some(Self::Private(family)),
            "special" => Some(Self::Special(family)),
            _ => text
                .parse()
                .ok()
                .map(|block: IpNet| Self::block(block.trunc())),
        }
    }
}

/// What follows the word for a place of IPv6.
const IPV6: &str = "-ipv6";

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, family) = match self {
            Self::Internet(family) => ("internet", family),
            Self::Metadata(family) => ("metadata", family),
            Self::Private(family) => ("private", family),
            Self::Special(family) => ("special", family),
            Self::Blocks(blocks) => return write_blocks(f, blocks),
        };
        match family {
            Family::V4 => f.write_str(word),
            Family::V6 => write!(f, "{word}{IPV6}"),
        }
    }
}

fn write_blocks(f: &mut fmt::Formatter<'_>, blocks: &[IpNet]) -> fmt::Result {
    let named: Vec<String> = blocks.iter().take(NAMED).map(ToString::to_string).collect();
    f.write_str(&named.join(", "))?;
    match blocks.len().saturating_sub(NAMED) {
        0 => Ok(()),
        more => write!(f, " and {more} more"),
    }
}

/// The blocks that policies in force name, their exceptions too; not those of all addresses.
pub(crate) fn named_blocks(cluster: &Cluster) -> BTreeSet<IpNet> {
    let every = every_block(cluster);
    every.filter(|block| block.prefix_len() > 0).collect()
}

/// The families that anything in `cluster` has an address of, or else those that its pods get addresses of, or else IPv4; and
/// those that policies name blocks of.
pub(crate) fn families(cluster: &Cluster) -> BTreeSet<Family> {
    let pods = cluster.pods.values();
    let nodes = cluster.nodes.values();
    let addresses = pods
        .flat_map(|pod| pod.addresses.iter().chain(&pod.host_addresses))
        .chain(nodes.flat_map(|node| &node.addresses));
    let mut families: BTreeSet<Family> = addresses
        .map(|address| Family::of(address.to_canonical()))
        .collect();
    if families.is_empty() {
        let of_pods = cluster.pod_blocks.iter();
        families.extend(of_pods.map(|block| Family::of(block.addr())));
    }
    if families.is_empty() {
        families.insert(Family::V4);
    }
    families.extend(every_block(cluster).map(|block| Family::of(block.addr())));
    families
}

fn every_block(cluster: &Cluster) -> impl Iterator<Item = IpNet> + '_ {
    let names = cluster.domain_addresses.values().flatten();
    let hosts = names.map(|address| IpNet::from(address.to_canonical()));
    of_network_policies(cluster)
        .chain(of_cluster_policies(cluster))
        .chain(hosts)
}

fn of_network_policies(cluster: &Cluster) -> impl Iterator<Item = IpNet> + '_ {
    let policies = cluster.network_policies.values();
    let rules = policies.flat_map(|policy| {
        [Direction::Ingress, Direction::Egress]
            .into_iter()
            .flat_map(|direction| in_force(policy, direction))
    });
    rules
        .flat_map(|rule| &rule.peers)
        .filter_map(|peer| match peer {
            PolicyPeer::IpBlock(block) => Some(block),
            PolicyPeer::Pods(_) => None,
        })
        .flat_map(|block| std::iter::once(block.cidr).chain(block.except.iter().copied()))
        .map(|block| block.trunc())
}

/// The rules of `direction` unless they are inert (rule NP-4).
fn in_force(policy: &NetworkPolicy, direction: Direction) -> &[PolicyRule] {
    if policy.isolates(direction) {
        policy.rules(direction)
    } else {
        &[]
    }
}

fn of_cluster_policies(cluster: &Cluster) -> impl Iterator<Item = IpNet> + '_ {
    let policies = cluster.cluster_policies.values();
    policies
        .flat_map(|policy| &policy.egress)
        .flat_map(|rule| &rule.peers)
        .filter_map(|peer| match peer {
            ClusterPeer::Networks(blocks) => Some(blocks),
            ClusterPeer::Pods(_)
            | ClusterPeer::Nodes(_)
            | ClusterPeer::DomainNames(_)
            | ClusterPeer::Unrecognized => None,
        })
        .flatten()
        .map(IpNet::trunc)
}
