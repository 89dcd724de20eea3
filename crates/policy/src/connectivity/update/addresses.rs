//! Addresses: atoms that come and go, and the examples of their classes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_model::ObjectName;

use super::Update;
use crate::atoms::Atom;
use crate::class::ClassId;

impl Update<'_> {
    /// A block is new: what was in the atom around it is in two now.
    pub(super) fn split(&mut self, block: Atom) {
        let outer = self.found.atoms.around(block);
        self.relocate(block);
        self.refresh(outer);
        let ranges = self.found.atoms.ranges(block);
        let example = self.world.example(&ranges);
        let class = self.found.classes.add_atom(block, ranges, example);
        self.admit(class);
    }

    /// A block is gone: what was in it is in the atom around it.
    pub(super) fn unite(&mut self, block: Atom) {
        let outer = self.found.atoms.around(block);
        self.relocate(block);
        if let Some(class) = self.found.classes.of_atom(block) {
            self.destroy(class);
        }
        self.refresh(outer);
    }

    /// Pods and nodes with addresses in `block` are in another atom. No policy that is known tells the two apart, so a
    /// class that moves as a whole stays what it is.
    fn relocate(&mut self, block: Atom) {
        let (first, last) = (block.first_address(), block.last_address());
        let index = self.world.index;
        let mut moving: BTreeMap<ClassId, BTreeSet<&ObjectName>> = BTreeMap::new();
        for pod in index.pods.within(first, last) {
            if let Some(class) = self.found.classes.of_pod(pod) {
                moving.entry(class).or_default().insert(pod);
            }
        }
        for (class, pods) in moving {
            self.relocate_pods(class, &pods);
        }
        for node in index.nodes.within(first, last) {
            let first = self.world.first_address(node);
            let place = self.world.place_of_node(&self.found.atoms, first);
            if let Some(class) = self.found.classes.of_node(node) {
                self.found.classes.relocate(class, place);
            }
            let further: Vec<_> = self.found.classes.addresses_of_node(node).collect();
            for (address, class) in further {
                let place = self.world.place(&self.found.atoms, &[address]);
                self.found.classes.relocate(class, place);
            }
        }
    }

    fn relocate_pods(&mut self, class: ClassId, pods: &BTreeSet<&ObjectName>) {
        let is_whole = pods.len() == self.found.classes.members(class).len();
        let places: BTreeSet<_> = pods
            .iter()
            .filter_map(|name| self.world.cluster.pods.get(*name))
            .map(|pod| self.world.place(&self.found.atoms, &pod.addresses))
            .collect();
        let only = places.first().filter(|_| is_whole && places.len() == 1);
        if only.is_some_and(|place| self.found.classes.relocate(class, *place)) {
            return;
        }
        for pod in pods {
            self.place_pod(pod);
        }
    }

    /// The class of an atom may have other addresses, or another example.
    fn refresh(&mut self, atom: Atom) {
        let Some(class) = self.found.classes.of_atom(atom) else {
            return;
        };
        let ranges = self.found.atoms.ranges(atom);
        let example = self.world.example(&ranges);
        self.found.classes.update_atom(class, atom, ranges, example);
        self.found.regroup(class);
    }

    /// These addresses may have other owners: an example must be nobody's, and a class must have one.
    pub(super) fn examples(&mut self, addresses: &[IpAddr]) {
        for address in addresses {
            let atom = self.found.atoms.of(*address);
            let class = self.found.classes.of_atom(atom);
            let is_touched = class.is_some_and(|class| {
                let entry = self.found.classes.entry(class);
                entry.travels && (!entry.listed || entry.is_example(*address))
            });
            if is_touched {
                self.refresh(atom);
            }
        }
    }
}
