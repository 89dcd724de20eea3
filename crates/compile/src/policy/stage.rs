use ringfence_model::Direction;
use ringfence_net::Family;
use ringfence_ruleset::Verdict;

use crate::layout::{Pass, audit_chain, both_chain, judge_chain};

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

    /// Where what a member sends or gets is led; nowhere if another group of theirs does that.
    pub(super) fn entrance(self, direction: Direction, family: Family) -> Option<Verdict> {
        let chain = match self {
            Self::Alone => judge_chain(direction, family),
            Self::First => both_chain(direction, family),
            Self::AuditAlone => audit_chain(direction, family),
            Self::Second => return None,
        };
        Some(Verdict::Jump(chain))
    }
}
