//! Which place an address lies in: all addresses of a family, cut at the edges of blocks.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::iter;

use ipnet::IpNet;
use ringfence_net::Family;

use super::Place;
use crate::workload::span::Span;

/// What blocks are for that no policy names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Internet,
    Metadata,
    Private,
    Special,
    /// Nothing outside of a host has these addresses (rule NP-61).
    Loopback,
}

const V4: &[(&str, Purpose)] = &[
    ("0.0.0.0/0", Purpose::Internet),
    ("0.0.0.0/8", Purpose::Special),
    ("10.0.0.0/8", Purpose::Private),
    ("100.64.0.0/10", Purpose::Private),
    ("127.0.0.0/8", Purpose::Loopback),
    ("169.254.0.0/16", Purpose::Special),
    ("169.254.169.254/32", Purpose::Metadata),
    ("172.16.0.0/12", Purpose::Private),
    ("192.0.0.0/24", Purpose::Special),
    ("192.0.2.0/24", Purpose::Special),
    ("192.88.99.0/24", Purpose::Special),
    ("192.168.0.0/16", Purpose::Private),
    ("198.18.0.0/15", Purpose::Special),
    ("198.51.100.0/24", Purpose::Special),
    ("203.0.113.0/24", Purpose::Special),
    ("224.0.0.0/4", Purpose::Special),
    ("240.0.0.0/4", Purpose::Special),
];

/// Outside of 2000::/3 nothing is given to anybody yet, so it is no internet.
const V6: &[(&str, Purpose)] = &[
    ("::/0", Purpose::Special),
    ("::1/128", Purpose::Loopback),
    ("2000::/3", Purpose::Internet),
    ("2001::/23", Purpose::Special),
    ("2001:db8::/32", Purpose::Special),
    ("2002::/16", Purpose::Special),
    ("3fff::/20", Purpose::Special),
    ("fc00::/7", Purpose::Private),
    ("fd00:ec2::254/128", Purpose::Metadata),
];

/// A block and why it is cut out; of equal blocks the name counts.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cut {
    span: Span,
    owner: Owner,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Owner {
    Purpose(Purpose),
    Named(IpNet),
}

/// Every address of `family` but loopback, in order, by the place it lies in when policies name `blocks`.
pub(crate) fn partition(family: Family, blocks: &BTreeSet<IpNet>) -> Vec<(Span, Place)> {
    let mut sweep = Sweep {
        family,
        open: Vec::new(),
        next: Some(0),
        found: Vec::new(),
    };
    for cut in cuts(family, blocks) {
        sweep.close_before(cut.span.first);
        sweep.emit_to(cut.span.first.checked_sub(1));
        sweep.open.push(cut);
    }
    sweep.close_before(u128::MAX);
    sweep.close_last();
    sweep.found
}

/// The blocks of `family` in order, outer ones first.
fn cuts(family: Family, blocks: &BTreeSet<IpNet>) -> Vec<Cut> {
    let purposes = match family {
        Family::V4 => V4,
        Family::V6 => V6,
    };
    let known = purposes.iter().filter_map(|(block, purpose)| {
        let span = Span::of_block(block.parse().ok()?);
        Some(Cut {
            span,
            owner: Owner::Purpose(*purpose),
        })
    });
    let named = blocks.iter().map(|block| Cut {
        span: Span::of_block(*block),
        owner: Owner::Named(*block),
    });
    let mut cuts: Vec<Cut> = known
        .chain(named)
        .filter(|cut| cut.span.family == family)
        .collect();
    cuts.sort_by_key(|cut| (cut.span.first, Reverse(cut.span.last)));
    cuts
}

/// Blocks lie in one another or apart, so those around an address form a stack.
struct Sweep {
    family: Family,
    open: Vec<Cut>,
    /// The first address that is not placed yet.
    next: Option<u128>,
    found: Vec<(Span, Place)>,
}

impl Sweep {
    /// Places what is left of each block that ends before `address`.
    fn close_before(&mut self, address: u128) {
        while let Some(last) = self.open.last().map(|cut| cut.span.last)
            && last < address
        {
            self.emit_to(Some(last));
            self.open.pop();
        }
    }

    /// Places what is left of the blocks that end with the last of all numbers.
    fn close_last(&mut self) {
        let last = self.open.last().map(|cut| cut.span.last);
        self.emit_to(last);
    }

    fn emit_to(&mut self, last: Option<u128>) {
        let (Some(first), Some(last)) = (self.next, last) else {
            return;
        };
        if first > last {
            return;
        }
        self.next = last.checked_add(1);
        let family = self.family;
        let span = Span {
            family,
            first,
            last,
        };
        if let Some(place) = self.place() {
            self.found.push((span, place));
        }
    }

    /// Metadata is always told apart; then the innermost block that is named counts, then what the address is for.
    fn place(&self) -> Option<Place> {
        let place = match self.innermost(Owner::purpose)? {
            Purpose::Loopback => return None,
            Purpose::Metadata => return Some(Place::Metadata(self.family)),
            Purpose::Internet => Place::Internet(self.family),
            Purpose::Private => Place::Private(self.family),
            Purpose::Special => Place::Special(self.family),
        };
        Some(self.innermost(Owner::name).map_or(place, Place::block))
    }

    fn innermost<T>(&self, of: impl Fn(&Owner) -> Option<T>) -> Option<T> {
        self.open.iter().rev().find_map(|cut| of(&cut.owner))
    }
}

impl Owner {
    const fn purpose(&self) -> Option<Purpose> {
        match self {
            Self::Purpose(purpose) => Some(*purpose),
            Self::Named(_) => None,
        }
    }

    const fn name(&self) -> Option<IpNet> {
        match self {
            Self::Purpose(_) => None,
            Self::Named(block) => Some(*block),
        }
    }
}

/// The spans that lie in both lists, with what each list says of them. Both are sorted, and no list has an address twice.
pub(crate) fn overlay<A: Clone, B: Clone>(
    left: &[(Span, A)],
    right: &[(Span, B)],
) -> Vec<(Span, (A, B))> {
    let (mut left, mut right) = (left, right);
    iter::from_fn(|| {
        loop {
            let ((one, a), after_one) = left.split_first()?;
            let ((other, b), after_other) = right.split_first()?;
            if (one.family, one.last) <= (other.family, other.last) {
                left = after_one;
            } else {
                right = after_other;
            }
            if let Some(span) = one.intersection(*other) {
                return Some((span, (a.clone(), b.clone())));
            }
        }
    })
    .collect()
}
