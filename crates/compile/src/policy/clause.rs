//! The rules of cluster-scoped policies, their peers as terms.

use std::collections::BTreeSet;

use ringfence_model::{
    ClusterAction, ClusterPeer, ClusterPolicy, ClusterPort, ClusterRule, ClusterTier, Direction,
    Pod, PolicyName,
};
use ringfence_net::{PortRange, Protocol};

use super::grant::{GrantPeers, GrantPorts, normalized};
use super::{Group, RuleKey, RuleOwner};
use crate::Origin;
use crate::class::{Sense, Terms};
use crate::peer::Peers;

/// A rule of a cluster-scoped policy.
#[derive(Debug)]
pub(crate) struct Clause<'a> {
    policy: &'a ClusterPolicy,
    index: usize,
    rule: &'a ClusterRule,
    /// What it does, which may be stricter than what is written (rules CN-38, AM-21).
    pub(super) action: ClusterAction,
    /// Who it is certainly about.
    pub(super) certain: GrantPeers,
    /// Who it may be about: also addresses that several pods claim, of which it is about one.
    pub(super) possible: GrantPeers,
    pub(super) ports: GrantPorts<'a>,
}

impl Clause<'_> {
    pub(super) fn origin(&self, direction: Direction) -> Origin {
        Origin {
            policy: PolicyName::Cluster(self.policy.name.clone()),
            direction,
            rule: Some(self.index),
            source: self.rule.source.clone(),
        }
    }

    /// Who it is about, as surely as `sense` asks.
    pub(super) const fn peers(&self, sense: Sense) -> &GrantPeers {
        match sense {
            Sense::Certain => &self.certain,
            Sense::Possible => &self.possible,
        }
    }
}

/// The rules of a tier that judge the members of `group`, in order; adds what they ask of peers to `terms`.
pub(super) fn clauses<'a>(
    group: &Group<'a>,
    tier: ClusterTier,
    peers: &Peers<'a>,
    refused: &BTreeSet<RuleKey<'a>>,
    terms: &mut Terms<'a>,
) -> Vec<Clause<'a>> {
    let Some(member) = group.members.first() else {
        return Vec::new();
    };
    let policies = group.cluster_policies.iter();
    let mut found = Vec::new();
    for policy in policies.filter(|policy| policy.tier == tier) {
        for (index, rule) in policy.rules(group.direction).iter().enumerate() {
            let key = (RuleOwner::Cluster(&policy.name), group.direction, index);
            let written = Written {
                policy,
                index,
                rule,
            };
            if refused.contains(&key) || rule.peers.contains(&ClusterPeer::Unrecognized) {
                found.extend(written.closed());
            } else {
                let ports = clause_ports(rule, group.direction, member);
                found.push(written.understood(ports, peers, terms));
            }
        }
    }
    found
}

/// A rule and where it stands.
struct Written<'a> {
    policy: &'a ClusterPolicy,
    index: usize,
    rule: &'a ClusterRule,
}

impl<'a> Written<'a> {
    fn understood(
        self,
        ports: GrantPorts<'a>,
        peers: &Peers<'a>,
        terms: &mut Terms<'a>,
    ) -> Clause<'a> {
        let senses = [Sense::Certain, Sense::Possible];
        if let GrantPorts::Listed { names, .. } = &ports {
            for (protocol, name) in names {
                for sense in senses {
                    terms.named_ports(name, *protocol, sense, peers);
                }
            }
        }
        let [certain, possible] = senses.map(|sense| {
            let items = self.rule.peers.iter();
            let ids = items.flat_map(|peer| terms.cluster_peer(peer, sense, peers.cluster()));
            GrantPeers::Terms(ids.collect())
        });
        Clause {
            policy: self.policy,
            index: self.index,
            rule: self.rule,
            action: self.rule.action,
            certain,
            possible,
            ports,
        }
    }

    /// CN-38, AM-21: of what cannot be judged, Accept opens nothing, and Deny and Pass deny everything.
    fn closed(self) -> Option<Clause<'a>> {
        match self.rule.action {
            ClusterAction::Accept => None,
            ClusterAction::Deny | ClusterAction::Pass => Some(Clause {
                policy: self.policy,
                index: self.index,
                rule: self.rule,
                action: ClusterAction::Deny,
                certain: GrantPeers::Any,
                possible: GrantPeers::Any,
                ports: GrantPorts::All,
            }),
        }
    }
}

/// The ports of a rule; names are resolved on the subject for ingress and left for the peer for egress (rule CN-33).
pub(super) fn clause_ports<'a>(
    rule: &'a ClusterRule,
    direction: Direction,
    subject: &Pod,
) -> GrantPorts<'a> {
    if rule.ports.is_empty() {
        return GrantPorts::All;
    }
    let mut ranges = Vec::new();
    let mut names = BTreeSet::new();
    for port in &rule.ports {
        match (port, direction) {
            (ClusterPort::Range(protocol, range), _) => ranges.push((*protocol, *range)),
            (ClusterPort::Name(name), Direction::Egress) => {
                let in_each = Protocol::ALL.map(|protocol| (protocol, name.as_str()));
                names.extend(in_each);
            }
            (ClusterPort::Name(name), Direction::Ingress) => {
                let own = subject.ports.iter();
                let own = own.filter(|own| own.name.as_ref() == Some(name));
                ranges.extend(own.map(|own| (own.protocol, PortRange::single(own.port))));
            }
        }
    }
    GrantPorts::Listed {
        ranges: normalized(&ranges),
        names,
    }
}
