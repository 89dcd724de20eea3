//! The fewest things of which every one of some sets has at least one.

use std::collections::BTreeSet;

/// How many choices are tried before the search is given up.
const MOST_CHOICES: usize = 200_000;

/// The first of the smallest sets that share something with each of `sets`, none of which is empty. `None` if that takes
/// more than 200,000 choices to find.
pub(super) fn smallest_hitting<T: Ord + Clone>(sets: &[BTreeSet<T>]) -> Option<BTreeSet<T>> {
    let mut search = Search { sets, choices: 0 };
    (0..=sets.len()).find_map(|most| search.within(most, &mut BTreeSet::new()))
}

struct Search<'a, T> {
    sets: &'a [BTreeSet<T>],
    choices: usize,
}

impl<T: Ord + Clone> Search<'_, T> {
    /// `chosen` and at most `more` others that hit all sets: one of the first set that is not hit is among them.
    fn within(&mut self, more: usize, chosen: &mut BTreeSet<T>) -> Option<BTreeSet<T>> {
        self.choices += 1;
        let missed: Vec<&BTreeSet<T>> = self
            .sets
            .iter()
            .filter(|set| set.is_disjoint(chosen))
            .collect();
        let Some(first) = missed.first() else {
            return Some(chosen.clone());
        };
        if apart(&missed) > more || self.choices > MOST_CHOICES {
            return None;
        }
        for one in *first {
            chosen.insert(one.clone());
            let found = self.within(more - 1, chosen);
            chosen.remove(one);
            if found.is_some() {
                return found;
            }
        }
        None
    }
}

/// How many of `sets`, taken in turn, share nothing with those before: so many things it takes at least.
fn apart<T: Ord>(sets: &[&BTreeSet<T>]) -> usize {
    let mut taken: Vec<&BTreeSet<T>> = Vec::new();
    for set in sets {
        if taken.iter().all(|other| other.is_disjoint(set)) {
            taken.push(set);
        }
    }
    taken.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smallest(sets: &[&[u8]]) -> Vec<u8> {
        let sets: Vec<BTreeSet<u8>> = sets
            .iter()
            .map(|set| set.iter().copied().collect())
            .collect();
        smallest_hitting(&sets).unwrap().into_iter().collect()
    }

    #[test]
    fn one_thing_that_all_have_is_enough() {
        assert_eq!(smallest(&[]), Vec::<u8>::new());
        assert_eq!(smallest(&[&[1, 2], &[2, 3], &[4, 2]]), [2]);
    }

    #[test]
    fn what_looks_best_first_is_not_always_part_of_the_fewest() {
        // 1 is in most sets, and the others are then left to three.
        let sets: [&[u8]; 6] = [&[1, 2], &[1, 3], &[1, 4], &[2, 5], &[3, 5], &[4, 5]];
        assert_eq!(smallest(&sets), [1, 5]);
        assert_eq!(smallest(&[&[1, 2], &[1, 3], &[2, 4], &[3, 4]]), [1, 4]);
    }

    #[test]
    fn sets_apart_take_one_each() {
        let sets: Vec<BTreeSet<u32>> = (0..40)
            .map(|at| BTreeSet::from([2 * at, 2 * at + 1]))
            .collect();
        assert_eq!(smallest_hitting(&sets).unwrap().len(), 40);
    }
}
