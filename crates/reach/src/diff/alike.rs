//! Judging the pairs that change: each by itself where they are few, and once for all that change alike where they are
//! many. One rule of a cluster may change millions of pairs.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Change, PairChange};
use crate::workload::Unit;

/// As many pairs are judged each by itself.
pub(super) const EACH: usize = 5_000;

/// Two ends between which something may change, and what is known of it.
pub(super) type Found<E, C> = (E, E, C);

/// What changes between the ends of `found`, without those for which `judge` finds nothing. If they are many, `judge` is
/// asked about one pair of all for which `alike` is the same, two different ends if there are such: between all of them the
/// same connections must change in the same ways.
pub(super) fn judged<E: Copy, C: Copy, K: Ord>(
    found: &[Found<E, C>],
    mut unit: impl FnMut(E) -> Arc<Unit>,
    mut alike: impl FnMut(Found<E, C>) -> K,
    mut judge: impl FnMut(Found<E, C>) -> Vec<Change>,
) -> Vec<PairChange> {
    let mut pairs = Vec::new();
    if found.len() <= EACH {
        for one in found {
            let changes = judge(*one);
            pairs.extend(pair((unit(one.0), unit(one.1)), &changes.into()));
        }
        return pairs;
    }
    let mut numbers: BTreeMap<K, usize> = BTreeMap::new();
    let mut shown: Vec<(Found<E, C>, bool)> = Vec::new();
    let mut kinds: Vec<usize> = Vec::with_capacity(found.len());
    for one in found {
        let kind = *numbers.entry(alike(*one)).or_insert(shown.len());
        match shown.get_mut(kind) {
            Some((_, true)) => {}
            Some(of_one) => *of_one = (*one, unit(one.0) != unit(one.1)),
            None => shown.push((*one, unit(one.0) != unit(one.1))),
        }
        kinds.push(kind);
    }
    let judged = shown.into_iter().map(|(one, _)| {
        let by = Arc::new((unit(one.0), unit(one.1)));
        let changes = judge(one).into_iter().map(|change| Change {
            shown_by: Some(Arc::clone(&by)),
            ..change
        });
        changes.collect()
    });
    let judged: Vec<Arc<[Change]>> = judged.collect();
    for (one, kind) in found.iter().zip(kinds) {
        let changes = judged.get(kind);
        pairs.extend(changes.and_then(|changes| pair((unit(one.0), unit(one.1)), changes)));
    }
    pairs
}

fn pair(
    (source, destination): (Arc<Unit>, Arc<Unit>),
    changes: &Arc<[Change]>,
) -> Option<PairChange> {
    (!changes.is_empty()).then(|| PairChange {
        source,
        destination,
        changes: Arc::clone(changes),
    })
}

/// Each unit that is asked for, kept once.
pub(super) fn kept<'u>() -> impl FnMut(&'u Unit) -> Arc<Unit> {
    let mut known: BTreeMap<&Unit, Arc<Unit>> = BTreeMap::new();
    move |unit| {
        let kept = known.entry(unit);
        Arc::clone(kept.or_insert_with(|| Arc::new(unit.clone())))
    }
}

#[cfg(test)]
mod tests {
    use ringfence_net::ConnectionSet;

    use super::super::Kind;
    use super::*;

    fn change(kind: Kind) -> Change {
        Change {
            kind,
            connections: ConnectionSet::all(),
            partial: false,
            from: None,
            before: None,
            after: None,
            shown_by: None,
        }
    }

    /// How many pairs of `count` units are judged, and what comes of it.
    fn judgements(count: usize) -> (usize, Vec<PairChange>) {
        let ends = || 0..count;
        let found: Vec<Found<usize, ()>> = ends()
            .flat_map(|from| ends().map(move |to| (from, to, ())))
            .collect();
        let units: Vec<Arc<Unit>> = ends()
            .map(|place| Arc::new(Unit::pod("a", place.to_string())))
            .collect();
        let mut asked = 0;
        let kind = |from: usize| {
            if from == 0 {
                Kind::Closed
            } else {
                Kind::Opened
            }
        };
        let pairs = judged(
            &found,
            |end| Arc::clone(&units[end]),
            |(from, ..)| from == 0,
            |(from, to, ())| {
                asked += 1;
                assert!(count < 100 || from != to, "shown by a pair of two");
                vec![change(kind(from))]
            },
        );
        (asked, pairs)
    }

    #[test]
    fn of_many_pairs_that_change_alike_one_is_judged() {
        let (asked, pairs) = judgements(100);
        assert_eq!((asked, pairs.len()), (2, 10_000));
        for pair in &pairs {
            let is_first = pair.source.to_string() == "a/0";
            let kind = if is_first { Kind::Closed } else { Kind::Opened };
            assert_eq!(pair.changes[0].kind, kind);
        }
        assert!(Arc::ptr_eq(&pairs[0].changes, &pairs[99].changes));
        let own = pairs.iter().filter(|pair| pair.is_shown(&pair.changes[0]));
        assert_eq!(own.count(), 2);
    }

    #[test]
    fn a_few_pairs_are_judged_each_by_itself() {
        let (asked, pairs) = judgements(70);
        assert_eq!((asked, pairs.len()), (4_900, 4_900));
        assert!(pairs.iter().all(|pair| pair.is_shown(&pair.changes[0])));
    }
}
