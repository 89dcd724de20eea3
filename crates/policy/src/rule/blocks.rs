//! The addresses that policies speak of.

use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::{
    Cluster, ClusterPeer, ClusterRule, Direction, DomainName, NetworkPolicy, PolicyPeer, PolicyRule,
};
use ringfence_net::Family;

use crate::atoms::Atom;

/// CN-37, AM-19: the addresses that are known of `names`.
pub(crate) fn domain_addresses(cluster: &Cluster, names: &[DomainName]) -> Vec<IpAddr> {
    let known = cluster.domain_addresses.iter();
    let meant = known.filter(|(name, _)| names.iter().any(|wanted| wanted.matches(name)));
    let addresses = meant.flat_map(|(_, addresses)| addresses);
    addresses.map(IpAddr::to_canonical).collect()
}

/// The blocks that a NetworkPolicy names in directions that count.
pub(super) fn network_blocks(policy: &NetworkPolicy) -> Vec<Atom> {
    let directions = Direction::ALL.into_iter();
    let effective = directions.filter(|direction| policy.isolates(*direction));
    let rules = effective.flat_map(|direction| policy.rules(direction));
    let blocks = rules
        .flat_map(|rule| &rule.peers)
        .filter_map(|peer| match peer {
            PolicyPeer::IpBlock(block) => Some(block),
            PolicyPeer::Pods(_) => None,
        });
    let networks = blocks.flat_map(|block| std::iter::once(&block.cidr).chain(&block.except));
    networks.map(|network| Atom::from(*network)).collect()
}

/// The blocks that rules about addresses name.
pub(super) fn cluster_blocks<'r>(
    cluster: &Cluster,
    rules: impl IntoIterator<Item = &'r ClusterRule>,
) -> Vec<Atom> {
    let mut blocks = Vec::new();
    for peer in rules.into_iter().flat_map(|rule| &rule.peers) {
        match peer {
            ClusterPeer::Networks(networks) => {
                blocks.extend(networks.iter().map(|network| Atom::from(*network)));
            }
            ClusterPeer::DomainNames(names) => {
                blocks.extend(domain_addresses(cluster, names).into_iter().map(Atom::from));
            }
            ClusterPeer::Pods(_) | ClusterPeer::Nodes(_) | ClusterPeer::Unrecognized => {}
        }
    }
    blocks
}

/// The blocks of a rule's peers that leave no address out.
pub(crate) fn blocks_of(rule: &PolicyRule) -> impl Iterator<Item = IpNet> {
    rule.peers.iter().filter_map(|peer| match peer {
        PolicyPeer::IpBlock(block) => block.except.is_empty().then_some(block.cidr),
        PolicyPeer::Pods(_) => None,
    })
}

/// The networks among the peers of a cluster-scoped policy's rule.
pub(crate) fn networks_of(peers: &[ClusterPeer]) -> impl Iterator<Item = IpNet> {
    let networks = peers.iter().filter_map(|peer| match peer {
        ClusterPeer::Networks(networks) => Some(networks),
        ClusterPeer::Pods(_)
        | ClusterPeer::Nodes(_)
        | ClusterPeer::DomainNames(_)
        | ClusterPeer::Unrecognized => None,
    });
    networks.flatten().copied()
}

/// AM-22: whether whoever has any address has one of `networks`, known or not: one of them is all of IPv4, one all of IPv6.
pub(crate) fn is_everywhere(networks: impl Iterator<Item = IpNet>) -> bool {
    let whole = networks.filter(|network| network.prefix_len() == 0);
    let whole: Vec<Family> = whole.map(|network| Family::of(network.addr())).collect();
    Family::ALL.iter().all(|family| whole.contains(family))
}
