use std::collections::BTreeSet;

use super::{ClassId, ClassSet};

/// Numbers that are close together, far apart, and at the borders of words.
fn drawn(seed: u64) -> BTreeSet<u32> {
    let mut state = seed;
    let mut draw = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(state >> 40).unwrap()
    };
    let count = draw() % 60;
    let spread = [70, 300, 5_000, 100_000][(draw() % 4) as usize];
    (0..count).map(|_| draw() % spread).collect()
}

fn set(numbers: &BTreeSet<u32>) -> ClassSet {
    numbers.iter().copied().map(ClassId::new).collect()
}

#[test]
fn the_algebra_is_that_of_sets() {
    for seed in 0..2_000 {
        let (one, other) = (drawn(seed), drawn(seed + 77_777));
        let (left, right) = (set(&one), set(&other));
        assert_eq!(left.union(&right), set(&(&one | &other)), "seed {seed}");
        assert_eq!(
            left.intersection(&right),
            set(&(&one & &other)),
            "seed {seed}"
        );
        assert_eq!(
            left.difference(&right),
            set(&(&one - &other)),
            "seed {seed}"
        );
        assert_eq!(
            left.is_disjoint(&right),
            one.is_disjoint(&other),
            "seed {seed}"
        );
        assert_eq!(left.len(), one.len());
        assert_eq!(left.is_empty(), one.is_empty());
        let numbers = [left.first(), left.last()].map(|class| class.map(|class| class.0));
        assert_eq!(numbers, [one.first().copied(), one.last().copied()]);
        assert!(left.iter().map(|class| class.0).eq(one.iter().copied()));
        assert!(
            right
                .iter()
                .all(|class| left.contains(class) == one.contains(&class.0))
        );
    }
}

#[test]
fn members_come_and_go() {
    let mut found = ClassSet::new();
    for number in [64, 0, 63, 700] {
        assert!(found.insert(ClassId::new(number)));
        assert!(!found.insert(ClassId::new(number)));
    }
    assert!(found.remove(ClassId::new(64)) && !found.remove(ClassId::new(64)));
    assert!(!found.remove(ClassId::new(65)) && !found.remove(ClassId::new(9_999)));
    assert_eq!(found, set(&BTreeSet::from([0, 63, 700])));
}
