use std::collections::BTreeSet;

use proptest::prelude::*;

use super::PortSet;
use crate::PortRange;

/// Random ranges, often short, often beside one another, often at an end of the port numbers.
pub(crate) fn any_ranges() -> impl Strategy<Value = Vec<PortRange>> {
    let port = prop_oneof![4 => 0..=24_u16, 2 => 65_520..=u16::MAX, 1 => any::<u16>()];
    let short = (port, 0..=4_u16).prop_map(|(first, more)| (first, first.saturating_add(more)));
    let long = any::<(u16, u16)>().prop_map(|(one, other)| (one.min(other), one.max(other)));
    let range = prop_oneof![8 => short, 1 => long]
        .prop_map(|(first, last)| PortRange::new(first, last).unwrap());
    prop::collection::vec(range, 0..10)
}

/// Random sets, all ports and none among them.
pub(crate) fn any_ports() -> impl Strategy<Value = PortSet> {
    prop_oneof![
        1 => Just(PortSet::all()),
        8 => any_ranges().prop_map(PortSet::from_iter),
        4 => any_ranges().prop_map(|ranges| PortSet::from_iter(ranges).complement()),
    ]
}

/// The same set in the dullest form: for each number whether it is a member.
#[derive(Clone, Debug, PartialEq)]
struct Bits(Vec<bool>);

impl Bits {
    fn of(ranges: &[PortRange]) -> Self {
        let mut bits = vec![false; 65_536];
        for range in ranges {
            bits[usize::from(range.first())..=usize::from(range.last())].fill(true);
        }
        bits[0] = false;
        Self(bits)
    }

    fn with(&self, other: &Self, keep: impl Fn(bool, bool) -> bool) -> Self {
        let both = self.0.iter().zip(&other.0);
        Self(both.map(|(one, other)| keep(*one, *other)).collect())
    }

    /// The runs of members: what a set in normal form must hold.
    fn ranges(&self) -> Vec<PortRange> {
        let mut start = 0;
        let mut ranges = Vec::new();
        for run in self.0.chunk_by(|one, other| one == other) {
            let end = start + run.len();
            if run[0] {
                let port = |number: usize| u16::try_from(number).unwrap();
                ranges.push(PortRange::new(port(start), port(end - 1)).unwrap());
            }
            start = end;
        }
        ranges
    }
}

fn range(first: u16, last: u16) -> PortRange {
    PortRange::new(first, last).unwrap()
}

fn set(ranges: &[(u16, u16)]) -> PortSet {
    ranges
        .iter()
        .map(|(first, last)| range(*first, *last))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_set_holds_the_ports_of_its_ranges(ranges in any_ranges()) {
        let (set, bits) = (PortSet::from_iter(ranges.clone()), Bits::of(&ranges));
        prop_assert_eq!(set.ranges(), bits.ranges());
        for port in 0..=u16::MAX {
            prop_assert_eq!(set.contains(port), bits.0[usize::from(port)], "port {}", port);
        }
        prop_assert_eq!(set.len() as usize, bits.0.iter().filter(|bit| **bit).count());
        prop_assert_eq!(set.first().map(usize::from), bits.0.iter().position(|bit| *bit));
        prop_assert_eq!(set.is_empty(), !bits.0.contains(&true));
        prop_assert_eq!(set.is_all(), !bits.0[1..].contains(&false));
    }

    #[test]
    fn the_algebra_is_that_of_bits(one in any_ports(), other in any_ports()) {
        let (left, right) = (Bits::of(one.ranges()), Bits::of(other.ranges()));
        let all = Bits::of(&[PortRange::ALL]);
        let either = left.with(&right, |a, b| a || b).ranges();
        let both = left.with(&right, |a, b| a && b).ranges();
        let minus = left.with(&right, |a, b| a && !b).ranges();
        let missing = all.with(&left, |a, b| a && !b).ranges();
        prop_assert_eq!(one.union(&other).ranges().to_vec(), either);
        prop_assert_eq!(one.intersection(&other).ranges().to_vec(), both.clone());
        prop_assert_eq!(one.difference(&other).ranges().to_vec(), minus.clone());
        prop_assert_eq!(one.complement().ranges().to_vec(), missing);
        prop_assert_eq!(one.is_subset(&other), minus.is_empty());
        prop_assert_eq!(one.is_disjoint(&other), both.is_empty());
    }

    #[test]
    fn parts_are_subsets_of_the_whole(one in any_ports(), other in any_ports()) {
        let whole = one.union(&other);
        prop_assert!(one.is_subset(&whole) && other.is_subset(&whole));
        prop_assert!(one.intersection(&other).is_subset(&one));
        prop_assert!(one.difference(&other).is_disjoint(&other));
        prop_assert_eq!(one.complement().complement(), one);
    }

    #[test]
    fn what_is_written_is_read_again(one in any_ports()) {
        let json = serde_json::to_string(&one).unwrap();
        prop_assert_eq!(serde_json::from_str::<PortSet>(&json).unwrap(), one);
    }
}

