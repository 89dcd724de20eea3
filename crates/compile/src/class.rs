//! Classes: which terms a peer's address matches, as one number.

mod block;
mod content;
mod named;
mod number;
mod term;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_net::Family;

use crate::peer::Peers;
use crate::span::{Span, address, number as number_of};
pub(crate) use block::Atom;
use named::Names;
use number::Numbers;
pub(crate) use term::{GroupId, NamedPort, PortName, Sense, TermId, Terms};

/// Position of a class in [`Classes`]. It says nothing about order.
pub(crate) type ClassId = usize;

/// The distinct sets of terms that addresses match, and who is in them.
#[derive(Debug, Default)]
pub(crate) struct Classes {
    slots: Vec<Option<Class>>,
    free: Vec<ClassId>,
    ids: BTreeMap<Vec<TermId>, ClassId>,
    by_term: BTreeMap<TermId, BTreeSet<ClassId>>,
    numbers: Numbers,
    /// Pods that some selector or named port matches.
    peers: BTreeMap<IpAddr, ClassId>,
    /// Atoms of the address blocks, by family, in order.
    atoms: [Vec<(Atom, ClassId)>; 2],
    names: Names,
    /// What changed since the last [`Classes::settle`].
    pub(crate) changed: Changed,
}

/// Which classes, addresses and ranges were touched.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    /// Classes that came, went, got another number or members of another family.
    pub(crate) classes: BTreeSet<ClassId>,
    /// Addresses whose element may be another.
    pub(crate) addresses: BTreeSet<IpAddr>,
    /// Addresses of names whose element may be another.
    pub(crate) named: BTreeSet<IpAddr>,
    /// Ranges that are no atoms any more.
    pub(crate) gone: BTreeSet<(Family, Span)>,
    /// Ranges that are new atoms, or have another class.
    pub(crate) atoms: BTreeSet<(Family, Span)>,
}

/// One class.
#[derive(Debug)]
pub(crate) struct Class {
    /// Ascending.
    pub(crate) terms: Vec<TermId>,
    pub(crate) number: u32,
    /// The number that it would have alone.
    plain: u32,
    /// How many addresses and atoms of each family are in it.
    members: [usize; 2],
}

impl Classes {
    /// Takes up the blocks anew, if terms about addresses came, went or changed, and marks the addresses in what
    /// changed.
    pub(crate) fn take_up_blocks(&mut self, terms: &mut Terms, peers: &Peers) {
        if !std::mem::take(&mut terms.addresses_changed) {
            return;
        }
        for family in Family::ALL {
            let new = block::atoms(terms, family);
            let old = std::mem::take(self.atoms_mut(family));
            self.exchange(family, old, new, terms, peers);
        }
        self.changed
            .named
            .extend(self.names.exchange(terms.named()));
    }

    fn exchange(
        &mut self,
        family: Family,
        old: Vec<(Atom, ClassId)>,
        new: Vec<Atom>,
        terms: &Terms,
        peers: &Peers,
    ) {
        let mut known: BTreeMap<Span, (Vec<TermId>, ClassId)> = old
            .into_iter()
            .map(|(atom, class)| (atom.span, (atom.terms, class)))
            .collect();
        let mut placed = Vec::with_capacity(new.len());
        for atom in new {
            let before = known.remove(&atom.span);
            if let Some((own, class)) = &before
                && *own == atom.terms
            {
                placed.push((atom, *class));
                continue;
            }
            self.mark(family, atom.span, peers);
            self.changed.atoms.insert((family, atom.span));
            let class = self.join(atom.terms.clone(), family, terms);
            if let Some((_, before)) = before {
                self.leave(before, family);
            }
            placed.push((atom, class));
        }
        for (span, (_, class)) in known {
            self.mark(family, span, peers);
            self.changed.gone.insert((family, span));
            self.leave(class, family);
        }
        *self.atoms_mut(family) = placed;
    }

    fn mark(&mut self, family: Family, span: Span, peers: &Peers) {
        let (first, last) = (address(family, span.first), address(family, span.last));
        let within = peers.addresses_between(first, last);
        self.changed.addresses.extend(within);
        self.changed.named.extend(self.names.between(first, last));
    }

