use std::cmp::Ordering;

use super::ClassId;

/// A set of classes of one engine.
///
/// Kept as the words of a bit set that are not zero, so that the few classes of one namespace take little space and
/// time among very many.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassSet {
    /// Ascending, none of them zero.
    words: Vec<Word>,
}

/// 64 neighbouring classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Word {
    /// The first of them, divided by 64.
    at: u32,
    bits: u64,
}

/// From how much on the longer of two sets is searched instead of read.
const MUCH_LONGER: usize = 16;

impl ClassSet {
    /// No class.
    #[must_use]
    pub const fn new() -> Self {
        Self { words: Vec::new() }
    }

    /// Whether no class is a member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The number of classes.
    #[must_use]
    pub fn len(&self) -> usize {
        let ones = self
            .words
            .iter()
            .map(|word| word.bits.count_ones() as usize);
        ones.sum()
    }

    /// Whether `class` is a member.
    #[must_use]
    pub fn contains(&self, class: ClassId) -> bool {
        let (at, bit) = place(class);
        let word = self.find(at).ok().and_then(|place| self.words.get(place));
        word.is_some_and(|word| word.bits & bit != 0)
    }

    /// The members in order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = ClassId> + '_ {
        self.words.iter().flat_map(|word| {
            let first = word.at * 64;
            let places = BitPlaces(word.bits);
            places.map(move |place| ClassId::new(first + place))
        })
    }

    /// The first member.
    #[must_use]
    pub fn first(&self) -> Option<ClassId> {
        self.iter().next()
    }

    /// The last member.
    #[must_use]
    pub fn last(&self) -> Option<ClassId> {
        let word = self.words.last()?;
        let place = u64::BITS - 1 - word.bits.leading_zeros();
        Some(ClassId::new(word.at * 64 + place))
    }

    /// Makes `class` a member. True if it was none.
    pub fn insert(&mut self, class: ClassId) -> bool {
        let (at, bit) = place(class);
        match self.find(at) {
            Ok(place) => self.words.get_mut(place).is_some_and(|word| {
                let is_new = word.bits & bit == 0;
                word.bits |= bit;
                is_new
            }),
            Err(place) => {
                self.words.insert(place, Word { at, bits: bit });
                true
            }
        }
    }

    /// Makes `class` no member. True if it was one.
    pub fn remove(&mut self, class: ClassId) -> bool {
        let (at, bit) = place(class);
        let Ok(place) = self.find(at) else {
            return false;
        };
        let Some(word) = self.words.get_mut(place) else {
            return false;
        };
        let was_member = word.bits & bit != 0;
        word.bits &= !bit;
        if word.bits == 0 {
            self.words.remove(place);
        }
        was_member
    }

    /// The classes of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::union_of([self, other])
    }

    /// The classes of any of `sets`.
    #[must_use]
    pub fn union_of<'a>(sets: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut words: Vec<Word> = Vec::new();
        let mut parts = 0_usize;
        for set in sets {
            words.extend_from_slice(&set.words);
            parts += usize::from(!set.is_empty());
        }
        if parts > 1 {
            // Stable, because that merges runs that are sorted already.
            words.sort_by_key(|word| word.at);
            words.dedup_by(|next, word| {
                let same = next.at == word.at;
                if same {
                    word.bits |= next.bits;
                }
                same
            });
        }
        Self { words }
    }

    /// The classes of both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut words = Vec::new();
        for_each_common(self, other, |one, other| {
            let bits = one.bits & other.bits;
            if bits != 0 {
                words.push(Word { bits, ..one });
            }
            true
        });
        Self { words }
    }

    /// The classes of this set that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut rest = other.words.as_slice();
        let remaining = self.words.iter().filter_map(|word| {
            let skip = steps_to(rest, word.at);
            rest = rest.get(skip..).unwrap_or_default();
            let removed = rest.first().filter(|found| found.at == word.at);
            let bits = word.bits & !removed.map_or(0, |found| found.bits);
            (bits != 0).then_some(Word { bits, ..*word })
        });
        Self {
            words: remaining.collect(),
        }
    }

    /// Whether the sets have no class in common.
    #[must_use]
    pub fn is_disjoint(&self, other: &Self) -> bool {
        let mut disjoint = true;
        for_each_common(self, other, |one, other| {
            disjoint = one.bits & other.bits == 0;
            disjoint
        });
        disjoint
    }

    fn find(&self, at: u32) -> Result<usize, usize> {
        match self.words.last() {
            Some(last) if last.at >= at => self.words.binary_search_by_key(&at, |word| word.at),
            Some(_) | None => Err(self.words.len()),
        }
    }
}

impl FromIterator<ClassId> for ClassSet {
    fn from_iter<I: IntoIterator<Item = ClassId>>(classes: I) -> Self {
        let mut set = Self::new();
        for class in classes {
            set.insert(class);
        }
        set
    }
}

/// Calls `visit` with the words that both sets have, until it returns false.
fn for_each_common(one: &ClassSet, other: &ClassSet, mut visit: impl FnMut(Word, Word) -> bool) {
    let (short, long) = if one.words.len() <= other.words.len() {
        (one, other)
    } else {
        (other, one)
    };
    let mut rest = long.words.as_slice();
    for word in &short.words {
        let skip = steps_to(rest, word.at);
        rest = rest.get(skip..).unwrap_or_default();
        match rest.first() {
            None => return,
            Some(found) if found.at == word.at && !visit(*word, *found) => return,
            Some(_) => {}
        }
    }
}

/// How many of `words` lie before the place `at`: a few are read, many are searched.
fn steps_to(words: &[Word], at: u32) -> usize {
    let near = words.iter().take(MUCH_LONGER);
    let read = near.take_while(|word| word.at < at).count();
    if read < MUCH_LONGER {
        return read;
    }
    words.partition_point(|word| word.at.cmp(&at) == Ordering::Less)
}

fn place(class: ClassId) -> (u32, u64) {
    (class.0 / 64, 1 << (class.0 % 64))
}

/// The places of the ones, lowest first.
#[derive(Clone, Debug)]
struct BitPlaces(u64);

impl Iterator for BitPlaces {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let place = self.0.trailing_zeros();
        self.0 &= self.0.wrapping_sub(1);
        (place < u64::BITS).then_some(place)
    }
}

#[cfg(test)]
mod tests;
