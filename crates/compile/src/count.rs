//! Sets whose members are put in several times and stay until they are taken out as often.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug)]
pub(crate) struct Count<T> {
    members: BTreeMap<T, usize>,
    /// Members that came or went since [`Count::turned`].
    turned: BTreeSet<T>,
}

impl<T> Default for Count<T> {
    fn default() -> Self {
        Self {
            members: BTreeMap::new(),
            turned: BTreeSet::new(),
        }
    }
}

impl<T: Copy + Ord> Count<T> {
    pub(crate) fn add(&mut self, member: T) {
        let count = self.members.entry(member).or_default();
        *count = count.saturating_add(1);
        if *count == 1 {
            self.turn(member);
        }
    }

    pub(crate) fn remove(&mut self, member: T) {
        let Some(count) = self.members.get_mut(&member) else {
            return;
        };
        *count = count.saturating_sub(1);
        if *count == 0 {
            self.members.remove(&member);
            self.turn(member);
        }
    }

    pub(crate) fn contains(&self, member: &T) -> bool {
        self.members.contains_key(member)
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = &T> {
        self.members.keys()
    }

    /// The members that came or went since it was asked last.
    pub(crate) fn turned(&mut self) -> BTreeSet<T> {
        std::mem::take(&mut self.turned)
    }

    /// What comes and goes has not turned.
    fn turn(&mut self, member: T) {
        if !self.turned.remove(&member) {
            self.turned.insert(member);
        }
    }
}
