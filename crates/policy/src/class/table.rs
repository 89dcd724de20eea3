//! Which classes there are, and who belongs to which.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::net::IpAddr;

use ringfence_model::{Labels, ObjectName, Pod};

use super::entry::{Entry, Traits, addresses};
use super::place::Place;
use super::sets::ClassSets;
use super::{Class, ClassId, ClassKind, ClassSet};
use crate::atoms::Atom;

/// The classes of a cluster.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClassTable {
    /// By number; a class that is gone leaves its entry to the next one.
    entries: Vec<Entry>,
    free: Vec<ClassId>,
    namespaces: BTreeMap<String, NamespaceClasses>,
    of_pod: BTreeMap<ObjectName, ClassId>,
    of_node: BTreeMap<String, ClassId>,
    /// Of the addresses of a node other than its first (rule Q-5).
    of_node_address: BTreeMap<String, BTreeMap<IpAddr, ClassId>>,
    of_atom: BTreeMap<Atom, ClassId>,
    sets: ClassSets,
}

/// The classes of pods of one namespace.
#[derive(Clone, Debug, Default)]
pub(crate) struct NamespaceClasses {
    /// The namespace's labels (rules NP-17, NP-18).
    pub(crate) labels: Labels,
    pub(crate) classes: ClassSet,
    /// In order of what their members have in common.
    sorted: Vec<ClassId>,
}

/// The class of a pod that joins or leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Membership {
    pub(crate) class: ClassId,
    /// Whether it has no other member.
    pub(crate) alone: bool,
}

impl ClassTable {
    pub(crate) fn sets(&self) -> &ClassSets {
        &self.sets
    }

