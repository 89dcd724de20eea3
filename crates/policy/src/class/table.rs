//! Which classes there are, and who belongs to which.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::net::IpAddr;

use ringfence_model::{ContainerPort, Labels, ObjectName, Pod};

use super::place::{Families, Place};
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
    of_atom: BTreeMap<Atom, ClassId>,
    sets: ClassSets,
}

/// One class and what is known of it beside.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) class: Class,
    pub(crate) place: Place,
    /// Whether it has members that can be an end of a connection.
    pub(crate) listed: bool,
    /// False for addresses that no packet between two ends has.
    pub(crate) travels: bool,
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

/// A class of pods before or after a pod joins or leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Membership {
    pub(crate) class: ClassId,
    /// Whether the pod is its only member.
    pub(crate) alone: bool,
}

impl ClassTable {
    pub(crate) fn sets(&self) -> &ClassSets {
        &self.sets
    }

    /// Every class with members, in an order that only the cluster decides.
    pub(crate) fn iter(&self) -> impl Iterator<Item = ClassId> + '_ {
        let pods = self.namespaces.values().flat_map(|found| &found.sorted);
        let others = self.of_node.values().chain(self.of_atom.values());
        let all = pods.chain(others).copied();
        all.filter(|class| self.entry(*class).listed)
    }

    pub(crate) fn entry(&self, class: ClassId) -> &Entry {
        // INVARIANT: numbers of classes are given out by the table and its entries are never taken back.
        #[expect(
            clippy::indexing_slicing,
            reason = "a class of another engine is a mistake of the program"
        )]
        &self.entries[class.index()]
    }

    pub(crate) fn families(&self, class: ClassId) -> Families {
        self.entry(class).place.families()
    }

    /// What the pods of a class declare; nothing for other classes.
    pub(crate) fn ports(&self, class: ClassId) -> &[ContainerPort] {
        match &self.entry(class).class.kind {
            ClassKind::Pods { ports, .. } => ports,
            ClassKind::Node { .. } | ClassKind::Addresses { .. } => &[],
        }
    }

    pub(crate) fn of_pod(&self, name: &ObjectName) -> Option<ClassId> {
        self.of_pod.get(name).copied()
    }

    pub(crate) fn of_node(&self, name: &str) -> Option<ClassId> {
        self.of_node.get(name).copied()
    }

    pub(crate) fn of_atom(&self, atom: Atom) -> Option<ClassId> {
        self.of_atom.get(&atom).copied()
    }

    pub(crate) fn namespace(&self, name: &str) -> Option<&NamespaceClasses> {
        self.namespaces.get(name)
    }

    /// Makes `pod` a member of its class. `labels` are those of its namespace.
    pub(crate) fn add_pod(
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
        let found = self.search(pod, place);
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
        self.join(membership.class, &pod.name);
        membership
    }

    /// The class of pods like this one, or its place among those of the namespace.
    fn search(&self, pod: &Pod, place: Place) -> Result<ClassId, usize> {
        let sorted = self
            .namespaces
            .get(&pod.name.namespace)
            .map_or(&[][..], |found| &found.sorted);
        let found = sorted.binary_search_by(|class| self.compare(*class, pod, place));
        found.map(|at| sorted.get(at).copied().ok_or(at))?
    }

    fn compare(&self, class: ClassId, pod: &Pod, place: Place) -> Ordering {
        let entry = self.entry(class);
        match &entry.class.kind {
            ClassKind::Pods { labels, ports, .. } => labels
                .cmp(&pod.labels)
                .then_with(|| ports.cmp(&pod.ports))
                .then_with(|| entry.place.cmp(&place)),
            ClassKind::Node { .. } | ClassKind::Addresses { .. } => Ordering::Less,
        }
    }

    fn create_pods(&mut self, pod: &Pod, place: Place, at: usize) -> ClassId {
        let kind = ClassKind::Pods {
            namespace: pod.name.namespace.clone(),
            labels: pod.labels.clone(),
            ports: pod.ports.clone(),
            members: Vec::new(),
        };
        let class = self.create(Entry {
            class: Class { kind },
            place,
            listed: true,
            travels: true,
        });
        if let Some(namespace) = self.namespaces.get_mut(&pod.name.namespace) {
            namespace.sorted.insert(at, class);
            namespace.classes.insert(class);
        }
        class
    }

    fn join(&mut self, class: ClassId, pod: &ObjectName) {
        self.of_pod.insert(pod.clone(), class);
        if let Some(members) = self.members_mut(class)
            && let Err(at) = members.binary_search(pod)
        {
            members.insert(at, pod.clone());
        }
    }

    fn members_mut(&mut self, class: ClassId) -> Option<&mut Vec<ObjectName>> {
        match &mut self.entries.get_mut(class.index())?.class.kind {
            ClassKind::Pods { members, .. } => Some(members),
            ClassKind::Node { .. } | ClassKind::Addresses { .. } => None,
        }
    }

    /// The class of a node is new.
    pub(crate) fn add_node(&mut self, name: &str, place: Place) -> ClassId {
        let kind = ClassKind::Node {
            name: name.to_owned(),
        };
        let class = self.create(Entry {
            class: Class { kind },
            place,
            listed: true,
            travels: true,
        });
        self.of_node.insert(name.to_owned(), class);
        class
    }

    /// The class of an atom is new. It is listed if there is an `example` for it.
    pub(crate) fn add_atom(
        &mut self,
        atom: Atom,
        ranges: Vec<(IpAddr, IpAddr)>,
        example: Option<IpAddr>,
    ) -> ClassId {
        let travels = !atom.never_travels();
        let kind = ClassKind::Addresses {
            family: atom.family(),
            ranges,
            example: example.unwrap_or_else(|| atom.first_address()),
        };
        let class = self.create(Entry {
            class: Class { kind },
            place: Place::of_atom(atom),
            listed: travels && example.is_some(),
            travels,
        });
        self.of_atom.insert(atom, class);
        class
    }

    fn create(&mut self, entry: Entry) -> ClassId {
        let class = match self.free.pop() {
            Some(class) => class,
            None => ClassId::new(u32::try_from(self.entries.len()).unwrap_or(u32::MAX)),
        };
        let namespace_labels = match &entry.class.kind {
            ClassKind::Pods { namespace, .. } => self.namespaces.get(namespace),
            ClassKind::Node { .. } | ClassKind::Addresses { .. } => None,
        };
        let namespace_labels = namespace_labels.map(|found| &found.labels);
        self.sets.add(class, &entry, namespace_labels);
        match self.entries.get_mut(class.index()) {
            Some(old) => *old = entry,
            None => self.entries.push(entry),
        }
        class
    }
}
