use std::collections::{BTreeMap, BTreeSet};

use ringfence_net::{PortRange, Protocol};

use super::port::pieces;
use super::{Grant, GrantPeers, GrantPorts, Group, Whom};
use crate::class::{ClassId, Classes, Terms};

/// Something that a group's members may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) whom: Whom,
    pub(crate) allowed: Allowed,
    /// Positions of the rules that allow it in [`Group::rules`].
    pub(crate) rules: BTreeSet<usize>,
}

/// What an entry allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// Every protocol and port.
    Everything,
    /// Ports of one protocol.
    Ports(Protocol, PortRange),
}

/// What the rules of one bucket (a class, or anyone) allow, by rule.
#[derive(Default)]
struct Bucket {
    everything: BTreeSet<usize>,
    ports: BTreeMap<Protocol, Vec<(PortRange, usize)>>,
}

/// All entries of a group: none says what another one already says (so each of them matters).
pub(crate) fn entries(group: &Group<'_>, terms: &Terms<'_>, classes: &Classes) -> Vec<Entry> {
    let mut anyone = Bucket::default();
    let mut by_class: BTreeMap<ClassId, Bucket> = BTreeMap::new();
    for (position, grant) in group.rules.iter().enumerate() {
        if matches!(grant.peers, GrantPeers::Any) {
            anyone.add(position, &grant.ports);
        }
        for class in admitted(grant, terms, classes) {
            let bucket = by_class.entry(class).or_default();
            if let GrantPeers::Terms(_) = grant.peers {
                bucket.add(position, &grant.ports);
            }
            bucket.add_named(position, grant, terms, classes, class);
        }
    }
    let nothing = Bucket::default();
    let mut found = anyone.entries(Whom::Anyone, &nothing);
    for (class, bucket) in by_class {
        found.append(&mut bucket.entries(Whom::Class(class), &anyone));
    }
    found
}

/// The classes that a rule says something particular about: those of its peers, and for a rule about anyone those
/// of the pods that have its named ports.
fn admitted(grant: &Grant<'_>, terms: &Terms<'_>, classes: &Classes) -> BTreeSet<ClassId> {
    match (&grant.peers, &grant.ports) {
        (GrantPeers::Terms(ids), _) => ids
            .iter()
            .flat_map(|term| classes.with_term(*term))
            .copied()
            .collect(),
        (GrantPeers::Any, GrantPorts::All) => BTreeSet::new(),
        (GrantPeers::Any, GrantPorts::Listed { names, .. }) => names
            .iter()
            .flat_map(|(protocol, name)| terms.with_name(name, *protocol))
            .flat_map(|term| classes.with_term(term))
            .copied()
            .collect(),
    }
}

impl Bucket {
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

    /// Adds the ports that the rule's names mean on the pods of `class`.
    fn add_named(
        &mut self,
        position: usize,
        grant: &Grant<'_>,
        terms: &Terms<'_>,
        classes: &Classes,
        class: ClassId,
    ) {
        let GrantPorts::Listed { names, .. } = &grant.ports else {
            return;
        };
        let own = classes.get(class).map_or(&[][..], |class| &class.terms);
        for port in own.iter().filter_map(|term| terms.named_port(*term)) {
            if names.contains(&(port.protocol, port.name)) {
                let known = self.ports.entry(port.protocol).or_default();
                known.push((PortRange::single(port.port), position));
            }
        }
    }

    fn entries(&self, whom: Whom, covered: &Self) -> Vec<Entry> {
        if !covered.everything.is_empty() {
            return Vec::new();
        }
        if !self.everything.is_empty() {
            return vec![Entry {
                whom,
                allowed: Allowed::Everything,
                rules: self.everything.clone(),
            }];
        }
        let mut found = Vec::new();
        for (protocol, ranges) in &self.ports {
            let covered = covered.ports.get(protocol).into_iter().flatten();
            let covered: Vec<PortRange> = covered.map(|(range, _)| *range).collect();
            let pieces = pieces(ranges, &covered);
            found.extend(pieces.into_iter().map(|(range, rules)| Entry {
                whom,
                allowed: Allowed::Ports(*protocol, range),
                rules,
            }));
        }
        found
    }
}
