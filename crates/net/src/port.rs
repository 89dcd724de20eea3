use std::fmt;

use serde::{Deserialize, Serialize};

/// An inclusive range of ports, `first <= last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PortRange {
    first: u16,
    last: u16,
}

/// A range whose end lies below its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("port range {first}-{last} ends below its start")]
pub struct PortRangeError {
    /// The start as given.
    pub first: u16,
    /// The end as given.
    pub last: u16,
}

impl PortRange {
    /// Every port, 0 included: the kernel's view of "any port".
    pub const ALL: Self = Self {
        first: 0,
        last: u16::MAX,
    };

    /// Every port that a connection can be opened to, 1-65535 (rule Q-1).
    pub const VALID: Self = Self {
        first: 1,
        last: u16::MAX,
    };

    /// The range `first..=last`.
    ///
    /// # Errors
    /// [`PortRangeError`] if `last < first`.
    pub const fn new(first: u16, last: u16) -> Result<Self, PortRangeError> {
        if last < first {
            Err(PortRangeError { first, last })
        } else {
            Ok(Self { first, last })
        }
    }

    /// The range that holds `port` alone.
    #[must_use]
    pub const fn single(port: u16) -> Self {
        Self {
            first: port,
            last: port,
        }
    }

    /// The lowest port of the range.
    #[must_use]
    pub const fn first(self) -> u16 {
        self.first
    }

    /// The highest port of the range.
    #[must_use]
    pub const fn last(self) -> u16 {
        self.last
    }

    /// Whether `port` lies inside.
    #[must_use]
    pub const fn contains(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }

    /// The ports that lie in both ranges, `None` if there are none.
    #[must_use]
    pub fn intersection(self, other: Self) -> Option<Self> {
        Self::new(self.first.max(other.first), self.last.min(other.last)).ok()
    }

    /// Both ranges as one, `None` if ports of neither lie between them.
    #[must_use]
    pub fn join(self, other: Self) -> Option<Self> {
        let gap =
            self.last.saturating_add(1) < other.first || other.last.saturating_add(1) < self.first;
        (!gap).then(|| Self {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
        })
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_join_across_no_gap_in_either_order() {
        let range = |first, last| PortRange::new(first, last).unwrap();
        let cases = [
            (range(1, 5), range(6, 9), Some(range(1, 9))),
            (range(1, 5), range(7, 9), None),
            (range(1, 9), range(3, 4), Some(range(1, 9))),
            (range(9, 65_535), range(0, 8), Some(PortRange::ALL)),
            (range(9, 65_535), range(0, 7), None),
        ];
        for (one, other, joined) in cases {
            assert_eq!(one.join(other), joined, "{one} and {other}");
            assert_eq!(other.join(one), joined, "{other} and {one}");
        }
    }

    #[test]
    fn ranges_intersect_where_both_hold_a_port() {
        let range = |first, last| PortRange::new(first, last).unwrap();
        assert_eq!(
            range(1, 5).intersection(range(5, 9)),
            Some(PortRange::single(5))
        );
        assert_eq!(range(6, 9).intersection(range(1, 5)), None);
        assert_eq!(
            PortRange::ALL.intersection(PortRange::VALID),
            Some(PortRange::VALID)
        );
    }
}