    /// Every class with members, in an order that only the cluster decides.
    pub(crate) fn iter(&self) -> impl Iterator<Item = ClassId> + '_ {
        let pods = self.namespaces.values().flat_map(|found| &found.sorted);
        let addresses = self.of_node_address.values().flat_map(BTreeMap::values);
        let others = self.of_node.values().chain(addresses);
        let others = others.chain(self.of_atom.values());
        let all = pods.chain(others).copied();
        all.filter(|class| self.entry(*class).listed)
    }

    /// Above the number of every class.
    pub(crate) fn bound(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn entry(&self, class: ClassId) -> &Entry {
        // INVARIANT: numbers of classes are given out by the table and its entries are never taken back.
        #[expect(
            clippy::indexing_slicing,
            reason = "a class of another engine is a mistake of the program"
        )]
        &self.entries[class.index()]
    }

    pub(crate) fn members(&self, class: ClassId) -> &[ObjectName] {
        match &self.entry(class).class.kind {
            ClassKind::Pods { members, .. } => members,
            ClassKind::Node { .. } | ClassKind::Addresses { .. } => &[],
        }
    }

    pub(crate) fn of_pod(&self, name: &ObjectName) -> Option<ClassId> {
        self.of_pod.get(name).copied()
    }

    pub(crate) fn of_node(&self, name: &str) -> Option<ClassId> {
        self.of_node.get(name).copied()
    }

    /// The class of a node by an address that is not its first.
    pub(crate) fn of_node_address(&self, name: &str, address: IpAddr) -> Option<ClassId> {
        self.of_node_address.get(name)?.get(&address).copied()
    }

    /// Every class that stands for a node.
    pub(crate) fn all_of_node(&self, name: &str) -> ClassSet {
        let further = self.addresses_of_node(name).map(|(_, class)| class);
        self.of_node(name).into_iter().chain(further).collect()
    }

    /// The addresses of a node that have a class of their own.
    pub(crate) fn addresses_of_node(&self, name: &str) -> impl Iterator<Item = (IpAddr, ClassId)> {
        let found = self.of_node_address.get(name).into_iter().flatten();
        found.map(|(address, class)| (*address, *class))
    }

    pub(crate) fn of_atom(&self, atom: Atom) -> Option<ClassId> {
        self.of_atom.get(&atom).copied()
    }

    pub(crate) fn namespace(&self, name: &str) -> Option<&NamespaceClasses> {
        self.namespaces.get(name)
    }

    /// The namespace of a class of pods.
    pub(crate) fn namespace_of(&self, class: ClassId) -> Option<&NamespaceClasses> {
        match &self.entry(class).class.kind {
            ClassKind::Pods { namespace, .. } => self.namespaces.get(namespace),
            ClassKind::Node { .. } | ClassKind::Addresses { .. } => None,
        }
    }

    /// Makes `pod` a member of its class. `labels` are those of its namespace.
    pub(crate) fn join(
        &mut self,
        pod: &Pod,
        place: Place,
        labels: impl FnOnce() -> Labels,
    ) -> Membership {
        let namespace = &pod.name.namespace;
        if !self.namespaces.contains_key(namespace) {
            let new = NamespaceClasses {
                labels: labels(),
                ..NamespaceClasses::default()
            };
            self.namespaces.insert(namespace.clone(), new);
        }
        let found = self.search(namespace, Traits::of(pod, place));
        let membership = match found {
            Ok(class) => Membership {
                class,
                alone: false,
            },
            Err(at) => Membership {
                class: self.create_pods(pod, place, at),
                alone: true,
            },
        };
        self.of_pod.insert(pod.name.clone(), membership.class);
        if let Some(members) = self.members_mut(membership.class)
            && let Err(at) = members.binary_search(&pod.name)
        {
            members.insert(at, pod.name.clone());
        }
        membership
    }

    /// Whether `pod` would be a member of this class.
    pub(crate) fn fits(&self, class: ClassId, pod: &Pod, place: Place) -> bool {
        self.entry(class).traits() == Some(Traits::of(pod, place))
    }

    /// Takes a pod out of its class. A class that is left without members is to be [freed](Self::free).
    pub(crate) fn leave(&mut self, pod: &ObjectName) -> Option<Membership> {
        let class = self.of_pod.remove(pod)?;
        let members = self.members_mut(class)?;
        members.retain(|member| member != pod);
        let alone = members.is_empty();
        Some(Membership { class, alone })
    }

    /// The class of pods with these traits, or its place among those of the namespace.
    fn search(&self, namespace: &str, traits: Traits<'_>) -> Result<ClassId, usize> {
        let sorted = self
            .namespaces
            .get(namespace)
            .map_or(&[][..], |found| &found.sorted);
        let compare = |class: &ClassId| match self.entry(*class).traits() {
            Some(found) => found.cmp(&traits),
            None => Ordering::Less,
        };
        let at = sorted.binary_search_by(compare)?;
        sorted.get(at).copied().ok_or(at)
    }

    fn create_pods(&mut self, pod: &Pod, place: Place, at: usize) -> ClassId {
        let kind = ClassKind::Pods {
            namespace: pod.name.namespace.clone(),
            labels: pod.labels.clone(),
            ports: pod.ports.clone(),
            members: Vec::new(),
        };
        let class = self.create(Entry::listed(kind, place));
        if let Some(namespace) = self.namespaces.get_mut(&pod.name.namespace) {
            namespace.sorted.insert(at, class);
            namespace.classes.insert(class);
        }
        class
    }

    fn members_mut(&mut self, class: ClassId) -> Option<&mut Vec<ObjectName>> {
        match &mut self.entries.get_mut(class.index())?.class.kind {
            ClassKind::Pods { members, .. } => Some(members),
            ClassKind::Node { .. } | ClassKind::Addresses { .. } => None,
        }
    }

    /// A class for a node that has none. `place` is that of its first address.
    pub(crate) fn add_node(
        &mut self,
        name: &str,
        (address, by_name): (Option<IpAddr>, bool),
        place: Place,
    ) -> ClassId {
        let kind = ClassKind::Node {
            name: name.to_owned(),
            address,
            by_name,
        };
        let class = self.create(Entry::listed(kind, place));
        self.of_node.insert(name.to_owned(), class);
        class
    }

    /// A class for an address of a node that has none. `place` is that of the address.
    pub(crate) fn add_node_address(
        &mut self,
        name: &str,
        address: IpAddr,
        place: Place,
    ) -> ClassId {
        let kind = ClassKind::Node {
            name: name.to_owned(),
            address: Some(address),
            by_name: false,
        };
        let class = self.create(Entry::listed(kind, place));
        let addresses = self.of_node_address.entry(name.to_owned()).or_default();
        addresses.insert(address, class);
        class
    }

    /// A class for an atom that has none. It is listed if there is an `example` for it.
    pub(crate) fn add_atom(
        &mut self,
        atom: Atom,
        ranges: Vec<(IpAddr, IpAddr)>,
        example: Option<IpAddr>,
    ) -> ClassId {
        let class = self.create(Entry {
            class: Class {
                kind: addresses(atom, ranges, example),
            },
            place: Place::of_atom(atom),
            listed: !atom.never_travels() && example.is_some(),
            travels: !atom.never_travels(),
        });
        self.of_atom.insert(atom, class);
        class
    }

    /// Another extent of an atom, or another example.
    pub(crate) fn update_atom(
        &mut self,
        class: ClassId,
        atom: Atom,
        ranges: Vec<(IpAddr, IpAddr)>,
        example: Option<IpAddr>,
    ) {
        if let Some(entry) = self.entries.get_mut(class.index()) {
            entry.class.kind = addresses(atom, ranges, example);
            entry.listed = entry.travels && example.is_some();
        }
    }

    fn create(&mut self, entry: Entry) -> ClassId {
        let new = || ClassId::new(u32::try_from(self.entries.len()).unwrap_or(u32::MAX));
        let class = self.free.pop().unwrap_or_else(new);
        let namespace = entry.namespace().and_then(|name| self.namespaces.get(name));
        let labels = namespace.map(|found| &found.labels);
        self.sets.add(class, &entry, labels);
        match self.entries.get_mut(class.index()) {
            Some(old) => *old = entry,
            None => self.entries.push(entry),
        }
        class
    }

    /// The class is no more.
    pub(crate) fn free(&mut self, class: ClassId) {
        let Some(entry) = self.entries.get_mut(class.index()) else {
            return;
        };
        entry.listed = false;
        let namespace = entry.namespace().and_then(|name| self.namespaces.get(name));
        let labels = namespace.map(|found| &found.labels);
        self.sets.remove(class, entry, labels);
        match &entry.class.kind {
            ClassKind::Node { name, address, .. } => {
                if self.of_node.get(name) == Some(&class) {
                    self.of_node.remove(name);
                } else if let Some(address) = address {
                    remove_address(&mut self.of_node_address, name, address);
                }
            }
            ClassKind::Addresses { .. } => {
                for located in entry.place.iter() {
                    self.of_atom.remove(&located.atom);
                }
            }
            ClassKind::Pods { namespace, .. } => {
                if let Some(found) = self.namespaces.get_mut(namespace) {
                    found.sorted.retain(|other| *other != class);
                    found.classes.remove(class);
                    if found.sorted.is_empty() {
                        self.namespaces.remove(namespace);
                    }
                }
            }
        }
        self.free.push(class);
    }

    /// Moves a whole class to another place. False, and nothing changed, if there is a class of this kind already.
    pub(crate) fn relocate(&mut self, class: ClassId, place: Place) -> bool {
        let taken = self.entry(class).traits().is_some_and(|traits| {
            let wanted = Traits { place, ..traits };
            let namespace = self.entry(class).namespace().unwrap_or_default();
            self.search(namespace, wanted).is_ok()
        });
        let Some(entry) = self.entries.get_mut(class.index()).filter(|_| !taken) else {
            return false;
        };
        self.sets.move_class(class, entry.place, place);
        entry.place = place;
        self.sort_again(class);
        true
    }

    /// Puts a class of pods where it belongs among those of its namespace.
    fn sort_again(&mut self, class: ClassId) {
        let Some(name) = self.entry(class).namespace().map(str::to_owned) else {
            return;
        };
        if let Some(namespace) = self.namespaces.get_mut(&name) {
            namespace.sorted.retain(|other| *other != class);
        }
        let found = self
            .entry(class)
            .traits()
            .map(|traits| self.search(&name, traits));
        if let (Some(Err(at)), Some(namespace)) = (found, self.namespaces.get_mut(&name)) {
            namespace.sorted.insert(at, class);
        }
    }

    /// Other labels of a namespace. True if they are others than before.
    pub(crate) fn relabel(&mut self, namespace: &str, labels: Labels) -> bool {
        let Some(found) = self.namespaces.get_mut(namespace) else {
            return false;
        };
        if found.labels == labels {
            return false;
        }
        for class in found.classes.iter() {
            self.sets.namespace_labels.remove(class, &found.labels);
            self.sets.namespace_labels.add(class, &labels);
        }
        found.labels = labels;
        true
    }
}

fn remove_address(
    of_node: &mut BTreeMap<String, BTreeMap<IpAddr, ClassId>>,
    name: &str,
    address: &IpAddr,
) {
    if let Some(addresses) = of_node.get_mut(name) {
        addresses.remove(address);
        if addresses.is_empty() {
            of_node.remove(name);
        }
    }
}
