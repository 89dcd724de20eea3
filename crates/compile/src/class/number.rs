//! Numbers of classes: a hash of their terms, so that a class keeps its number whatever other policies say. Where two
//! would have the same, all are told apart by hashing again, in the order of what they ask.

use std::collections::{BTreeMap, BTreeSet};

use super::term::{TermId, Terms};
use super::{Class, ClassId};
use crate::hash::{Content, folded, hash};

/// Class numbers stay below this; what lies above has a meaning of its own.
const RESERVED_FROM: u32 = 0xffff_0000;

/// Which numbers the classes would have alone.
#[derive(Debug)]
pub(super) struct Numbers {
    /// How many classes would have each number.
    plain: BTreeMap<u32, usize>,
    /// How many numbers more than one class would have, or none can have.
    contested: usize,
    /// Whether numbers are others than the plain ones.
    is_mended: bool,
    /// Bits of a hash that count; fewer in tests.
    mask: u32,
}

impl Default for Numbers {
    fn default() -> Self {
        Self {
            plain: BTreeMap::new(),
            contested: 0,
            is_mended: false,
            mask: u32::MAX,
        }
    }
}

impl Numbers {
    /// A class got its first member.
    pub(super) fn add(&mut self, class: &mut Class, terms: &Terms) {
        class.number = self.salted(&hashes(&class.terms, terms), 0);
        class.plain = class.number;
        let count = self.plain.entry(class.plain).or_default();
        let was_contested = is_contested(class.plain, *count);
        *count = count.saturating_add(1);
        if !was_contested && is_contested(class.plain, *count) {
            self.contested = self.contested.saturating_add(1);
        }
    }

    /// A class lost its last member.
    pub(super) fn remove(&mut self, class: &Class) {
        let Some(count) = self.plain.get_mut(&class.plain) else {
            return;
        };
        let was_contested = is_contested(class.plain, *count);
        *count = count.saturating_sub(1);
        if was_contested && !is_contested(class.plain, *count) {
            self.contested = self.contested.saturating_sub(1);
        }
        if *count == 0 {
            self.plain.remove(&class.plain);
        }
    }

    /// Sees to it that no two classes have one number. Gives those that have another one than before.
    pub(super) fn assign(
        &mut self,
        classes: &mut [Option<Class>],
        ids: &BTreeMap<Vec<TermId>, ClassId>,
        terms: &Terms,
    ) -> BTreeSet<ClassId> {
        let mut renumbered = BTreeSet::new();
        if self.contested == 0 && !self.is_mended {
            return renumbered;
        }
        self.is_mended = self.contested > 0;
        let mut taken = BTreeSet::new();
        for id in in_order(classes, ids, terms) {
            let Some(class) = classes.get_mut(id).and_then(Option::as_mut) else {
                continue;
            };
            let number = self.free(&hashes(&class.terms, terms), &mut taken);
            if number != class.number {
                class.number = number;
                renumbered.insert(id);
            }
        }
        renumbered
    }

    /// The first number of a class that is not taken and has no other meaning.
    fn free(&self, hashes: &[u64], taken: &mut BTreeSet<u32>) -> u32 {
        let mut salt = 0_u64;
        loop {
            let number = self.salted(hashes, salt);
            if is_possible(number) && taken.insert(number) {
                return number;
            }
            salt = salt.wrapping_add(1);
        }
    }

    fn salted(&self, hashes: &[u64], salt: u64) -> u32 {
        let content = hashes
            .iter()
            .fold(Content::default(), |content, term| content.number(*term));
        let (content, mask) = match salt {
            0 => (content, self.mask),
            _ => (content.number(salt), u32::MAX),
        };
        folded(hash(&content.finish())) & mask
    }
}

/// What makes numbers rare, to test what happens then.
#[cfg(test)]
impl Numbers {
    pub(super) fn contest(&mut self) {
        self.mask = 7;
    }

    pub(super) fn contest_as(&mut self, other: &Self) {
        self.mask = other.mask;
    }

    pub(super) const fn are_contested(&self) -> bool {
        self.contested > 0
    }
}

/// The classes with members, by what they ask.
fn in_order(
    classes: &[Option<Class>],
    ids: &BTreeMap<Vec<TermId>, ClassId>,
    terms: &Terms,
) -> Vec<ClassId> {
    let has_members = |id: &ClassId| {
        let class = classes.get(*id).and_then(Option::as_ref);
        class.is_some_and(|class| class.members != [0; 2])
    };
    let mut found: Vec<_> = ids
        .iter()
        .filter(|(_, id)| has_members(id))
        .map(|(own, id)| {
            let mut contents: Vec<&[u8]> = own.iter().map(|term| terms.content(*term)).collect();
            contents.sort_unstable();
            (hashes(own, terms), contents, *id)
        })
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(.., id)| id).collect()
}

fn hashes(own: &[TermId], terms: &Terms) -> Vec<u64> {
    let mut hashes: Vec<u64> = own.iter().map(|term| terms.hash(*term)).collect();
    hashes.sort_unstable();
    hashes
}

fn is_possible(number: u32) -> bool {
    (1..RESERVED_FROM).contains(&number)
}

fn is_contested(number: u32, classes: usize) -> bool {
    classes > 1 || (classes > 0 && !is_possible(number))
}
