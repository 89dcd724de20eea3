//! Things that are alike, told together.

use std::collections::BTreeMap;

/// Things that are alike as one, in the order in which the first of each came. Adding one does not search through the
/// others: there may be tens of thousands.
#[derive(Debug)]
pub(crate) struct Merged<K, T>(BTreeMap<K, (usize, T)>);

impl<K, T> Default for Merged<K, T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord, T> Merged<K, T> {
    /// The one of `key`, else `new`.
    pub(crate) fn of(&mut self, key: K, new: impl FnOnce() -> T) -> &mut T {
        let next = self.0.len();
        let (_, found) = self.0.entry(key).or_insert_with(|| (next, new()));
        found
    }

    /// All of them.
    pub(crate) fn in_order(self) -> impl Iterator<Item = (K, T)> {
        let mut all: Vec<(K, (usize, T))> = self.0.into_iter().collect();
        all.sort_by_key(|(_, (place, _))| *place);
        all.into_iter().map(|(key, (_, one))| (key, one))
    }
}
