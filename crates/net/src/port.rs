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