    /// Classifies the marked addresses anew.
    pub(crate) fn classify(&mut self, terms: &Terms, peers: &Peers) {
        let marked: Vec<IpAddr> = self.changed.addresses.iter().copied().collect();
        for address in marked {
            let family = Family::of(address);
            let mut own = named_terms(address, terms, peers);
            let class = (!own.is_empty()).then(|| {
                own.extend(self.blocks_around(address));
                self.join(own.into_iter().collect(), family, terms)
            });
            let before = match class {
                Some(class) => self.peers.insert(address, class),
                None => self.peers.remove(&address),
            };
            if let Some(before) = before {
                self.leave(before, family);
            }
        }
        self.classify_named(terms);
    }

    /// Gives every class its number, and marks what has another one.
    pub(crate) fn number_all(&mut self, terms: &Terms) {
        let renumbered = self.numbers.assign(&mut self.slots, &self.ids, terms);
        if renumbered.is_empty() {
            return;
        }
        let of_peers = self.peers.iter();
        let of_peers = of_peers.filter(|(_, class)| renumbered.contains(class));
        self.changed.addresses.extend(of_peers.map(|(ip, _)| *ip));
        self.changed
            .named
            .extend(self.names.of_classes(&renumbered));
        for family in Family::ALL {
            let atoms = self.atoms(family).iter();
            let atoms = atoms.filter(|(_, class)| renumbered.contains(class));
            let spans: Vec<_> = atoms.map(|(atom, _)| (family, atom.span)).collect();
            self.changed.atoms.extend(spans);
        }
        self.changed.classes.extend(renumbered);
    }

    /// Forgets the classes that nobody is in; ends an update.
    pub(crate) fn settle(&mut self) {
        for id in std::mem::take(&mut self.changed).classes {
            let is_empty = self.get(id).is_some_and(|class| class.members == [0; 2]);
            if is_empty && let Some(class) = self.slots.get_mut(id).and_then(Option::take) {
                self.ids.remove(&class.terms);
                for term in &class.terms {
                    if let Some(ids) = self.by_term.get_mut(term) {
                        ids.remove(&id);
                        if ids.is_empty() {
                            self.by_term.remove(term);
                        }
                    }
                }
                self.free.push(id);
            }
        }
    }

    /// One more address or atom of `family` with just these terms.
    fn join(&mut self, own: Vec<TermId>, family: Family, terms: &Terms) -> ClassId {
        let id = match self.ids.get(&own) {
            Some(id) => *id,
            None => self.add(own),
        };
        let numbers = &mut self.numbers;
        if let Some(class) = self.slots.get_mut(id).and_then(Option::as_mut) {
            if class.members == [0; 2] {
                numbers.add(class, terms);
            }
            let count = class.count(family);
            *count = count.saturating_add(1);
            if *count == 1 {
                self.changed.classes.insert(id);
            }
        }
        id
    }

    fn add(&mut self, own: Vec<TermId>) -> ClassId {
        let id = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len().saturating_sub(1)
        });
        for term in &own {
            self.by_term.entry(*term).or_default().insert(id);
        }
        self.ids.insert(own.clone(), id);
        if let Some(slot) = self.slots.get_mut(id) {
            *slot = Some(Class {
                terms: own,
                number: 0,
                plain: 0,
                members: [0; 2],
            });
        }
        id
    }

    fn leave(&mut self, id: ClassId, family: Family) {
        if let Some(class) = self.slots.get_mut(id).and_then(Option::as_mut) {
            let count = class.count(family);
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.changed.classes.insert(id);
            }
            if class.members == [0; 2] {
                self.numbers.remove(class);
            }
        }
    }

    fn atoms_mut(&mut self, family: Family) -> &mut Vec<(Atom, ClassId)> {
        let [v4, v6] = &mut self.atoms;
        match family {
            Family::V4 => v4,
            Family::V6 => v6,
        }
    }

    /// The atoms of a family, in order.
    pub(crate) fn atoms(&self, family: Family) -> &[(Atom, ClassId)] {
        let [v4, v6] = &self.atoms;
        match family {
            Family::V4 => v4,
            Family::V6 => v6,
        }
    }

    pub(crate) fn get(&self, class: ClassId) -> Option<&Class> {
        self.slots.get(class)?.as_ref()
    }

    /// The classes that `term` is part of, those about to be forgotten too.
    pub(crate) fn with_term(&self, term: TermId) -> impl Iterator<Item = ClassId> {
        self.by_term.get(&term).into_iter().flatten().copied()
    }

    /// The class of the peers at an address, if some selector or named port matches them.
    pub(crate) fn of_peer(&self, address: IpAddr) -> Option<ClassId> {
        self.peers.get(&address).copied()
    }

    /// The class of an address.
    pub(crate) fn of(&self, address: IpAddr) -> Option<ClassId> {
        let around = || self.around(address).map(|(_, class)| *class);
        self.of_named(address)
            .or_else(|| self.of_peer(address))
            .or_else(around)
    }

    /// The atom that begins a range.
    pub(crate) fn atom(&self, family: Family, span: Span) -> Option<&(Atom, ClassId)> {
        let atoms = self.atoms(family);
        let index = atoms.binary_search_by_key(&span, |(atom, _)| atom.span);
        index.ok().and_then(|index| atoms.get(index))
    }

    /// The atom that contains an address.
    fn around(&self, address: IpAddr) -> Option<&(Atom, ClassId)> {
        let wanted = number_of(address);
        let atoms = self.atoms(Family::of(address));
        let after = atoms.partition_point(|(atom, _)| atom.span.first <= wanted);
        let candidate = atoms.get(after.checked_sub(1)?)?;
        (wanted <= candidate.0.span.last).then_some(candidate)
    }

    /// The terms of the blocks that contain an address.
    fn blocks_around(&self, address: IpAddr) -> Vec<TermId> {
        let around = self.around(address);
        around.map_or_else(Vec::new, |(atom, _)| atom.terms.clone())
    }

    pub(crate) fn number(&self, class: ClassId) -> u32 {
        self.get(class).map_or(0, |class| class.number)
    }
}

