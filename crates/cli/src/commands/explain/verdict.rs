use std::collections::BTreeSet;
use std::fmt;

use ringfence_model::{DirectionVerdict, Outcome};

/// What becomes of everything that was asked (rule Q-13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Verdict {
    Deny,
    NoEndpoints,
    /// Of some ports of a Service: nobody is asked for them.
    NotServed,
    Unknown,
    Partial,
    Allow,
}

impl Verdict {
    /// What becomes of several connections together: as of the backends of a Service (rule Q-8). Where some pass and
    /// others do not it is partial, whatever is not known besides.
    pub(super) fn together(verdicts: impl IntoIterator<Item = Self>) -> Self {
        let found: BTreeSet<Self> = verdicts.into_iter().collect();
        let has = |verdict| found.contains(&verdict);
        let fails = [Self::Deny, Self::NoEndpoints, Self::NotServed];
        if has(Self::Partial) || has(Self::Allow) && fails.into_iter().any(has) {
            return Self::Partial;
        }
        if has(Self::Unknown) {
            return Self::Unknown;
        }
        found.first().copied().unwrap_or(Self::NoEndpoints)
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::NoEndpoints => "no-endpoints",
            Self::NotServed => "not-served",
            Self::Unknown => "unknown",
            Self::Partial => "partial",
            Self::Allow => "allow",
        }
    }
}

impl From<&Outcome> for Verdict {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Allow => Self::Allow,
            Outcome::Deny => Self::Deny,
            Outcome::Partial => Self::Partial,
            Outcome::NoEndpoints => Self::NoEndpoints,
            Outcome::Unknown { .. } => Self::Unknown,
        }
    }
}

impl From<DirectionVerdict> for Verdict {
    fn from(verdict: DirectionVerdict) -> Self {
        match verdict {
            DirectionVerdict::Allow => Self::Allow,
            DirectionVerdict::Deny => Self::Deny,
            DirectionVerdict::Unknown => Self::Unknown,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Allow, Deny, NoEndpoints, NotServed, Partial, Unknown};

    #[test]
    fn only_what_is_the_same_for_all_is_a_verdict() {
        let table = [
            (vec![Allow, Allow], Allow),
            (vec![Deny, Deny], Deny),
            (vec![Allow, Deny], Partial),
            (vec![Allow, Deny, Unknown], Partial),
            (vec![Allow, Unknown], Unknown),
            (vec![Deny, Unknown], Unknown),
            (vec![Allow, Partial], Partial),
            (vec![Allow, NoEndpoints], Partial),
            (vec![Deny, NoEndpoints], Deny),
            (vec![Allow, NotServed], Partial),
            (vec![Deny, NotServed], Deny),
            (vec![NoEndpoints, NotServed], NoEndpoints),
            (vec![Unknown, NotServed], Unknown),
            (vec![NoEndpoints], NoEndpoints),
            (vec![], NoEndpoints),
        ];
        for (given, expected) in table {
            assert_eq!(Verdict::together(given.clone()), expected, "{given:?}");
        }
    }
}
