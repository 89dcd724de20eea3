//! Work that may be done at once. A pure crate starts no threads: whoever asks lends them.

use std::fmt::Debug;
use std::sync::OnceLock;

/// Who does pieces of work that do not need each other.
pub trait Workers: Debug + Sync {
    /// Calls `piece` once with each number below `count`, in any order, several at once where that can be, and returns when
    /// all calls have.
    fn work(&self, count: usize, piece: &(dyn Fn(usize) + Sync));
}

/// Does one piece after the other.
#[derive(Clone, Copy, Debug)]
pub struct OneByOne;

impl Workers for OneByOne {
    fn work(&self, count: usize, piece: &(dyn Fn(usize) + Sync)) {
        (0..count).for_each(piece);
    }
}

/// What `make` makes of each of `items`, in their order, whoever is done first.
pub fn map_with<'i, T: Sync, R: Send + Sync>(
    workers: &dyn Workers,
    items: &'i [T],
    make: impl Fn(&'i T) -> R + Sync,
) -> Vec<R> {
    let made: Vec<OnceLock<R>> = items.iter().map(|_| OnceLock::new()).collect();
    workers.work(items.len(), &|number| {
        if let (Some(item), Some(place)) = (items.get(number), made.get(number)) {
            place.get_or_init(|| make(item));
        }
    });
    made.into_iter().filter_map(OnceLock::into_inner).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does the last piece first.
    #[derive(Debug)]
    struct Backwards;

    impl Workers for Backwards {
        fn work(&self, count: usize, piece: &(dyn Fn(usize) + Sync)) {
            (0..count).rev().for_each(piece);
        }
    }

    #[test]
    fn order_is_that_of_the_items() {
        let squared = |workers: &dyn Workers| map_with(workers, &[1, 2, 3], |item| item * item);
        assert_eq!(squared(&OneByOne), [1, 4, 9]);
        assert_eq!(squared(&Backwards), [1, 4, 9]);
    }
}
