//! Rules HF-2 and HF-5 to HF-8: who may connect to a node.

use ipnet::IpNet;
use ringfence_model::{
    Because, ClusterPeer, ClusterPort, ClusterRule, Direction, DirectionDecision, DirectionVerdict,
    HostFirewall, HostReason, HostRef, HostRuleRef, HostRules, JudgedHostRule, LabelSelector,
    Match, Party, PodScope,
};

use super::direction::pod_of;
use super::peer::matches_or_absent;
use super::{Dialled, Facts};
use crate::index::namespace_labels;
use crate::whereabouts::Whereabouts;

/// A connection to a node.
#[derive(Clone, Copy, Debug)]
struct Visit<'a> {
    facts: Facts<'a>,
    node: &'a Party,
    peer: &'a Party,
    dialled: Dialled,
}

/// `None` if nothing closes `own`, or if it is no node that is connected to.
pub(super) fn decide(
    facts: Facts<'_>,
    direction: Direction,
    own: &Party,
    peer: &Party,
    dialled: Dialled,
) -> Option<DirectionDecision> {
    let (
        Direction::Ingress,
        Party::Node {
            name: Some(name), ..
        },
    ) = (direction, own)
    else {
        return None;
    };
    let firewalls: Vec<_> = facts.cluster.host_firewalls_of(name).collect();
    if firewalls.is_empty() {
        return None;
    }
    let visit = Visit {
        facts,
        node: own,
        peer,
        dialled,
    };
    let (verdict, reason) = visit.judge(name, &firewalls);
    Some(DirectionDecision {
        direction,
        subject: own.clone(),
        verdict,
        passed: Vec::new(),
        because: Because::Host(reason),
        audited: None,
    })
}

/// Whether a firewall keeps `peer` from what is dialled at `node`, whatever it leads to (rule HF-8).
pub(super) fn refuses(facts: Facts<'_>, node: &Party, peer: &Party, dialled: Dialled) -> bool {
    let decision = decide(facts, Direction::Ingress, node, peer, dialled);
    decision.is_some_and(|decision| decision.verdict != DirectionVerdict::Allow)
}

impl Visit<'_> {
    fn judge(
        &self,
        name: &str,
        firewalls: &[(&HostFirewall, &HostRules)],
    ) -> (DirectionVerdict, HostReason) {
        if matches!(self.peer, Party::Node { name: Some(peer), .. } if peer == name) {
            return (DirectionVerdict::Allow, HostReason::Itself);
        }
        let Some(protocol) = self.dialled.protocol.as_policy() else {
            return (DirectionVerdict::Allow, HostReason::OtherProtocol);
        };
        let (mut allowed_by, mut open, mut judged) = (Vec::new(), Vec::new(), Vec::new());
        for rule in firewalls.iter().flat_map(|it| self.judge_rules(it.0, it.1)) {
            match rule.matches() {
                Match::Yes => allowed_by.push(rule.rule.clone()),
                Match::Unknown => open.push(rule.rule.clone()),
                Match::No => {}
            }
            judged.push(rule);
        }
        if !allowed_by.is_empty() {
            let reason = HostReason::Rules { allowed_by };
            return (DirectionVerdict::Allow, reason);
        }
        let closed_by = firewalls.iter().map(|(it, _)| HostRef::of(it)).collect();
        let failsafes = self.facts.cluster.open_failsafes(name);
        let dialled = self.dialled.port.map(|port| (protocol, port));
        if dialled.is_some_and(|dialled| failsafes.contains(&dialled)) {
            let reason = HostReason::Failsafe { closed_by };
            return (DirectionVerdict::Allow, reason);
        }
        if open.is_empty() {
            let rules = judged;
            let reason = HostReason::NoRuleMatched { closed_by, rules };
            return (DirectionVerdict::Deny, reason);
        }
        let of = self.peer.clone();
        let reason = HostReason::AddressUnknown { of, rules: open };
        (DirectionVerdict::Unknown, reason)
    }

    fn judge_rules<'r>(
        &self,
        firewall: &'r HostFirewall,
        rules: &'r HostRules,
    ) -> impl Iterator<Item = JudgedHostRule> {
        let rules = rules.ingress.iter().enumerate();
        rules.map(|(index, rule)| JudgedHostRule {
            rule: HostRuleRef {
                firewall: HostRef::of(firewall),
                index,
                name: rule.name.clone(),
                source: rule.source.clone(),
            },
            peer: self.peers_match(rule),
            port: Match::from(self.ports_match(rule)),
        })
    }

    /// HF-5: one item must match, if there is any.
    fn peers_match(&self, rule: &ClusterRule) -> Match {
        if rule.peers.is_empty() {
            return Match::Yes;
        }
        Match::any(rule.peers.iter().map(|item| match item {
            ClusterPeer::Pods(scope) => Match::from(self.scope_matches(scope)),
            ClusterPeer::Networks(networks) => self.in_one_of(networks.iter().copied()),
            ClusterPeer::Nodes(labels) => self.node_matches(labels),
            ClusterPeer::DomainNames(_) | ClusterPeer::Unrecognized => Match::No,
        }))
    }

    fn scope_matches(&self, scope: &PodScope) -> bool {
        pod_of(self.facts, self.peer).is_some_and(|pod| {
            let namespace = namespace_labels(self.facts.cluster, &pod.name.namespace);
            matches_or_absent(scope.namespaces.as_ref(), &namespace)
                && matches_or_absent(scope.pods.as_ref(), &pod.labels)
        })
    }

    fn node_matches(&self, labels: &LabelSelector) -> Match {
        let nodes = self.facts.cluster.nodes.values();
        let matching = nodes.filter(|node| labels.matches(&node.labels));
        let addresses = matching.flat_map(|node| &node.addresses);
        self.in_one_of(addresses.map(|address| address.to_canonical().into()))
    }

    /// AM-22: an address that is not known leaves it open, if there is something to compare it with.
    fn in_one_of(&self, mut networks: impl Iterator<Item = IpNet>) -> Match {
        if let Some(address) = self.peer.address() {
            return Match::from(networks.any(|network| network.contains(&address)));
        }
        let known = Whereabouts::of(self.facts.cluster, self.node, self.peer);
        Match::any(networks.map(|network| known.within_network(network)))
    }

    /// HF-5: one item must match, if there is any.
    fn ports_match(&self, rule: &ClusterRule) -> bool {
        let mut items = rule.ports.iter();
        rule.ports.is_empty()
            || items.any(|item| match item {
                ClusterPort::Range(protocol, range) => {
                    let own = self.dialled.protocol.as_policy() == Some(*protocol);
                    own && self.dialled.port.is_some_and(|port| range.contains(port))
                }
                ClusterPort::Name(_) => false,
            })
    }
}