impl Class {
    /// Whether some address of `family` is in the class.
    pub(crate) const fn has_family(&self, family: Family) -> bool {
        let [v4, v6] = self.members;
        match family {
            Family::V4 => v4 > 0,
            Family::V6 => v6 > 0,
        }
    }

    /// Whether it is about to be forgotten otherwise.
    pub(crate) const fn has_members(&self) -> bool {
        self.has_family(Family::V4) || self.has_family(Family::V6)
    }

    const fn count(&mut self, family: Family) -> &mut usize {
        let [v4, v6] = &mut self.members;
        match family {
            Family::V4 => v4,
            Family::V6 => v6,
        }
    }
}

impl Terms {
    /// How many pairs of a range of addresses and a block that contains it there are at most.
    pub(crate) fn overlap(&self, family: Family) -> u64 {
        block::overlap(self, family)
    }

    /// How many different sets of blocks contain some address.
    pub(crate) fn kinds_of_blocks(&self, family: Family) -> u64 {
        let atoms = block::atoms(self, family).into_iter();
        let kinds: BTreeSet<Vec<TermId>> = atoms.map(|atom| atom.terms).collect();
        kinds.len() as u64
    }

    /// Whether the terms about addresses are others than [`Classes::take_up_blocks`] has seen.
    pub(crate) const fn have_new_addresses(&self) -> bool {
        self.addresses_changed
    }
}

/// What makes numbers rare, to test what happens then.
#[cfg(test)]
impl Classes {
    pub(crate) fn contest_numbers(&mut self) {
        self.numbers.contest();
    }

    pub(crate) fn contest_as(&mut self, other: &Self) {
        self.numbers.contest_as(&other.numbers);
    }

    pub(crate) const fn has_contested_numbers(&self) -> bool {
        self.numbers.are_contested()
    }
}

/// Terms other than blocks that a pod address matches. Of an address that several pods claim what is to be certain must
/// match all of them, unless one of them is wired here: then it is that pod's.
fn named_terms(address: IpAddr, terms: &Terms, peers: &Peers) -> BTreeSet<TermId> {
    let empty = BTreeSet::new();
    let own = |id| terms.of_peer(id).unwrap_or(&empty);
    if let Some((id, _)) = peers.claimants(address).find(|(_, peer)| peer.is_local()) {
        return own(id).clone();
    }
    let mut claims = peers.claimants(address).map(|(id, _)| own(id));
    let Some(mut found) = claims.next().cloned() else {
        return empty;
    };
    for own in claims {
        let possible = |term: &TermId| terms.sense(*term) == Sense::Possible;
        found.retain(|term| own.contains(term) || possible(term));
        found.extend(own.iter().filter(|term| possible(term)));
    }
    found
}
