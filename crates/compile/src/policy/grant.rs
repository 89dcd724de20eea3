//! The rules of NetworkPolicies, their peers as terms.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{Direction, PolicyName, PolicyRule, PortMatch};
use ringfence_net::{PortRange, Protocol};

use super::{Group, RuleKey, port};
use crate::Origin;
use crate::class::{NamedPort, Sense, TermId, Terms};

/// A policy rule, its peers as terms.
#[derive(Debug)]
pub(crate) struct Grant {
    pub(crate) origin: Origin,
    pub(crate) peers: GrantPeers,
    pub(crate) ports: GrantPorts,
}

/// Who a rule admits.
#[derive(Debug)]
pub(crate) enum GrantPeers {
    /// Anyone (rule NP-10).
    Any,
    /// Whoever matches one of these terms.
    Terms(BTreeSet<TermId>),
}

/// What a rule admits.
#[derive(Debug)]
pub(crate) enum GrantPorts {
    /// Everything, other protocols included (rules NP-10, AM-9).
    All,
    /// One of these.
    Listed {
        /// Known numbers.
        ranges: Vec<(Protocol, PortRange)>,
        /// Names to resolve on the peer, for egress (rule NP-34).
        names: BTreeSet<(Protocol, String)>,
    },
}

impl GrantPorts {
    /// How many elements a peer takes, known numbers alone.
    pub(super) fn known(&self) -> u64 {
        match self {
            Self::All => 1,
            Self::Listed { ranges, .. } => ranges.len() as u64,
        }
    }

    /// How many names are left for the peer.
    pub(super) fn names(&self) -> u64 {
        match self {
            Self::All => 0,
            Self::Listed { names, .. } => names.len() as u64,
        }
    }

    /// How many elements a peer takes.
    pub(super) fn count(&self) -> u64 {
        self.known().saturating_add(self.names())
    }

    /// The names that are left for the peer, as surely as `senses` ask.
    pub(super) fn asked(&self, senses: &[Sense]) -> impl Iterator<Item = crate::class::PortName> {
        let names = match self {
            Self::All => None,
            Self::Listed { names, .. } => Some(names),
        };
        let names = names.into_iter().flatten();
        names.flat_map(move |(protocol, name)| {
            let senses = senses.iter();
            senses.map(move |sense| (name.clone(), *protocol, *sense))
        })
    }
}

/// The rules of `group` but those in `refused`; adds what they ask of peers to `terms`.
pub(super) fn grants(
    group: &Group,
    subject: &[NamedPort],
    refused: &BTreeSet<RuleKey>,
    terms: &mut Terms,
) -> Vec<Grant> {
    let mut found = Vec::new();
    for policy in &group.policies {
        for (index, rule) in policy.rules(group.direction).iter().enumerate() {
            let name = PolicyName::Network(policy.name.clone());
            if refused.contains(&(name.clone(), group.direction, index)) {
                continue;
            }
            found.push(Grant {
                origin: Origin {
                    policy: name,
                    direction: group.direction,
                    rule: Some(index),
                    source: rule.source.clone(),
                },
                peers: grant_peers(rule, &policy.name.namespace, terms),
                ports: grant_ports(rule, group.direction, subject),
            });
        }
    }
    found
}

fn grant_peers(rule: &PolicyRule, namespace: &str, terms: &mut Terms) -> GrantPeers {
    if rule.peers.is_empty() {
        return GrantPeers::Any;
    }
    let ids = rule.peers.iter().map(|peer| terms.peer(peer, namespace));
    GrantPeers::Terms(ids.collect())
}

/// The ports of a rule; names are resolved on the subject for ingress and left for the peer for egress (rule NP-34).
pub(super) fn grant_ports(
    rule: &PolicyRule,
    direction: Direction,
    subject: &[NamedPort],
) -> GrantPorts {
    if rule.ports.is_empty() {
        return GrantPorts::All;
    }
    let mut ranges = Vec::new();
    let mut names = BTreeSet::new();
    for port in &rule.ports {
        match (&port.port, direction) {
            (PortMatch::Any, _) => ranges.push((port.protocol, PortRange::ALL)),
            (PortMatch::Range(range), _) => ranges.push((port.protocol, *range)),
            (PortMatch::Name(name), Direction::Egress) => {
                names.insert((port.protocol, name.clone()));
            }
            (PortMatch::Name(name), Direction::Ingress) => {
                let own = subject
                    .iter()
                    .filter(|own| own.protocol == port.protocol && own.name == *name);
                ranges.extend(own.map(|own| (own.protocol, PortRange::single(own.port))));
            }
        }
    }
    GrantPorts::Listed {
        ranges: normalized(&ranges),
        names,
    }
}

/// The ranges, those of one protocol disjoint.
pub(super) fn normalized(ranges: &[(Protocol, PortRange)]) -> Vec<(Protocol, PortRange)> {
    let mut by_protocol: BTreeMap<Protocol, Vec<PortRange>> = BTreeMap::new();
    for (protocol, range) in ranges {
        by_protocol.entry(*protocol).or_default().push(*range);
    }
    let of_protocol = |(protocol, ranges): (Protocol, Vec<PortRange>)| {
        let ranges = port::normalized(&ranges).into_iter();
        ranges.map(move |range| (protocol, range))
    };
    by_protocol.into_iter().flat_map(of_protocol).collect()
}
