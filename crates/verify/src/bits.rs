use std::rc::Rc;

/// A set of atoms of one axis. Sets that are combined have the same length.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bits(Rc<[u64]>);

impl Bits {
    pub(crate) fn empty(atoms: usize) -> Self {
        Self(vec![0; atoms.div_ceil(64)].into())
    }

    pub(crate) fn full(atoms: usize) -> Self {
        (0..atoms).fold_into(atoms)
    }

    pub(crate) fn single(atoms: usize, atom: usize) -> Self {
        std::iter::once(atom).fold_into(atoms)
    }

    /// The atoms of `members`; those beyond the axis are left out.
    pub(crate) fn of(atoms: usize, members: impl IntoIterator<Item = usize>) -> Self {
        members.into_iter().fold_into(atoms)
    }

    pub(crate) fn and(&self, other: &Self) -> Self {
        self.combine(other, |one, other| one & other)
    }

    pub(crate) fn or(&self, other: &Self) -> Self {
        self.combine(other, |one, other| one | other)
    }

    pub(crate) fn without(&self, other: &Self) -> Self {
        self.combine(other, |one, other| one & !other)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(crate) fn meets(&self, other: &Self) -> bool {
        let mut words = self.0.iter().zip(other.0.iter());
        words.any(|(one, other)| one & other != 0)
    }

    pub(crate) fn has(&self, atom: usize) -> bool {
        let word = self.0.get(atom / 64);
        word.is_some_and(|word| word >> (atom % 64) & 1 == 1)
    }

    /// A number of atoms for which sets like this one have room.
    pub(crate) fn capacity(&self) -> usize {
        self.0.len() * 64
    }

    pub(crate) fn first(&self) -> Option<usize> {
        self.iter().next()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(at, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let place = rest.trailing_zeros();
                rest &= rest.wrapping_sub(1);
                (place < u64::BITS).then_some(at * 64 + place as usize)
            })
        })
    }

    fn combine(&self, other: &Self, each: impl Fn(u64, u64) -> u64) -> Self {
        let words = self.0.iter().zip(other.0.iter());
        Self(words.map(|(one, other)| each(*one, *other)).collect())
    }
}

/// Collects atoms into a set.
trait FoldInto: Iterator<Item = usize> + Sized {
    fn fold_into(self, atoms: usize) -> Bits {
        let mut words = vec![0_u64; atoms.div_ceil(64)];
        for atom in self.filter(|atom| *atom < atoms) {
            if let Some(word) = words.get_mut(atom / 64) {
                *word |= 1 << (atom % 64);
            }
        }
        Bits(words.into())
    }
}

impl<I: Iterator<Item = usize>> FoldInto for I {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_what_was_put_into_them() {
        let set = Bits::of(130, [0, 64, 129, 500]);
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 64, 129]);
        assert!(set.has(64) && !set.has(63) && !set.has(500));
        assert_eq!(Bits::full(130).without(&set).iter().count(), 127);
        assert!(Bits::empty(130).is_empty());
        assert_eq!(Bits::full(130).iter().count(), 130);
        assert!(!set.meets(&Bits::single(130, 1)));
        assert_eq!(set.first(), Some(0));
    }
}
