//! Port ranges of several rules cut into disjoint pieces, each with the rules that allow it.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_net::PortRange;

/// Disjoint ranges with the positions of the rules that allow them, ascending.
pub(super) type Pieces = Vec<(PortRange, BTreeSet<usize>)>;

/// Cuts `ranges`, each given with its rule, and leaves out what `covered` already allows.
pub(super) fn pieces(ranges: &[(PortRange, usize)], covered: &[PortRange]) -> Pieces {
    let ranges = without_redundant(ranges);
    let mut events: BTreeMap<u32, Vec<Event>> = BTreeMap::new();
    for (range, rule) in &ranges {
        push(&mut events, *range, Event::Start(*rule), Event::End(*rule));
    }
    for range in covered {
        push(&mut events, *range, Event::Cover, Event::Uncover);
    }
    let mut state = Sweep::default();
    let ends: Vec<u32> = events.keys().skip(1).copied().collect();
    for ((start, changes), end) in events.into_iter().zip(ends) {
        changes.into_iter().for_each(|change| state.change(change));
        state.emit(start, end);
    }
    state.pieces
}

/// Ranges without single ports that a wider range of the same rule contains.
fn without_redundant(ranges: &[(PortRange, usize)]) -> BTreeSet<(PortRange, usize)> {
    let is_wide = |range: PortRange| range.first() != range.last();
    let wide: Vec<&(PortRange, usize)> =
        ranges.iter().filter(|(range, _)| is_wide(*range)).collect();
    let is_redundant = |(range, rule): &(PortRange, usize)| {
        !is_wide(*range)
            && wide
                .iter()
                .any(|(wide, owner)| owner == rule && wide.contains(range.first()))
    };
    ranges
        .iter()
        .filter(|found| !is_redundant(found))
        .copied()
        .collect()
}

#[derive(Clone, Copy)]
enum Event {
    Start(usize),
    End(usize),
    Cover,
    Uncover,
}

fn push(events: &mut BTreeMap<u32, Vec<Event>>, range: PortRange, start: Event, end: Event) {
    let after = u32::from(range.last()).saturating_add(1);
    events.entry(range.first().into()).or_default().push(start);
    events.entry(after).or_default().push(end);
}

#[derive(Default)]
struct Sweep {
    /// How many ranges of each rule are open.
    open: BTreeMap<usize, usize>,
    covers: usize,
    pieces: Pieces,
}

impl Sweep {
    fn change(&mut self, event: Event) {
        match event {
            Event::Start(rule) => {
                let count = self.open.entry(rule).or_default();
                *count = count.saturating_add(1);
            }
            Event::End(rule) => {
                let count = self.open.entry(rule).or_default();
                *count = count.saturating_sub(1);
            }
            Event::Cover => self.covers = self.covers.saturating_add(1),
            Event::Uncover => self.covers = self.covers.saturating_sub(1),
        }
    }

    fn emit(&mut self, start: u32, end: u32) {
        let rules: BTreeSet<usize> = self
            .open
            .iter()
            .filter(|(_, count)| **count > 0)
            .map(|(rule, _)| *rule)
            .collect();
        let first = u16::try_from(start);
        let last = u16::try_from(end.saturating_sub(1));
        let (Ok(first), Ok(last)) = (first, last) else {
            return;
        };
        let Ok(range) = PortRange::new(first, last) else {
            return;
        };
        if self.covers == 0 && !rules.is_empty() {
            self.append(range, rules);
        }
    }

    /// Appends a piece. Pieces that touch and have the same rules become one, but single ports stay alone: they
    /// are found by hash.
    fn append(&mut self, range: PortRange, rules: BTreeSet<usize>) {
        if let Some((last, owners)) = self.pieces.last_mut()
            && *owners == rules
            && last.last().checked_add(1) == Some(range.first())
            && last.first() != last.last()
            && range.first() != range.last()
            && let Ok(joined) = PortRange::new(last.first(), range.last())
        {
            *last = joined;
            return;
        }
        self.pieces.push((range, rules));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: u16, last: u16) -> PortRange {
        PortRange::new(first, last).unwrap()
    }

    fn cut(ranges: &[(u16, u16, usize)], covered: &[(u16, u16)]) -> Vec<String> {
        let ranges: Vec<_> = ranges
            .iter()
            .map(|(first, last, rule)| (range(*first, *last), *rule))
            .collect();
        let covered: Vec<_> = covered.iter().map(|(a, b)| range(*a, *b)).collect();
        pieces(&ranges, &covered)
            .into_iter()
            .map(|(range, rules)| format!("{range} {rules:?}"))
            .collect()
    }

    #[test]
    fn overlapping_ranges_of_two_rules_are_cut_where_they_meet() {
        assert_eq!(
            cut(&[(80, 90, 0), (85, 95, 1)], &[]),
            ["80-84 {0}", "85-90 {0, 1}", "91-95 {1}"]
        );
    }

    #[test]
    fn single_ports_stay_single_and_vanish_in_a_range_of_their_rule() {
        assert_eq!(cut(&[(80, 80, 0), (81, 81, 0)], &[]), ["80 {0}", "81 {0}"]);
        assert_eq!(cut(&[(80, 90, 0), (85, 85, 0)], &[]), ["80-90 {0}"]);
        assert_eq!(
            cut(&[(80, 90, 0), (85, 85, 1)], &[]),
            ["80-84 {0}", "85 {0, 1}", "86-90 {0}"]
        );
    }

    #[test]
    fn touching_ranges_of_one_rule_become_one() {
        assert_eq!(
            cut(&[(80, 90, 0), (91, 99, 0), (85, 95, 0)], &[]),
            ["80-99 {0}"]
        );
    }

    #[test]
    fn what_anyone_may_is_left_out() {
        assert_eq!(cut(&[(80, 80, 0), (443, 443, 0)], &[(80, 80)]), ["443 {0}"]);
        assert_eq!(
            cut(&[(0, 65535, 0)], &[(10, 20), (15, 30)]),
            ["0-9 {0}", "31-65535 {0}"]
        );
        assert_eq!(cut(&[(5, 6, 0)], &[(0, 65535)]), [""; 0]);
    }
}
