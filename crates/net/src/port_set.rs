use std::borrow::Cow;
use std::fmt;
use std::iter;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::PortRange;

/// A set of ports out of 1-65535. Port 0 is never a member: nothing can be opened to it (rule Q-1).
///
/// Equal sets are equal values, whatever they were made from. The order of values is for sorting
/// and says nothing about subsets. Every operation on two sets takes time linear in the number of
/// their ranges. The empty set and the set of all ports take no memory of their own.
///
/// Serialized as a list of ranges, `["80", "8000-8080"]`; read in any order and overlap.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortSet {
    /// Sorted, with a port of no range between any two; borrowed for all ports and for none.
    ranges: Cow<'static, [PortRange]>,
}

impl PortSet {
    /// No port.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            ranges: Cow::Borrowed(&[]),
        }
    }

    /// Every port, 1-65535.
    #[must_use]
    pub const fn all() -> Self {
        Self {
            ranges: Cow::Borrowed(&[PortRange::VALID]),
        }
    }

    /// The set that holds `port` alone; the empty set for port 0.
    #[must_use]
    pub fn single(port: u16) -> Self {
        Self::from_range(PortRange::single(port))
    }

    /// The ports of `range` without port 0.
    #[must_use]
    pub fn from_range(range: PortRange) -> Self {
        joined(range.intersection(PortRange::VALID).into_iter())
    }

    /// Whether no port is a member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether each of 1-65535 is a member.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self.ranges == [PortRange::VALID]
    }

    /// Whether `port` is a member.
    #[must_use]
    pub fn contains(&self, port: u16) -> bool {
        let position = self.ranges.partition_point(|range| range.last() < port);
        self.ranges
            .get(position)
            .is_some_and(|range| range.contains(port))
    }

    /// The members as the fewest possible ranges, lowest first.
    #[must_use]
    pub fn ranges(&self) -> &[PortRange] {
        &self.ranges
    }

    /// The number of ports, at most 65535.
    #[must_use]
    pub fn len(&self) -> u32 {
        let length = |range: &PortRange| u32::from(range.last() - range.first()) + 1;
        self.ranges.iter().map(length).sum()
    }

    /// The lowest port.
    #[must_use]
    pub fn first(&self) -> Option<u16> {
        self.ranges.first().map(|range| range.first())
    }

    /// The ports of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        if other.is_subset(self) {
            self.clone()
        } else if self.is_subset(other) {
            other.clone()
        } else {
            joined(merge(&self.ranges, &other.ranges))
        }
    }

    /// The ports of both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        if self.is_subset(other) {
            self.clone()
        } else if other.is_subset(self) {
            other.clone()
        } else {
            joined(overlaps(&self.ranges, &other.ranges))
        }
    }

    /// The ports of this set that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        if self.is_disjoint(other) {
            self.clone()
        } else {
            self.intersection(&other.complement())
        }
    }

    /// The ports of 1-65535 that are not in this set.
    #[must_use]
    pub fn complement(&self) -> Self {
        let after = self.ranges.iter().map(|range| range.last().checked_add(1));
        let before = self.ranges.iter().map(|range| range.first() - 1);
        let firsts = iter::once(Some(PortRange::VALID.first())).chain(after);
        let lasts = before.chain(iter::once(PortRange::VALID.last()));
        joined(
            firsts
                .zip(lasts)
                .filter_map(|(first, last)| PortRange::new(first?, last).ok()),
        )
    }

    /// Whether every port of this set is in `other`.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        overlaps(&self.ranges, &other.ranges).eq(self.ranges.iter().copied())
    }

    /// Whether no port is in both sets.
    #[must_use]
    pub fn is_disjoint(&self, other: &Self) -> bool {
        overlaps(&self.ranges, &other.ranges).next().is_none()
    }
}

impl FromIterator<PortRange> for PortSet {
    /// The ports of all `ranges`, in any order and overlap, without port 0.
    fn from_iter<I: IntoIterator<Item = PortRange>>(ranges: I) -> Self {
        let mut valid: Vec<PortRange> = ranges
            .into_iter()
            .filter_map(|range| range.intersection(PortRange::VALID))
            .collect();
        valid.sort_unstable();
        joined(valid.into_iter())
    }
}

/// `80,443,8000-8080`; `*` for all ports, `none` for no port.
impl fmt::Display for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all() {
            return f.write_str("*");
        }
        let Some((first, rest)) = self.ranges.split_first() else {
            return f.write_str("none");
        };
        write!(f, "{first}")?;
        rest.iter().try_for_each(|range| write!(f, ",{range}"))
    }
}

impl Serialize for PortSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.ranges.iter().map(ToString::to_string))
    }
}

impl<'de> Deserialize<'de> for PortSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<String>::deserialize(deserializer)?
            .iter()
            .map(|text| range_of(text).ok_or_else(|| not_a_range(text)))
            .collect()
    }
}

/// The set of `ranges`, which are sorted by their first port and without port 0.
fn joined(ranges: impl Iterator<Item = PortRange>) -> PortSet {
    let mut joined: Vec<PortRange> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if let Some(both) = last.join(range) => *last = both,
            Some(_) | None => joined.push(range),
        }
    }
    match joined.as_slice() {
        [] => PortSet::empty(),
        [PortRange::VALID] => PortSet::all(),
        [..] => PortSet {
            ranges: Cow::Owned(joined),
        },
    }
}

/// The ranges of two sorted lists as one sorted list.
fn merge<'a>(
    mut left: &'a [PortRange],
    mut right: &'a [PortRange],
) -> impl Iterator<Item = PortRange> + 'a {
    iter::from_fn(move || {
        let left_is_next = match (left.first(), right.first()) {
            (Some(one), Some(other)) => one <= other,
            (one, _) => one.is_some(),
        };
        let side = if left_is_next { &mut left } else { &mut right };
        let (next, rest) = side.split_first()?;
        *side = rest;
        Some(*next)
    })
}

/// What each range of one sorted list has in common with each of the other, lowest first.
fn overlaps<'a>(
    mut left: &'a [PortRange],
    mut right: &'a [PortRange],
) -> impl Iterator<Item = PortRange> + 'a {
    iter::from_fn(move || {
        loop {
            let (one, after_one) = left.split_first()?;
            let (other, after_other) = right.split_first()?;
            if one.last() <= other.last() {
                left = after_one;
            } else {
                right = after_other;
            }
            if let Some(common) = one.intersection(*other) {
                return Some(common);
            }
        }
    })
}

/// Reads `80` or `8000-8080`, in decimal digits and without port 0.
fn range_of(text: &str) -> Option<PortRange> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    PortRange::new(port_of(first)?, port_of(last)?).ok()
}

fn port_of(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok()?;
    (digits && PortRange::VALID.contains(port)).then_some(port)
}

fn not_a_range<E: de::Error>(text: &str) -> E {
    E::custom(format_args!(
        "unknown ports `{text}`, expected a port such as `80` or a range such as `8000-8080`, \
         from 1 to 65535"
    ))
}

#[cfg(test)]
pub(crate) mod tests;
