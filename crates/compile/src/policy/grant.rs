//! The rules of NetworkPolicies, their peers as terms.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{Direction, NetworkPolicy, Pod, PolicyRule, PortMatch};
use ringfence_net::{PortRange, Protocol};

use super::{Group, RuleKey, RuleOwner, port};
use crate::class::{Sense, TermId, Terms};
use crate::peer::Peers;

/// A policy rule, its peers as terms.
#[derive(Debug)]
pub(crate) struct Grant<'a> {
    pub(crate) policy: &'a NetworkPolicy,
    pub(crate) index: usize,
    pub(crate) rule: &'a PolicyRule,
    pub(crate) peers: GrantPeers,
    pub(crate) ports: GrantPorts<'a>,
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
pub(crate) enum GrantPorts<'a> {
    /// Everything, other protocols included (rules NP-10, AM-9).
    All,
    /// One of these.
    Listed {
        /// Known numbers.
        ranges: Vec<(Protocol, PortRange)>,
        /// Names to resolve on the peer, for egress (rule NP-34).
        names: BTreeSet<(Protocol, &'a str)>,
    },
}

impl GrantPorts<'_> {
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
}

/// The rules of `group` but those in `refused`; adds what they ask of peers to `terms`.
pub(super) fn grants<'a>(
    group: &Group<'a>,
    peers: &Peers<'a>,
    refused: &BTreeSet<RuleKey<'a>>,
    terms: &mut Terms<'a>,
) -> Vec<Grant<'a>> {
    let Some(member) = group.members.first() else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for policy in &group.policies {
        for (index, rule) in policy.rules(group.direction).iter().enumerate() {
            if refused.contains(&(RuleOwner::Network(&policy.name), group.direction, index)) {
                continue;
            }
            let ports = grant_ports(rule, group.direction, member);
            if let GrantPorts::Listed { names, .. } = &ports {
                for (protocol, name) in names {
                    terms.named_ports(name, *protocol, Sense::Certain, peers);
                }
            }
            found.push(Grant {
                policy,
                index,
                rule,
                peers: grant_peers(rule, &policy.name.namespace, terms),
                ports,
            });
        }
    }
    found
}

fn grant_peers<'a>(rule: &'a PolicyRule, namespace: &'a str, terms: &mut Terms<'a>) -> GrantPeers {
    if rule.peers.is_empty() {
        return GrantPeers::Any;
    }
    let ids = rule.peers.iter().map(|peer| terms.peer(peer, namespace));
    GrantPeers::Terms(ids.collect())
}

/// The ports of a rule; names are resolved on the subject for ingress and left for the peer for egress (rule NP-34).
pub(super) fn grant_ports<'a>(
    rule: &'a PolicyRule,
    direction: Direction,
    subject: &Pod,
) -> GrantPorts<'a> {
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
                names.insert((port.protocol, name.as_str()));
            }
            (PortMatch::Name(name), Direction::Ingress) => {
                let own = subject
                    .ports
                    .iter()
                    .filter(|own| own.protocol == port.protocol && own.name.as_ref() == Some(name));
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
