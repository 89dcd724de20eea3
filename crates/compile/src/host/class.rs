//! Sources that the same rules let in, as one number.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::Cluster;
use ringfence_net::Family;

use super::Closing;
use crate::comment;
use crate::hash::{Content, folded, hash};
use crate::peer::Peers;
use crate::span::Span;

/// Positions of rules.
type Rules = BTreeSet<usize>;

/// The classes of one family.
pub(super) struct Classes {
    /// Disjoint, in order; what lies between them is of class 0, which no rule with peers is about.
    spans: Vec<(Span, Rules)>,
    numbers: BTreeMap<Rules, u32>,
    words: Vec<String>,
}

impl Classes {
    pub(super) fn new(
        closing: &Closing<'_>,
        family: Family,
        cluster: &Cluster,
        peers: &Peers,
    ) -> Self {
        let mut about: Vec<(Span, usize)> = Vec::new();
        for (position, named) in closing.rules.iter().enumerate() {
            let blocks = named.blocks(family, cluster);
            about.extend(blocks.into_iter().map(|span| (span, position)));
        }
        about.extend(of_pods(closing, family, cluster, peers));
        let spans = swept(&about);
        let words = closing.rules.iter().map(|named| named.in_words());
        let mut found = Self {
            numbers: BTreeMap::new(),
            words: words.collect(),
            spans,
        };
        found.number();
        found
    }

    /// A number depends on the rules' names alone, so that it stays when others come; two with one hash are told apart in
    /// order.
    fn number(&mut self) {
        let distinct: BTreeSet<&Rules> = self.spans.iter().map(|(_, rules)| rules).collect();
        let mut taken = BTreeSet::from([0]);
        let mut numbers = BTreeMap::from([(Rules::new(), 0)]);
        for rules in distinct {
            let content = self
                .in_words(rules)
                .fold(Content::default(), |content, text| content.text(text));
            let mut number = folded(hash(&content.finish()));
            while !taken.insert(number) {
                number = number.wrapping_add(1);
            }
            numbers.insert(rules.clone(), number);
        }
        self.numbers = numbers;
    }

    fn in_words<'a>(&'a self, rules: &'a Rules) -> impl Iterator<Item = &'a str> {
        let words = rules.iter().filter_map(|rule| self.words.get(*rule));
        words.map(String::as_str)
    }

    /// The sources that have a class, with its number and the rules that it is for.
    pub(super) fn spans(&self) -> impl Iterator<Item = (Span, u32, String)> {
        self.spans.iter().filter_map(|(span, rules)| {
            let number = self.numbers.get(rules)?;
            let text = comment::joined(self.in_words(rules).map(str::to_owned));
            Some((*span, *number, text))
        })
    }

    /// Every class with its rules.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (u32, &Rules)> {
        self.numbers.iter().map(|(rules, number)| (*number, rules))
    }
}

/// An address that several pods claim has the rules that all of them match, unless one of them is wired here.
fn of_pods(
    closing: &Closing<'_>,
    family: Family,
    cluster: &Cluster,
    peers: &Peers,
) -> Vec<(Span, usize)> {
    let addresses: BTreeSet<_> = peers
        .iter()
        .flat_map(|(_, peer)| &peer.addresses)
        .filter(|address| Family::of(**address) == family)
        .collect();
    let mut found = Vec::new();
    for (position, named) in closing.rules.iter().enumerate() {
        for address in &addresses {
            let claimants: Vec<_> = peers.claimants(**address).map(|(_, peer)| peer).collect();
            let local = claimants.iter().find(|peer| peer.is_local());
            let matches = match local {
                Some(peer) => named.matches(peer, cluster),
                None => claimants.iter().all(|peer| named.matches(peer, cluster)),
            };
            if matches {
                found.push((Span::single(**address), position));
            }
        }
    }
    found
}

/// What several spans say of each address, as disjoint spans in order.
fn swept(about: &[(Span, usize)]) -> Vec<(Span, Rules)> {
    let mut begins: BTreeMap<u128, Vec<usize>> = BTreeMap::new();
    let mut ends: BTreeMap<u128, Vec<usize>> = BTreeMap::new();
    for (span, rule) in about {
        begins.entry(span.first).or_default().push(*rule);
        if let Some(after) = span.last.checked_add(1) {
            ends.entry(after).or_default().push(*rule);
        }
    }
    let cuts: BTreeSet<u128> = begins.keys().chain(ends.keys()).copied().collect();
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    let mut found: Vec<(Span, Rules)> = Vec::new();
    let mut cuts = cuts.into_iter().peekable();
    while let Some(first) = cuts.next() {
        for rule in ends.get(&first).into_iter().flatten() {
            if let Some(count) = counts.get_mut(rule) {
                *count = count.saturating_sub(1);
            }
        }
        for rule in begins.get(&first).into_iter().flatten() {
            let count = counts.entry(*rule).or_default();
            *count = count.saturating_add(1);
        }
        counts.retain(|_, count| *count > 0);
        let rules: Rules = counts.keys().copied().collect();
        let last = cuts.peek().map_or(u128::MAX, |next| next.saturating_sub(1));
        match found.last_mut() {
            Some((span, same)) if *same == rules && span.last.checked_add(1) == Some(first) => {
                span.last = last;
            }
            Some(_) | None => found.push((Span { first, last }, rules)),
        }
    }
    found.retain(|(_, rules)| !rules.is_empty());
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::number as number_of;

    fn rules(text: &[usize]) -> Rules {
        text.iter().copied().collect()
    }

    #[test]
    fn spans_are_cut_where_they_overlap_and_joined_where_they_agree() {
        let span = |first, last| Span { first, last };
        let about = [
            (span(0, 99), 0),
            (span(10, 19), 1),
            (span(20, 29), 1),
            (span(200, 200), 2),
            (span(50, u128::MAX), 3),
        ];
        let found = swept(&about);
        let expected = [
            (span(0, 9), rules(&[0])),
            (span(10, 29), rules(&[0, 1])),
            (span(30, 49), rules(&[0])),
            (span(50, 99), rules(&[0, 3])),
            (span(100, 199), rules(&[3])),
            (span(200, 200), rules(&[2, 3])),
            (span(201, u128::MAX), rules(&[3])),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn the_last_address_of_ipv4_ends_a_span() {
        let last = number_of("255.255.255.255".parse().unwrap());
        let whole = Span { first: 0, last };
        assert_eq!(swept(&[(whole, 0)]), [(whole, rules(&[0]))]);
    }
}
