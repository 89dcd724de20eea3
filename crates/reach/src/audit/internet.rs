//! How much of the internet something is open to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_net::{ConnectionSet, Family};
use ringfence_policy::{ClassId, ClassKind, ClassSet, Engine, Row};

use crate::workload::{Place, Span, overlay, partition};

/// Addresses outside that are reachable globally, by class.
pub(super) struct Internet {
    classes: ClassSet,
    parts: BTreeMap<ClassId, Part>,
}

/// The addresses of one class.
struct Part {
    family: Family,
    count: u128,
    example: IpAddr,
}

/// What one row opens of the internet, as far as that is wanted.
pub(super) struct Opening {
    /// What may be opened to the most addresses, or by them.
    pub(super) connections: ConnectionSet,
    /// One of these.
    pub(super) example: IpAddr,
}

/// What is shown for the internet wherever it is in it.
const WELL_KNOWN: [&str; 2] = ["1.1.1.1", "2606:4700:4700::1111"];

impl Internet {
    pub(super) fn of(engine: &Engine, families: &BTreeSet<Family>) -> Self {
        let mut internet = Self {
            classes: ClassSet::new(),
            parts: BTreeMap::new(),
        };
        let places: BTreeMap<Family, Vec<(Span, ())>> = families
            .iter()
            .map(|family| (*family, reachable_globally(*family)))
            .collect();
        for (id, class) in engine.classes() {
            let ClassKind::Addresses { family, ranges, .. } = &class.kind else {
                continue;
            };
            let Some(places) = places.get(family) else {
                continue;
            };
            let ranges = ranges
                .iter()
                .map(|(first, last)| Span::between(*first, *last));
            let ranges: Vec<(Span, ())> = ranges.map(|span| (span, ())).collect();
            let shared = overlay(places, &ranges);
            let spans: Vec<Span> = shared.into_iter().map(|(span, _)| span).collect();
            if let Some(example) = example(engine, id, &spans) {
                let count = spans.iter().map(|span| span.last - span.first + 1).sum();
                let family = *family;
                internet.classes.insert(id);
                internet.parts.insert(
                    id,
                    Part {
                        family,
                        count,
                        example,
                    },
                );
            }
        }
        internet
    }

    /// What of `wanted` the ends of `row` may open, if these are more addresses than anybody names one by one: more than
    /// a /8 of IPv4, or more than a /16 of IPv6. It counts addresses, so that cutting a block in pieces hides nothing.
    pub(super) fn opening(&self, row: &Row, wanted: &ConnectionSet) -> Option<Opening> {
        let mut counts: BTreeMap<Family, u128> = BTreeMap::new();
        let mut widest: Option<(u128, Opening)> = None;
        for (reach, classes) in &row.cells {
            let connections = reach.allowed.intersection(wanted);
            if connections.is_empty() {
                continue;
            }
            for class in classes.intersection(&self.classes).iter() {
                let Some(part) = self.parts.get(&class) else {
                    continue;
                };
                let count = counts.entry(part.family).or_default();
                *count = count.saturating_add(part.count);
                if widest.as_ref().is_none_or(|(most, _)| weight(part) > *most) {
                    let opening = Opening {
                        connections: connections.clone(),
                        example: part.example,
                    };
                    widest = Some((weight(part), opening));
                }
            }
        }
        let is_wide = counts.iter().any(|(family, count)| *count > most(*family));
        widest.filter(|_| is_wide).map(|(_, opening)| opening)
    }
}

/// What of the internet may be named: as many addresses as a /8 of IPv4, or a /16 of IPv6.
const fn most(family: Family) -> u128 {
    match family {
        Family::V4 => 1 << 24,
        Family::V6 => 1 << 112,
    }
}

/// How large a class is, in a measure that both families share.
const fn weight(part: &Part) -> u128 {
    match part.family {
        Family::V4 => part.count << 88,
        Family::V6 => part.count,
    }
}

fn reachable_globally(family: Family) -> Vec<(Span, ())> {
    let places = partition(family, &BTreeSet::new());
    let internet = places
        .into_iter()
        .filter(|(_, place)| matches!(place, Place::Internet(_)));
    internet.map(|(span, _)| (span, ())).collect()
}

/// An address of `spans` that is nobody's in the cluster.
fn example(engine: &Engine, class: ClassId, spans: &[Span]) -> Option<IpAddr> {
    let known = WELL_KNOWN.iter().filter_map(|text| text.parse().ok());
    let known = known.filter(|address| spans.iter().any(|span| span.has(*address)));
    let others = spans.iter().flat_map(|span| span.addresses());
    let mut all = known.chain(others);
    all.find(|address| engine.class_of_address(*address) == class)
}
