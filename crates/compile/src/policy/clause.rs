//! The rules of cluster-scoped policies, their peers as terms.

use std::collections::BTreeSet;

use ringfence_model::{
    Cluster, ClusterAction, ClusterPeer, ClusterPort, ClusterRule, ClusterTier, Direction,
    PolicyName,
};
use ringfence_net::{PortRange, Protocol};

use super::grant::{GrantPeers, GrantPorts, normalized};
use super::{Group, RuleKey};
use crate::Origin;
use crate::class::{NamedPort, Sense, Terms};

/// A rule of a cluster-scoped policy.
#[derive(Debug)]
pub(crate) struct Clause {
    pub(crate) origin: Origin,
    /// What it does, which may be stricter than what is written (rules CN-38, AM-21).
    pub(super) action: ClusterAction,
    /// Who it is certainly about.
    pub(super) certain: GrantPeers,
    /// Who it may be about: also addresses that several pods claim, of which it is about one.
    pub(super) possible: GrantPeers,
    pub(super) ports: GrantPorts,
}

impl Clause {
    /// Who it is about, as surely as `sense` asks.
    pub(super) const fn peers(&self, sense: Sense) -> &GrantPeers {
        match sense {
            Sense::Certain => &self.certain,
            Sense::Possible => &self.possible,
        }
    }
}

/// The rules of a tier that judge the members of `group`, in order; adds what they ask of peers to `terms`.
pub(super) fn clauses(
    group: &Group,
    tier: ClusterTier,
    subject: &[NamedPort],
    cluster: &Cluster,
    refused: &BTreeSet<RuleKey>,
    terms: &mut Terms,
) -> Vec<Clause> {
    let policies = group.cluster_policies.iter();
    let mut found = Vec::new();
    for policy in policies.filter(|policy| policy.tier == tier) {
        for (index, rule) in policy.rules(group.direction).iter().enumerate() {
            let name = PolicyName::Cluster(policy.name.clone());
            let key = (name.clone(), group.direction, index);
            let origin = Origin {
                policy: name,
                direction: group.direction,
                rule: Some(index),
                source: rule.source.clone(),
            };
            if refused.contains(&key) || rule.peers.contains(&ClusterPeer::Unrecognized) {
                found.extend(closed(rule, origin));
            } else {
                let ports = clause_ports(rule, group.direction, subject);
                found.push(understood(rule, origin, ports, cluster, terms));
            }
        }
    }
    found
}

fn understood(
    rule: &ClusterRule,
    origin: Origin,
    ports: GrantPorts,
    cluster: &Cluster,
    terms: &mut Terms,
) -> Clause {
    let [certain, possible] = Sense::ALL.map(|sense| {
        let items = rule.peers.iter();
        let ids = items.flat_map(|peer| terms.cluster_peer(peer, sense, cluster));
        GrantPeers::Terms(ids.collect())
    });
    Clause {
        origin,
        action: rule.action,
        certain,
        possible,
        ports,
    }
}

/// CN-38, AM-21: of what cannot be judged, Accept opens nothing, and Deny and Pass deny everything.
fn closed(rule: &ClusterRule, origin: Origin) -> Option<Clause> {
    match rule.action {
        ClusterAction::Accept => None,
        ClusterAction::Deny | ClusterAction::Pass => Some(Clause {
            origin,
            action: ClusterAction::Deny,
            certain: GrantPeers::Any,
            possible: GrantPeers::Any,
            ports: GrantPorts::All,
        }),
    }
}

/// The ports of a rule; names are resolved on the subject for ingress and left for the peer for egress (rule CN-33).
pub(super) fn clause_ports(
    rule: &ClusterRule,
    direction: Direction,
    subject: &[NamedPort],
) -> GrantPorts {
    if rule.ports.is_empty() {
        return GrantPorts::All;
    }
    let mut ranges = Vec::new();
    let mut names = BTreeSet::new();
    for port in &rule.ports {
        match (port, direction) {
            (ClusterPort::Range(protocol, range), _) => ranges.push((*protocol, *range)),
            (ClusterPort::Name(name), Direction::Egress) => {
                let in_each = Protocol::ALL.map(|protocol| (protocol, name.clone()));
                names.extend(in_each);
            }
            (ClusterPort::Name(name), Direction::Ingress) => {
                let own = subject.iter().filter(|own| own.name == *name);
                ranges.extend(own.map(|own| (own.protocol, PortRange::single(own.port))));
            }
        }
    }
    GrantPorts::Listed {
        ranges: normalized(&ranges),
        names,
    }
}
