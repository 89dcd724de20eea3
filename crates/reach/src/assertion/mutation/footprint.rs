//! What a mistake can touch: which connections it cannot change.

use std::net::IpAddr;

use ringfence_model::{
    Cluster, Connection, Direction, IpBlock, NetworkPolicy, Party, PeerSelector, PolicyPeer,
    PolicyPort, PortMatch,
};
use ringfence_net::IpProtocol;

use super::{Mutant, MutatedPolicy, Mutation, RulePlace};

/// The peers of a rule that a mistake in it may treat in another way than before, and on which ports. It lets most
/// connections be: a rule of thousands of blocks has as many mistakes, and each is about one block.
#[derive(Clone, Debug)]
pub(super) struct Footprint<'a> {
    cluster: &'a Cluster,
    /// `None` for everybody.
    peers: Option<Peers<'a>>,
    /// Empty for every port.
    ports: &'a [PolicyPort],
}

#[derive(Clone, Debug)]
struct Peers<'a> {
    policy: &'a NetworkPolicy,
    items: &'a [PolicyPeer],
    /// Instead of the items: these holes of a block.
    holes: Option<&'a IpBlock>,
}

/// What one end of a connection is asked by its policies.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    peer: Party,
    protocol: IpProtocol,
    port: Option<u16>,
}

impl Asked {
    pub(super) fn of(direction: Direction, connection: &Connection) -> Self {
        let peer = match direction {
            Direction::Ingress => &connection.source,
            Direction::Egress => &connection.destination,
        };
        Self {
            peer: peer.clone(),
            protocol: connection.protocol,
            port: connection.port,
        }
    }
}

impl<'a> Footprint<'a> {
    pub(super) fn of(cluster: &'a Cluster, mutant: &Mutant) -> Self {
        let everything = Self {
            cluster,
            peers: None,
            ports: &[],
        };
        match &mutant.policy {
            MutatedPolicy::Network(name) => {
                let policy = cluster.network_policies.get(name);
                let found = policy.and_then(|policy| Self::in_rule(cluster, policy, mutant));
                found.unwrap_or(everything)
            }
            MutatedPolicy::Cluster(_) => everything,
        }
    }

    /// NP-10: a rule changes nothing for whom it did not match and does not match. `None` where that says nothing.
    fn in_rule(cluster: &'a Cluster, policy: &'a NetworkPolicy, mutant: &Mutant) -> Option<Self> {
        let rule = |place: &RulePlace| policy.rules(place.direction).get(place.index);
        let of_items = |items, holes| Peers {
            policy,
            items,
            holes,
        };
        let (peers, ports): (Option<Peers<'a>>, &[PolicyPort]) = match &mutant.mutation {
            Mutation::PolicyDropped
            | Mutation::IsolationDropped(_)
            | Mutation::ActionChanged(..)
            | Mutation::PrioritySwapped(_) => return None,
            Mutation::RuleDropped(place) => {
                let rule = rule(place)?;
                (Some(of_items(&rule.peers, None)), &rule.ports)
            }
            Mutation::PeersRemoved(place) => (None, &rule(place)?.ports),
            Mutation::PortsRemoved(place)
            | Mutation::PortDropped(place, _)
            | Mutation::EndPortExtended(place, _) => {
                (Some(of_items(&rule(place)?.peers, None)), &[])
            }
            Mutation::PeerDropped(place, item) => {
                let rule = rule(place)?;
                let dropped = rule.peers.get(*item)?;
                (
                    Some(of_items(std::slice::from_ref(dropped), None)),
                    &rule.ports,
                )
            }
            Mutation::ExceptRemoved(place, item) => {
                let rule = rule(place)?;
                let PolicyPeer::IpBlock(block) = rule.peers.get(*item)? else {
                    return None;
                };
                (Some(of_items(&[], Some(block))), &rule.ports)
            }
        };
        let says_nothing = |peers: &Peers<'_>| peers.items.is_empty() && peers.holes.is_none();
        Some(Self {
            cluster,
            peers: peers.filter(|peers| !says_nothing(peers)),
            ports,
        })
    }

    /// Whether the mistake may change what becomes of what was asked.
    pub(super) fn has(&self, asked: &Asked) -> bool {
        let is_port = |port: &PolicyPort| may_match(port, asked);
        let has_port = self.ports.is_empty() || self.ports.iter().any(is_port);
        let peers = self.peers.as_ref().filter(|_| has_port);
        has_port && peers.is_none_or(|peers| peers.have(self.cluster, &asked.peer))
    }
}

impl Peers<'_> {
    fn have(&self, cluster: &Cluster, peer: &Party) -> bool {
        if let Some(block) = self.holes {
            return is_in(peer, |address| {
                block.except.iter().any(|hole| hole.contains(&address))
            });
        }
        self.items.iter().any(|item| match item {
            PolicyPeer::IpBlock(block) => is_in(peer, |address| block.cidr.contains(&address)),
            PolicyPeer::Pods(selector) => self.selects(cluster, selector, peer),
        })
    }

    /// NP-12 to NP-14.
    fn selects(&self, cluster: &Cluster, selector: &PeerSelector, peer: &Party) -> bool {
        let Party::Pod { name, .. } = peer else {
            return false;
        };
        let Some(pod) = cluster.pods.get(name) else {
            return true;
        };
        let in_namespace = match &selector.namespaces {
            None => name.namespace == self.policy.name.namespace,
            Some(namespaces) => namespaces.matches(&cluster.namespace_labels(&name.namespace)),
        };
        let pods = selector.pods.as_ref();
        in_namespace && pods.is_none_or(|pods| pods.matches(&pod.labels))
    }
}

/// AM-22: an address that is not known may be anywhere.
fn is_in(peer: &Party, has: impl Fn(IpAddr) -> bool) -> bool {
    peer.address().is_none_or(has)
}

/// What a name stands for is not looked at.
fn may_match(item: &PolicyPort, asked: &Asked) -> bool {
    asked.protocol == item.protocol.into()
        && match &item.port {
            PortMatch::Any | PortMatch::Name(_) => true,
            PortMatch::Range(range) => asked.port.is_none_or(|port| range.contains(port)),
        }
}
