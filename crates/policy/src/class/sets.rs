//! The classes by what policies ask for: labels, namespaces, addresses, ports.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ringfence_model::{ContainerPort, Labels};
use ringfence_net::{ConnectionSet, Family, PortSet};

use super::entry::Entry;
use super::place::{Families, Place};
use super::{ClassId, ClassKind, ClassSet};
use crate::address_set::AddressSet;
use crate::atoms::Atom;
use crate::selector_index::{SelectorIndex, with_entry};
use crate::shared_family::SharedFamily;

/// Sets of classes, ready to be looked up.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClassSets {
    /// Those of pods.
    pub(crate) pods: ClassSet,
    /// Those of pods by the pods' labels.
    pub(crate) labels: SelectorIndex,
    /// Those of pods by the labels of their namespace.
    pub(crate) namespace_labels: SelectorIndex,
    /// By where an address of theirs lies.
    located: BTreeMap<Atom, ClassSet>,
    /// By an address of theirs that is in the object of a node (rule CN-35).
    of_node: BTreeMap<IpAddr, ClassSet>,
    /// Those without a known address (rule AM-22).
    pub(crate) unaddressed: ClassSet,
    families: BTreeMap<Families, ClassSet>,
    /// By the name of a container port, and by what the name stands for (rules NP-34, CN-33).
    named_ports: BTreeMap<String, BTreeMap<ConnectionSet, ClassSet>>,
}

const NOBODY: &ClassSet = &ClassSet::new();

impl ClassSets {
    pub(super) fn add(&mut self, class: ClassId, entry: &Entry, namespace: Option<&Labels>) {
        self.add_place(class, entry.place);
        let ClassKind::Pods { labels, ports, .. } = &entry.class.kind else {
            return;
        };
        self.pods.insert(class);
        self.labels.add(class, labels);
        if let Some(namespace) = namespace {
            self.namespace_labels.add(class, namespace);
        }
        for (name, connections) in meanings(ports) {
            with_entry(&mut self.named_ports, name, |by_meaning| {
                by_meaning.entry(connections).or_default().insert(class);
            });
        }
    }

    fn add_place(&mut self, class: ClassId, place: Place) {
        for located in place.iter() {
            self.located.entry(located.atom).or_default().insert(class);
            if let Some(address) = located.of_node {
                self.of_node.entry(address).or_default().insert(class);
            }
        }
        let families = place.families();
        self.families.entry(families).or_default().insert(class);
        if families == Families::Unknown {
            self.unaddressed.insert(class);
        }
    }

    pub(super) fn remove(&mut self, class: ClassId, entry: &Entry, namespace: Option<&Labels>) {
        self.remove_place(class, entry.place);
        let ClassKind::Pods { labels, ports, .. } = &entry.class.kind else {
            return;
        };
        self.pods.remove(class);
        self.labels.remove(class, labels);
        if let Some(namespace) = namespace {
            self.namespace_labels.remove(class, namespace);
        }
        for (name, connections) in meanings(ports) {
            if let Some(by_meaning) = self.named_ports.get_mut(name) {
                remove(by_meaning, &connections, class);
                if by_meaning.is_empty() {
                    self.named_ports.remove(name);
                }
            }
        }
    }

    fn remove_place(&mut self, class: ClassId, place: Place) {
        for located in place.iter() {
            remove(&mut self.located, &located.atom, class);
            if let Some(address) = located.of_node {
                remove(&mut self.of_node, &address, class);
            }
        }
        remove(&mut self.families, &place.families(), class);
        self.unaddressed.remove(class);
    }

    pub(super) fn move_class(&mut self, class: ClassId, old: Place, new: Place) {
        self.remove_place(class, old);
        self.add_place(class, new);
    }

    /// The classes that have an address of `set`.
    pub(crate) fn among(&self, set: &AddressSet) -> ClassSet {
        let near = set
            .outermost()
            .flat_map(|block| self.located.range(block..=block.last_inside()));
        let among = near.filter(|(atom, _)| set.holds(**atom));
        ClassSet::union_of(among.map(|(_, classes)| classes))
    }

    /// The classes that have this address, which the object of a node lists.
    pub(crate) fn with_node_address(&self, address: IpAddr) -> &ClassSet {
        self.of_node.get(&address).unwrap_or(NOBODY)
    }

    /// The classes with these families.
    pub(crate) fn with_families(&self, wanted: impl Fn(Families) -> bool) -> ClassSet {
        let matching = self.families.iter().filter(|(found, _)| wanted(**found));
        ClassSet::union_of(matching.map(|(_, classes)| classes))
    }

    /// What a port's name stands for, and on which classes.
    pub(crate) fn named_ports(
        &self,
        name: &str,
    ) -> impl Iterator<Item = (&ConnectionSet, &ClassSet)> {
        self.named_ports.get(name).into_iter().flatten()
    }
}

/// Takes `class` out of the set of `key`; a set that is empty then is not kept.
fn remove<K: Ord>(map: &mut BTreeMap<K, ClassSet>, key: &K, class: ClassId) {
    if let Some(classes) = map.get_mut(key) {
        classes.remove(class);
        if classes.is_empty() {
            map.remove(key);
        }
    }
}

/// NP-34, CN-33, AM-12: for each name of a port everything that it stands for on one pod.
pub(crate) fn meanings(ports: &[ContainerPort]) -> BTreeMap<&str, ConnectionSet> {
    let mut meanings = BTreeMap::new();
    for port in ports {
        let Some(name) = port.name.as_deref() else {
            continue;
        };
        let meaning = ConnectionSet::of(port.protocol, PortSet::single(port.port));
        let known = meanings.entry(name).or_insert_with(ConnectionSet::none);
        *known = known.union(&meaning);
    }
    meanings
}

/// of ends with these families, which use their address of `family` towards a subject.
pub(crate) fn speaks(
    subject: Families,
    subject_is_destination: bool,
    (shared, family): (SharedFamily, Family),
    peer: Families,
) -> bool {
    let (source, destination) = if subject_is_destination {
        (peer, subject)
    } else {
        (subject, peer)
    };
    let agreed = match shared {
        SharedFamily::First => first(source, destination) == Some(family),
        SharedFamily::Second => {
            source.share_both(destination) && first(source, destination) != Some(family)
        }
    };
    agreed && peer.has(family)
}

fn first(source: Families, destination: Families) -> Option<Family> {
    match (source, destination) {
        (Families::Unknown, known) | (known, Families::Unknown) => known.first(),
        (Families::Only(only), other) | (other, Families::Only(only)) => {
            other.has(only).then_some(only)
        }
        (Families::Both(_), Families::Both(first)) => Some(first),
    }
}
