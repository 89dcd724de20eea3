//! Entries of groups that no policy of the cluster judges.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_net::{PortRange, Protocol};

use super::grant::{GrantPeers, GrantPorts};
use super::port::{Coverage, OWNERS, pieces};
use super::{Group, Whom};
use crate::class::{Sense, TermId, Terms};

/// What becomes of something that a group's members do, or that is done to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) whom: Whom,
    pub(crate) extent: Extent,
    /// Whether it is allowed.
    pub(crate) permits: bool,
    /// Positions of the rules that say so, as [`Group::origin`] counts them, the first 32.
    pub(crate) rules: BTreeSet<usize>,
    /// Whether it is denied because the policies that isolate say nothing of it (rule NP-2).
    pub(crate) isolated: bool,
}

/// What an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Every protocol and port.
    Everything,
    /// Ports of one protocol.
    Ports(Protocol, PortRange),
}

/// Why a class may do something: the rules about it, and what their port names mean on its pods.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reasons {
    rules: BTreeSet<usize>,
    named: BTreeSet<(Protocol, u16, usize)>,
}

/// What some rules allow, by rule.
#[derive(Default)]
struct Bucket {
    everything: BTreeSet<usize>,
    ports: BTreeMap<Protocol, Vec<(PortRange, usize)>>,
}

/// What anyone may.
struct Covered {
    everything: bool,
    ports: BTreeMap<Protocol, Coverage>,
}

/// Some ports, or all, and the rules that allow them.
type Grants = Vec<(Extent, BTreeSet<usize>)>;

impl Reasons {
    /// Why the peers with these terms may do something; `None` if no rule says anything particular about them.
    pub(super) fn new(group: &Group, own: &[TermId], terms: &Terms) -> Option<Self> {
        let mut reasons = Self::default();
        for (position, _) in group.matched(own, &[Sense::Certain]) {
            reasons.rules.insert(position);
        }
        let asked = reasons.rules.iter().chain(&group.for_anyone_by_name);
        for position in asked {
            if let Some(grant) = group.rules.get(*position) {
                let named = named_ports(&grant.ports, Sense::Certain, terms, own);
                let named = named.map(|(protocol, port)| (protocol, port, *position));
                reasons.named.extend(named);
            }
        }
        (reasons != Self::default()).then_some(reasons)
    }

    /// At least half of the elements that they take for one address, from the rules as they are: what several rules
    /// overlap in is cut into fewer than twice as many pieces.
    pub(super) fn weight(&self, group: &Group) -> u64 {
        let by_peer = self.rules.iter().filter_map(|position| {
            let grant = group.rules.get(*position)?;
            Some(grant.ports.count())
        });
        let positions = self.named.iter().map(|(.., position)| *position);
        let positions: BTreeSet<usize> = positions.collect();
        let by_name = positions.iter().filter_map(|position| {
            let grant = group.rules.get(*position)?;
            matches!(grant.peers, GrantPeers::Any).then(|| grant.ports.names())
        });
        by_peer.chain(by_name).fold(0, u64::saturating_add)
    }
}

/// What any peer may do to the members of a group, or they to any peer.
pub(super) struct Anyone {
    bucket: Bucket,
    covered: Covered,
}

impl Anyone {
    pub(super) fn new(group: &Group) -> Self {
        let anyone = group.rules.iter().enumerate();
        let anyone = anyone.filter(|(_, grant)| matches!(grant.peers, GrantPeers::Any));
        let reasons = Reasons {
            rules: anyone.map(|(position, _)| position).collect(),
            named: BTreeSet::new(),
        };
        let bucket = Bucket::new(group, &reasons);
        Self {
            covered: bucket.covered(),
            bucket,
        }
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        entries_of(Whom::Anyone, &self.bucket.grants())
    }

