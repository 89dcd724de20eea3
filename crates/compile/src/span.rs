//! Address blocks as numbers, one family at a time.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use ringfence_net::Family;

/// Addresses `first..=last` of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) first: u128,
    pub(crate) last: u128,
}

pub(crate) fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The address that `number` stands for; numbers beyond IPv4 stand for its last address.
pub(crate) fn address(family: Family, number: u128) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::from_bits(u32::try_from(number).unwrap_or(u32::MAX)).into(),
        Family::V6 => Ipv6Addr::from_bits(number).into(),
    }
}

pub(crate) fn block_family(block: &IpNet) -> Family {
    Family::of(block.addr())
}

impl Span {
    pub(crate) fn of(block: &IpNet) -> Self {
        Self {
            first: number(block.network()),
            last: number(block.broadcast()),
        }
    }

    pub(crate) fn single(address: IpAddr) -> Self {
        Self {
            first: number(address),
            last: number(address),
        }
    }

    /// What is left of the span without `holes`.
    pub(crate) fn without(self, holes: &[Self]) -> Vec<Self> {
        let mut rest = Vec::new();
        let mut next = Some(self.first);
        for hole in merged(holes.to_vec()) {
            let Some(start) = next else {
                break;
            };
            if hole.last < start || hole.first > self.last {
                continue;
            }
            if hole.first > start {
                rest.push(Self {
                    first: start,
                    last: hole.first.saturating_sub(1),
                });
            }
            next = hole.last.checked_add(1).filter(|next| *next <= self.last);
        }
        rest.extend(next.map(|first| Self {
            first,
            last: self.last,
        }));
        rest
    }
}

/// The same addresses as disjoint spans that do not touch, sorted.
pub(crate) fn merged(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    let mut result: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match result.last_mut() {
            Some(last)
                if last
                    .last
                    .checked_add(1)
                    .is_none_or(|next| span.first <= next) =>
            {
                last.last = last.last.max(span.last);
            }
            Some(_) | None => result.push(span),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(texts: &[&str]) -> Vec<Span> {
        texts
            .iter()
            .map(|text| Span::of(&text.parse().unwrap()))
            .collect()
    }

    #[test]
    fn holes_at_the_edges_and_beyond_each_other() {
        let [whole] = spans(&["10.0.0.0/8"])[..] else {
            panic!()
        };
        let holes = spans(&["10.0.0.0/16", "10.0.1.0/24", "10.255.0.0/16", "11.0.0.0/8"]);
        let rest = whole.without(&holes);
        assert_eq!(rest.len(), 1);
        assert_eq!(address(Family::V4, rest[0].first).to_string(), "10.1.0.0");
        assert_eq!(
            address(Family::V4, rest[0].last).to_string(),
            "10.254.255.255"
        );
    }

    #[test]
    fn a_hole_up_to_the_last_address_leaves_nothing_behind_it() {
        let [whole] = spans(&["::/0"])[..] else {
            panic!()
        };
        let rest = whole.without(&spans(&["8000::/1"]));
        assert_eq!(rest, spans(&["::/1"]));
        assert_eq!(whole.without(&spans(&["::/0"])), []);
    }

    #[test]
    fn touching_spans_become_one() {
        let blocks = spans(&["10.0.0.128/25", "10.0.0.0/25", "10.0.0.7/32", "10.0.2.0/24"]);
        assert_eq!(merged(blocks), spans(&["10.0.0.0/24", "10.0.2.0/24"]));
    }
}
