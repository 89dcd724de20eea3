use ringfence_model::Direction;
use ringfence_net::Family;
use ringfence_ruleset::Verdict;

use crate::layout::{Pass, audit_chain, both_chain};

/// What a group is to its members: pods that policies in audit mode select are judged twice, and by two groups (rules
/// AU-3, AU-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// The policies that judge them; none is in audit mode.
    Alone,
    /// The policies that enforce; others are in audit mode.
    First,
    /// All of them as if they enforced, after those that do.
    Second,
    /// The same where none enforces.
    AuditAlone,
}

impl Stage {
    /// Which judgement it is.
    pub(crate) const fn pass(self) -> Pass {
        match self {
            Self::Alone | Self::First => Pass::Enforce,
            Self::Second | Self::AuditAlone => Pass::Audit,
        }
    }

    /// Where what a member sends or gets is led: what follows the lookup leads to the judgement, and to no other. `None`
    /// if another group of theirs does that.
    pub(super) fn entrance(self, direction: Direction, family: Family) -> Option<Verdict> {
        match self {
            Self::Alone => Some(Verdict::Continue),
            Self::First => Some(Verdict::Jump(both_chain(direction, family))),
            Self::AuditAlone => Some(Verdict::Jump(audit_chain(direction, family))),
            Self::Second => None,
        }
    }
}
