//! Rules NP-10 to NP-18, NP-40 to NP-44 and CN-34 to CN-38: peers.

use ipnet::IpNet;
use ringfence_model::{
    ClusterPeer, ClusterRule, Direction, DomainName, IpBlock, LabelSelector, Match, NetworkPolicy,
    PeerSelector, PodScope, PolicyPeer, PolicyRule,
};

use super::block::covers;
use super::direction::Attempt;
use crate::atoms::Atom;
use crate::rule::{blocks_of, domain_addresses, is_everywhere, networks_of};
use crate::whereabouts::Whereabouts;

impl Attempt<'_> {
    /// NP-10: no item matches every peer, other addresses too; else one item must match.
    pub(super) fn peers_match(
        &self,
        policy: &NetworkPolicy,
        index: usize,
        rule: &PolicyRule,
    ) -> Match {
        if rule.peers.is_empty() {
            return Match::Yes;
        }
        if let Some(address) = self.peer.address()
            && let Some(list) = self.facts.index.lists.of(policy, self.direction, index)
        {
            let is_listed = list.holds(Atom::from(address));
            return Match::from(is_listed || self.is_selected_by(rule));
        }
        if self.peer.address().is_none() && is_everywhere(blocks_of(rule)) {
            return Match::Yes;
        }
        Match::any(rule.peers.iter().map(|item| match item {
            PolicyPeer::IpBlock(block) => self.block_matches(block),
            PolicyPeer::Pods(selector) => Match::from(self.selector_matches(selector)),
        }))
    }

    /// CN-30: one item must match. CN-36: ingress knows pods alone.
    pub(super) fn cluster_peers_match(&self, rule: &ClusterRule) -> Match {
        let is_egress = self.direction == Direction::Egress;
        let is_unaddressed = self.peer.address().is_none();
        if is_egress && is_unaddressed && is_everywhere(networks_of(&rule.peers)) {
            return Match::Yes;
        }
        Match::any(rule.peers.iter().map(|item| match item {
            ClusterPeer::Pods(scope) => Match::from(self.scope_matches(scope)),
            ClusterPeer::Networks(networks) if is_egress => self.networks_match(networks),
            ClusterPeer::Nodes(labels) if is_egress => self.node_matches(labels),
            ClusterPeer::DomainNames(names) if is_egress => self.domain_matches(names),
            ClusterPeer::Networks(_)
            | ClusterPeer::Nodes(_)
            | ClusterPeer::DomainNames(_)
            | ClusterPeer::Unrecognized => Match::No,
        }))
    }

    /// Whether a selector among the peers means the peer.
    fn is_selected_by(&self, rule: &PolicyRule) -> bool {
        let is_pod = self.peer_pod.is_some();
        is_pod
            && rule.peers.iter().any(|item| match item {
                PolicyPeer::Pods(selector) => self.selector_matches(selector),
                PolicyPeer::IpBlock(_) => false,
            })
    }

    /// NP-42: whatever the peer is, its address is compared.
    fn block_matches(&self, block: &IpBlock) -> Match {
        match self.peer.address() {
            Some(address) => Match::from(covers(block, address)),
            None => self.unaddressed(|possible| possible.within(block)),
        }
    }

    /// CN-34: the address, whoever has it.
    fn networks_match(&self, networks: &[IpNet]) -> Match {
        self.in_one_of(networks.iter().copied())
    }

    /// CN-35: an address of a node with these labels.
    fn node_matches(&self, labels: &LabelSelector) -> Match {
        let nodes = &self.facts.cluster.nodes;
        let Some(address) = self.peer.address() else {
            let matching = nodes.values().filter(|node| labels.matches(&node.labels));
            let addresses = matching.flat_map(|node| &node.addresses);
            return self.in_one_of(addresses.map(|address| address.to_canonical().into()));
        };
        let owners = self.facts.index.nodes.objects_at(address);
        let mut owners = owners.filter_map(|name| nodes.get(name));
        Match::from(owners.any(|node| labels.matches(&node.labels)))
    }

    /// CN-37, AM-19: an address that is known of one of these names.
    fn domain_matches(&self, names: &[DomainName]) -> Match {
        let known = domain_addresses(self.facts.cluster, names);
        self.in_one_of(known.into_iter().map(IpNet::from))
    }

    /// AM-22: an address that is not known leaves it open, if there is something to compare it with.
    fn in_one_of(&self, mut networks: impl Iterator<Item = IpNet>) -> Match {
        match self.peer.address() {
            Some(address) => Match::from(networks.any(|network| network.contains(&address))),
            None => Match::any(
                networks.map(|network| self.unaddressed(|known| known.within_network(network))),
            ),
        }
    }

    /// AM-22: it may be known where the address lies.
    fn unaddressed(&self, test: impl FnOnce(&Whereabouts) -> Match) -> Match {
        test(&Whereabouts::of(self.facts.cluster, self.own, self.peer))
    }

    /// NP-12 to NP-14: the namespace and the pod must both match. NP-16: what is no pod never does.
    fn selector_matches(&self, selector: &PeerSelector) -> bool {
        self.peer_pod.as_ref().is_some_and(|peer| {
            let in_namespace = match &selector.namespaces {
                None => peer.pod.name.namespace == self.subject.name.namespace,
                Some(namespaces) => namespaces.matches(&peer.namespace_labels),
            };
            in_namespace && matches_or_absent(selector.pods.as_ref(), &peer.pod.labels)
        })
    }

    /// CN-4: without namespace selector, pods of every namespace.
    fn scope_matches(&self, scope: &PodScope) -> bool {
        self.peer_pod.as_ref().is_some_and(|peer| {
            matches_or_absent(scope.namespaces.as_ref(), &peer.namespace_labels)
                && matches_or_absent(scope.pods.as_ref(), &peer.pod.labels)
        })
    }
}

/// NP-13, NP-15: a selector that is absent asks for nothing.
pub(super) fn matches_or_absent(
    selector: Option<&LabelSelector>,
    labels: &ringfence_model::Labels,
) -> bool {
    selector.is_none_or(|selector| selector.matches(labels))
}