    /// What is so for a class with these reasons: what is so for anyone is not said again, so that each entry matters.
    pub(super) fn rest(&self, group: &Group, reasons: &Reasons) -> Vec<Entry> {
        let grants = Bucket::new(group, reasons).grants().into_iter();
        let rest = grants.filter_map(|(allowed, rules)| Some((self.covered.rest(allowed)?, rules)));
        entries_of(Whom::Class, &rest.collect())
    }
}

/// As [`Reasons::weight`], for what any peer may do.
pub(super) fn weight_of_anyone(group: &Group) -> u64 {
    let anyone = group.rules.iter();
    let anyone = anyone.filter(|grant| matches!(grant.peers, GrantPeers::Any));
    anyone
        .map(|grant| grant.ports.known())
        .fold(0, u64::saturating_add)
}

fn entries_of(whom: Whom, grants: &Grants) -> Vec<Entry> {
    let entry = |(allowed, rules): &(Extent, BTreeSet<usize>)| Entry {
        whom,
        extent: *allowed,
        permits: true,
        rules: rules.clone(),
        isolated: false,
    };
    grants.iter().map(entry).collect()
}

/// The ports that the rule's names mean on the pods with these terms.
pub(super) fn named_ports<'g>(
    ports: &'g GrantPorts,
    sense: Sense,
    terms: &'g Terms,
    own: &'g [TermId],
) -> impl Iterator<Item = (Protocol, u16)> + 'g {
    let names = match ports {
        GrantPorts::Listed { names, .. } if !names.is_empty() => Some(names),
        GrantPorts::Listed { .. } | GrantPorts::All => None,
    };
    let own = names.into_iter().flat_map(move |names| {
        let ports = own
            .iter()
            .filter_map(move |term| terms.named_port(*term, sense));
        ports.filter(|port| names.contains(&(port.protocol, port.name.clone())))
    });
    own.map(|port| (port.protocol, port.port))
}

impl Bucket {
    fn new(group: &Group, reasons: &Reasons) -> Self {
        let mut bucket = Self::default();
        for position in &reasons.rules {
            if let Some(grant) = group.rules.get(*position) {
                bucket.add(*position, &grant.ports);
            }
        }
        for (protocol, port, position) in &reasons.named {
            let known = bucket.ports.entry(*protocol).or_default();
            known.push((PortRange::single(*port), *position));
        }
        bucket
    }

    fn add(&mut self, position: usize, ports: &GrantPorts) {
        match ports {
            GrantPorts::All => {
                self.everything.insert(position);
            }
            GrantPorts::Listed { ranges, .. } => {
                for (protocol, range) in ranges {
                    let known = self.ports.entry(*protocol).or_default();
                    known.push((*range, position));
                }
            }
        }
    }

    fn grants(&self) -> Grants {
        if !self.everything.is_empty() {
            let rules = self.everything.iter().take(OWNERS).copied().collect();
            return vec![(Extent::Everything, rules)];
        }
        let of_protocol = |(protocol, ranges): (&Protocol, &Vec<(PortRange, usize)>)| {
            let protocol = *protocol;
            let pieces = pieces(ranges).into_iter();
            pieces.map(move |(range, rules)| (Extent::Ports(protocol, range), rules))
        };
        self.ports.iter().flat_map(of_protocol).collect()
    }

    fn covered(&self) -> Covered {
        let ports = self.ports.iter().map(|(protocol, ranges)| {
            let ranges = ranges.iter().map(|(range, _)| *range);
            (*protocol, Coverage::of(ranges))
        });
        Covered {
            everything: !self.everything.is_empty(),
            ports: ports.collect(),
        }
    }
}

impl Covered {
    /// What of it not anyone may.
    fn rest(&self, allowed: Extent) -> Option<Extent> {
        match allowed {
            _ if self.everything => None,
            Extent::Everything => Some(Extent::Everything),
            Extent::Ports(protocol, range) => match self.ports.get(&protocol) {
                Some(ports) => Some(Extent::Ports(protocol, ports.trim(range)?)),
                None => Some(allowed),
            },
        }
    }
}
