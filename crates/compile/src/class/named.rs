//! Addresses that are known of names: what they are without, and the names beside it (rules CN-37, AM-19).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_net::Family;

use super::{ClassId, Classes, TermId, Terms};

/// The addresses of names that rules ask for.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The terms about names that each is in.
    terms: BTreeMap<IpAddr, Vec<TermId>>,
    classes: BTreeMap<IpAddr, ClassId>,
}

impl Names {
    /// Takes up what is known now; gives the addresses of which something else is known.
    pub(super) fn exchange(&mut self, new: BTreeMap<IpAddr, Vec<TermId>>) -> BTreeSet<IpAddr> {
        let old = std::mem::replace(&mut self.terms, new);
        let addresses = old.keys().chain(self.terms.keys());
        let differ = |address: &&IpAddr| old.get(*address) != self.terms.get(*address);
        addresses.filter(differ).copied().collect()
    }

    /// The addresses from `first` to `last`.
    pub(super) fn between(&self, first: IpAddr, last: IpAddr) -> impl Iterator<Item = IpAddr> {
        self.terms.range(first..=last).map(|(address, _)| *address)
    }

    /// The addresses in one of these classes.
    pub(super) fn of_classes(&self, classes: &BTreeSet<ClassId>) -> BTreeSet<IpAddr> {
        let found = self.classes.iter();
        let found = found.filter(|(_, class)| classes.contains(class));
        found.map(|(address, _)| *address).collect()
    }
}

impl Classes {
    /// Classifies the addresses of names anew of which something else is known, or which are something else without.
    pub(super) fn classify_named(&mut self, terms: &Terms) {
        let names = &self.names.terms;
        let peers = self.changed.addresses.iter();
        let peers: Vec<IpAddr> = peers
            .filter(|ip| names.contains_key(*ip))
            .copied()
            .collect();
        self.changed.named.extend(peers);
        for address in self.changed.named.clone() {
            let class = self.names.terms.get(&address).cloned().map(|mut own| {
                own.extend(self.terms_without_names(address));
                own.sort_unstable();
                self.join(own, Family::of(address), terms)
            });
            let before = match class {
                Some(class) => self.names.classes.insert(address, class),
                None => self.names.classes.remove(&address),
            };
            if let Some(before) = before {
                self.leave(before, Family::of(address));
            }
        }
    }

    fn terms_without_names(&self, address: IpAddr) -> Vec<TermId> {
        let peer = self.of_peer(address).and_then(|class| self.get(class));
        match peer {
            Some(peer) => peer.terms.clone(),
            None => self.blocks_around(address),
        }
    }

    /// The class of an address that is known of a name which some rule asks for.
    pub(crate) fn of_named(&self, address: IpAddr) -> Option<ClassId> {
        self.names.classes.get(&address).copied()
    }

    /// The terms about names that an address is in.
    pub(crate) fn names_of(&self, address: IpAddr) -> &[TermId] {
        self.names.terms.get(&address).map_or(&[], Vec::as_slice)
    }
}
