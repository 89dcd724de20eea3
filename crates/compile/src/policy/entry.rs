use std::collections::{BTreeMap, BTreeSet};

use ringfence_net::{Family, PortRange, Protocol};

use super::grant::{Grant, GrantPeers, GrantPorts};
use super::port::{Coverage, OWNERS, pieces};
use super::{Group, Whom, tiers};
use crate::class::{ClassId, Classes, Sense, Terms};

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
#[derive(Default, PartialEq, Eq, PartialOrd, Ord)]
struct Reasons {
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

/// All entries of a group that no policy of the cluster judges: what is so for anyone is not said again of a class (so each of them matters).
pub(crate) fn entries(group: &Group<'_>, terms: &Terms<'_>, classes: &Classes) -> Vec<Entry> {
    let by_class = reasons(group, terms, classes);
    let anyone = group.rules.iter().enumerate();
    let anyone = anyone.filter(|(_, grant)| matches!(grant.peers, GrantPeers::Any));
    let anyone = Reasons {
        rules: anyone.map(|(position, _)| position).collect(),
        named: BTreeSet::new(),
    };
    let anyone = Bucket::new(group, &anyone);
    let covered = anyone.covered();
    let mut found: Vec<Entry> = entries_of(Whom::Anyone, &anyone.grants()).collect();
    // Many classes have the same reasons.
    let mut known: BTreeMap<&Reasons, Grants> = BTreeMap::new();
    for (class, reasons) in &by_class {
        let grants = known.entry(reasons).or_insert_with(|| {
            let grants = Bucket::new(group, reasons).grants().into_iter();
            let rest = grants.filter_map(|(allowed, rules)| Some((covered.rest(allowed)?, rules)));
            rest.collect()
        });
        found.extend(entries_of(Whom::Class(*class), grants));
    }
    found
}

fn entries_of(whom: Whom, grants: &Grants) -> impl Iterator<Item = Entry> {
    grants.iter().map(move |(allowed, rules)| Entry {
        whom,
        extent: *allowed,
        permits: true,
        rules: rules.clone(),
        isolated: false,
    })
}

fn reasons(group: &Group<'_>, terms: &Terms<'_>, classes: &Classes) -> BTreeMap<ClassId, Reasons> {
    let mut by_class: BTreeMap<ClassId, Reasons> = BTreeMap::new();
    for (position, grant) in group.rules.iter().enumerate() {
        for class in admitted(&grant.peers, &grant.ports, Sense::Certain, terms, classes) {
            let reasons = by_class.entry(class).or_default();
            if let GrantPeers::Terms(_) = grant.peers {
                reasons.rules.insert(position);
            }
            let named = named_ports(&grant.ports, Sense::Certain, terms, classes, class);
            let named = named.map(|(protocol, port)| (protocol, port, position));
            reasons.named.extend(named);
        }
    }
    by_class
}

/// The ports that the rule's names mean on the pods of `class`.
pub(super) fn named_ports<'g>(
    ports: &'g GrantPorts<'_>,
    sense: Sense,
    terms: &'g Terms<'_>,
    classes: &'g Classes,
    class: ClassId,
) -> impl Iterator<Item = (Protocol, u16)> + 'g {
    let names = match ports {
        GrantPorts::Listed { names, .. } => Some(names),
        GrantPorts::All => None,
    };
    let own = classes.get(class).map_or(&[][..], |class| &class.terms);
    let own = names.into_iter().flat_map(move |names| {
        let ports = own
            .iter()
            .filter_map(move |term| terms.named_port(*term, sense));
        ports.filter(|port| names.contains(&(port.protocol, port.name)))
    });
    own.map(|port| (port.protocol, port.port))
}

/// At least half of the elements that `group` needs for so many addresses of its members, from the rules as they
/// are: what several rules overlap in is cut into fewer than twice as many pieces.
pub(super) fn elements(
    group: &Group<'_>,
    terms: &Terms<'_>,
    classes: &Classes,
    subjects: &[(Family, u64)],
) -> u64 {
    if group.is_tiered() {
        return tiers::elements(group, terms, classes, subjects);
    }
    let of_grant = |grant: &Grant<'_>| {
        let admitted = admitted(&grant.peers, &grant.ports, Sense::Certain, terms, classes);
        let of_family = |(family, subjects): &(Family, u64)| {
            let in_family = |class: &&ClassId| {
                let class = classes.get(**class);
                class.is_some_and(|class| class.has_family(*family))
            };
            let admitted = admitted.iter().filter(in_family).count() as u64;
            let each = match grant.peers {
                GrantPeers::Terms(_) => admitted.saturating_mul(grant.ports.count()),
                GrantPeers::Any => {
                    let named = admitted.saturating_mul(grant.ports.names());
                    named.saturating_add(grant.ports.known())
                }
            };
            each.saturating_mul(*subjects)
        };
        subjects.iter().map(of_family).fold(0, u64::saturating_add)
    };
    group
        .rules
        .iter()
        .map(of_grant)
        .fold(0, u64::saturating_add)
}

/// The classes that a rule says something particular about: those of its peers, and for a rule about anyone those
/// of the pods that have its named ports.
pub(super) fn admitted(
    peers: &GrantPeers,
    ports: &GrantPorts<'_>,
    sense: Sense,
    terms: &Terms<'_>,
    classes: &Classes,
) -> BTreeSet<ClassId> {
    match (peers, ports) {
        (GrantPeers::Terms(ids), _) => ids
            .iter()
            .flat_map(|term| classes.with_term(*term))
            .copied()
            .collect(),
        (GrantPeers::Any, GrantPorts::All) => BTreeSet::new(),
        (GrantPeers::Any, GrantPorts::Listed { names, .. }) => names
            .iter()
            .flat_map(|(protocol, name)| terms.with_name(name, *protocol, sense))
            .flat_map(|term| classes.with_term(term))
            .copied()
            .collect(),
    }
}

impl Bucket {
    fn new(group: &Group<'_>, reasons: &Reasons) -> Self {
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

    fn add(&mut self, position: usize, ports: &GrantPorts<'_>) {
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