#[test]
fn port_0_is_never_a_member() {
    assert_eq!(PortSet::single(0), PortSet::empty());
    assert_eq!(PortSet::from_range(PortRange::ALL), PortSet::all());
    assert_eq!(PortSet::from_range(range(0, 5)), set(&[(1, 5)]));
    assert_eq!(set(&[(0, 0)]), PortSet::empty());
    assert!(!PortSet::empty().complement().contains(0));
    assert!(!set(&[(5, 5)]).complement().contains(0));
}

#[test]
fn the_highest_port_has_no_successor() {
    let highest = PortSet::single(65_535);
    assert_eq!(highest.complement(), set(&[(1, 65_534)]));
    assert_eq!(highest.union(&set(&[(1, 65_534)])), PortSet::all());
    assert_eq!(PortSet::all().difference(&set(&[(1, 65_534)])), highest);
    assert_eq!(set(&[(65_535, 65_535), (65_000, 65_535)]).len(), 536);
}

#[test]
fn neighbours_become_one_range() {
    assert_eq!(set(&[(81, 90), (80, 80)]).ranges(), [range(80, 90)]);
    assert_eq!(
        set(&[(82, 90), (80, 80)]).ranges(),
        [range(80, 80), range(82, 90)]
    );
    let joined = set(&[(1, 9), (20, 29)]).union(&set(&[(10, 19)]));
    assert_eq!(joined.ranges(), [range(1, 29)]);
}

#[test]
fn all_ports_and_none_are_what_operations_return() {
    let some = set(&[(80, 80), (443, 443)]);
    assert!(PortSet::all().is_all() && PortSet::empty().is_empty());
    assert_eq!(PortSet::all().len(), 65_535);
    assert_eq!(PortSet::empty().first(), None);
    assert_eq!(some.union(&some.complement()), PortSet::all());
    assert_eq!(some.intersection(&some.complement()), PortSet::empty());
    assert!(PortSet::empty().is_subset(&PortSet::empty()));
    assert!(PortSet::empty().is_disjoint(&PortSet::empty()));
}

#[test]
fn equal_sets_take_one_place() {
    let ways = [
        set(&[(80, 89)]),
        set(&[(85, 89), (80, 84)]),
        set(&[(80, 95)]).difference(&set(&[(90, 99)])),
    ];
    assert_eq!(BTreeSet::from(ways).len(), 1);
}

#[test]
fn prints_as_people_write_ports() {
    let cases = [
        (
            set(&[(8000, 8080), (443, 443), (80, 80)]),
            "80,443,8000-8080",
        ),
        (PortSet::single(53), "53"),
        (set(&[(1, 65_534)]), "1-65534"),
        (PortSet::all(), "*"),
        (PortSet::empty(), "none"),
    ];
    for (set, text) in cases {
        assert_eq!(set.to_string(), text);
    }
}

#[test]
fn is_a_list_of_ranges_in_json() {
    let json = |set: &PortSet| serde_json::to_string(set).unwrap();
    assert_eq!(
        json(&set(&[(8000, 8080), (80, 80)])),
        r#"["80","8000-8080"]"#
    );
    assert_eq!(json(&PortSet::all()), r#"["1-65535"]"#);
    assert_eq!(json(&PortSet::empty()), "[]");
    let read: PortSet = serde_json::from_str(r#"["90-99", "80-80", "81-90"]"#).unwrap();
    assert_eq!(read, set(&[(80, 99)]));
}

#[test]
fn what_is_no_range_is_refused() {
    for text in [
        "", "-", "0", "0-5", "65536", "90-80", "+80", "80-", "-80", "1-2-3", " 80", "http", "*",
    ] {
        let json = serde_json::to_string(&[text]).unwrap();
        let error = serde_json::from_str::<PortSet>(&json).unwrap_err();
        let expected = format!("unknown ports `{text}`, expected a port");
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
    assert!(serde_json::from_str::<PortSet>("[80]").is_err());
}
