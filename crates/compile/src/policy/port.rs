//! Port ranges of several rules cut into disjoint pieces, each with the rules that allow it.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_net::PortRange;

/// Disjoint ranges with the positions of the rules that allow them, ascending.
pub(super) type Pieces = Vec<(PortRange, BTreeSet<usize>)>;

/// How many of the rules behind an element are remembered.
pub(super) const OWNERS: usize = 32;

/// Ports as disjoint ranges that do not touch, ascending.
#[derive(Debug, Default)]
pub(super) struct Coverage(Vec<PortRange>);

impl Coverage {
    pub(super) fn of(ranges: impl Iterator<Item = PortRange>) -> Self {
        let mut sorted: Vec<PortRange> = ranges.collect();
        sorted.sort_unstable();
        let mut merged: Vec<PortRange> = Vec::new();
        for range in sorted {
            match merged.last_mut() {
                Some(last) if range.first() <= last.last().saturating_add(1) => {
                    let end = last.last().max(range.last());
                    *last = PortRange::new(last.first(), end).unwrap_or(*last);
                }
                Some(_) | None => merged.push(range),
            }
        }
        Self(merged)
    }

    /// `range` from its first to its last port that is not in. What is in between stays, so that one range never
    /// becomes several.
    pub(super) fn trim(&self, range: PortRange) -> Option<PortRange> {
        let first = match self.around(range.first()) {
            Some(known) => known.last().checked_add(1)?,
            None => range.first(),
        };
        let last = match self.around(range.last()) {
            Some(known) => known.first().checked_sub(1)?,
            None => range.last(),
        };
        PortRange::new(first, last).ok()
    }

    fn contains(&self, range: PortRange) -> bool {
        let around = self.around(range.first());
        around.is_some_and(|known| range.last() <= known.last())
    }

    /// The range that contains `port`.
    fn around(&self, port: u16) -> Option<PortRange> {
        let after = self.0.partition_point(|known| known.first() <= port);
        let candidate = after
            .checked_sub(1)
            .and_then(|index| self.0.get(index).copied());
        candidate.filter(|known| port <= known.last())
    }
}

/// The ranges of one rule as disjoint ones: wide ranges that meet become one, single ports stay alone unless a wide
/// range contains them. Never more than there were.
pub(super) fn normalized(ranges: &[PortRange]) -> Vec<PortRange> {
    let is_wide = |range: &&PortRange| range.first() != range.last();
    let wide = Coverage::of(ranges.iter().filter(is_wide).copied());
    let singles = ranges.iter().filter(|range| !is_wide(range));
    let singles: BTreeSet<PortRange> = singles
        .filter(|range| !wide.contains(**range))
        .copied()
        .collect();
    wide.0.into_iter().chain(singles).collect()
}

/// Cuts `ranges`, each given with its rule. The pieces are fewer than twice the normalized ranges.
pub(super) fn pieces(ranges: &[(PortRange, usize)]) -> Pieces {
    let mut by_rule: BTreeMap<usize, Vec<PortRange>> = BTreeMap::new();
    for (range, rule) in ranges {
        by_rule.entry(*rule).or_default().push(*range);
    }
    let mut events: BTreeMap<u32, Vec<Event>> = BTreeMap::new();
    for (rule, ranges) in by_rule {
        for range in normalized(&ranges) {
            let after = u32::from(range.last()).saturating_add(1);
            let start = events.entry(range.first().into()).or_default();
            start.push(Event::Start(rule));
            events.entry(after).or_default().push(Event::End(rule));
        }
    }
    let mut state = Sweep::default();
    let ends: Vec<u32> = events.keys().skip(1).copied().collect();
    for ((start, changes), end) in events.into_iter().zip(ends) {
        changes.into_iter().for_each(|change| state.change(change));
        state.emit(start, end);
    }
    state.pieces
}

#[derive(Clone, Copy)]
enum Event {
    Start(usize),
    End(usize),
}

#[derive(Default)]
struct Sweep {
    /// How many ranges of each rule are open, where some are.
    open: BTreeMap<usize, usize>,
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
                let count = self.open.remove(&rule).unwrap_or_default();
                if count > 1 {
                    self.open.insert(rule, count.saturating_sub(1));
                }
            }
        }
    }

    fn emit(&mut self, start: u32, end: u32) {
        let rules: BTreeSet<usize> = self.open.keys().take(OWNERS).copied().collect();
        let first = u16::try_from(start);
        let last = u16::try_from(end.saturating_sub(1));
        let (Ok(first), Ok(last)) = (first, last) else {
            return;
        };
        let Ok(range) = PortRange::new(first, last) else {
            return;
        };
        if !rules.is_empty() {
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

    fn cut(ranges: &[(u16, u16, usize)]) -> Vec<String> {
        let ranges: Vec<_> = ranges
            .iter()
            .map(|(first, last, rule)| (range(*first, *last), *rule))
            .collect();
        pieces(&ranges)
            .into_iter()
            .map(|(range, rules)| format!("{range} {rules:?}"))
            .collect()
    }

    #[test]
    fn overlapping_ranges_of_two_rules_are_cut_where_they_meet() {
        assert_eq!(
            cut(&[(80, 90, 0), (85, 95, 1)]),
            ["80-84 {0}", "85-90 {0, 1}", "91-95 {1}"]
        );
    }

    #[test]
    fn single_ports_stay_single_and_vanish_in_a_range_of_their_rule() {
        assert_eq!(cut(&[(80, 80, 0), (81, 81, 0)]), ["80 {0}", "81 {0}"]);
        assert_eq!(cut(&[(80, 90, 0), (85, 85, 0)]), ["80-90 {0}"]);
        assert_eq!(
            cut(&[(80, 90, 0), (85, 85, 1)]),
            ["80-84 {0}", "85 {0, 1}", "86-90 {0}"]
        );
    }

    #[test]
    fn touching_ranges_of_one_rule_become_one() {
        assert_eq!(cut(&[(80, 90, 0), (91, 99, 0), (85, 95, 0)]), ["80-99 {0}"]);
    }

    #[test]
    fn what_anyone_may_is_trimmed_and_never_cut() {
        let ranges = [(0, 5), (10, 20), (15, 30), (31, 40), (65535, 65535)];
        let covered = Coverage::of(ranges.into_iter().map(|(first, last)| range(first, last)));
        for (given, left) in [
            ((10, 40), None),
            ((3, 3), None),
            ((65535, 65535), None),
            ((3, 65535), Some((6, 65534))),
            ((6, 41), Some((6, 41))),
            ((12, 41), Some((41, 41))),
        ] {
            let left = left.map(|(first, last)| range(first, last));
            assert_eq!(covered.trim(range(given.0, given.1)), left, "{given:?}");
        }
    }

    #[test]
    fn a_rule_is_never_more_than_its_ranges() {
        let ranges = [range(80, 85), range(85, 90), range(91, 99), range(85, 85)];
        assert_eq!(normalized(&ranges), [range(80, 99)]);
        assert_eq!(cut(&[(80, 85, 0), (85, 90, 0)]), ["80-90 {0}"]);
    }

    #[test]
    fn the_rules_behind_a_piece_are_counted() {
        let ranges: Vec<_> = (0..1000).map(|rule| (range(1, 9), rule)).collect();
        let [(_, owners)] = &pieces(&ranges)[..] else {
            panic!()
        };
        assert_eq!(owners.len(), OWNERS);
    }
}
