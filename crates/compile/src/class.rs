//! Classes: which terms a peer's address matches, as one number.

mod block;
mod term;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_net::Family;

use crate::hash::{Content, folded, hash};
use crate::peer::{Peer, Peers};
use crate::span::number;
use block::Atom;
pub(crate) use term::{Sense, TermId, Terms};

/// Class numbers stay below this; what lies above has a meaning of its own.
const RESERVED_FROM: u32 = 0xffff_0000;

/// Position of a class in [`Classes`].
pub(crate) type ClassId = usize;

/// The distinct sets of terms that addresses match, and who is in them.
#[derive(Debug, Default)]
pub(crate) struct Classes {
    classes: Vec<Class>,
    by_term: BTreeMap<TermId, Vec<ClassId>>,
    /// Pods that some selector or named port matches.
    pub(crate) peers: BTreeMap<IpAddr, ClassId>,
    /// Atoms of the address blocks.
    pub(crate) blocks: Vec<(Family, Atom, ClassId)>,
}

/// One class.
#[derive(Debug)]
pub(crate) struct Class {
    pub(crate) terms: Vec<TermId>,
    pub(crate) number: u32,
    families: BTreeSet<Family>,
}

impl Classes {
    pub(crate) fn new(terms: &Terms<'_>, peers: &Peers<'_>) -> Self {
        let atoms = Family::ALL.map(|family| block::atoms(terms, family));
        let [v4, v6] = &atoms;
        let mut builder = Builder::default();
        for (address, named) in named_terms(terms, peers) {
            let atoms = match Family::of(address) {
                Family::V4 => v4,
                Family::V6 => v6,
            };
            let blocks = block::containing(atoms, address);
            let class = builder.class(
                named.into_iter().chain(blocks).collect(),
                Family::of(address),
            );
            builder.result.peers.insert(address, class);
        }
        for (family, atoms) in Family::ALL.into_iter().zip(atoms) {
            for atom in atoms {
                let class = builder.class(atom.terms.iter().copied().collect(), family);
                builder.result.blocks.push((family, atom, class));
            }
        }
        builder.finish(terms)
    }

    pub(crate) fn get(&self, class: ClassId) -> Option<&Class> {
        self.classes.get(class)
    }

    /// The classes that `term` is part of, ascending.
    pub(crate) fn with_term(&self, term: TermId) -> &[ClassId] {
        self.by_term.get(&term).map_or(&[], Vec::as_slice)
    }

    /// The class of an address.
    pub(crate) fn of(&self, address: IpAddr) -> Option<ClassId> {
        let block = || {
            let family = Family::of(address);
            let atoms = self.blocks.iter().filter(|(own, ..)| *own == family);
            let number = number(address);
            let mut around =
                atoms.filter(|(_, atom, _)| (atom.span.first..=atom.span.last).contains(&number));
            around.next().map(|(.., class)| *class)
        };
        self.peers.get(&address).copied().or_else(block)
    }

    pub(crate) fn number(&self, class: ClassId) -> u32 {
        self.classes.get(class).map_or(0, |class| class.number)
    }
}

impl Class {
    /// Whether some address of `family` is in the class.
    pub(crate) fn has_family(&self, family: Family) -> bool {
        self.families.contains(&family)
    }
}

impl Terms<'_> {
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
}

/// Terms other than blocks that each pod address matches. Of an address that several pods claim what is to be certain
/// must match all of them, unless one of them is wired here: then it is that pod's.
fn named_terms(terms: &Terms<'_>, peers: &Peers<'_>) -> BTreeMap<IpAddr, BTreeSet<TermId>> {
    let by_peer = terms.by_peer(peers);
    let mut found: BTreeMap<IpAddr, (bool, BTreeSet<TermId>)> = BTreeMap::new();
    for (peer, own) in peers.iter().zip(by_peer) {
        for address in &peer.addresses {
            claim(&mut found, *address, peer, &own, terms);
        }
    }
    found
        .into_iter()
        .map(|(address, (_, terms))| (address, terms))
        .filter(|(_, terms)| !terms.is_empty())
        .collect()
}

fn claim(
    found: &mut BTreeMap<IpAddr, (bool, BTreeSet<TermId>)>,
    address: IpAddr,
    peer: &Peer<'_>,
    own: &BTreeSet<TermId>,
    kinds: &Terms<'_>,
) {
    let is_local = peer.endpoint.is_some();
    match found.get_mut(&address) {
        None => {
            found.insert(address, (is_local, own.clone()));
        }
        Some((true, _)) if !is_local => {}
        Some((false, terms)) if !is_local => {
            let possible = |term: &TermId| kinds.sense(*term) == Sense::Possible;
            terms.retain(|term| own.contains(term) || possible(term));
            terms.extend(own.iter().filter(|term| possible(term)));
        }
        Some(entry) => *entry = (true, own.clone()),
    }
}

#[derive(Default)]
struct Builder {
    ids: BTreeMap<BTreeSet<TermId>, ClassId>,
    result: Classes,
}

impl Builder {
    fn class(&mut self, terms: BTreeSet<TermId>, family: Family) -> ClassId {
        let next = self.result.classes.len();
        let id = *self.ids.entry(terms.clone()).or_insert(next);
        if id == next {
            for term in &terms {
                self.result.by_term.entry(*term).or_default().push(id);
            }
            self.result.classes.push(Class {
                terms: terms.into_iter().collect(),
                number: 0,
                families: BTreeSet::new(),
            });
        }
        if let Some(class) = self.result.classes.get_mut(id) {
            class.families.insert(family);
        }
        id
    }

    /// Gives each class its number.
    fn finish(mut self, terms: &Terms<'_>) -> Classes {
        let mut by_content: Vec<(Vec<u64>, ClassId)> = self
            .ids
            .into_iter()
            .map(|(set, id)| {
                let mut hashes: Vec<u64> = set.iter().map(|term| terms.hash(*term)).collect();
                hashes.sort_unstable();
                (hashes, id)
            })
            .collect();
        by_content.sort_unstable();
        let mut taken = BTreeSet::new();
        for (hashes, id) in by_content {
            if let Some(class) = self.result.classes.get_mut(id) {
                class.number = free_number(&hashes, &mut taken);
            }
        }
        self.result
    }
}

/// The number of a class: a hash of its terms, rehashed while it is taken or has another meaning.
fn free_number(hashes: &[u64], taken: &mut BTreeSet<u32>) -> u32 {
    let content = hashes
        .iter()
        .fold(Content::default(), |content, term| content.number(*term));
    let mut salt = 0_u64;
    loop {
        let salted = match salt {
            0 => content.clone(),
            _ => content.clone().number(salt),
        };
        let number = folded(hash(&salted.finish()));
        if (1..RESERVED_FROM).contains(&number) && taken.insert(number) {
            return number;
        }
        salt = salt.wrapping_add(1);
    }
}
