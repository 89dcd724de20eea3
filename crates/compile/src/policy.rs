//! What the policies allow the isolated pods of this node, as rules over terms and then as entries per class.

mod bound;
mod cost;
mod entry;
mod port;

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{
    Cluster, Direction, Labels, NetworkPolicy, ObjectName, Pod, PolicyPort, PolicyRule, PortMatch,
};
use ringfence_net::{PortRange, Protocol};

use crate::Origin;
use crate::class::{ClassId, TermId, Terms};
use crate::peer::{Peer, Peers};
pub(crate) use bound::{Admitted, admit};
pub(crate) use entry::{Allowed, Entry, entries};

/// The pods of this node that the same policies isolate in one direction, and what these allow them.
#[derive(Debug)]
pub(crate) struct Group<'a> {
    pub(crate) direction: Direction,
    /// The policies that isolate (rule NP-2), sorted by name.
    pub(crate) policies: Vec<&'a NetworkPolicy>,
    pub(crate) rules: Vec<Grant<'a>>,
    /// The pods themselves.
    pub(crate) members: Vec<&'a Pod>,
}

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
    fn known(&self) -> u64 {
        match self {
            Self::All => 1,
            Self::Listed { ranges, .. } => ranges.len() as u64,
        }
    }

    /// How many names are left for the peer.
    fn names(&self) -> u64 {
        match self {
            Self::All => 0,
            Self::Listed { names, .. } => names.len() as u64,
        }
    }

    /// How many elements a peer takes.
    fn count(&self) -> u64 {
        self.known().saturating_add(self.names())
    }
}

/// What makes two pods members of one group: direction, policies, and, where these use port names, the ports.
type GroupKey<'a> = (
    Direction,
    Vec<&'a ObjectName>,
    Vec<(Protocol, &'a str, u16)>,
);

/// A rule by its policy, list and index there.
type RuleKey<'a> = (&'a ObjectName, Direction, usize);

/// The groups of isolated pods on this node, without their rules.
fn groups<'a>(cluster: &'a Cluster, peers: &Peers<'a>) -> Vec<Group<'a>> {
    let selected = Selected::new(cluster);
    let mut groups: BTreeMap<GroupKey<'a>, Group<'a>> = BTreeMap::new();
    let mut cache = BTreeMap::new();
    for (peer, _) in peers.local() {
        let policies = selected.by(peer, &mut cache);
        for direction in Direction::ALL {
            add(&mut groups, direction, policies, peer);
        }
    }
    groups.into_values().collect()
}

fn add<'a>(
    groups: &mut BTreeMap<GroupKey<'a>, Group<'a>>,
    direction: Direction,
    policies: &[&'a NetworkPolicy],
    peer: &Peer<'a>,
) {
    let isolating = policies.iter().filter(|policy| policy.isolates(direction));
    let policies: Vec<&'a NetworkPolicy> = isolating.copied().collect();
    if policies.is_empty() {
        return;
    }
    let names = policies.iter().map(|policy| &policy.name).collect();
    let ports = match direction {
        Direction::Ingress => resolved_names(&policies, peer.pod),
        Direction::Egress => Vec::new(),
    };
    let group = groups
        .entry((direction, names, ports))
        .or_insert_with(|| Group {
            direction,
            policies,
            rules: Vec::new(),
            members: Vec::new(),
        });
    group.members.push(peer.pod);
}

/// What the port names in the ingress rules of `policies` mean on `pod`.
fn resolved_names<'a>(
    policies: &[&'a NetworkPolicy],
    pod: &'a Pod,
) -> Vec<(Protocol, &'a str, u16)> {
    let used: BTreeSet<(Protocol, &str)> = policies
        .iter()
        .flat_map(|policy| &policy.ingress)
        .flat_map(|rule| &rule.ports)
        .filter_map(named)
        .collect();
    let ports = pod.ports.iter().filter_map(|port| {
        let name = port.name.as_deref()?;
        let key = (port.protocol, name);
        used.contains(&key)
            .then_some((port.protocol, name, port.port))
    });
    let resolved: BTreeSet<_> = ports.collect();
    resolved.into_iter().collect()
}

fn named(port: &PolicyPort) -> Option<(Protocol, &str)> {
    match &port.port {
        PortMatch::Name(name) => Some((port.protocol, name)),
        PortMatch::Any | PortMatch::Range(_) => None,
    }
}

/// The rules of `group` but those in `refused`; adds what they ask of peers to `terms`.
fn grants<'a>(
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
            if refused.contains(&(&policy.name, group.direction, index)) {
                continue;
            }
            let ports = grant_ports(rule, group.direction, member);
            if let GrantPorts::Listed { names, .. } = &ports {
                for (protocol, name) in names {
                    terms.named_ports(name, *protocol, peers);
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
fn grant_ports<'a>(rule: &'a PolicyRule, direction: Direction, subject: &Pod) -> GrantPorts<'a> {
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
fn normalized(ranges: &[(Protocol, PortRange)]) -> Vec<(Protocol, PortRange)> {
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

/// The policies of each namespace.
struct Selected<'a> {
    by_namespace: BTreeMap<&'a str, Vec<&'a NetworkPolicy>>,
}

/// Policies by namespace and labels of the pods they select, as far as somebody asked.
type Cache<'a> = BTreeMap<(&'a str, &'a Labels), Vec<&'a NetworkPolicy>>;

impl<'a> Selected<'a> {
    fn new(cluster: &'a Cluster) -> Self {
        let mut by_namespace: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for policy in cluster.network_policies.values() {
            let namespace = policy.name.namespace.as_str();
            by_namespace.entry(namespace).or_default().push(policy);
        }
        Self { by_namespace }
    }

    /// The policies that select a pod (rule NP-1).
    fn by<'c>(&self, peer: &Peer<'a>, cache: &'c mut Cache<'a>) -> &'c [&'a NetworkPolicy] {
        let (namespace, labels) = (peer.pod.name.namespace.as_str(), &peer.pod.labels);
        cache.entry((namespace, labels)).or_insert_with(|| {
            let policies = self.by_namespace.get(namespace).into_iter().flatten();
            policies
                .filter(|policy| policy.pod_selector.matches(labels))
                .copied()
                .collect()
        })
    }
}

impl Group<'_> {
    /// The origin of the isolation by `policy` (rule NP-2).
    pub(crate) fn isolation(&self, policy: &NetworkPolicy) -> Origin {
        Origin {
            policy: policy.name.clone(),
            direction: self.direction,
            rule: None,
            source: policy.source.clone(),
        }
    }

    /// The origin of what the rule at `position` of [`Group::rules`] allows.
    pub(crate) fn origin(&self, position: usize) -> Option<Origin> {
        let grant = self.rules.get(position)?;
        Some(Origin {
            policy: grant.policy.name.clone(),
            direction: self.direction,
            rule: Some(grant.index),
            source: grant.rule.source.clone(),
        })
    }
}

/// Who an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whom {
    /// Every peer.
    Anyone,
    /// The peers of one class.
    Class(ClassId),
}
