//! Finding the element of a set that a packet's values hit.

use crate::{Datum, Element, Key, Set};

impl Key {
    /// Whether `fields` lie in this key, field by field.
    #[must_use]
    pub fn contains(&self, fields: &[Datum]) -> bool {
        self.first.len() == fields.len()
            && self
                .first
                .iter()
                .zip(self.last.iter())
                .zip(fields)
                .all(|((first, last), field)| first <= field && field <= last)
    }

    /// Whether some values lie in both keys: what the kernel refuses in one interval set.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.first.len() == other.first.len()
            && self
                .first
                .iter()
                .zip(other.last.iter())
                .all(|(a, b)| a <= b)
            && other
                .first
                .iter()
                .zip(self.last.iter())
                .all(|(a, b)| a <= b)
    }

    /// Whether a field before the last one is a range.
    pub(crate) fn has_leading_range(&self) -> bool {
        let leading = self.first.len().saturating_sub(1);
        self.first
            .iter()
            .zip(self.last.iter())
            .take(leading)
            .any(|(first, last)| first != last)
    }
}

impl Set {
    /// The element that `fields` hit.
    #[must_use]
    pub fn find(&self, fields: &[Datum]) -> Option<(&Key, &Element)> {
        self.find_with(fields, self.interval && self.needs_scan())
    }

    /// Whether some key has a range before its last field, so that order alone does not find an element.
    pub(crate) fn needs_scan(&self) -> bool {
        self.interval && self.elements.keys().any(Key::has_leading_range)
    }

    pub(crate) fn find_with(&self, fields: &[Datum], scan: bool) -> Option<(&Key, &Element)> {
        let point = Key::point(fields.to_vec());
        if !self.interval {
            return self.elements.get_key_value(&point);
        }
        if scan {
            return self.elements.iter().find(|(key, _)| key.contains(fields));
        }
        let after = self.elements.range(&point..).next();
        let before = self.elements.range(..&point).next_back();
        [after, before]
            .into_iter()
            .flatten()
            .find(|(key, _)| key.contains(fields))
    }

    /// An element other than `key` itself that overlaps `key`.
    pub(crate) fn overlapping(&self, key: &Key, scan: bool) -> Option<&Key> {
        if scan || key.has_leading_range() {
            return self
                .elements
                .keys()
                .find(|other| *other != key && other.overlaps(key));
        }
        let after = self.elements.range(key..).find(|(other, _)| *other != key);
        let before = self.elements.range(..key).next_back();
        [after, before]
            .into_iter()
            .flatten()
            .map(|(other, _)| other)
            .find(|other| other.overlaps(key))
    }
}
