use std::collections::{BTreeMap, BTreeSet};

use ringfence_net::Family;

use super::term::{TermId, Terms};
use crate::span::Span;

/// A range of addresses that the same address blocks contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Atom {
    pub(crate) span: Span,
    pub(crate) terms: Vec<TermId>,
}

/// Where blocks begin (`true`) and end, by address.
type Events = BTreeMap<u128, Vec<(bool, TermId)>>;

/// The atoms of all block terms of `family`: disjoint, sorted, each in at least one block (rules NP-40 to NP-42).
pub(super) fn atoms(terms: &Terms, family: Family) -> Vec<Atom> {
    sweep(&events(terms, family), last_number(family))
}

/// How many pairs of an atom and a block that contains it there are at most; found without making them.
pub(super) fn overlap(terms: &Terms, family: Family) -> u64 {
    let (mut active, mut pairs) = (0_u64, 0_u64);
    for changes in events(terms, family).values() {
        let starts = changes.iter().filter(|(starts, _)| *starts).count() as u64;
        let ends = (changes.len() as u64).saturating_sub(starts);
        active = active.saturating_add(starts).saturating_sub(ends);
        pairs = pairs.saturating_add(active);
    }
    pairs
}

fn events(terms: &Terms, family: Family) -> Events {
    let mut events = Events::new();
    for term in terms.of_addresses() {
        for span in terms.spans(term, family) {
            events.entry(span.first).or_default().push((true, term));
            if let Some(end) = span.last.checked_add(1) {
                events.entry(end).or_default().push((false, term));
            }
        }
    }
    events
}

const fn last_number(family: Family) -> u128 {
    match family {
        Family::V4 => u32::MAX as u128,
        Family::V6 => u128::MAX,
    }
}

fn sweep(events: &Events, last: u128) -> Vec<Atom> {
    let mut atoms: Vec<Atom> = Vec::new();
    let mut active = BTreeSet::new();
    let ends = events.keys().skip(1).map(|next| next.saturating_sub(1));
    for ((first, changes), end) in events.iter().zip(ends.chain([last])) {
        for (starts, term) in changes {
            if *starts {
                active.insert(*term);
            } else {
                active.remove(term);
            }
        }
        if !active.is_empty() {
            let span = Span {
                first: *first,
                last: end,
            };
            push(&mut atoms, span, active.iter().copied().collect());
        }
    }
    atoms
}

/// Appends an atom, or grows the last one if it touches and has the same terms.
fn push(atoms: &mut Vec<Atom>, span: Span, terms: Vec<TermId>) {
    match atoms.last_mut() {
        Some(last) if last.span.last.checked_add(1) == Some(span.first) && last.terms == terms => {
            last.span.last = span.last;
        }
        Some(_) | None => atoms.push(Atom { span, terms }),
    }
}
