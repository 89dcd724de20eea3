/// Whether something matches, when an address may be missing (rule AM-22).
///
/// The order makes three-valued logic plain: "any of" is the maximum, "all of" the minimum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Match {
    /// It does not match.
    No,
    /// It depends on an address that is not known.
    Unknown,
    /// It matches.
    Yes,
}

impl Match {
    /// Whether at least one of `items` matches; no item, no match.
    #[must_use]
    pub fn any(items: impl Iterator<Item = Self>) -> Self {
        items.max().unwrap_or(Self::No)
    }

    /// Whether both match.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.min(other)
    }
}

impl From<bool> for Match {
    fn from(matches: bool) -> Self {
        if matches { Self::Yes } else { Self::No }
    }
}
